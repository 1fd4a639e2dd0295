//! Convolutions and pooling as TensorFlow and Keras have them: images with their channels last, kernels with their rows
//! and columns first.

use sedge_schema::op::{AveragePool2d, Conv2d, DepthwiseConv2d, MaxPool2d, Padding, TransposeConv};

use super::builder::Builder;
use crate::Failure;
use crate::graph::TensorId;

/// How a window moves: rows, then columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) stride: [i32; 2],
    pub(super) dilation: [i32; 2],
    pub(super) padding: Padding,
}

impl Window {
    /// One that is put on each cell by itself.
    pub(super) const EVERYWHERE: Self = Self { stride: [1, 1], dilation: [1, 1], padding: Padding::Valid };
}

impl Builder {
    /// CONV_2D of an image, a kernel `[rows, columns, channels, filters]` and a bias.
    pub(super) fn convolved(
        &mut self,
        name: &str,
        [image, kernel, bias]: [TensorId; 3],
        window: &Window,
    ) -> Result<TensorId, Failure> {
        let &Window { stride: [stride_h, stride_w], dilation: [dilation_h, dilation_w], padding } = window;
        let kernel = self.transpose(&format!("{name}/kernel"), kernel, &[3, 0, 1, 2])?;
        let op = Conv2d { padding, stride_w, stride_h, dilation_w, dilation_h, ..Conv2d::default() };
        self.emit(name, op, &[image, kernel, bias], self.kind(image))
    }

    /// DEPTHWISE_CONV_2D of an image, a kernel `[rows, columns, channels, multiplier]` and a bias.
    pub(super) fn depthwise_convolved(
        &mut self,
        name: &str,
        [image, kernel, bias]: [TensorId; 3],
        window: &Window,
    ) -> Result<TensorId, Failure> {
        let &Window { stride: [stride_h, stride_w], dilation: [dilation_h, dilation_w], padding } = window;
        let [rows, columns, channels, multiplier] = self.kernel_dims(kernel)?;
        let flat = [1, rows, columns, channels.saturating_mul(multiplier)];
        let kernel = self.reshape(&format!("{name}/kernel"), kernel, &flat)?;
        let op = DepthwiseConv2d {
            padding,
            stride_w,
            stride_h,
            dilation_w,
            dilation_h,
            depth_multiplier: multiplier as i32,
            ..DepthwiseConv2d::default()
        };
        self.emit(name, op, &[image, kernel, bias], self.kind(image))
    }

    /// TRANSPOSE_CONV of the result's shape, a kernel `[rows, columns, filters, channels]`, an image and a bias; there is
    /// no dilation.
    pub(super) fn transpose_convolved(
        &mut self,
        name: &str,
        [shape, kernel, image, bias]: [TensorId; 4],
        window: &Window,
    ) -> Result<TensorId, Failure> {
        let &Window { stride: [stride_h, stride_w], padding, .. } = window;
        let kernel = self.transpose(&format!("{name}/kernel"), kernel, &[2, 0, 1, 3])?;
        let op = TransposeConv { padding, stride_w, stride_h, ..TransposeConv::default() };
        self.emit(name, op, &[shape, kernel, image, bias], self.kind(image))
    }

    /// The largest or the mean of what a window of this size covers; there is no dilation.
    pub(super) fn pooled(
        &mut self,
        name: &str,
        image: TensorId,
        is_largest: bool,
        [filter_height, filter_width]: [i32; 2],
        window: &Window,
    ) -> Result<TensorId, Failure> {
        let &Window { stride: [stride_h, stride_w], padding, .. } = window;
        let kind = self.kind(image);
        if is_largest {
            let op = MaxPool2d {
                padding,
                stride_w,
                stride_h,
                filter_width,
                filter_height,
                ..MaxPool2d::default()
            };
            return self.emit(name, op, &[image], kind);
        }
        let op = AveragePool2d {
            padding,
            stride_w,
            stride_h,
            filter_width,
            filter_height,
            ..AveragePool2d::default()
        };
        self.emit(name, op, &[image], kind)
    }

    /// A kernel's four dimensions.
    pub(super) fn kernel_dims(&self, kernel: TensorId) -> Result<[usize; 4], Failure> {
        let dims = self.dims(kernel);
        let four = dims.first_chunk().copied().filter(|_| dims.len() == 4);
        four.ok_or_else(|| Failure::new(format!("its kernel has the shape {dims:?}")))
    }
}
