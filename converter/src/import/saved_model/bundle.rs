//! The variables of a SavedModel: a bundle of tensors, whose index is a sorted table of strings as LevelDB writes it,
//! and whose values lie in files beside it.
//!
//! ```text
//! variables.index -> footer -> index block -> data blocks -> entries (key, where the tensor lies)
//! variables.data-00000-of-00001 -> the bytes
//! ```
//!
//! Sources: LevelDB's `doc/table_format.md`; TensorFlow's `tensor_bundle.proto` and `table` folder.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use prost::Message as _;

use super::proto::{BundleEntryProto, BundleHeaderProto};
use super::tensor::{self, Constant};
use crate::Failure;

/// What the last 8 bytes of a table are.
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// The bytes of a table's footer, and those behind each block: its compression and its checksum.
const FOOTER: usize = 48;
const TRAILER: usize = 5;
/// The most bytes of an index: 100,000 variables have less.
const MAX_INDEX: u64 = 1 << 26;

/// The tensors of a bundle, read when they are asked for.
pub(super) struct Bundle {
    folder: PathBuf,
    shards: i32,
    entries: HashMap<String, BundleEntryProto>,
}

impl Bundle {
    /// Reads the index of the variables in a SavedModel's folder; `None` where there is no such file.
    ///
    /// # Errors
    /// Where the index is damaged, or of a kind that is not read.
    pub(super) fn open(model: &Path) -> Result<Option<Self>, Failure> {
        let folder = model.join("variables");
        let path = folder.join("variables.index");
        let bad = |e: std::io::Error| Failure::new(format!("cannot read '{}': {e}", path.display()));
        let file = match File::open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(bad)?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_INDEX + 1).read_to_end(&mut bytes).map_err(bad)?;
        let damaged = |what: Failure| {
            Failure::new(format!("'{}' is damaged: {}", path.display(), what.line()))
                .help("make sure that the model's folder was copied whole")
        };
        let mut entries = HashMap::new();
        let mut header = BundleHeaderProto::default();
        for (key, value) in table(&bytes).map_err(damaged)? {
            let decoded = |e| damaged(Failure::new("an entry is no message").cause(e));
            if key.is_empty() {
                header = BundleHeaderProto::decode(value.as_slice()).map_err(decoded)?;
                continue;
            }
            // What is no variable has keys of its own.
            let Ok(key) = String::from_utf8(key) else { continue };
            entries.insert(key, BundleEntryProto::decode(value.as_slice()).map_err(decoded)?);
        }
        if header.endianness != 0 {
            return Err(Failure::new(format!("'{}' has its high bytes first", path.display()))
                .help("save the model on a machine that stores low bytes first"));
        }
        Ok(Some(Self { folder, shards: header.num_shards, entries }))
    }

    /// Reads a tensor.
    ///
    /// # Errors
    /// Where there is none of this key, or its bytes are not what the index says.
    pub(super) fn get(&self, key: &str) -> Result<Constant, Failure> {
        let entry = self.entries.get(key).ok_or_else(|| {
            Failure::new(format!("the variables have no '{key}'"))
                .help("make sure that the model's folder was copied whole")
        })?;
        let (shard, shards) = (entry.shard_id, self.shards);
        let path = self.folder.join(format!("variables.data-{shard:05}-of-{shards:05}"));
        let bad = |what: String| {
            Failure::new(format!("cannot read the variable '{key}' in '{}': {what}", path.display()))
                .help("make sure that the model's folder was copied whole")
        };
        let dims = tensor::dims(entry.shape.as_ref())?;
        let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
        if tensor::stored_bytes(entry.dtype, &dims) != Some(size) {
            return Err(bad(format!("{size} bytes are not a tensor of the shape {dims:?}")));
        }
        let mut file = File::open(&path).map_err(|e| bad(e.to_string()))?;
        let end = file.metadata().map_err(|e| bad(e.to_string()))?.len();
        let start = u64::try_from(entry.offset).unwrap_or(u64::MAX);
        if start.checked_add(size as u64).is_none_or(|last| last > end) {
            return Err(bad(format!("{size} bytes from {start} on are more than the {end} of the file")));
        }
        let mut bytes = vec![0; size];
        file.seek(SeekFrom::Start(start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|e| bad(e.to_string()))?;
        if masked(crc32c::crc32c(&bytes)) != entry.crc32c {
            return Err(bad("its checksum does not fit".to_owned()));
        }
        tensor::from_stored(entry.dtype, dims, &bytes).map_err(|e| bad(e.line()))
    }
}

/// A checksum as it is stored: turned and shifted, so that a checksum over checksums is none of zeros.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A place in a table.
struct Handle {
    offset: usize,
    size: usize,
}

/// Bytes that are read from the front.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], Failure> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or_else(|| Failure::new("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number in groups of 7 bits, the lowest first.
    fn varint(&mut self) -> Result<usize, Failure> {
        let mut number = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or(0);
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).map_err(|_| Failure::new("a number is too large"));
            }
        }
        Err(Failure::new("a number is too long"))
    }

    fn handle(&mut self) -> Result<Handle, Failure> {
        Ok(Handle { offset: self.varint()?, size: self.varint()? })
    }
}

type Entry = (Vec<u8>, Vec<u8>);

/// All entries of a table, in their order.
fn table(bytes: &[u8]) -> Result<Vec<Entry>, Failure> {
    let footer = bytes.len().checked_sub(FOOTER).and_then(|at| bytes.get(at..));
    let (handles, magic) = footer
        .and_then(|footer| footer.split_last_chunk::<8>())
        .ok_or_else(|| Failure::new("it is too short"))?;
    if u64::from_le_bytes(*magic) != MAGIC {
        return Err(Failure::new("it does not end as a table does"));
    }
    let mut reader = Reader(handles);
    let _metadata = reader.handle()?;
    let mut entries = Vec::new();
    let mut size = 0usize;
    for (_, value) in block(bytes, &reader.handle()?)? {
        for entry in block(bytes, &Reader(&value).handle()?)? {
            // Blocks may lie on each other in a file that was made to grow.
            size = size.saturating_add(entry.0.len()).saturating_add(entry.1.len());
            if size as u64 > MAX_INDEX {
                return Err(Failure::new("its entries are too many"));
            }
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// The entries of a block: each says how many bytes its key shares with the one before.
fn block(bytes: &[u8], handle: &Handle) -> Result<Vec<Entry>, Failure> {
    let end = handle.offset.checked_add(handle.size).filter(|&end| end <= bytes.len());
    let content = end.and_then(|end| bytes.get(handle.offset..end));
    let trailer = end.and_then(|end| bytes.get(end..end.checked_add(TRAILER)?));
    let (Some(content), Some(&[kind, ref crc @ ..])) = (content, trailer) else {
        return Err(Failure::new("a block lies outside of it"));
    };
    if kind != 0 {
        return Err(Failure::new(format!("a block is compressed (kind {kind}), which is not read")));
    }
    let found = crc32c::crc32c_append(crc32c::crc32c(content), &[kind]);
    if crc != masked(found).to_le_bytes() {
        return Err(Failure::new("a block's checksum does not fit"));
    }
    // Behind the entries are places where keys are whole, and their count.
    let short = || Failure::new("a block is too short");
    let (rest, count) = content.split_last_chunk::<4>().ok_or_else(short)?;
    let places = (u32::from_le_bytes(*count) as usize).checked_mul(4).ok_or_else(short)?;
    let end = rest.len().checked_sub(places).ok_or_else(short)?;
    let mut reader = Reader(rest.get(..end).unwrap_or_default());
    let mut entries = Vec::new();
    let mut key: Vec<u8> = Vec::new();
    let mut size = 0usize;
    while !reader.0.is_empty() {
        let (shared, own, length) = (reader.varint()?, reader.varint()?, reader.varint()?);
        if shared > key.len() {
            return Err(Failure::new("a key shares more than there is"));
        }
        key.truncate(shared);
        key.extend_from_slice(reader.take(own)?);
        size = size.saturating_add(key.len());
        if size as u64 > MAX_INDEX {
            return Err(Failure::new("its keys are too long"));
        }
        entries.push((key.clone(), reader.take(length)?.to_vec()));
    }
    Ok(entries)
}
