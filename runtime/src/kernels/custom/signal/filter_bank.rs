//! SignalFilterBank: sums of energies in bands that overlap by half. Each frequency of a band adds, by its
//! weight, to the band's channel and, by its "unweight", to the channel after it. uint32 to uint64, with
//! 64-bit sums that wrap around.
//!
//! Input 0 holds energies; inputs 1 and 2 (int16) the weights and unweights of all bands; inputs 3, 4 and
//! 5 (int16) where each band's frequencies start, where its weights start, and how many there are, for
//! `num_channels + 1` bands. The first band has no channel: it only gives its unweights to the next one.

use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Shape, Slot, TensorType};

use super::{count, types};
use crate::node::{Invoke, Prepare};

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Int16, UInt32, UInt64};
    types(node, &[UInt32, Int16, Int16, Int16, Int16, Int16], &[UInt64])?;
    let channels = count(&node.options()?, "num_channels", 0)?;
    for i in 3..6 {
        if node.input(i)?.elements() <= channels as usize {
            return Err(Refusal::Shape(Slot::Input(i as u8)));
        }
    }
    node.set_shape(0, Shape::new(&[channels]).ok_or(Refusal::TooLarge)?)
}

/// The part of `list` from `start` on, `len` elements.
fn part<T>(list: &[T], start: i16, len: i16, input: u8) -> Result<&[T], Refusal> {
    let part = usize::try_from(start).ok().and_then(|start| list.get(start..)?.get(..len.max(0) as usize));
    part.ok_or(Refusal::Value(Slot::Input(input)))
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let to = node.output::<u64>(0)?;
    let energies = node.input::<u32>(0)?;
    let (weights, unweights) = (node.input::<i16>(1)?, node.input::<i16>(2)?);
    let starts = node.input::<i16>(3)?.iter().zip(node.input::<i16>(4)?);
    let bands = starts.zip(node.input::<i16>(5)?);
    let sum = |energies: &[u32], weights: &[i16]| {
        energies.iter().zip(weights).fold(0u64, |sum, (&energy, &weight)| {
            sum.wrapping_add((i64::from(weight) as u64).wrapping_mul(energy.into()))
        })
    };
    let mut before = 0u64;
    // The sum of the first band belongs to no channel.
    let mut to = to.iter_mut();
    for (i, ((&frequency, &weight), &width)) in bands.enumerate() {
        let channel = match i {
            0 => None,
            _ => match to.next() {
                Some(channel) => Some(channel),
                None => break,
            },
        };
        let energies = part(energies, frequency, width, 3)?;
        if let Some(channel) = channel {
            *channel = before.wrapping_add(sum(energies, part(weights, weight, width, 4)?));
        }
        before = sum(energies, part(unweights, weight, width, 4)?);
    }
    Ok(())
}
