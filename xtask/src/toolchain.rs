//! Finds what builds and runs firmware, and installs what is missing where that can be done.
//!
//! The ordinary way is `rustup target add`. Where that target's library is not to be had, a compiler
//! that comes with the library's source builds it: rustup's component `rust-src`, or the
//! distribution's compiler with its source package.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{cmsis, root};

/// The targets of the firmware.
pub(crate) const TARGETS: [&str; 4] = [
    "thumbv6m-none-eabi",
    "thumbv7em-none-eabihf",
    "thumbv8m.main-none-eabihf",
    "riscv32imc-unknown-none-elf",
];

/// Debian's packages: a compiler with its library's source, the linker, and the emulators.
const COMPILER_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];
const EMULATOR_PACKAGES: [&str; 2] = ["qemu-system-arm", "qemu-system-misc"];

/// What builds flatc: programs, and Debian's packages of the same names.
const FLATC_BUILDERS: [&str; 3] = ["cmake", "g++", "make"];

/// Another processor that this machine runs tests for.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) target: &'static str,
    /// What links for it, where the compiler has no linker of its own, and its Debian package.
    linker: Option<&'static str>,
    /// What runs its programs, with its arguments; names of files are the repository's.
    runner: &'static [&'static str],
    rustflags: &'static str,
    /// Debian's packages of all that.
    packages: &'static [&'static str],
}

/// The processors beside this machine's whose vectors the kernels use.
pub(crate) const GUESTS: [Guest; 2] = [
    Guest {
        target: "aarch64-unknown-linux-gnu",
        linker: Some("aarch64-linux-gnu-gcc"),
        runner: &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
        rustflags: "",
        packages: &["qemu-user", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
    },
    Guest {
        target: "wasm32-wasip1",
        linker: None,
        // Node's optimizing compiler does not survive functions as large as the tests have.
        runner: &["node", "--no-warnings", "--liftoff-only", "tests/wasm/run.mjs"],
        rustflags: "-Ctarget-feature=+simd128",
        packages: &["nodejs"],
    },
];

impl Guest {
    /// What is missing here, and what would help.
    pub(crate) fn lack(&self) -> Option<String> {
        let Self { target, linker, runner, .. } = self;
        if !query("rustc", &["--print", "target-libdir", "--target", target])
            .is_some_and(|p| has_core(Path::new(&p)))
        {
            return Some(format!("no library for {target}: run `rustup target add {target}`"));
        }
        let mut programs = linker.iter().chain(runner.first());
        programs.find(|program| !is_on_path(program)).map(|program| {
            format!("no {program} on PATH; on Debian `apt-get install {}`", self.packages.join(" "))
        })
    }

    /// Adds what cargo needs to build for this processor and to run what it built.
    pub(crate) fn configure(&self, command: &mut Command) {
        let set = |command: &mut Command, what: &str, value: &str| {
            command.env(format!("CARGO_TARGET_{}_{what}", variable(self.target)), value);
        };
        command.args(["--target", self.target]);
        if let Some(linker) = self.linker {
            set(command, "LINKER", linker);
        }
        if !self.rustflags.is_empty() {
            set(command, "RUSTFLAGS", self.rustflags);
        }
        let file = |word: &&str| match root().join(word) {
            path if word.contains('/') && path.is_file() => path.display().to_string(),
            _ => (*word).to_owned(),
        };
        set(command, "RUNNER", &self.runner.iter().map(file).collect::<Vec<_>>().join(" "));
    }
}

/// A target's name as cargo's environment variables have it.
fn variable(target: &str) -> String {
    target.to_uppercase().replace(['-', '.'], "_")
}

/// Emulators that the firmware runs in.
pub(crate) const EMULATORS: [&str; 2] = ["qemu-system-arm", "qemu-system-riscv32"];

/// A cargo that builds for a target without an operating system.
#[derive(Clone, Debug)]
pub(crate) struct Cross {
    target: &'static str,
    /// The compiler where it is not the one that runs this.
    compiler: Option<PathBuf>,
    /// The linker where the compiler has none of its own.
    linker: Option<PathBuf>,
    /// Whether the library must be built too.
    build_std: bool,
}

impl Cross {
    /// Finds one for `target`.
    pub(crate) fn find(target: &'static str) -> Result<Self> {
        let ready = query("rustc", &["--print", "target-libdir", "--target", target]);
        if ready.is_some_and(|path| has_core(Path::new(&path))) {
            return Ok(Self { target, compiler: None, linker: None, build_std: false });
        }
        for compiler in [None, Some(PathBuf::from("/usr/bin/rustc"))] {
            let program = compiler.as_deref().unwrap_or(Path::new("rustc"));
            let Some(sysroot) = query(program, &["--print", "sysroot"]).map(PathBuf::from) else { continue };
            if !sysroot.join("lib/rustlib/src/rust/library/core").exists() {
                continue;
            }
            let linker = if has_own_linker(&sysroot) { None } else { Some(lld()?) };
            return Ok(Self { target, compiler, linker, build_std: true });
        }
        bail!(
            "cannot build for {target}: run `rustup target add {target}`. Where that is not to be had, \
             `rustup component add rust-src` does too, or on Debian `apt-get install {}`",
            COMPILER_PACKAGES.join(" ")
        )
    }

    /// The target.
    pub(crate) fn target(&self) -> &'static str {
        self.target
    }

    /// `cargo SUBCOMMAND --target ...` with what else it needs. The working directory is `directory`.
    pub(crate) fn cargo(&self, subcommand: &str, directory: &Path, rustflags: &str) -> Command {
        let mut command = match &self.compiler {
            None => Command::new(cargo()),
            Some(compiler) => {
                let mut command = Command::new(compiler.with_file_name("cargo"));
                command.env("RUSTC", compiler).env_remove("RUSTDOC");
                command
            }
        };
        command.current_dir(directory).args([subcommand, "--locked", "--target", self.target]);
        let variable = variable(self.target);
        if self.build_std {
            // Building the library is for the nightly compiler, but any can do it.
            command.arg("-Zbuild-std=core").env("RUSTC_BOOTSTRAP", "1");
        }
        if let Some(linker) = &self.linker {
            command.env(format!("CARGO_TARGET_{variable}_LINKER"), linker);
        }
        if !rustflags.is_empty() {
            command.env(format!("CARGO_TARGET_{variable}_RUSTFLAGS"), rustflags);
        }
        command
    }
}

/// The cargo that runs this.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Whether this program is on PATH.
pub(crate) fn is_on_path(program: &str) -> bool {
    on_path(program).is_some()
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// What a program prints, if it succeeds.
fn query(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn has_core(libdir: &Path) -> bool {
    let Ok(files) = fs::read_dir(libdir) else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
}

fn has_own_linker(sysroot: &Path) -> bool {
    let Ok(hosts) = fs::read_dir(sysroot.join("lib/rustlib")) else { return false };
    hosts.flatten().any(|host| host.path().join("bin/rust-lld").exists())
}

/// A program of LLVM's on PATH, whatever its release.
pub(crate) fn llvm(program: &str) -> Option<PathBuf> {
    let releases = (13..40).rev().map(|release| format!("{program}-{release}"));
    std::iter::once(program.to_owned()).chain(releases).find_map(|name| on_path(&name))
}

fn lld() -> Result<PathBuf> {
    llvm("ld.lld")
        .context("the compiler has no linker of its own and there is no ld.lld on PATH: install lld")
}

/// Installs what the firmware, tests for other processors and, where `flatc` is to be built, that need and this machine lacks, as far
/// as that can be done: targets by rustup, then as root the packages of a Debian. Says what it does; what
/// is still missing afterwards shows where it is used.
pub(crate) fn install(flatc: bool) {
    let missing = || TARGETS.into_iter().filter(|target| Cross::find(target).is_err()).collect::<Vec<_>>();
    let guests = GUESTS.iter().filter(|guest| guest.lack().is_some());
    let wanted: Vec<_> = missing().into_iter().chain(guests.map(|guest| guest.target)).collect();
    if !wanted.is_empty() && is_on_path("rustup") {
        let mut command = Command::new("rustup");
        attempt(command.args(["target", "add"]).args(wanted));
    }
    let mut packages = Vec::new();
    if !missing().is_empty() {
        packages.extend(COMPILER_PACKAGES);
    }
    if EMULATORS.iter().any(|emulator| !is_on_path(emulator)) {
        packages.extend(EMULATOR_PACKAGES);
    }
    for guest in GUESTS.iter().filter(|guest| guest.lack().is_some()) {
        packages.extend(guest.packages);
    }
    if cmsis::lack().is_some() {
        packages.extend(cmsis::PACKAGES);
    }
    if flatc {
        packages.extend(FLATC_BUILDERS.iter().filter(|program| !is_on_path(program)));
    }
    let root = query("id", &["-u"]).is_some_and(|id| id == "0");
    if packages.is_empty() || !root || !is_on_path("apt-get") {
        return;
    }
    attempt(Command::new("apt-get").arg("update"));
    let install = |extra: &[String]| {
        let mut command = Command::new("apt-get");
        command.args(["install", "--yes", "--no-install-recommends", "--allow-downgrades"]);
        attempt(command.args(&packages).args(extra).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    if install(&[]) {
        return;
    }
    // Tools of a newer release than the emulators' can stand in their way: take all of one release.
    let versions = query("apt-cache", &["madison", "qemu-system-arm"]).unwrap_or_default();
    let oldest = versions.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim).next_back();
    if let Some(version) = oldest {
        install(&[format!("qemu-utils={version}")]);
    }
}

/// Runs a command that may fail.
fn attempt(command: &mut Command) -> bool {
    eprintln!("running {command:?}");
    let done = command.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !done {
        eprintln!("that failed; going on without");
    }
    done
}

/// Runs a command that must succeed.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(status.success(), "{}: {status}", command.get_program().display());
    Ok(())
}
