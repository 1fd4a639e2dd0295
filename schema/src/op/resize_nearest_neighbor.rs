//! RESIZE_NEAREST_NEIGHBOR: an image in another size, each cell that of the nearest place.
//!
//! Input 0 is the image `[batch, height, width, channels]`, input 1 (int32) holds the new height and
//! width.

use super::NodeExt as _;
use super::node::fits;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// RESIZE_NEAREST_NEIGHBOR: an image in another size, each cell that of the nearest place.
    ResizeNearestNeighbor = ResizeNearestNeighbor, options (74, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
    /// Whether the corner cells of both images lie on each other.
    0 align_corners: bool = false;
    /// Whether positions count from the middle of a cell.
    1 half_pixel_centers: bool = false;
}

fn shape(_op: &ResizeNearestNeighbor, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    resized(node)
}

/// The image in input 0 in the size that input 1 holds.
pub(super) fn resized(node: &dyn Node) -> Result<Shape, Refusal> {
    let image = node.input_of_rank(0, 4)?;
    let slot = Slot::Input(1);
    if node.input(1)?.elements() != 2 {
        return Err(Refusal::Shape(slot));
    }
    let size = |k| u32::try_from(node.int(1, k)?).map_err(|_| Refusal::Value(slot));
    let (height, width) = (size(0)?, size(1)?);
    // An image without cells has none to take.
    if image.elements() == 0 && height != 0 && width != 0 && image.dim(0) != 0 && image.dim(3) != 0 {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    fits(Shape::from_dims([image.dim(0) as u32, height, width, image.dim(3) as u32]))
}
