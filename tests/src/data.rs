//! Where test material lies.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a folder of the repository").into()
}

/// The folder `sub` of the material beside the repository, which is too large for it or other
/// people's: `../shared`, or where the variable `SEDGE_SHARED` says. `None`, and a line that says
/// so, where it is not at hand.
pub fn shared(sub: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SEDGE_SHARED").map_or(repository().join("../shared"), PathBuf::from);
    let found = root.join(sub).canonicalize().ok();
    if found.is_none() {
        skipped(&format!("no {}", root.join(sub).display()));
    }
    found
}

/// Says on the terminal that a test leaves something out, also where the test's own output is
/// captured.
pub fn skipped(what: &str) {
    // A test must not fail because nobody can be told.
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// Every `.tflite` file in `folder` and the folders in it, in order; none where it is not there.
pub fn models(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries
        .flat_map(|path| match path.is_dir() {
            true => models(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|e| e == "tflite"))
        .collect();
    found.sort();
    found
}
