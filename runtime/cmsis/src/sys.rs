//! Calls of CMSIS-DSP with their lengths checked. The bindings are bindgen's, for the target at hand: what an instance holds differs
//! between cores.

use core::mem::MaybeUninit;

use bindings::arm_status_ARM_MATH_SUCCESS as SUCCESS;

use crate::spectrum::{SLACK, Transform};

#[allow(
    clippy::all,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub
)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

macro_rules! fixed_spectra {
    ($t:ty, $instance:ident, $run:ident: $($length:literal $init:ident)*) => {$(
        impl Transform<$length> for $t {
            const OUTPUTS: usize = 2 * $length;

            fn transform(from: &mut [Self], to: &mut [Self]) -> Option<()> {
                let from = from.get_mut(..$length + SLACK)?;
                let to = to.get_mut(..2 * $length)?;
                let mut instance = MaybeUninit::<bindings::$instance>::zeroed();
                // SAFETY: the instance can be written to, and zeros, null pointers among them, are values of its type. The function
                // keeps no pointer to it.
                let status = unsafe { bindings::$init(instance.as_mut_ptr(), 0, 1) };
                if status != SUCCESS {
                    return None;
                }
                // SAFETY: the instance is one for this length, as the status says. The function uses the first `length` samples of
                // `from` as its own memory, reads less than SLACK beyond them where it has vectors, and writes at most twice as many
                // to `to`; both are that long, and borrowed uniquely.
                unsafe { bindings::$run(instance.as_ptr(), from.as_mut_ptr(), to.as_mut_ptr()) };
                Some(())
            }
        }
    )*};
}

fixed_spectra! {
    i16, arm_rfft_instance_q15, arm_rfft_q15:
    32 arm_rfft_init_32_q15
    64 arm_rfft_init_64_q15
    128 arm_rfft_init_128_q15
    256 arm_rfft_init_256_q15
    512 arm_rfft_init_512_q15
    1024 arm_rfft_init_1024_q15
    2048 arm_rfft_init_2048_q15
    4096 arm_rfft_init_4096_q15
}

fixed_spectra! {
    i32, arm_rfft_instance_q31, arm_rfft_q31:
    32 arm_rfft_init_32_q31
    64 arm_rfft_init_64_q31
    128 arm_rfft_init_128_q31
    256 arm_rfft_init_256_q31
    512 arm_rfft_init_512_q31
    1024 arm_rfft_init_1024_q31
    2048 arm_rfft_init_2048_q31
    4096 arm_rfft_init_4096_q31
}

macro_rules! float_spectra {
    ($($length:literal $init:ident)*) => {$(
        impl Transform<$length> for f32 {
            const OUTPUTS: usize = $length + SLACK;

            fn transform(from: &mut [Self], to: &mut [Self]) -> Option<()> {
                let from = from.get_mut(..$length + SLACK)?;
                let to = to.get_mut(..$length + SLACK)?;
                let mut instance = MaybeUninit::<bindings::arm_rfft_fast_instance_f32>::zeroed();
                // SAFETY: the instance can be written to, and zeros, null pointers among them, are values of its type. The function
                // keeps no pointer to it.
                let status = unsafe { bindings::$init(instance.as_mut_ptr()) };
                if status != SUCCESS {
                    return None;
                }
                // SAFETY: the instance is one for this length, as the status says. The function uses `from` as its own memory and
                // writes `to`, `length` numbers of each; both are longer than that, and borrowed uniquely.
                unsafe { bindings::arm_rfft_fast_f32(instance.as_ptr(), from.as_mut_ptr(), to.as_mut_ptr(), 0) };
                // The first imaginary part is 0; in its place is the last real part.
                let last = core::mem::replace(to.get_mut(1)?, 0.0);
                *to.get_mut($length)? = last;
                *to.get_mut($length + 1)? = 0.0;
                Some(())
            }
        }
    )*};
}

float_spectra! {
    32 arm_rfft_fast_init_32_f32
    64 arm_rfft_fast_init_64_f32
    128 arm_rfft_fast_init_128_f32
    256 arm_rfft_fast_init_256_f32
    512 arm_rfft_fast_init_512_f32
    1024 arm_rfft_fast_init_1024_f32
    2048 arm_rfft_fast_init_2048_f32
    4096 arm_rfft_fast_init_4096_f32
}

/// Filters `signal` in place by second-order sections with these coefficients and state, two numbers for each section.
pub(crate) fn biquads(sections: &[[f32; 5]], state: &mut [[f32; 2]], signal: &mut [f32]) -> Option<()> {
    let stages = u8::try_from(sections.len()).ok().filter(|_| sections.len() == state.len())?;
    let block = u32::try_from(signal.len()).ok()?;
    let instance = bindings::arm_biquad_cascade_df2T_instance_f32 {
        numStages: stages,
        pState: state.as_mut_ptr().cast(),
        pCoeffs: sections.as_ptr().cast(),
    };
    let signal = signal.as_mut_ptr();
    // SAFETY: the instance's pointers lead to two numbers of state and five coefficients for each of its stages, alive and, the
    // state, borrowed uniquely. The signal has `block` samples; a sample is read before its place is written.
    unsafe { bindings::arm_biquad_cascade_df2T_f32(&raw const instance, signal, signal, block) };
    Some(())
}

/// `to = matrix * vector`; `None` where the lengths do not fit.
pub(crate) fn product(matrix: &[f32], vector: &[f32], to: &mut [f32]) -> Option<()> {
    let (rows, columns) = (u16::try_from(to.len()).ok()?, u16::try_from(vector.len()).ok()?);
    if matrix.len() != to.len() * vector.len() {
        return None;
    }
    let instance = bindings::arm_matrix_instance_f32 {
        numRows: rows,
        numCols: columns,
        // It is not written to.
        pData: matrix.as_ptr().cast_mut(),
    };
    // SAFETY: the matrix has `rows * columns` numbers, the vector `columns` and the output, borrowed uniquely, `rows`.
    unsafe { bindings::arm_mat_vec_mult_f32(&raw const instance, vector.as_ptr(), to.as_mut_ptr()) };
    Some(())
}
