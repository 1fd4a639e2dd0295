//! Integer functions.

/// The number of bits of `x` up to its highest one that is set.
pub(super) fn bits(x: u32) -> u32 {
    32 - x.leading_zeros()
}

/// The square root of `x`, rounded half up; 65535 at most.
pub(super) fn sqrt32(x: u32) -> u32 {
    let root = x.isqrt();
    if x - root * root > root && root != 0xffff { root + 1 } else { root }
}

/// The square root of `x`, rounded half up; 2^32 - 1 at most, and 65535 for numbers of 32 bits.
pub(super) fn sqrt64(x: u64) -> u32 {
    if let Ok(x) = u32::try_from(x) {
        return sqrt32(x);
    }
    let root = x.isqrt();
    (if x - root * root > root && root != 0xffff_ffff { root + 1 } else { root }) as u32
}

/// `log2(1 + i / 128) - i / 128` with 16 fractional bits.
#[rustfmt::skip]
const LOG: [u16; 130] = [
    0, 224, 442, 654, 861, 1063, 1259, 1450, 1636, 1817, 1992, 2163, 2329, 2490, 2646, 2797,
    2944, 3087, 3224, 3358, 3487, 3611, 3732, 3848, 3960, 4068, 4172, 4272, 4368, 4460, 4549, 4633,
    4714, 4791, 4864, 4934, 5001, 5063, 5123, 5178, 5231, 5280, 5326, 5368, 5408, 5444, 5477, 5507,
    5533, 5557, 5578, 5595, 5610, 5622, 5631, 5637, 5640, 5641, 5638, 5633, 5626, 5615, 5602, 5586,
    5568, 5547, 5524, 5498, 5470, 5439, 5406, 5370, 5332, 5291, 5249, 5203, 5156, 5106, 5054, 5000,
    4944, 4885, 4825, 4762, 4697, 4630, 4561, 4490, 4416, 4341, 4264, 4184, 4103, 4020, 3935, 3848,
    3759, 3668, 3575, 3481, 3384, 3286, 3186, 3084, 2981, 2875, 2768, 2659, 2549, 2437, 2323, 2207,
    2090, 1971, 1851, 1729, 1605, 1480, 1353, 1224, 1094, 963, 830, 695, 559, 421, 282, 142,
    0, 0,
];

/// ln(2) with 16 fractional bits.
const LN_2: u64 = 45426;

/// `scale * ln(x)` for `x > 0`; `scale` has 16 fractional bits fewer than the product that is formed.
pub(super) fn log(x: u32, scale: u32) -> u32 {
    const HALF: u32 = 1 << 15;
    let whole = bits(x) - 1;
    // What follows the highest bit, with 16 fractional bits.
    let rest = x ^ (1 << whole);
    let fraction = if whole < 16 { rest << (16 - whole) } else { rest >> (whole - 16) };
    // A straight line between the table's values, whose slope is taken over the whole of [1, 2).
    let segment = fraction >> 9;
    let value = |i: u32| i32::from(LOG.get(i as usize).copied().unwrap_or(0));
    let (low, high) = (value(segment), value(segment + 1));
    let line = ((high - low) * (fraction & 0x1ff) as i32) >> 16;
    let log2 = (whole << 16).wrapping_add(fraction.wrapping_add_signed(low + line));
    let ln = ((LN_2 * u64::from(log2) + u64::from(HALF)) >> 16) as u32;
    scale.wrapping_mul(ln).wrapping_add(HALF) >> 16
}

#[cfg(test)]
mod tests {
    use super::{LOG, log, sqrt32, sqrt64};

    #[test]
    fn roots_are_the_nearest() {
        for x in (0..70_000).chain([u32::MAX, u32::MAX - 1, 1 << 31]) {
            let root = f64::from(x).sqrt();
            assert_eq!(f64::from(sqrt32(x)), root.round().min(65535.0), "{x}");
        }
        assert_eq!(sqrt64(u64::MAX), u32::MAX);
        assert_eq!(sqrt64(1 << 40), 1 << 20);
        // (2^20 + 1/2)^2 is 2^40 + 2^20 + 1/4.
        assert_eq!(
            (sqrt64((1 << 40) + (1 << 20)), sqrt64((1 << 40) + (1 << 20) + 1)),
            (1 << 20, (1 << 20) + 1)
        );
    }

    #[test]
    fn the_table_is_its_definition() {
        for (i, &entry) in LOG.iter().enumerate().take(129) {
            let x = i as f64 / 128.0;
            assert_eq!(f64::from(entry), (65536.0 * ((1.0 + x).log2() - x)).round());
        }
    }

    #[test]
    fn logarithms_are_near() {
        // The slope of the lines is a 128th of what it should be: up to 224 / 65536 are missing.
        for x in (2..5000).chain((13..32).map(|k| (1 << k) - 7)) {
            let error = f64::from(log(x, 1600)) - 1600.0 * f64::from(x).ln();
            assert!(error.abs() < 1.0 + 1600.0 * 224.0 / 65536.0, "{x}: {error}");
        }
    }
}
