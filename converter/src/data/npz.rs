//! `.npz` files: zip archives of `.npy` files.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use npyz::npz::{NpzArchive, array_name_from_file_name};

use super::{Array, npy};
use crate::Failure;

/// The most bytes that one array may have: what an arena can hold.
const MAX_BYTES: u64 = 4 << 30;

/// An open `.npz` file.
pub struct Npz<R: Read + Seek = BufReader<File>> {
    path: String,
    archive: NpzArchive<R>,
    /// The arrays in the order of the archive: its index there, and the name.
    entries: Vec<(usize, String)>,
}

impl Npz {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it cannot be read or is no zip archive.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        Self::new(NpzArchive::open(path), name)
    }
}

impl<'b> Npz<Cursor<&'b [u8]>> {
    /// The arrays in the bytes of a file that is called `name` in messages.
    ///
    /// # Errors
    /// Where they are no zip archive.
    pub fn of(name: &str, bytes: &'b [u8]) -> Result<Self, Failure> {
        Self::new(NpzArchive::new(Cursor::new(bytes)), name.to_owned())
    }
}

impl<R: Read + Seek> Npz<R> {
    fn new(archive: std::io::Result<NpzArchive<R>>, name: String) -> Result<Self, Failure> {
        let bad = |e: std::io::Error| Failure::new(format!("cannot read '{name}': {e}"));
        let mut archive = archive.map_err(bad)?;
        let zip = archive.zip_archive();
        let mut entries = Vec::new();
        for i in 0..zip.len() {
            let file = zip.by_index_raw(i).map_err(|e| bad(e.into()))?;
            if let Some(array) = array_name_from_file_name(file.name()) {
                entries.push((i, array.to_owned()));
            }
        }
        Ok(Self { path: name, archive, entries })
    }

    /// The arrays' names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(_, name)| name.as_str())
    }

    /// Reads the array with this name.
    ///
    /// # Errors
    /// Where there is none, or it holds something else than numbers.
    pub fn array(&mut self, name: &str) -> Result<Array, Failure> {
        let path = &self.path;
        let bad = |e: String| Failure::new(format!("cannot read the array '{name}' of '{path}': {e}"));
        let entry = self.entries.iter().find(|(_, n)| n == name);
        let &(index, _) = entry.ok_or_else(|| bad("there is none".to_owned()))?;
        let file = self.archive.zip_archive().by_index(index).map_err(|e| bad(e.to_string()))?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|e| bad(e.to_string()))?;
        npy::parse(&bytes).map_err(bad)
    }
}

impl<R: Read + Seek> std::fmt::Debug for Npz<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Npz").field("path", &self.path).field("entries", &self.entries).finish()
    }
}
