//! RANGE: numbers at equal distances, `out[i] = start + i * delta` up to but without the limit.
//!
//! Inputs 0, 1 and 2 hold start, limit and delta: one element each, of one type (int32, int64 or float32).

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{Shape, TensorType};

operator! {
    /// RANGE: numbers at equal distances.
    Range = Range, options (73, 0), inputs (3, 3),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Range, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    for input in 0..3 {
        if node.input(input)?.elements() != 1 {
            return Err(Refusal::Shape(Slot::Input(input as u8)));
        }
    }
    let count = if node.tensor_type(Slot::Input(0))? == TensorType::Float32 {
        let [start, limit, delta] = [node.real(0, 0)?, node.real(1, 0)?, node.real(2, 0)?];
        // A conversion to an integer rounds towards zero; what is no number becomes 0.
        let steps = (limit - start) / delta;
        if delta == 0.0 || !steps.is_finite() || steps < 0.0 {
            return Err(Refusal::Value(Slot::Input(2)));
        }
        let whole = steps as u64;
        whole.saturating_add(u64::from((whole as f32) < steps))
    } else {
        let [start, limit, delta] = [node.int(0, 0)?, node.int(1, 0)?, node.int(2, 0)?];
        let forward = if delta < 0 { limit <= start } else { start <= limit };
        if delta == 0 || !forward {
            return Err(Refusal::Value(Slot::Input(2)));
        }
        limit.abs_diff(start).div_ceil(delta.unsigned_abs())
    };
    fits(Shape::new(&[u32::try_from(count).map_err(|_| Refusal::TooLarge)?]))
}
