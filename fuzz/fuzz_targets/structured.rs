//! Well-formed models of any structure: the reader accepts them and agrees with the official code.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sedge_schema::Model;
use sedge_tests::{agree, choices::Choices, random, walk};

fuzz_target!(|bytes: &[u8]| {
    let file = random::file(&mut Choices::new(bytes));
    let model = Model::check(&file).unwrap();
    walk::walk(&model);
    agree::agree(&model, &agree::official_root(&file).unwrap());
});
