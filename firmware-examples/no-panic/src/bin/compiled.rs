//! A model that was compiled into the program.

#![no_std]
#![no_main]
#![cfg(target_os = "none")]

use no_panic as _;

mod keywords {
    sedge_macros::include_model!("../../../../tests/data/keywords/keywords_int8_tf.tflite");
}

/// Runs the model on an input, and tells its first output.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn _start(arena: &mut keywords::Arena, input: &[i8; 1960]) -> i32 {
    let mut model = keywords::Model::new(arena);
    *model.input() = *input;
    match model.invoke() {
        Ok(()) => model.output()[0].into(),
        Err(_) => -1000,
    }
}
