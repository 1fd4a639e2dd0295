//! Writes the seeds of the targets `check` and `invoke` into the folder named: the sample models
//! and the small ones of `tests/data`.

use std::path::{Path, PathBuf};

use sedge_tests::{data, samples};

/// Larger files teach the fuzzer nothing and slow it down.
const LARGEST: usize = 4096;

fn main() -> std::io::Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).expect("usage: seeds FOLDER").into();
    std::fs::create_dir_all(&folder)?;
    for (name, file) in samples::files() {
        std::fs::write(folder.join(name.replace(' ', "_")).with_extension("tflite"), file)?;
    }
    for path in data::models(data::repository().join("tests/data")) {
        let file = std::fs::read(&path)?;
        if file.len() <= LARGEST {
            std::fs::write(folder.join(path.file_name().unwrap_or(Path::new("model").as_os_str())), file)?;
        }
    }
    Ok(())
}
