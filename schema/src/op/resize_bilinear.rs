//! RESIZE_BILINEAR: an image in another size, each cell between its four neighbours.
//!
//! Input 0 is the image `[batch, height, width, channels]`, input 1 (int32) holds the new height and
//! width.

use super::resize_nearest_neighbor::resized;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RESIZE_BILINEAR: an image in another size, each cell between its four neighbours.
    ResizeBilinear = ResizeBilinear, options (15, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
    /// Whether the corner cells of both images lie on each other.
    2 align_corners: bool = false;
    /// Whether positions count from the middle of a cell.
    3 half_pixel_centers: bool = false;
}

fn shape(op: &ResizeBilinear, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if op.align_corners && op.half_pixel_centers {
        return Err(Refusal::Parameter("half_pixel_centers"));
    }
    resized(node)
}
