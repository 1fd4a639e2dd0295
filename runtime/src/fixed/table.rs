//! Functions of 16-bit numbers as tables of 513 points with straight lines between them, the points
//! chosen as tflite chooses them. Source: tflite's `common.h`.

/// A table of a function from int16 to int16.
#[derive(Clone, Copy, Debug)]
pub struct Interpolated<'t>(pub &'t [i16]);

impl Interpolated<'_> {
    /// The number of points: one for every 128 values, and the end.
    pub const POINTS: usize = 513;

    /// Fills a table with the points of `f`, a function of real numbers. The int16 argument stands
    /// for `input_scale * (x - input_zero)`, the result for that times `output_scale`.
    ///
    /// Each point but the last lies off the curve by half the error that a straight line would have
    /// midway to the next one.
    pub fn fill(
        points: &mut [i16],
        (input_scale, input_zero): (f32, i32),
        output_scale: f32,
        f: impl Fn(f32) -> f32,
    ) {
        const STEPS: usize = Interpolated::POINTS - 1;
        let end = |x: i32, scale: f32, zero: i32| scale * (x - zero) as f32;
        let (low, high) = (end(-32768, input_scale, input_zero), end(32767, input_scale, input_zero));
        let per_unit = 65536.0 / (end(32767, output_scale, 0) - end(-32768, output_scale, 0));
        let step = (high - low) / STEPS as f32;
        let round = libm::roundf;
        for (i, point) in points.iter_mut().enumerate() {
            let at = low + i as f32 * step;
            let value = if i < STEPS {
                let value = round(f(at) * per_unit);
                let middle = round(f(at + step / 2.0) * per_unit);
                let next = f(low + (i + 1) as f32 * step) * per_unit;
                let error = round((next + value) / 2.0) - middle;
                value - round(error / 2.0)
            } else {
                round(f(high) * per_unit)
            };
            *point = value as i16;
        }
    }

    /// The function's value, between two points on a straight line, rounded halves up.
    #[inline]
    pub fn at(&self, x: i16) -> i16 {
        let (index, offset) = ((256 + (x >> 7)) as usize, i32::from(x & 0x7f));
        let Some(&[from, to]) = self.0.get(index..).and_then(|rest| rest.first_chunk::<2>()) else {
            return 0;
        };
        let slope = i32::from(to.wrapping_sub(from));
        from.wrapping_add(((slope * offset + 64) >> 7) as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::Interpolated;

    #[test]
    fn lines_between_points() {
        let mut points = [0i16; Interpolated::POINTS];
        points[256] = 100;
        points[257] = 228;
        let table = Interpolated(&points);
        // One step of 128 goes up by 128.
        assert_eq!((table.at(0), table.at(1), table.at(127)), (100, 101, 227));
        // The step before goes up by 100: 99.2 and 98.4 at 127 and 126 of it.
        assert_eq!((table.at(-1), table.at(-2)), (99, 98));
    }

    #[test]
    fn a_line_is_kept() {
        let mut points = [0i16; Interpolated::POINTS];
        Interpolated::fill(&mut points, (2.0 / 65535.0, 0), 2.0 / 65535.0, |x| x / 2.0);
        let table = Interpolated(&points);
        for x in [-32768i16, -1000, 0, 1000, 32767] {
            assert!((i32::from(table.at(x)) - i32::from(x) / 2).abs() <= 1);
        }
    }
}
