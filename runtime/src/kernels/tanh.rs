//! TANH: the hyperbolic tangent. float32; int8, uint8 in fixed point; int16 by a table.

use sedge_schema::Refusal;
use sedge_schema::op::Tanh;
use sedge_simd::Level;

use super::shared::exponential;
use super::shared::sigmoid::{self, INTEGER_BITS, Sigmoid, logistic_table};
use crate::fixed;
use crate::node::{Invoke, Prepare};
use crate::session::Weights;

impl Sigmoid for Tanh {
    const RANGE: (f32, f32) = (-1.0, 1.0);
    const MOST_SHIFT: i32 = 1;

    fn floats(level: Level, values: &mut [f32]) {
        // Where there are no vectors, the library is smaller.
        if Weights::CAN_PACK {
            level.run(exponential::Tanh(values));
        } else {
            values.iter_mut().for_each(|x| *x = libm::tanhf(*x));
        }
    }

    fn fixed(x: i32) -> i32 {
        fixed::tanh::<fixed::Wide>(x, INTEGER_BITS)
    }

    fn interpolated(x: i32) -> i16 {
        // The logistic function of twice as much.
        let distance = x.unsigned_abs();
        let result = match logistic_table(distance >> 8) {
            Some((from, way)) => (from << 8) + (distance & 0xff) as i32 * way,
            None => 0xffff << 8,
        };
        let result = result - (1 << 23);
        let result = if x >= 0 { result } else { -result - 1 };
        ((result + (1 << 7)) >> 8) as i16
    }
}

pub(super) fn prepare(_op: Tanh, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    sigmoid::prepare::<Tanh>(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    sigmoid::invoke::<Tanh>(node)
}

/// As [`invoke`], where all is int8.
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    sigmoid::invoke_int8::<Tanh>(node)
}
