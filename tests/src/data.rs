//! Where test material lies.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
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

/// The files of the suite of single-operator models in the material beside the repository, by their
/// paths in it. `None` where it is not at hand.
pub fn suite() -> Option<BTreeMap<String, Vec<u8>>> {
    let packed = std::fs::read(shared("conformance/suite-seed1.tar.gz")?).expect("the suite");
    Some(unpack(&packed))
}

/// The files of a packed suite by their paths in it.
pub(crate) fn unpack(packed: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut files = BTreeMap::new();
    for entry in archive.entries().expect("a tar file") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        let name = path.split_once('/').map_or(path.as_str(), |(_, rest)| rest).to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("an entry's bytes");
        files.insert(name, bytes);
    }
    files
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
