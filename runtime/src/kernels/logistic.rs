//! LOGISTIC: `1 / (1 + exp(-x))`. float32; int8, uint8 in fixed point; int16 by a table.

use sedge_schema::Refusal;
use sedge_schema::op::Logistic;
use sedge_simd::Level;

use super::shared::exponential;
use super::shared::sigmoid::{self, INTEGER_BITS, Sigmoid, logistic_table};
use crate::fixed;
use crate::node::{Invoke, Prepare};

impl Sigmoid for Logistic {
    const RANGE: (f32, f32) = (0.0, 1.0);
    const MOST_SHIFT: i32 = 0;

    fn floats(level: Level, values: &mut [f32]) {
        level.run(exponential::Logistic(values));
    }

    fn fixed(x: i32) -> i32 {
        fixed::logistic::<fixed::Wide>(x, INTEGER_BITS)
    }

    fn interpolated(x: i32) -> i16 {
        let distance = x.unsigned_abs();
        let result = match logistic_table(distance >> 9) {
            Some((from, way)) => (from << 9) + (distance & 0x1ff) as i32 * way,
            None => 0x7fff << 10,
        };
        // 1 - logistic(-x), and halves rounded up, for either sign.
        let result = if x >= 0 { result } else { (1 << 25) - result - 1 };
        ((result + (1 << 9)) >> 10) as i16
    }
}

pub(super) fn prepare(_op: Logistic, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    sigmoid::prepare::<Logistic>(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    sigmoid::invoke::<Logistic>(node)
}

/// As [`invoke`], where all is int8.
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    sigmoid::invoke_int8::<Logistic>(node)
}
