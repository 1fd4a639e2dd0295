//! Compiles what is used of CMSIS-DSP for the target, and makes its bindings.

use std::env;
use std::path::{Path, PathBuf};

/// Files of CMSIS-DSP's folder `Source`, by folder.
const SOURCES: [(&str, &[&str]); 5] = [
    (
        "TransformFunctions",
        &[
            "arm_bitreversal",
            "arm_bitreversal2",
            "arm_cfft_f32",
            "arm_cfft_init_f32",
            "arm_cfft_init_q15",
            "arm_cfft_init_q31",
            "arm_cfft_q15",
            "arm_cfft_q31",
            "arm_cfft_radix4_q15",
            "arm_cfft_radix4_q31",
            "arm_cfft_radix8_f32",
            "arm_rfft_fast_f32",
            "arm_rfft_fast_init_f32",
            "arm_rfft_init_q15",
            "arm_rfft_init_q31",
            "arm_rfft_q15",
            "arm_rfft_q31",
        ],
    ),
    ("BasicMathFunctions", &["arm_shift_q15", "arm_shift_q31"]),
    ("FilteringFunctions", &["arm_biquad_cascade_df2T_f32"]),
    ("MatrixFunctions", &["arm_mat_vec_mult_f32"]),
    ("CommonTables", &["arm_common_tables", "arm_const_structs", "arm_mve_tables"]),
];

/// What the crate calls.
const FUNCTIONS: [&str; 6] = [
    "arm_rfft_init_[0-9]+_q(15|31)",
    "arm_rfft_q(15|31)",
    "arm_rfft_fast_init_[0-9]+_f32",
    "arm_rfft_fast_f32",
    "arm_biquad_cascade_df2T_f32",
    "arm_mat_vec_mult_f32",
];

/// Has CMSIS-DSP do without the instructions of one core.
const PLAIN_C: &str = "-D__GNUC_PYTHON__";

fn main() {
    println!("cargo::rerun-if-env-changed=CMSIS_DSP");
    println!("cargo::rerun-if-changed=include");
    let Some(cmsis) = env::var_os("CMSIS_DSP").map(PathBuf::from) else {
        println!(
            "cargo::error=CMSIS_DSP must name a folder with the sources of Arm's CMSIS-DSP; \
             `cargo xtask cmsis` fetches them"
        );
        return;
    };
    if !cmsis.join("Include/arm_math.h").is_file() {
        println!("cargo::error=CMSIS_DSP is {}, where there is no Include/arm_math.h", cmsis.display());
        return;
    }
    let arguments = arguments(&cmsis);
    compile(&cmsis, &arguments);
    let bindings = bindgen::Builder::default()
        .header(cmsis.join("Include/arm_math.h").display().to_string())
        .clang_args(&arguments)
        // Those of another release of clang, where several are installed, would not fit.
        .detect_include_paths(false)
        .allowlist_function(FUNCTIONS.join("|"))
        .layout_tests(false)
        .generate_comments(false)
        .merge_extern_blocks(true)
        .use_core()
        .generate()
        .unwrap_or_else(|error| panic!("bindings of CMSIS-DSP: {error}"));
    let out = PathBuf::from(variable("OUT_DIR")).join("bindings.rs");
    bindings.write_to_file(&out).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What clang is told, to compile and to make bindings: the folders of headers, and the target.
fn arguments(cmsis: &Path) -> Vec<String> {
    let own = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("include");
    let mut arguments: Vec<_> = [cmsis.join("Include"), cmsis.join("PrivateInclude"), own.clone()]
        .iter()
        .map(|folder| format!("-I{}", folder.display()))
        .collect();
    let target = variable("TARGET");
    if variable("CARGO_CFG_TARGET_OS") != "none" {
        arguments.extend([PLAIN_C.to_owned(), format!("--target={target}")]);
        return arguments;
    }
    // Of a C library only the declarations of what the sources call are needed.
    arguments.extend(["-nostdlibinc".to_owned(), format!("-I{}", own.join("libc").display())]);
    let core = named_core();
    let (clang, core, more): (_, _, &[&str]) = match target.as_str() {
        "thumbv6m-none-eabi" => (&*target, core.as_deref().unwrap_or("cortex-m0"), &[PLAIN_C]),
        "thumbv7m-none-eabi" => (&*target, core.as_deref().unwrap_or("cortex-m3"), &[]),
        "thumbv7em-none-eabihf" => {
            (&*target, core.as_deref().unwrap_or("cortex-m4"), &["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"])
        }
        "thumbv8m.main-none-eabihf" => match core.as_deref() {
            Some("cortex-m55") => ("thumbv8.1m.main-none-eabihf", "cortex-m55", &["-mfloat-abi=hard"]),
            core => (&*target, core.unwrap_or("cortex-m33+nodsp"), &["-mfloat-abi=hard"]),
        },
        "riscv32imc-unknown-none-elf" => {
            ("riscv32-unknown-elf", "", &[PLAIN_C, "-march=rv32imc", "-mabi=ilp32"])
        }
        other => panic!("no clang flags for {other}"),
    };
    arguments.push(format!("--target={clang}"));
    if !core.is_empty() {
        arguments.push(format!("-mcpu={core}"));
    }
    arguments.extend(more.iter().map(|&flag| flag.to_owned()));
    arguments
}

/// The core that rustc is told, `-Ctarget-cpu`.
fn named_core() -> Option<String> {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let mut cores = flags.split('\u{1f}').filter_map(|flag| flag.split_once("target-cpu="));
    cores.next_back().map(|(_, core)| core.to_owned())
}

fn compile(cmsis: &Path, arguments: &[String]) {
    let mut build = cc::Build::new();
    build.compiler(clang()).no_default_flags(true).flags(arguments).warnings(false);
    build.flags(["-O3", "-ffunction-sections", "-fdata-sections", "-DARM_MATH_LOOPUNROLL"]);
    if variable("CARGO_CFG_TARGET_OS") != "none" {
        build.flag("-fPIC");
    }
    for (folder, files) in SOURCES {
        for file in files {
            build.file(cmsis.join("Source").join(folder).join(format!("{file}.c")));
        }
    }
    // Objects are archived by the compiler's own archiver, which knows all targets.
    if let Some(archiver) = on_path("llvm-ar") {
        build.archiver(archiver);
    }
    build.compile("cmsis_dsp");
}

/// clang, as `CLANG` names it, or the newest on PATH, which libclang then is of.
fn clang() -> PathBuf {
    println!("cargo::rerun-if-env-changed=CLANG");
    let named = env::var_os("CLANG").map(PathBuf::from);
    named.or_else(|| on_path("clang")).unwrap_or_else(|| PathBuf::from("clang"))
}

/// An LLVM program on PATH, the newest where they have a release in their names.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let names = (13..40).rev().map(|release| format!("{program}-{release}")).chain([program.to_owned()]);
    names.flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(&name))).find(|p| p.is_file())
}
