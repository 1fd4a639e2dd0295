//! Chooses the board's memory, hands the linker its scripts, and embeds what is heard and seen and the model that is measured.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use sedge_schema::Model;

fn main() {
    println!("cargo::rerun-if-env-changed=BOARD");
    println!("cargo::rerun-if-changed=memory");
    named("SOUND", "fixtures/keywords.bin");
    named("PERSON_PICTURES", "fixtures/person.bin");
    let network = named("PERSON_MODEL", "../tests/data/person/person_int8_tf.tflite");
    embed(&network.display().to_string(), "person_model");
    let target = env::var("TARGET").expect("cargo sets it");
    if env::var_os("CARGO_FEATURE_BENCH").is_some() {
        embed_measured();
    }
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

/// The file that a program embeds: the one that this variable names, else `own` among the examples. The program reads the variable.
fn named(variable: &str, own: &str) -> PathBuf {
    println!("cargo::rerun-if-env-changed={variable}");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(own);
    let named = env::var_os(variable).map_or(own, PathBuf::from);
    let found = named.canonicalize().unwrap_or_else(|e| panic!("{variable}: {}: {e}", named.display()));
    println!("cargo::rustc-env={variable}={}", found.display());
    found
}

/// Writes a model and the kernels of its operators as Rust, `NAME.rs`; returns the file's bytes.
fn embed(path: &str, name: &str) -> Vec<u8> {
    println!("cargo::rerun-if-changed={path}");
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let model = Model::check(&bytes).unwrap_or_else(|e| panic!("{path}: {e}"));
    let image = sedge_compile::image(model).unwrap_or_else(|e| panic!("{path}: {e}"));
    let text = format!(
        "static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!({path:?}));\n\
         macro_rules! kernels {{ () => {{ sedge_runtime::op_set![{}] }} }}\n",
        kernels(sedge_compile::op_set(model, Some(&image)))
    );
    write(name, &text);
    bytes
}

fn write(name: &str, text: &str) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join(name).with_extension("rs"), text).expect("OUT_DIR can be written");
}

/// Writes the model that `BENCH_MODEL` names, as [`embed`] does and compiled.
fn embed_measured() {
    println!("cargo::rerun-if-env-changed=BENCH_MODEL");
    let path = env::var("BENCH_MODEL").expect("BENCH_MODEL names a .tflite file");
    let bytes = embed(&path, "bench_model");
    let model = Model::check(&bytes).unwrap_or_else(|e| panic!("{path}: {e}"));
    let compiled = sedge_compile::compile(&bytes, &path, None).unwrap_or_else(|e| panic!("{path}: {e}"));
    let graph = model.main();
    let text = format!(
        "mod model {{\n{}}}\n\n{}{}",
        compiled.source,
        each("inputs", "&mut ", "input", graph.inputs().len()),
        each("outputs", "&", "output", graph.outputs().len()),
    );
    write("compiled_model", &text);
}

/// The kernels, with CMSIS-DSP's in the place of Sedge's own where that is asked for.
fn kernels(own: String) -> String {
    const SPECTRUM: &str = "int16::SignalRfft";
    match env::var_os("CARGO_FEATURE_CMSIS") {
        Some(_) if own.contains(SPECTRUM) => {
            let others: Vec<_> = own.split(", ").filter(|name| *name != SPECTRUM).collect();
            format!("{}; sedge_cmsis::SignalRfft::<i16, 512>::NEW", others.join(", "))
        }
        _ => own,
    }
}

/// A function that sees the bytes of each of `count` inputs or outputs of a compiled model.
fn each(function: &str, reference: &str, method: &str, count: usize) -> String {
    let bytes_of = if reference == "&" { "cast_slice" } else { "cast_slice_mut" };
    let method = |i: usize| if count == 1 { method.to_owned() } else { format!("{method}_{i}") };
    let calls = (0..count).map(|i| format!("    see(bytemuck::{bytes_of}(model.{}()));\n", method(i)));
    format!(
        "fn {function}(model: {reference}model::Model<'_>, mut see: impl FnMut({reference}[u8])) {{\n{}}}\n\n",
        calls.collect::<String>()
    )
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
