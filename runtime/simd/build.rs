//! Finds out whether the target's processor has the DSP instructions of Cortex-M, of which the compiler says nothing.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(sedge_dsp)");
    let target = env::var("TARGET").unwrap_or_default();
    // All Cortex-M4 and M7 have them; for an M33 that does, `--cfg sedge_dsp` goes with `-Ctarget-cpu=cortex-m33`.
    if target.starts_with("thumbv7em") {
        println!("cargo::rustc-cfg=sedge_dsp");
    }
}
