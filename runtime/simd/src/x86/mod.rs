//! Levels of x86-64 processors.

mod avx2;
mod avx512;
mod avx512_half;
mod avx_vnni;

pub use avx_vnni::AvxVnni;
pub use avx2::Avx2;
pub use avx512::Avx512Vnni;
pub use avx512_half::Avx512VnniHalf;

use crate::isa::MAX_GROUP;
use crate::slices::first;

/// The groups of a level that multiplies four unsigned with four signed numbers of 8 bits, in vectors of this type; it
/// weaves so many cells at once.
macro_rules! groups_of_four {
    ($vector:ty, $cells:literal) => {
        const GROUP: usize = 4;
        const OFFSET: i32 = 128;
        type Element = u8;
        type Group = [u8; 4];
        type Groups = $vector;

        #[inline(always)]
        fn stage(self, from: &[i8], to: &mut [u8]) {
            $crate::x86::stage_unsigned(from, to);
        }

        #[inline(always)]
        fn group(from: &[u8], at: usize) -> Option<[u8; 4]> {
            from.get(at..at + 4)?.first_chunk().copied()
        }

        #[inline(always)]
        fn splat_group(self, group: [u8; 4]) -> $vector {
            self.splat_i32(i32::from_le_bytes(group))
        }

        #[inline(always)]
        fn load_groups(self, from: &[i8]) -> $vector {
            bits!([i8; size_of::<$vector>()] => $vector, first(from))
        }

        #[inline(always)]
        fn weave(self, rows: [&[i8]; MAX_GROUP], to: &mut [u8]) {
            $crate::x86::weave_unsigned::<$cells, _>(self, rows, to);
        }

        #[inline(always)]
        fn load_woven(self, from: &[u8]) -> $vector {
            bits!([u8; size_of::<$vector>()] => $vector, first(from))
        }
    };
}

use groups_of_four;

/// Stages activations for instructions that want one factor unsigned: 128 more than their values.
#[inline(always)]
fn stage_unsigned(from: &[i8], to: &mut [u8]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = x as u8 ^ 0x80;
    }
}

/// A level that weaves `CELLS` cells of four rows at once.
trait Weave<const CELLS: usize>: Copy {
    /// Writes groups of one element of each row, as [`stage_unsigned`] stages it.
    fn weave_cells(self, rows: [&[i8; CELLS]; 4], to: &mut [u8]);
}

/// Stages one element of each of four rows side by side, as [`stage_unsigned`] does.
#[inline(always)]
fn weave_unsigned<const CELLS: usize, W: Weave<CELLS>>(simd: W, rows: [&[i8]; MAX_GROUP], to: &mut [u8]) {
    let [a, b, c, d] = rows;
    let length = a.len().min(b.len()).min(c.len()).min(d.len()).min(to.len() / 4);
    // The last cells are woven with those before them; of fewer than there are at once some are missing.
    let mut at = 0;
    while at < length {
        let start = if length < CELLS { 0 } else { at.min(length - CELLS) };
        let part = |row: &[i8]| first(row.get(start..length).unwrap_or_default());
        let (a, b, c, d): ([i8; CELLS], _, _, _) = (part(a), part(b), part(c), part(d));
        let to = to.get_mut(4 * start..4 * length).unwrap_or_default();
        simd.weave_cells([&a, &b, &c, &d], to);
        at = start + CELLS;
    }
}
