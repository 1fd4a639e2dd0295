//! UNIQUE: the different elements of a list, and for each element which of them it is.
//!
//! Output 0 has them in the order in which they come first, output 1 (int32 or int64) the index of each of
//! the input's elements among them.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{Shape, TensorType};

operator! {
    /// UNIQUE: the different elements of a list, and for each element which of them it is.
    Unique = Unique, options (80, 0), inputs (1, 1), outputs (2, 2),
    quantization QuantizationRule::Integers;
    /// The type of the indices.
    0 idx_out_type: TensorType = TensorType::Int32;
}

impl Unique {
    /// A number that elements have in common where they are equal, of an element's bytes. Zeros of both signs
    /// are equal, and everything that is no number.
    pub fn key(kind: TensorType, cell: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(cell).for_each(|(to, &from)| *to = from);
        let bits = u64::from_le_bytes(bytes);
        match f32::from_bits(bits as u32) {
            _ if kind != TensorType::Float32 => bits,
            0.0 => 0,
            x if x.is_nan() => f32::NAN.to_bits().into(),
            _ => bits,
        }
    }
}

/// How many keys are counted at a time.
const BATCH: usize = 64;

/// The number of different keys, without memory for them all: each pass over the keys finds the lowest ones
/// above those that were counted.
fn different(keys: impl Iterator<Item = u64> + Clone) -> usize {
    let mut count = 0;
    let mut counted = None;
    loop {
        let (mut batch, mut found) = ([0; BATCH], 0);
        for key in keys.clone().filter(|&key| counted.is_none_or(|counted| key > counted)) {
            let place = batch.get(..found).and_then(|batch| batch.binary_search(&key).err());
            let Some(at) = place.filter(|&at| at < BATCH) else { continue };
            found = (found + 1).min(BATCH);
            // Each of those behind it gets the place of the next.
            let mut moved = key;
            for place in batch.get_mut(at..found).unwrap_or_default() {
                core::mem::swap(place, &mut moved);
            }
        }
        count += found;
        if found < BATCH {
            return count;
        }
        counted = batch.last().copied();
    }
}

fn shape(_op: &Unique, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    let input = node.input_of_rank(0, 1)?;
    if output == 1 {
        return Ok(input);
    }
    let kind = node.tensor_type(Slot::Input(0))?;
    let bytes = kind.bits() / 8;
    if !(1..=8).contains(&bytes) {
        return Err(Refusal::Type(Slot::Input(0)));
    }
    let cells = node.values(0)?.chunks_exact(bytes);
    fits(Shape::new(&[different(cells.map(|cell| Unique::key(kind, cell))) as u32]))
}

#[cfg(test)]
mod tests {
    use super::{BATCH, Unique, different};
    use crate::TensorType;

    #[test]
    fn keys_are_counted_once() {
        assert_eq!(different([].into_iter()), 0);
        assert_eq!(different([3, 1, 3, u64::MAX, 0, 1].into_iter()), 4);
        for n in [BATCH - 1, BATCH, BATCH + 1, 3 * BATCH, 1000] {
            let scattered = (0..2 * n).map(|i| (i * 7919 % n) as u64);
            assert_eq!(different(scattered), n);
            assert_eq!(different((0..n as u64).rev().chain(0..n as u64)), n);
        }
    }

    #[test]
    fn equal_floats_have_one_key() {
        let key = |x: f32| Unique::key(TensorType::Float32, &x.to_le_bytes());
        assert_eq!(key(-0.0), key(0.0));
        assert_eq!(key(f32::NAN), key(f32::from_bits(0xffc0_0001)));
        assert_ne!(key(1.0), key(-1.0));
        assert_ne!(Unique::key(TensorType::Int32, &i32::MIN.to_le_bytes()), 0);
    }
}
