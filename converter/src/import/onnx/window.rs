//! The windows that convolutions and pooling move over rows and columns, with ONNX's ways to say their borders.

use sedge_schema::op::Padding;

use super::call::Call;
use crate::Failure;

/// How a window moves over one dimension.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    /// Elements of the dimension.
    pub(super) input: i64,
    /// Cells of the window.
    pub(super) kernel: i64,
    /// Elements between two positions.
    pub(super) stride: i64,
    /// Elements between two cells.
    pub(super) dilation: i64,
    /// Elements of border before the first one.
    pub(super) before: i64,
    /// Elements of border behind the last one.
    pub(super) after: i64,
}

impl Window {
    /// Elements from the first cell to the last.
    fn span(&self) -> i64 {
        (self.kernel - 1) * self.dilation + 1
    }

    /// The number of positions, the last of them inside the borders; `ceil` adds one that begins inside and
    /// ends outside.
    pub(super) fn output(&self, ceil: bool) -> i64 {
        let room = self.input + self.before + self.after - self.span();
        let steps = match ceil {
            true => (room + self.stride - 1).div_euclid(self.stride),
            false => room.div_euclid(self.stride),
        };
        // No window begins behind the last element.
        let begins_outside = ceil && steps * self.stride >= self.input + self.before;
        steps + 1 - i64::from(begins_outside)
    }

    /// The border behind the last element that `output` positions reach into; negative where they do not reach
    /// the last element.
    pub(super) fn reach(&self, output: i64) -> i64 {
        (output - 1) * self.stride + self.span() - self.input - self.before
    }

    /// Whether [`Padding::Same`] puts `output` windows at these positions.
    pub(super) fn is_same(&self, output: i64) -> bool {
        let natural = (self.input + self.stride - 1) / self.stride;
        let total = ((natural - 1) * self.stride + self.span() - self.input).max(0);
        natural == output && total / 2 == self.before
    }

    /// Whether [`Padding::Valid`] puts `output` windows at these positions.
    pub(super) fn is_valid(&self, output: i64) -> bool {
        self.before == 0 && self.reach(output) <= 0
    }
}

/// The kind of border that gives `outputs` positions of these windows; `None` where borders have to be added.
pub(super) fn padding(windows: &[Window], outputs: &[i64]) -> Option<Padding> {
    let all = |is: fn(&Window, i64) -> bool| windows.iter().zip(outputs).all(|(w, &o)| is(w, o));
    if all(Window::is_valid) {
        Some(Padding::Valid)
    } else if all(Window::is_same) {
        Some(Padding::Same)
    } else {
        None
    }
}

/// The windows of a node over spatial dimensions `dims`, with a kernel of these sizes.
pub(super) fn windows(call: &Call<'_>, dims: &[usize], kernel: &[usize]) -> Result<Vec<Window>, Failure> {
    let rank = dims.len();
    let list = |name: &str, otherwise: i64, count: usize| -> Result<Vec<i64>, Failure> {
        let list = call.ints(name).filter(|l| !l.is_empty()).map_or(vec![otherwise; count], <[i64]>::to_vec);
        let range = if otherwise == 0 { 0..=1 << 20 } else { 1..=1 << 20 };
        match list.len() == count && list.iter().all(|v| range.contains(v)) {
            true => Ok(list),
            false => call.refuse(format!("{name} {list:?} does not fit {rank} spatial dimensions")),
        }
    };
    let (strides, dilations) = (list("strides", 1, rank)?, list("dilations", 1, rank)?);
    let pads = list("pads", 0, 2 * rank)?;
    let auto = call.text("auto_pad", "NOTSET");
    let mut windows = Vec::new();
    for (i, (&input, &kernel)) in dims.iter().zip(kernel).enumerate() {
        let of = |list: &[i64], k: usize| list.get(k).copied().unwrap_or(1);
        let (stride, dilation) = (of(&strides, i), of(&dilations, i));
        let mut window = Window {
            input: input as i64,
            kernel: kernel as i64,
            stride,
            dilation,
            before: of(&pads, i),
            after: of(&pads, i + rank),
        };
        if matches!(auto, "SAME_UPPER" | "SAME_LOWER") {
            let output = (window.input + stride - 1) / stride;
            let total = ((output - 1) * stride + window.span() - window.input).max(0);
            window.before = if auto == "SAME_UPPER" { total / 2 } else { total - total / 2 };
            window.after = total - window.before;
        } else if auto == "VALID" {
            (window.before, window.after) = (0, 0);
        }
        if window.kernel == 0 || window.output(false) < 1 {
            return call.refuse(format!("a window of {kernel} does not fit {input} elements"));
        }
        windows.push(window);
    }
    Ok(windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: Window = Window { input: 8, kernel: 3, stride: 2, dilation: 1, before: 1, after: 1 };

    #[test]
    fn borders_are_those_of_the_format_where_they_can_be() {
        // PyTorch's 3x3 with stride 2 has its border before the image, TensorFlow's behind it.
        assert_eq!(THREE.output(false), 4);
        assert_eq!(padding(&[THREE], &[4]), None);
        let same = Window { before: 0, after: 1, ..THREE };
        assert_eq!(padding(&[same], &[same.output(false)]), Some(Padding::Same));
        let valid = Window { before: 0, after: 0, ..THREE };
        assert_eq!(padding(&[valid], &[valid.output(false)]), Some(Padding::Valid));
    }

    #[test]
    fn ceiling_adds_a_window_that_begins_inside() {
        let window = Window { input: 8, kernel: 3, stride: 2, dilation: 1, before: 0, after: 0 };
        assert_eq!((window.output(false), window.output(true)), (3, 4));
        assert_eq!(window.reach(4), 1);
        let apart = Window { input: 4, kernel: 1, stride: 4, before: 0, after: 0, dilation: 1 };
        assert_eq!(apart.output(true), 1);
    }
}
