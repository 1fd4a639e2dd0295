//! Models that were compiled into the program: a network and an audio front end.

#![no_std]
#![no_main]
#![cfg(target_os = "none")]

use no_panic as _;

mod keywords {
    sedge_macros::include_model!("../../../../tests/data/keywords/keywords_int8_tf.tflite");
}

mod frontend {
    sedge_macros::include_model!("../../../../tests/data/keywords/frontend.tflite");
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

/// Runs the audio front end on a block of sound, and tells the first feature.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn hear(arena: &mut frontend::Arena, sound: &[i16; 320]) -> i32 {
    let mut model = frontend::Model::new(arena);
    *model.input() = *sound;
    match model.invoke() {
        Ok(()) => model.output()[0].into(),
        Err(_) => -1000,
    }
}
