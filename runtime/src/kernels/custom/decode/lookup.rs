//! Elements that are indices into a table of few values, one table for each channel.
//!
//! Metadata: byte 5 holds the bits of an index, 1 to 7, byte 6 how many values lie from one channel's table to the
//! next one's.

use super::bits::Bits;
use super::{Coded, METADATA, channels, copy};

pub(super) fn decode(coded: &Coded, _zeros: &[i32], codes: &[u8], how: &[u8], to: &mut [u8]) -> Option<()> {
    let (metadata, values) = how.split_first_chunk::<METADATA>()?;
    let &[_, _, _, _, _, width, stride, ..] = metadata;
    let width = u32::from(width & 7);
    if width == 0 {
        return None;
    }
    let mut bits = Bits::new(codes);
    for (to, channel) in to.chunks_exact_mut(coded.size.max(1) as usize).zip(channels(coded)) {
        let index = channel.checked_mul(stride.into())?.checked_add(bits.take(width) as usize)?;
        copy(values, index, to)?;
    }
    bits.are_there().then_some(())
}
