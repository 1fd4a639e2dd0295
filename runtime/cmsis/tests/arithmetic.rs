//! Filters and products against their definitions.

use sedge_cmsis::filter::Biquads;
use sedge_cmsis::matrix::times_vector;

/// A band around a tenth of the rate, and a low pass: `[b0, b1, b2, a1, a2]`.
const SECTIONS: [[f32; 5]; 2] = [[0.136, 0.0, -0.136, 1.398, -0.727], [0.067, 0.135, 0.067, 1.143, -0.413]];

fn noise(count: usize) -> Vec<f32> {
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// The difference equation itself, in float64.
fn naive(signal: &[f32]) -> Vec<f64> {
    SECTIONS.iter().fold(signal.iter().map(|&x| x.into()).collect(), |x: Vec<f64>, section| {
        let [b0, b1, b2, a1, a2] = section.map(f64::from);
        let mut y: Vec<f64> = Vec::new();
        for n in 0..x.len() {
            let before = |of: &[f64], k| if n < k { 0.0 } else { of[n - k] };
            y.push(
                b0 * x[n] + b1 * before(&x, 1) + b2 * before(&x, 2) + a1 * before(&y, 1) + a2 * before(&y, 2),
            );
        }
        y
    })
}

/// The sections' gain is below one, so the rounding of a few operations stays near that of one.
#[test]
fn sections_filter_block_by_block() {
    let signal = noise(1000);
    let mut filter = Biquads::new(SECTIONS);
    for _ in 0..2 {
        let mut found = signal.clone();
        let (mut rest, mut length) = (&mut found[..], 1);
        while !rest.is_empty() {
            let (block, others) = rest.split_at_mut(length.min(rest.len()));
            filter.filter(block);
            (rest, length) = (others, length * 3 % 61);
        }
        for (x, y) in found.iter().zip(naive(&signal)) {
            assert!((f64::from(*x) - y).abs() < 1e-5, "{x} {y}");
        }
        filter.reset();
    }
}

#[test]
fn a_matrix_times_a_vector() {
    for (rows, columns) in [(1, 1), (1, 7), (3, 4), (4, 5), (9, 33), (16, 64)] {
        let (matrix, vector) = (noise(rows * columns), noise(columns));
        let mut to = vec![0.0; rows];
        times_vector(&matrix, &vector, &mut to).unwrap();
        for (row, found) in matrix.chunks_exact(columns).zip(&to) {
            let wanted: f64 = row.iter().zip(&vector).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            // Each of `columns` sums of at most `columns` is rounded once.
            let step = (columns * columns) as f64 * f64::from(f32::EPSILON);
            assert!((f64::from(*found) - wanted).abs() <= step, "{rows} x {columns}: {found} {wanted}");
        }
        let mut short = vec![5.0; rows];
        assert_eq!(times_vector(&matrix[1..], &vector, &mut short), None);
        assert_eq!(short, vec![5.0; rows]);
    }
}
