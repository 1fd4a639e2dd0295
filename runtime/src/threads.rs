//! Rows of an operator's outputs, shared among threads.
//!
//! Each output is computed by one thread, in the order in which one thread alone computes it, so the bits do not
//! depend on how many there are. How many parts an operator has is settled when it is prepared, so that each
//! has scratch memory of its own; small operators have one, and never see another thread.

use core::ops::Range;

use sedge_schema::Refusal;

/// Products that are worth a part of their own: some microseconds of work.
#[cfg(feature = "threads")]
const PRODUCTS: usize = 1 << 20;

/// Bytes that the scratch memory of a part is a multiple of.
const ALIGN: usize = 16;

/// How many parts `rows` rows with `products` products are divided into.
#[cfg(feature = "threads")]
pub(crate) fn parts(threads: usize, rows: usize, products: usize) -> usize {
    threads.min(rows).min(products / PRODUCTS).max(1)
}

/// Bytes of scratch memory for `parts` parts that need `bytes` each.
///
/// # Errors
/// Where that is more than can be counted.
pub(crate) fn scratch(parts: usize, bytes: usize) -> Result<usize, Refusal> {
    let all = || bytes.checked_next_multiple_of(ALIGN)?.checked_mul(parts);
    if parts == 1 { Ok(bytes) } else { all().ok_or(Refusal::TooLarge) }
}

/// Rows that are computed together where each is one of a matrix: those of the largest tile. Sums of floats are
/// not added up in the same order in tiles of other sizes.
pub(crate) const TILE: usize = 8;

/// Calls `run` for `parts` parts of `rows`, divided at multiples of `step`, each with its part of the scratch memory
/// and of the outputs.
pub(crate) fn for_rows<O: Send>(
    parts: usize,
    (rows, step): (Range<usize>, usize),
    scratch: &mut [u8],
    out: &mut [O],
    run: &(impl Fn(Range<usize>, &mut [u8], &mut [O]) + Sync),
) {
    if parts <= 1 || rows.len() <= 1 {
        return run(rows, scratch, out);
    }
    let first = parts / 2;
    let middle = rows.start + rows.len() * first / parts / step * step;
    let (low_scratch, high_scratch) = scratch.split_at_mut(scratch.len() / parts * first);
    let (low_out, high_out) = out.split_at_mut(out.len() / rows.len() * (middle - rows.start));
    join(
        || for_rows(first, (rows.start..middle, step), low_scratch, low_out, run),
        || for_rows(parts - first, (middle..rows.end, step), high_scratch, high_out, run),
    );
}

#[cfg(feature = "threads")]
fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    rayon::join(a, b);
}

#[cfg(not(feature = "threads"))]
fn join(a: impl FnOnce(), b: impl FnOnce()) {
    a();
    b();
}

#[cfg(test)]
mod tests {
    use super::{for_rows, scratch};

    #[test]
    fn every_row_is_computed_once_with_memory_of_its_own() {
        for parts in 1..9 {
            for (rows, step) in [(1, 1), (2, 1), (7, 1), (30, 1), (30, 8), (64, 8)] {
                let mut memory = std::vec![0u8; scratch(parts, 5).expect("few bytes")];
                let unit = memory.len() / parts;
                let mut out = std::vec![0usize; rows * 3];
                for_rows(parts, (10..10 + rows, step), &mut memory, &mut out, &|rows, scratch, out| {
                    assert!(scratch.len() >= unit && scratch.iter().all(|&x| x == 0));
                    assert!((rows.start - 10).is_multiple_of(step));
                    scratch.fill(1);
                    assert_eq!(out.len(), rows.len() * 3);
                    out.chunks_exact_mut(3).zip(rows).for_each(|(out, row)| {
                        assert_eq!(out, [0; 3]);
                        out.fill(row);
                    });
                });
                assert!(out.chunks_exact(3).zip(10..).all(|(out, row)| out == [row; 3]), "{parts} of {rows}");
            }
        }
    }
}
