//! Half-precision floats (IEEE 754 binary16), as the bits that hold them.

/// The same value in single precision.
pub(crate) fn to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // Denormals count in 2^-24.
        0 => (fraction as f32 * (1.0 / 16_777_216.0)).to_bits(),
        31 => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// The nearest half-precision value; of two as near, the one with an even last bit.
pub(crate) fn from_f32(x: f32) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    let rounded = match magnitude {
        // No number.
        0x7f80_0001.. => 0x7e00,
        // Nearer to what would be 2^16 than to the largest value.
        0x477f_f000.. => 0x7c00,
        // Normal numbers: 13 bits less, and another bias. A carry goes on into the exponent.
        0x3880_0000.. => {
            let kept = magnitude - (112 << 23);
            (kept + 0xfff + (kept >> 13 & 1)) >> 13
        }
        // Denormals count in 2^-24: adding 2^-1 leaves exactly these bits, rounded to even.
        _ => (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5f32.to_bits(),
    };
    sign | rounded as u16
}

#[cfg(test)]
mod tests {
    use super::{from_f32, to_f32};

    #[test]
    fn every_value_survives() {
        for bits in 0..=u16::MAX {
            let x = to_f32(bits);
            if x.is_nan() {
                assert!(to_f32(from_f32(x)).is_nan());
            } else {
                assert_eq!(from_f32(x), bits);
            }
        }
    }

    #[test]
    fn rounding_is_to_the_nearest_and_to_even() {
        for bits in 0..0x7bff_u16 {
            let (low, high) = (to_f32(bits), to_f32(bits + 1));
            let middle = (low + high) / 2.0;
            assert_eq!(from_f32(middle), bits + (bits & 1));
            assert_eq!(from_f32(f32::from_bits(middle.to_bits() - 1)), bits);
            assert_eq!(from_f32(f32::from_bits(middle.to_bits() + 1)), bits + 1);
        }
        assert_eq!(from_f32(65519.996), 0x7bff);
        assert_eq!(from_f32(65520.0), 0x7c00);
        assert_eq!(from_f32(f32::NEG_INFINITY), 0xfc00);
    }
}
