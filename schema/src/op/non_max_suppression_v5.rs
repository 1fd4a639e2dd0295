//! NON_MAX_SUPPRESSION_V5: as NON_MAX_SUPPRESSION_V4, but boxes that overlap a better one a little get
//! a lower score.
//!
//! Input 5 (one element) is sigma: scores are multiplied by `exp(-overlap^2 / (2 * sigma))`, by 1 where sigma
//! is 0. Output 1 has the scores, output 2 (int32) how many boxes there are.

use super::non_max_suppression_v4::selected;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// NON_MAX_SUPPRESSION_V5: of boxes that overlap too much, the one with the best score; scores of others
    /// that overlap it become lower.
    NonMaxSuppressionV5 = NonMaxSuppressionV5, options (96, 0), inputs (6, 6), outputs (3, 3),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &NonMaxSuppressionV5, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    let selected = selected(node)?;
    Ok(if output < 2 { selected } else { Shape::SCALAR })
}
