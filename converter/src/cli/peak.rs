//! The most products that the processor does in a second: loops of nothing but the instructions of the kernels, on
//! numbers that are in registers or in the nearest cache.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sedge_runtime::Level;
use sedge_simd::{Kernel, Simd};
use serde::Serialize;

/// Multiply-accumulates in a nanosecond, one thread.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Peak {
    pub(super) int8_gmacs_per_s: f64,
    pub(super) float32_gmacs_per_s: f64,
}

impl Peak {
    /// Measures for some milliseconds.
    pub(super) fn of(level: Level) -> Self {
        Self {
            int8_gmacs_per_s: fastest(|| level.run(Int8)),
            float32_gmacs_per_s: fastest(|| level.run(Float)),
        }
    }
}

/// Vectors of sums: enough to hide how long an instruction takes, few enough for the registers.
const SUMS: usize = 12;

/// Vectors of weights, which are multiplied with each activation.
const WEIGHTS: usize = 4;

/// Steps of a loop.
const STEPS: usize = 10_000;

/// The best of some runs, each of which says how many products it did.
fn fastest(run: impl Fn() -> usize) -> f64 {
    let start = Instant::now();
    let mut best = 0f64;
    while start.elapsed() < Duration::from_millis(20) {
        let before = Instant::now();
        let products = run();
        let time = before.elapsed().as_nanos().max(1);
        best = best.max(products as f64 / time as f64);
    }
    best
}

struct Int8;

impl Kernel for Int8 {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        // As in a tile: each step has other activations, and no two sums the same product, which the compiler would
        // work out once.
        let mut weights = [simd.load_groups(&black_box([1; 64])); WEIGHTS];
        for weights in &mut weights {
            *weights = simd.load_groups(&black_box([1; 64]));
        }
        let mut staged = [bytemuck::Zeroable::zeroed(); 4];
        simd.stage(&black_box([1; 4]), &mut staged);
        let Some(group) = S::group(&staged, 0) else { return 0 };
        let mut sums = [[simd.splat_i32(0); WEIGHTS]; SUMS / WEIGHTS];
        for _ in 0..STEPS {
            for sums in &mut sums {
                let activations = simd.splat_group(black_box(group));
                for (sum, &weights) in sums.iter_mut().zip(&weights) {
                    *sum = simd.dot(*sum, activations, weights);
                }
            }
        }
        let mut all = simd.splat_i32(0);
        for sum in sums.into_iter().flatten() {
            all = simd.add_i32(all, sum);
        }
        let mut out = [0; 16];
        simd.store_i32(all, &mut out);
        black_box(out);
        STEPS * SUMS * S::LANES * S::GROUP
    }
}

struct Float;

impl Kernel for Float {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        let weights = simd.load_f32(&black_box([1.0; 16]));
        let activations = simd.splat_f32(black_box(0.5));
        let mut sums = [simd.splat_f32(0.0); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32(activations, weights, *sum);
            }
        }
        let mut all = simd.splat_f32(0.0);
        for sum in sums {
            all = simd.max_f32(all, sum);
        }
        let mut out = [0.0; 16];
        simd.store_f32(all, &mut out);
        black_box(out);
        STEPS * SUMS * S::LANES
    }
}
