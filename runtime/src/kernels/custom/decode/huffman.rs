//! Elements in Huffman's code, read with tables of several levels.
//!
//! Metadata: bit 0 of byte 5 says that table entries have 32 bits and not 16, its upper four bits the bits that the first
//! lookup takes, less one. An entry holds a flag in its highest bit, a count in the next four and a value. With the flag the
//! value is the element, and the count how many bits of the last lookup its code took (the rest is given back). Without it
//! the next lookup takes one bit more than the count, in the table that begins `value` entries further on.

use sedge_schema::TensorType;

use super::bits::Bits;
use super::{Coded, METADATA};

/// The kind's place in the list.
pub(super) const KIND: u32 = 1;

fn has_32_bits(metadata: &[u8; METADATA]) -> bool {
    let &[_, _, _, _, _, sizes, ..] = metadata;
    sizes & 1 != 0
}

/// Whether elements of this type can be stored so: entries of 16 bits hold int8 only.
pub(super) fn allows(metadata: &[u8; METADATA], kind: TensorType) -> bool {
    match kind {
        TensorType::Int8 => true,
        TensorType::Int16 => has_32_bits(metadata),
        _ => false,
    }
}

pub(super) fn decode(coded: &Coded, _zeros: &[i32], codes: &[u8], how: &[u8], to: &mut [u8]) -> Option<()> {
    let (metadata, table) = how.split_first_chunk::<METADATA>()?;
    let &[_, _, _, _, _, sizes, ..] = metadata;
    let first = u32::from(sizes >> 4) + 1;
    let is_wide = has_32_bits(metadata);
    let entry = |index: usize| -> Option<u32> {
        let at = index.checked_mul(if is_wide { 4 } else { 2 })?;
        let bytes = table.get(at..)?;
        // Narrow entries are brought to the places that wide ones have.
        Some(match is_wide {
            true => u32::from_le_bytes(*bytes.first_chunk()?),
            false => {
                let narrow = u32::from(u16::from_le_bytes(*bytes.first_chunk()?));
                (narrow & 0xF800) << 16 | narrow & 0x07FF
            }
        })
    };
    let mut bits = Bits::new(codes);
    for to in to.chunks_exact_mut(coded.size.max(1) as usize) {
        let mut taken = first;
        let mut at = bits.take(taken) as usize;
        let mut found = entry(at)?;
        while found >> 31 == 0 {
            taken = (found >> 27 & 15) + 1;
            at = at.checked_add((found & 0x07FF_FFFF) as usize)?.checked_add(bits.take(taken) as usize)?;
            found = entry(at)?;
            // Tables that lead nowhere end with the codes.
            if !bits.are_there() && found >> 31 == 0 {
                return None;
            }
        }
        bits.give_back(taken.saturating_sub(found >> 27 & 15));
        to.iter_mut().zip(found.to_le_bytes()).for_each(|(to, from)| *to = from);
    }
    bits.are_there().then_some(())
}
