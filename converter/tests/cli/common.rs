//! What the tests of the command share.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::process::Command;

/// What the command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// Its output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout, self.stderr))
    }
}

/// Runs the command.
pub(crate) fn sedge(arguments: &[&str]) -> Done {
    sedge_with(arguments, &[])
}

/// Runs the command with environment variables.
pub(crate) fn sedge_with(arguments: &[&str], variables: &[(&str, &str)]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sedge"));
    command
        .args(arguments)
        .env_remove("SEDGE_BACKEND")
        .env_remove("SEDGE_LOG")
        .envs(variables.iter().copied());
    let output = command.output().expect("the command starts");
    Done {
        code: output.status.code().expect("the command was not killed"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A file of the test data.
pub(crate) fn data(name: &str) -> String {
    format!("{}/../tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The files of an archive, by name without extension.
pub(crate) fn npz(path: &str) -> HashMap<String, Vec<u8>> {
    let file = File::open(path).expect("the archive is there");
    let mut archive = npyz::npz::NpzArchive::new(file).expect("an archive");
    let zip = archive.zip_archive();
    (0..zip.len())
        .map(|i| {
            let mut file = zip.by_index(i).expect("an entry");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("an entry's bytes");
            (file.name().trim_end_matches(".npy").to_owned(), bytes)
        })
        .collect()
}

/// A `.npy` file with this type, dimensions and data.
pub(crate) fn npy(descr: &str, dims: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}");
    [b"\x93NUMPY\x01\x00" as &[u8], &(text.len() as u16).to_le_bytes(), text.as_bytes(), data].concat()
}

/// A folder that goes away with the test.
pub(crate) struct Workplace(tempfile::TempDir);

impl Workplace {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// A path inside.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A file inside with these bytes.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a file in a temporary folder");
        path
    }
}
