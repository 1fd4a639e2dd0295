//! Any bytes as a source of the converter: refused, or a graph that holds together.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sedge_converter::import::{Options, Source, import};

fuzz_target!(
    init: {
        // The reader of HDF5 panics on some damaged files, which the importer catches.
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.location().is_some_and(|at| at.file().contains("hdf5-reader")) {
                abort(panic);
            }
        }));
    },
    |file: &[u8]| {
        // The first byte chooses what the file is called: archives are known by that.
        let Some((&choice, bytes)) = file.split_first() else { return };
        let name = ["a.onnx", "a.keras", "a.h5", "a.tflite", "a.pb"][usize::from(choice % 5)];
        let source = Source { name, bytes, folder: None };
        if let Ok(graph) = import(&source, &Options::default()) {
            graph.verify().expect("what is imported holds together");
        }
    }
);
