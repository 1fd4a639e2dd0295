//! Runs checks and counts what came of them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::Result;

/// What came of the checks so far.
pub(super) struct Tally {
    /// Whether a lack of tools is a failure.
    strict: bool,
    passed: u64,
    failed: u64,
    skipped: u64,
    /// What failed or was skipped, to be named at the end.
    remarks: Vec<String>,
}

/// What one run of cargo's tests said.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, passed: 0, failed: 0, skipped: 0, remarks: Vec::new() }
    }

    /// Says which check comes.
    pub(super) fn begin(&self, name: &str) {
        println!("== {name}");
    }

    /// Counts a result.
    pub(super) fn result(&mut self, name: &str, result: Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("passed: {name}");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAILED: {name}: {error:#}");
                self.remarks.push(format!("FAILED: {name}: {error:#}"));
            }
        }
    }

    /// Counts a check that is left out on purpose.
    pub(super) fn skip(&mut self, why: &str) {
        self.skipped += 1;
        println!("skipped: {why}");
        self.remarks.push(format!("skipped: {why}"));
    }

    /// Counts a check for which something is missing.
    pub(super) fn lack(&mut self, what: &str) {
        if self.strict {
            self.result(what, Err(anyhow::anyhow!("not available, and CI may skip nothing")));
        } else {
            self.skip(what);
        }
    }

    /// Runs a command that is one check.
    pub(super) fn check(&mut self, name: &str, command: &mut Command) {
        self.begin(name);
        let result = match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(anyhow::anyhow!("{status}")),
            Err(error) => Err(error.into()),
        };
        self.result(name, result);
    }

    /// Runs `cargo test` and counts each of its tests.
    pub(super) fn tests(&mut self, name: &str, command: &mut Command) {
        self.begin(name);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => return self.result(name, Err(error.into())),
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let errors = thread::spawn(|| stderr.map(|pipe| relay(pipe, true)).unwrap_or_default());
        let mut lines = stdout.map(|pipe| relay(pipe, false)).unwrap_or_default();
        lines.extend(errors.join().unwrap_or_default());
        let ended_well = child.wait().is_ok_and(|status| status.success());

        let counts = count(&lines);
        self.passed += counts.passed;
        self.failed += counts.failed;
        self.skipped += counts.skipped;
        self.remarks.extend(lines.iter().filter(|line| is_remark(line)).cloned());
        if !ended_well && counts.failed == 0 {
            self.result(name, Err(anyhow::anyhow!("did not run to its end")));
        }
    }

    /// Prints what failed or was skipped, and as the last line the numbers. Returns how many failed.
    pub(super) fn summary(&self) -> u64 {
        println!("== summary");
        for remark in &self.remarks {
            println!("{remark}");
        }
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        self.failed
    }
}

/// Copies what comes to the terminal and returns the lines.
fn relay(pipe: impl Read, to_stderr: bool) -> Vec<String> {
    let lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
    lines
        .map(|line| {
            let line = String::from_utf8_lossy(&line).into_owned();
            if to_stderr {
                eprintln!("{line}")
            } else {
                println!("{line}")
            }
            line
        })
        .collect()
}

/// A test that failed, or says that it leaves something out.
fn is_remark(line: &str) -> bool {
    line.starts_with("skipped: ") || (line.starts_with("test ") && line.ends_with(" FAILED"))
}

fn count(lines: &[String]) -> Counts {
    let mut counts = Counts::default();
    for line in lines {
        if line.starts_with("skipped: ") {
            counts.skipped += 1;
        }
        let Some(result) = line.strip_prefix("test result: ") else { continue };
        // "ok. 3 passed; 0 failed; 1 ignored; 0 measured; ..."
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<u64>().ok());
            match (number, words.next()) {
                (Some(n), Some("passed")) => counts.passed += n,
                (Some(n), Some("failed")) => counts.failed += n,
                (Some(n), Some("ignored")) => counts.skipped += n,
                _ => {}
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_tests_of_all_binaries() {
        let lines = [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "skipped: no models",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1.20s",
        ];
        let counts = count(&lines.map(String::from));
        assert_eq!(counts, Counts { passed: 13, failed: 2, skipped: 2 });
    }
}
