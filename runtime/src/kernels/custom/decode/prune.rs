//! Elements of which those that are the zero point are left out: a bit for each element says whether it is there, the
//! values that are follow the metadata.

use super::bits::Bits;
use super::{Coded, METADATA, channels, copy};

/// The kind's place in the list.
pub(super) const KIND: u32 = 2;

pub(super) fn decode(coded: &Coded, zeros: &[i32], codes: &[u8], how: &[u8], to: &mut [u8]) -> Option<()> {
    let (_, values) = how.split_first_chunk::<METADATA>()?;
    let mut bits = Bits::new(codes);
    let mut next = 0;
    for (to, channel) in to.chunks_exact_mut(coded.size.max(1) as usize).zip(channels(coded)) {
        if bits.take(1) == 1 {
            copy(values, next, to)?;
            next += 1;
        } else {
            // Types of several bytes have no zero point but 0.
            to.fill(zeros.get(channel).copied().unwrap_or(0) as u8);
        }
    }
    bits.are_there().then_some(())
}
