//! How the inputs of a layer's weights vary together.
//!
//! A weight meets one element of each patch that its layer reads. The mean products of the elements of a patch tell how the
//! rounding of one weight can make up for that of others.

use sedge_schema::Shape;
use sedge_schema::op::{Op, Padding};

/// The most elements that are looked at together; larger patches are cut into blocks of these.
const MAX_BLOCK: usize = 256;

/// The most patches of one sample that count, evenly spread.
const MAX_PATCHES: usize = 64;

/// Fractional bits of the sums. They are integers, so that the order of samples does not matter.
const FRACTION: i32 = 40;

/// Which patches a layer reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patches {
    /// Rows of this many elements.
    Rows(usize),
    /// Windows of an image, all channels together, or each channel for itself.
    Windows {
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        same: bool,
        channels: usize,
        apart: bool,
    },
}

impl Patches {
    /// Those of an operator whose weights have this shape; `None` for operators without patches, and for
    /// convolutions in groups.
    pub(crate) fn of(op: &Op, input: &Shape, weights: &Shape) -> Option<Self> {
        let size = |n: i32| usize::try_from(n).ok().filter(|&n| n != 0);
        match op {
            Op::FullyConnected(_) => Some(Self::Rows(weights.last())),
            Op::Conv2d(op) if weights.last() == input.last() => Some(Self::Windows {
                kernel: [weights.dim(1), weights.dim(2)],
                stride: [size(op.stride_h)?, size(op.stride_w)?],
                dilation: [size(op.dilation_h)?, size(op.dilation_w)?],
                same: op.padding == Padding::Same,
                channels: input.last(),
                apart: false,
            }),
            Op::DepthwiseConv2d(op) => Some(Self::Windows {
                kernel: [weights.dim(1), weights.dim(2)],
                stride: [size(op.stride_h)?, size(op.stride_w)?],
                dilation: [size(op.dilation_h)?, size(op.dilation_w)?],
                same: op.padding == Padding::Same,
                channels: input.last(),
                apart: true,
            }),
            _ => None,
        }
    }

    /// Calls `see` with patches of one sample: the number of its first block, and its elements.
    fn each(&self, shape: &Shape, values: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        match *self {
            Self::Rows(depth) if depth != 0 => {
                let step = (values.len() / depth).div_ceil(MAX_PATCHES).max(1);
                values.chunks_exact(depth).step_by(step).for_each(|row| see(0, row));
            }
            Self::Windows { kernel, stride, dilation, same, channels, apart } if shape.rank() == 4 => {
                let size = [shape.dim(1), shape.dim(2)];
                let axis = |i: usize| {
                    let reach = (kernel[i] - 1) * dilation[i] + 1;
                    let count = match same {
                        true => size[i].div_ceil(stride[i]),
                        false => (size[i] + stride[i]).saturating_sub(reach) / stride[i],
                    };
                    let border = if same {
                        (count.saturating_sub(1) * stride[i] + reach).saturating_sub(size[i]) / 2
                    } else {
                        0
                    };
                    (count, border)
                };
                if kernel.contains(&0) {
                    return;
                }
                let ((rows, top), (columns, left)) = (axis(0), axis(1));
                let total = shape.dim(0) * rows * columns;
                let mut patch = Vec::new();
                for at in (0..total).step_by(total.div_ceil(MAX_PATCHES).max(1)) {
                    let (image, row, column) = (at / (rows * columns), at / columns % rows, at % columns);
                    let cell = |y: usize, x: usize| -> Option<&[f32]> {
                        let y =
                            (row * stride[0] + y * dilation[0]).checked_sub(top).filter(|&y| y < size[0])?;
                        let x = (column * stride[1] + x * dilation[1])
                            .checked_sub(left)
                            .filter(|&x| x < size[1])?;
                        values.get(((image * size[0] + y) * size[1] + x) * channels..)?.get(..channels)
                    };
                    let cells = (0..kernel[0]).flat_map(|y| (0..kernel[1]).map(move |x| (y, x)));
                    if apart {
                        for channel in 0..channels {
                            patch.clear();
                            let of = |(y, x)| cell(y, x).and_then(|c| c.get(channel)).copied().unwrap_or(0.0);
                            patch.extend(cells.clone().map(of));
                            see(channel, &patch);
                        }
                    } else {
                        patch.clear();
                        for (y, x) in cells {
                            match cell(y, x) {
                                Some(cell) => patch.extend_from_slice(cell),
                                None => patch.resize(patch.len() + channels, 0.0),
                            }
                        }
                        see(0, &patch);
                    }
                }
            }
            _ => {}
        }
    }

    /// The sizes of the blocks.
    fn blocks(&self) -> Vec<usize> {
        match *self {
            Self::Windows { kernel, channels, apart: true, .. } => {
                vec![(kernel[0] * kernel[1]).min(MAX_BLOCK); channels]
            }
            Self::Windows { kernel, channels, .. } => cut(kernel[0] * kernel[1] * channels),
            Self::Rows(depth) => cut(depth),
        }
    }
}

fn cut(depth: usize) -> Vec<usize> {
    (0..depth).step_by(MAX_BLOCK).map(|start| MAX_BLOCK.min(depth - start)).collect()
}

/// Sums of the elements of some neighbouring places of patches, and of the products of each two.
#[derive(Clone, Debug)]
struct Block {
    size: usize,
    sums: Vec<i128>,
    /// Row after row from the diagonal on.
    products: Vec<i128>,
    count: u64,
}

/// What one sample adds to a block.
#[derive(Clone, Debug)]
struct Sums {
    sums: Vec<f64>,
    products: Vec<f64>,
    count: u64,
}

/// What was seen of the patches of one layer.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    patches: Patches,
    blocks: Vec<Block>,
}

impl Moments {
    pub(super) fn new(patches: Patches) -> Self {
        let block =
            |size| Block { size, sums: vec![0; size], products: vec![0; size * (size + 1) / 2], count: 0 };
        Self { patches, blocks: patches.blocks().into_iter().map(block).collect() }
    }

    /// Sees the layer's input in one sample.
    pub(super) fn observe(&mut self, shape: &Shape, values: &[f32]) {
        let mut seen: Vec<Option<Sums>> = vec![None; self.blocks.len()];
        self.patches.each(shape, values, &mut |first, patch| {
            if patch.iter().any(|x| !x.is_finite()) {
                return;
            }
            let mut rest = patch;
            for (block, seen) in self.blocks.iter().zip(&mut seen).skip(first) {
                let Some(part) = rest.split_off(..block.size) else { break };
                let Sums { sums, products, count } = seen.get_or_insert_with(|| Sums {
                    sums: vec![0.0; block.sums.len()],
                    products: vec![0.0; block.products.len()],
                    count: 0,
                });
                *count += 1;
                sums.iter_mut().zip(part).for_each(|(s, &x)| *s += f64::from(x));
                let mut products = products.as_mut_slice();
                for (i, &a) in part.iter().enumerate() {
                    let Some(row) = products.split_off_mut(..block.size - i) else { break };
                    let others = part.get(i..).unwrap_or_default();
                    row.iter_mut().zip(others).for_each(|(p, &b)| *p += f64::from(a) * f64::from(b));
                }
            }
        });
        let whole = |x: f64| i128::from((x * 2f64.powi(FRACTION)) as i64);
        for (block, seen) in self.blocks.iter_mut().zip(seen) {
            let Some(Sums { sums, products, count }) = seen else { continue };
            block.count += count;
            block.sums.iter_mut().zip(sums).for_each(|(all, s)| *all += whole(s));
            block.products.iter_mut().zip(products).for_each(|(all, p)| *all += whole(p));
        }
    }

    /// Takes over what was seen elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        for (block, more) in self.blocks.iter_mut().zip(&other.blocks) {
            block.count += more.count;
            block.sums.iter_mut().zip(&more.sums).for_each(|(all, s)| *all += s);
            block.products.iter_mut().zip(&more.products).for_each(|(all, p)| *all += p);
        }
    }

    /// For each block its size and the covariances of its elements, a full matrix; none where nothing was seen.
    pub(crate) fn covariances(&self) -> impl Iterator<Item = (usize, Vec<f64>)> + '_ {
        self.blocks.iter().map(|block| {
            let n = block.size;
            let share = 2f64.powi(-FRACTION) / (block.count.max(1)) as f64;
            let mean: Vec<f64> = block.sums.iter().map(|&s| s as f64 * share).collect();
            let mut matrix = vec![0.0; n * n];
            let places = (0..n).flat_map(|i| (i..n).map(move |j| (i, j)));
            for ((i, j), &product) in places.zip(&block.products) {
                let value = product as f64 * share - mean.get(i).zip(mean.get(j)).map_or(0.0, |(a, b)| a * b);
                for at in [i * n + j, j * n + i] {
                    if let Some(place) = matrix.get_mut(at) {
                        *place = value;
                    }
                }
            }
            (n, matrix)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_vary_together() {
        let mut moments = Moments::new(Patches::Rows(2));
        let shape = Shape::new(&[2, 2]).unwrap();
        moments.observe(&shape, &[1.0, 2.0, 3.0, 6.0]);
        let mut other = Moments::new(Patches::Rows(2));
        other.observe(&shape, &[-1.0, -2.0, 1.0, f32::NAN]);
        moments.merge(&other);
        // Of (1, 2), (3, 6), (-1, -2): means 1 and 2, squares 8/3 and 32/3, the others twice the first.
        let (size, matrix) = moments.covariances().next().unwrap();
        assert_eq!(size, 2);
        let expected = [8.0 / 3.0, 16.0 / 3.0, 16.0 / 3.0, 32.0 / 3.0];
        assert!(matrix.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{matrix:?}");
    }

    #[test]
    fn windows_see_zeros_at_the_border() {
        let patches = Patches::Windows {
            kernel: [1, 3],
            stride: [1, 2],
            dilation: [1, 1],
            same: true,
            channels: 1,
            apart: true,
        };
        let mut seen = Vec::new();
        let shape = Shape::new(&[1, 1, 4, 1]).unwrap();
        patches.each(&shape, &[1.0, 2.0, 3.0, 4.0], &mut |_, patch| seen.push(patch.to_vec()));
        assert_eq!(seen, [[1.0, 2.0, 3.0], [3.0, 4.0, 0.0]]);
    }
}
