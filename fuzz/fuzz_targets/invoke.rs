//! Any bytes: the reader, the planner or a kernel refuses them, or the model runs, with weights in
//! place and packed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sedge_runtime::{Level, Model, Options, Session, Weights, kernels};

fuzz_target!(|file: &[u8]| {
    let Ok(model) = Model::check(file) else { return };
    for weights in [Weights::InPlace, Weights::Packed] {
        // Small, so that models cannot ask for much work.
        let mut arena = [0; 16 * 1024];
        let options = Options { level: Level::detect(), weights, loop_limit: 1 << 10, ..Options::default() };
        let Ok(mut session) = Session::with_options(model, kernels::ALL, &mut arena, &options) else { continue };
        // Twice: the second time finds what the first left behind.
        for _ in 0..2 {
            if session.invoke().is_err() {
                break;
            }
        }
        session.reset();
    }
});
