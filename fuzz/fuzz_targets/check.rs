//! Any bytes: the reader refuses them, or everything that it offers can be read. Where the
//! official code accepts the file as well, both must read the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sedge_schema::Model;
use sedge_tests::{agree, walk};

fuzz_target!(|file: &[u8]| {
    let Ok(model) = Model::check(file) else { return };
    walk::walk(&model);
    if let Some(theirs) = agree::official_root(file) {
        agree::agree(&model, &theirs);
    }
});
