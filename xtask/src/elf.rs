//! What a firmware takes of a board's memory.

use std::collections::BTreeSet;
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
    /// The operators whose kernels are linked, by their [`plain`] names.
    pub(crate) kernels: BTreeSet<String>,
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
            footprint.kernels.extend(kernel(name));
            if is_allocator || matches!(name, "malloc" | "free" | "calloc" | "realloc") {
                footprint.allocator.push(name.to_owned());
            }
        }
        Ok(footprint)
    }
}

/// The operator that a mangled name of the runtime is of, in small letters without `_`: `_ZN13sedge_runtime7kernels7conv_2d...`,
/// a function of the module, and `..kernels..Conv2d$u20$as...`, a method of its kernel, are both of `conv2d`.
fn kernel(symbol: &str) -> Option<String> {
    let name = match symbol.split_once("13sedge_runtime7kernels") {
        Some((_, path)) => {
            let digits = path.find(|c: char| !c.is_ascii_digit())?;
            let name = path.get(digits..digits.checked_add(path.get(..digits)?.parse().ok()?)?)?;
            // What follows is the next part of the path; otherwise it is a function of `kernels` itself.
            let is_module = path.get(digits + name.len()..)?.starts_with(|c: char| c.is_ascii_digit());
            is_module.then_some(name).filter(|name| !SHARED.contains(name))?
        }
        None => {
            let (path, of) = symbol.split_once("sedge_runtime..kernels..")?.1.split_once("$u20$as$u20$")?;
            of.starts_with("sedge_runtime..resolver..Kernel$").then(|| path.rsplit("..").next())??
        }
    };
    Some(plain(name))
}

/// The name of an operator, a module or a type in small letters without `_`, which all three have in common.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|&c| c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

/// Modules of `kernels` that serve several operators.
const SHARED: [&str; 9] =
    ["custom", "filter", "gemm", "int16", "int32", "int8", "recurrent", "shared", "typed"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_name_the_operators_they_are_of() {
        for (symbol, operator) in [
            ("_ZN13sedge_runtime7kernels7conv_2d7prepare17h0123456789abcdefE", Some("conv2d")),
            ("_ZN13sedge_runtime7kernels6while_7growing3run17h0123456789abcdefE", Some("while")),
            (
                "_ZN82_$LT$sedge_runtime..kernels..Conv2d$u20$as$u20$sedge_runtime..resolver..Kernel$GT$4code17h5dE",
                Some("conv2d"),
            ),
            (
                "_ZN88_$LT$sedge_runtime..kernels..int8..Softmax$u20$as$u20$sedge_runtime..resolver..Kernel$GT$6invoke17h1E",
                Some("softmax"),
            ),
            (
                "_ZN104_$LT$sedge_runtime..kernels..shared..arithmetic..Sum$u20$as$u20$\
                 sedge_runtime..kernels..shared..arithmetic..Quantized$GT$7prepare17h5b4e00f7a5530d92E",
                None,
            ),
            ("_ZN13sedge_runtime7kernels6filter3run6direct17h1a970924d659c542E", None),
            ("_ZN13sedge_runtime7session5build5build17h1a970924d659c542E", None),
            ("_ZN13sedge_runtime7kernels9999conv_2d", None),
            ("main", None),
        ] {
            assert_eq!(kernel(symbol).as_deref(), operator, "{symbol}");
        }
    }
}
