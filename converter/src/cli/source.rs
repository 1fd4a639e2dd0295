//! The model that a command converts, and the options that say how it is read.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::Failure;
use crate::exec::ModelFile;
use crate::import::{self, Source};

/// How the source is read.
#[derive(Clone, Debug, Args)]
pub(super) struct Reading {
    /// Shape of an input, once for each input whose shape the source leaves open
    #[arg(long, value_name = "NAME=1,3,224,224", value_parser = named_shape)]
    input_shape: Vec<(String, Vec<u32>)>,
    /// Take images with their channels last, and give them so, whatever the source does
    #[arg(long)]
    channels_last: bool,
    /// For a SavedModel: the signature to convert, where there is more than the one for serving
    #[arg(long, value_name = "KEY")]
    signature: Option<String>,
}

impl Reading {
    pub(super) fn options(&self) -> import::Options {
        import::Options {
            input_shapes: self.input_shape.clone(),
            channels_last: self.channels_last,
            signature: self.signature.clone(),
        }
    }
}

/// A name and its sizes.
fn named_shape(text: &str) -> Result<(String, Vec<u32>), String> {
    let (name, sizes) =
        text.rsplit_once('=').ok_or("give a name, '=' and sizes, such as images=1,3,224,224")?;
    let size = |s: &str| s.trim().parse().map_err(|_| format!("'{s}' is no size"));
    let sizes = sizes.split(',').map(size).collect::<Result<Vec<u32>, _>>()?;
    Ok((name.to_owned(), sizes))
}

/// A model's file with the folder that it lies in.
pub(super) struct Opened {
    file: ModelFile,
    folder: PathBuf,
}

impl Opened {
    /// Reads a model: its file, or the graph of the SavedModel that a folder is.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let graph = path.join("saved_model.pb");
        if path.is_dir() && !graph.is_file() {
            return Err(Failure::new(format!("the folder '{}' has no saved_model.pb", path.display()))
                .help("give a model's file, or the folder that a SavedModel was saved to"));
        }
        let path = if path.is_dir() { graph.as_path() } else { path };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { file: ModelFile::read(path)?, folder: folder.to_owned() })
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { name: self.file.name(), bytes: self.file.bytes(), folder: Some(&self.folder) }
    }
}
