//! Models of other makers into the converter's graph: one file or folder for each format.

mod builder;
mod tflite;

use crate::Failure;
use crate::graph::Graph;

/// Reads a model of any format that Sedge knows. `name` is what the file is called in messages.
///
/// # Errors
/// Where the format is not known, or the model cannot be taken over whole.
pub fn import(name: &str, bytes: &[u8]) -> Result<Graph, Failure> {
    if bytes.get(4..8) == Some(b"TFL3") {
        return tflite::import(name, bytes);
    }
    Err(Failure::new(format!("'{name}' is in no format that Sedge can convert"))
        .help("TFLite models (.tflite) can be converted"))
}
