//! Finds out what of Cortex-M's instructions the target's processor has, of which the compiler says nothing.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(sedge_dsp, sedge_m0, sedge_mve)");
    let target = env::var("TARGET").unwrap_or_default();
    // All Cortex-M4 and M7 have them; for an M33 that does, `--cfg sedge_dsp` goes with `-Ctarget-cpu=cortex-m33`.
    if target.starts_with("thumbv7em") {
        println!("cargo::rustc-cfg=sedge_dsp");
    }
    // The vectors of an M55 or M85 (Helium) come with `--cfg sedge_mve` and `-Ctarget-cpu=cortex-m55`.
    // Cortex-M0 and M0+ have few registers, and no product of more than 32 bits.
    if target.starts_with("thumbv6m") {
        println!("cargo::rustc-cfg=sedge_m0");
    }
}
