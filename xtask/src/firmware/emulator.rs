//! Runs a firmware in QEMU and reads what it logs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::tool;
use crate::target;

/// How long a program may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a program did.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The lines that it printed.
    pub(super) printed: Vec<String>,
    /// Bytes of arena that it says it uses.
    pub(super) arena: Option<u64>,
    /// Why it did not end well.
    pub(super) failure: Option<String>,
}

/// Builds the decoder of what firmware logs and returns its path.
pub(super) fn decoder() -> Result<PathBuf> {
    let target_dir = target().join("defmt");
    let path = target_dir.join("release/defmt-lines");
    if !path.exists() {
        eprintln!("building the decoder in xtask/defmt (a minute or two the first time)");
    }
    let status = tool("xtask/defmt/Cargo.toml", &target_dir).status().context("cannot run cargo")?;
    ensure!(status.success(), "the decoder does not build ({status})");
    Ok(path)
}

/// Runs `elf` in QEMU until it ends or its time is over.
pub(super) fn run(qemu: &[&str], elf: &Path, decoder: &Path) -> Result<Run> {
    let (program, machine) = qemu.split_first().context("no emulator")?;
    let mut command = Command::new(program);
    command.args(machine).args(["-nographic", "-monitor", "none", "-serial", "none"]);
    command.args(["-semihosting-config", "enable=on,target=native"]);
    command.arg("-kernel").arg(elf).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut qemu = command.spawn().with_context(|| {
        format!("cannot run {program}: install QEMU (Debian's qemu-system-arm, qemu-system-misc)")
    })?;
    let logs = qemu.stdout.take().context("stdout is piped")?;
    let mut decoder = Command::new(decoder)
        .arg(elf)
        .stdin(logs)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", decoder.display()))?;
    let lines = BufReader::new(decoder.stdout.take().context("stdout is piped")?).lines();
    let reader = thread::spawn(|| lines.map_while(Result::ok).collect::<Vec<_>>());

    let started = Instant::now();
    let mut late = false;
    let status = loop {
        if let Some(status) = qemu.try_wait().context("cannot wait for QEMU")? {
            break status;
        }
        if started.elapsed() > TIMEOUT {
            late = true;
            qemu.kill().context("cannot end QEMU")?;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let decoded = decoder.wait().context("cannot wait for the decoder")?;
    let lines = reader.join().ok().context("the reader panicked")?;

    let mut run = Run::default();
    for line in lines {
        run.take(&line);
    }
    let failure = if late {
        Some(format!("did not end within {} s", TIMEOUT.as_secs()))
    } else if !status.success() {
        Some(format!("ended with {status}"))
    } else if !decoded.success() {
        Some("its logs cannot be decoded".to_owned())
    } else {
        None
    };
    run.failure = match (failure, run.failure) {
        (Some(end), Some(error)) => Some(format!("{end}: {error}")),
        (end, error) => end.or(error),
    };
    Ok(run)
}

impl Run {
    /// Takes in a line: level, tab, text.
    fn take(&mut self, line: &str) {
        let number = |text: &str| text.split(' ').next().and_then(|number| number.parse::<u64>().ok());
        match line.split_once('\t') {
            Some(("", text)) => self.printed.push(text.to_owned()),
            Some(("error", text)) => self.failure = Some(text.to_owned()),
            Some((_, text)) => {
                if let Some(arena) = text.strip_prefix("arena: ") {
                    self.arena = number(arena);
                }
            }
            None => {}
        }
    }
}
