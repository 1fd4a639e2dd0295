//! Chooses the board's memory and hands the linker its scripts.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=BOARD");
    println!("cargo::rerun-if-changed=memory");
    let target = env::var("TARGET").expect("cargo sets it");
    if !target.contains("-none-") {
        return;
    }
    let board = env::var("BOARD").unwrap_or_else(|_| default_board(&target).to_owned());
    let memory = Path::new("memory").join(format!("{board}.x"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::copy(&memory, out.join("memory.x"))
        .unwrap_or_else(|e| panic!("{}: {e}; BOARD names one of the files there", memory.display()));
    println!("cargo::rustc-link-search={}", out.display());
    for argument in ["-Tlink.x", "-Tdefmt.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}

fn default_board(target: &str) -> &'static str {
    match target.split('-').next() {
        Some("thumbv6m") => "microbit",
        Some("thumbv7m") => "mps2-an385",
        Some("thumbv8m.main") => "mps2-an505",
        Some(core) if core.starts_with("riscv") => "riscv-virt",
        _ => "mps2-an386",
    }
}
