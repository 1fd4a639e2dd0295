//! Where the cells of a resized image come from.

use sedge_schema::Refusal;

/// How cells of the new image lie on those of the old one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) align_corners: bool,
    pub(crate) half_pixel_centers: bool,
}

impl Side {
    /// Cells of both images that are as far apart, old and new.
    fn spans(&self) -> (usize, usize) {
        if self.align_corners && self.output > 1 {
            (self.input.saturating_sub(1), self.output - 1)
        } else {
            (self.input, self.output)
        }
    }

    /// The nearest old cell of new cell `o`. The arithmetic is that of tflite's reference
    /// `resize_nearest_neighbor.h`.
    pub(crate) fn nearest(&self, o: usize) -> usize {
        let (old, new) = self.spans();
        let scale = old as f32 / new as f32;
        let offset = if self.half_pixel_centers { 0.5 } else { 0.0 };
        let place = (o as f32 + offset) * scale;
        let cell = if self.align_corners { libm::roundf(place) } else { libm::floorf(place) };
        // Conversions to integers saturate: no cell is negative.
        (cell as usize).min(self.input.saturating_sub(1))
    }

    /// The old cells around new cell `o`, and the weight of the second. The arithmetic is that of
    /// tflite's reference `resize_bilinear.h` in floats.
    pub(crate) fn between(&self, o: usize) -> (usize, usize, f32) {
        let (old, new) = self.spans();
        let scale = old as f32 / new as f32;
        let place = match self.half_pixel_centers {
            true => (o as f32 + 0.5) * scale - 0.5,
            false => o as f32 * scale,
        };
        let last = self.input.saturating_sub(1);
        let low = (libm::floorf(place) as usize).min(last);
        (low, (libm::ceilf(place) as usize).min(last), place - low as f32)
    }

    /// As [`Side::between`], with the weight in 1024ths, in integers.
    ///
    /// # Errors
    /// Where the sides are too long for 32 bits.
    pub(crate) fn between_fixed(&self, o: usize) -> Result<(usize, usize, i32), Refusal> {
        let (old, new) = self.spans();
        let (old, new) = (old as i64, (new as i64).max(1));
        let scale = (1024 * old + new / 2) / new;
        let mut place = o as i64 * scale;
        if self.half_pixel_centers {
            place += scale / 2 - 512;
        }
        let last = (self.input as i64 - 1).max(0);
        let low = (place / 1024).clamp(0, last);
        let high = ((place + 1023) / 1024).clamp(0, last);
        let weight = i32::try_from(place - 1024 * low).map_err(|_| Refusal::TooLarge)?;
        Ok((low as usize, high as usize, weight))
    }
}

#[cfg(test)]
mod tests {
    use super::Side;

    fn side(input: usize, output: usize, align_corners: bool, half_pixel_centers: bool) -> Side {
        Side { input, output, align_corners, half_pixel_centers }
    }

    #[test]
    fn every_way_leaves_a_side_of_the_same_length_as_it_is() {
        for (corners, centers) in [(false, false), (true, false), (false, true)] {
            for length in 1..40 {
                let side = side(length, length, corners, centers);
                for o in 0..length {
                    assert_eq!(side.nearest(o), o);
                    let (low, _, weight) = side.between(o);
                    assert_eq!((low, weight), (o, 0.0));
                    let (low, _, weight) = side.between_fixed(o).unwrap();
                    assert_eq!((low, weight), (o, 0));
                }
            }
        }
    }

    #[test]
    fn a_doubled_side_lies_between_its_cells() {
        assert_eq!(side(3, 6, false, false).between(3), (1, 2, 0.5));
        assert_eq!(side(3, 6, false, true).between(0), (0, 0, -0.25));
        assert_eq!(side(3, 6, false, true).between_fixed(1), Ok((0, 1, 256)));
        assert_eq!(side(3, 5, true, false).between_fixed(4), Ok((2, 2, 0)));
        assert_eq!([0, 1, 2, 3].map(|o| side(2, 4, false, false).nearest(o)), [0, 0, 1, 1]);
    }

    #[test]
    fn every_cell_lies_inside() {
        for (corners, centers) in [(false, false), (true, false), (false, true)] {
            for (input, output) in (1..12).flat_map(|i| (1..50).map(move |o| (i, o))) {
                let side = side(input, output, corners, centers);
                for o in 0..output {
                    let (low, high, _) = side.between(o);
                    let (fixed_low, fixed_high, _) = side.between_fixed(o).unwrap();
                    assert!([side.nearest(o), low, high, fixed_low, fixed_high].iter().all(|&c| c < input));
                }
            }
        }
    }
}
