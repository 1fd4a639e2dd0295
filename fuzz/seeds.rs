//! Writes the seeds of a target into a folder: `seeds models FOLDER` those of `check` and `invoke`, the sample models and the
//! small ones of `tests/data`; `seeds sources FOLDER` those of `import`, the small sources of `tests/data` in every format;
//! `seeds saved_models FOLDER` those of `saved_model`.

use std::io;
use std::path::{Path, PathBuf};

use sedge_converter::data::Npz;
use sedge_tests::{data, samples};

/// Larger files teach the fuzzer nothing and slow it down.
const LARGEST_MODEL: usize = 4096;
/// Sources carry their weights.
const LARGEST_SOURCE: usize = 1 << 16;

fn main() -> io::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (Some(kind), Some(folder)) = (args.next(), args.next().map(PathBuf::from)) else {
        eprintln!("usage: seeds models|sources|saved_models FOLDER");
        std::process::exit(2);
    };
    std::fs::create_dir_all(&folder)?;
    match kind.to_str() {
        Some("models") => models(&folder),
        Some("sources") => sources(&folder),
        Some("saved_models") => saved_models(&folder),
        _ => Err(io::Error::other("the seeds are models, sources or saved_models")),
    }
}

fn models(folder: &Path) -> io::Result<()> {
    for (name, file) in samples::files() {
        std::fs::write(folder.join(name.replace(' ', "_")).with_extension("tflite"), file)?;
    }
    for path in data::models(data::repository().join("tests/data")) {
        let file = std::fs::read(&path)?;
        if file.len() <= LARGEST_MODEL {
            std::fs::write(folder.join(path.file_name().unwrap_or(Path::new("model").as_os_str())), file)?;
        }
    }
    Ok(())
}

/// Each source after the byte that makes the target `import` give it its name.
fn sources(folder: &Path) -> io::Result<()> {
    let root = data::repository().join("tests/data");
    let mut waiting = vec![root];
    while let Some(at) = waiting.pop() {
        for entry in std::fs::read_dir(at)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            let Some(choice) = ["onnx", "keras", "h5", "tflite", "pb"].iter().position(|e| *e == extension) else {
                continue;
            };
            let file = std::fs::read(&path)?;
            if file.len() > LARGEST_SOURCE {
                continue;
            }
            let name = path.strip_prefix(data::repository()).unwrap_or(&path).to_string_lossy().replace('/', "_");
            std::fs::write(folder.join(name), [&[choice as u8], file.as_slice()].concat())?;
        }
    }
    // The node tests of ONNX lie in one file: all their models, and a line for each with its name and its length.
    let mut cases = Npz::open(&data::repository().join("tests/data/onnx/cases.npz")).map_err(io::Error::other)?;
    let index = cases.array("index").map_err(io::Error::other)?.bytes().to_vec();
    let bytes = cases.array("bytes").map_err(io::Error::other)?;
    let mut rest = bytes.bytes();
    for line in String::from_utf8_lossy(&index).lines() {
        let lengths: Vec<usize> = line.split([' ', ',']).skip(1).filter_map(|l| l.parse().ok()).collect();
        let Some((model, after)) = lengths.first().and_then(|&length| rest.split_at_checked(length)) else { break };
        let name = line.split(' ').next().unwrap_or_default();
        std::fs::write(folder.join(name).with_extension("onnx"), [&[0], model].concat())?;
        let arrays: usize = lengths.iter().skip(1).sum();
        rest = after.get(arrays..).unwrap_or_default();
    }
    Ok(())
}

/// The folders of SavedModels, as the target `saved_model` takes them: the lengths of index and data, then these, then the graph.
fn saved_models(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(data::repository().join("tests/data/saved_model"))? {
        let path = entry?.path();
        let read = |name: &str| std::fs::read(path.join(name));
        let Ok(graph) = read("saved_model.pb") else { continue };
        let index = read("variables/variables.index").unwrap_or_default();
        let values = read("variables/variables.data-00000-of-00001").unwrap_or_default();
        let length = |part: &[u8]| u16::try_from(part.len()).map(u16::to_le_bytes).map_err(io::Error::other);
        let seed = [&length(&index)?[..], &length(&values)?, &index, &values, &graph].concat();
        std::fs::write(folder.join(path.file_name().unwrap_or_default()), seed)?;
    }
    Ok(())
}
