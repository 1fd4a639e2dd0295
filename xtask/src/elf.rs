//! What a firmware takes of a board's memory.

use std::path::Path;

use anyhow::{Context, Result};
use object::elf::{SHF_ALLOC, SHF_WRITE};
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind};

/// What a firmware takes of a board's memory, and whether it may.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprint {
    /// Bytes of code and constants, with the first values of variables.
    pub(crate) flash: u64,
    /// Bytes of variables, without the stack.
    pub(crate) ram: u64,
    /// Symbols of a memory allocator.
    pub(crate) allocator: Vec<String>,
}

impl Footprint {
    /// Reads it from an ELF file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = object::File::parse(&*bytes).with_context(|| format!("{}", path.display()))?;
        let mut footprint = Self::default();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
            let name = section.name().unwrap_or_default();
            // The heap and the stack get what the variables leave.
            if sh_flags.0 & SHF_ALLOC.0 == 0 || matches!(name, ".heap" | ".stack") {
                continue;
            }
            if section.kind() != SectionKind::UninitializedData {
                footprint.flash += section.size();
            }
            if sh_flags.0 & SHF_WRITE.0 != 0 {
                footprint.ram += section.size();
            }
        }
        for symbol in file.symbols().filter(|symbol| symbol.is_definition()) {
            let name = symbol.name().unwrap_or_default();
            let is_allocator = ["__rust_alloc", "__rg_alloc", "__rdl_alloc"].iter().any(|s| name.contains(s));
            if is_allocator || matches!(name, "malloc" | "free" | "calloc" | "realloc") {
                footprint.allocator.push(name.to_owned());
            }
        }
        Ok(footprint)
    }
}
