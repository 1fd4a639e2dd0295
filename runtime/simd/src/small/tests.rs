use std::vec;
use std::vec::Vec;

use super::{
    Addends, Filters, POSITIONS, Pieces, Taps, clear, connect, convolve, depthwise, pointwise, widen,
    widen_pieces,
};

/// Numbers that are all over the range, extremes among them.
fn numbers(n: usize, seed: usize) -> Vec<i8> {
    (0..n).map(|i| if i % 7 == seed % 7 { -128 } else { (i * 37 + seed * 11) as i8 }).collect()
}

/// The rule, in real numbers: a product that rounds halves up, a shift that rounds them away from zero.
fn rule(filters: &Filters<'_>, f: usize, sum: i32) -> i8 {
    let of = |len: usize| if len == 1 { 0 } else { f };
    let (q, shift) = (filters.q[of(filters.q.len())], filters.shift[of(filters.shift.len())]);
    let product = (f64::from(sum) * f64::from(q) / 2f64.powi(31) + 0.5).floor();
    let scaled = (product * 2f64.powi(shift.into())).round() + f64::from(filters.zero);
    scaled.clamp(filters.range[0].into(), filters.range[1].into()) as i8
}

fn sum(filters: &Filters<'_>, f: usize, products: impl Iterator<Item = (i8, i8)>) -> i32 {
    let bias = if filters.bias.is_empty() { 0 } else { filters.bias[f] };
    products.fold(bias, |sum, (x, w)| sum + (i32::from(x) + filters.offset) * i32::from(w))
}

/// Constants for `count` filters, one multiplier for all or one each.
struct Constants {
    weights: Vec<i8>,
    bias: Vec<i32>,
    q: Vec<i32>,
    shift: Vec<i8>,
}

impl Constants {
    fn new(weights: usize, count: usize, each: bool) -> Self {
        let n = if each { count } else { 1 };
        Self {
            weights: numbers(weights, 3),
            bias: (0..count).map(|i| i as i32 * 1009 - 2000).collect(),
            q: (0..n).map(|i| (1 << 30) + i as i32 * 123_456_789 % (1 << 30)).collect(),
            shift: (0..n).map(|i| -((i % 12) as i8)).collect(),
        }
    }

    fn filters(&self, offset: i32) -> Filters<'_> {
        let Self { weights, bias, q, shift } = self;
        Filters { weights, bias, q, shift, offset, zero: -3, range: [-100, 127] }
    }
}

#[test]
fn products_of_halves_are_those_of_wholes() {
    for q in [0, 1, 0x7fff, 0x8000, 0xffff, 0x1_0000, 1 << 30, 0x5a82_799a, i32::MAX] {
        for base in [0, 1, 0x7fff, 0x8000, 0xffff, 0x1_0000, 1 << 29, i32::MAX - 9, i32::MIN + 9] {
            for near in -8..=8 {
                let a = base + near;
                assert_eq!(super::high_product_of_halves(a, q), super::high_product(a, q), "{a} {q}");
            }
        }
    }
}

#[test]
fn outputs_round_as_the_rule_says() {
    let none = Constants::new(0, 0, false);
    for shift in Filters::LEAST_SHIFT..=0 {
        for q in [1 << 30, 0x5a82_799a, i32::MAX] {
            let filters = Filters { q: &[q], shift: &[shift], ..none.filters(0) };
            for base in [0, 1 << 7, 1 << 12, 1 << 20, Filters::MOST_SUM - 40] {
                for near in -20..20 {
                    for sum in [base + near, near - base] {
                        assert_eq!(filters.finish(0, sum), rule(&filters, 0, sum), "{sum} {q} {shift}");
                    }
                }
            }
        }
    }
}

#[test]
fn convolutions_are_those_of_their_rows() {
    for length in [1, 2, 3, 4, 5, 7, 8, 12, 27] {
        for count in 1..6 {
            for each in [true, false] {
                let constants = Constants::new(length * count, count, each);
                let mut filters = constants.filters(100);
                if count == 4 {
                    filters.bias = &[];
                }
                let rows = [numbers(length, 0), numbers(length, 1)];
                let mut wide = vec![u32::MAX; length];
                for (p, row) in rows.iter().enumerate() {
                    clear(100, p, &mut wide);
                    // In two pieces, of which the second starts anywhere.
                    let (first, second) = row.split_at(length / 2);
                    widen(100, first, (0, length), p, &mut wide);
                    widen(100, second, (length / 2, length), p, &mut wide);
                }
                let mut out = vec![55; 2 * count + 3];
                convolve(&filters, &wide, length, &mut out, count + 2);
                for (p, row) in rows.iter().enumerate() {
                    for f in 0..count {
                        let w = &constants.weights[f * length..(f + 1) * length];
                        let sum = sum(&filters, f, row.iter().copied().zip(w.iter().copied()));
                        assert_eq!(
                            out[p * (count + 2) + f],
                            rule(&filters, f, sum),
                            "{length} {count} {p} {f}"
                        );
                    }
                }
                // Nothing else is written, and nothing at all where there is no place for all.
                assert_eq!(out[count..count + 2], [55; 2]);
                let mut out = vec![55; 2 * count - 1];
                convolve(&filters, &wide, length, &mut out, count);
                assert!(out.iter().all(|&y| y == 55));
            }
        }
    }
}

#[test]
fn both_positions_may_be_one() {
    let constants = Constants::new(12, 3, true);
    let filters = constants.filters(-5);
    let row = numbers(4, 2);
    let mut wide = [0; 4];
    (0..2).for_each(|p| widen(-5, &row, (0, 4), p, &mut wide));
    let mut out = [0; 3];
    convolve(&filters, &wide, 4, &mut out, 0);
    for (f, out) in out.into_iter().enumerate() {
        let w = &constants.weights[f * 4..(f + 1) * 4];
        assert_eq!(out, rule(&filters, f, sum(&filters, f, row.iter().copied().zip(w.iter().copied()))));
    }
}

#[test]
fn depthwise_channels_are_sums_of_their_own() {
    for channels in [1, 2, 3, 4, 5, 8, 11] {
        for (rows, columns) in [(1, 1), (3, 3), (2, 3), (3, 2), (1, 5), (0, 0)] {
            let constants = Constants::new(5 * 5 * channels, channels, channels % 2 == 0);
            let filters = constants.filters(-7);
            // The image is seven cells wide, of which every other is looked at.
            let image = numbers(5 * 14 * channels, 1);
            let taps = Taps {
                rows,
                columns,
                image: [7 * channels, 2 * channels],
                weights: [5 * channels, channels],
            };
            // Two positions, three cells apart.
            let mut out = vec![0; 2 * channels];
            depthwise(&filters, &image, &taps, (channels, 3 * channels), &mut out);
            for (at, &out) in out.iter().enumerate() {
                let (p, c) = (at / channels, at % channels);
                let cells = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
                let products = cells.map(|(i, j)| {
                    let cell = i * 7 + j * 2 + 3 * p;
                    (image[cell * channels + c], constants.weights[(i * 5 + j) * channels + c])
                });
                let sum = sum(&filters, c, products);
                assert_eq!(out, rule(&filters, c, sum), "{channels} {rows} {columns} {p} {c}");
            }
        }
    }
}

#[test]
fn units_are_sums_of_their_rows() {
    for depth in [0, 1, 3, 4, 6, 8, 12, 17] {
        for units in 1..10 {
            let constants = Constants::new(depth * units, units, units % 2 == 0);
            let filters = constants.filters(128);
            let row = numbers(depth, 4);
            let mut out = vec![0; units];
            connect(&filters, &row, &mut out);
            for (f, &out) in out.iter().enumerate() {
                let w = &constants.weights[f * depth..(f + 1) * depth];
                let sum = sum(&filters, f, row.iter().copied().zip(w.iter().copied()));
                assert_eq!(out, rule(&filters, f, sum), "{depth} {units} {f}");
            }
        }
    }
}

#[test]
fn rows_of_pixels_are_convolutions_at_each() {
    for (length, count, rows) in [(1, 1, 1), (4, 2, 2), (7, 3, 3), (8, 5, 4), (12, 4, 5)] {
        let constants = Constants::new(length * count, count, true);
        let filters = constants.filters(100);
        let x = numbers(length * rows, 2);
        let mut out = vec![55; count * rows];
        pointwise(&filters, &x, &mut vec![0; length], &mut out);
        for (at, &out) in out.iter().enumerate() {
            let (row, f) = (at / count, at % count);
            let x = x[row * length..(row + 1) * length].iter().copied();
            let w = constants.weights[f * length..(f + 1) * length].iter().copied();
            assert_eq!(out, rule(&filters, f, sum(&filters, f, x.zip(w))), "{length} {count} {row} {f}");
        }
    }
}

#[test]
fn pieces_are_widened_as_each_alone() {
    let x = numbers(40, 3);
    for (length, step, row_step) in [(4, 9, 4), (3, 5, 6), (8, 8, 8)] {
        let pieces = Pieces { count: 3, length, step, row_step };
        for p in 0..POSITIONS {
            let (mut at_once, mut alone) = (vec![0; 30], vec![0; 30]);
            widen_pieces(7, &x, &pieces, (2, 30), p, &mut at_once);
            for i in 0..3 {
                widen(7, &x[i * step..i * step + length], (2 + i * row_step, 30), p, &mut alone);
            }
            assert_eq!(at_once, alone);
            // One that is not all there.
            let mut nothing = vec![0; 30];
            widen_pieces(7, &x[..2 * step + length - 1], &pieces, (2, 30), p, &mut nothing);
            assert_eq!(nothing, vec![0; 30]);
        }
    }
}

#[test]
fn operands_are_scaled_and_added_up() {
    // In whole numbers of any size: halves up, then halves away from zero.
    let scaled = |x: i64, q: i32, right: i32| {
        let product = (x * i64::from(q) + (1 << 30)) >> 31;
        let (size, half) = (product.abs(), if right == 0 { 0 } else { 1 << (right - 1) });
        ((size + half) >> right) * product.signum()
    };
    for (q, r, right) in
        [(1 << 30, i32::MAX, [0, 3, 18]), (1_500_000_000, 1 << 30, [7, 0, 19]), (1, 3, [0, 30, 0])]
    {
        let addends = Addends {
            offsets: [128, -127],
            q: [q, r],
            output_q: 1_234_567_890,
            zero: -3,
            right,
            limits: [100, -90],
        };
        let every: Vec<i8> = (i8::MIN..=i8::MAX).collect();
        for shift in [0, 1, 100, 255] {
            let mut other = every.clone();
            other.rotate_left(shift);
            let (mut out, mut over) = (vec![0; 256], every.clone());
            addends.sums(&every, &other, &mut out);
            for ((&a, &b), &out) in every.iter().zip(&other).zip(&out) {
                let operand =
                    |x: i8, offset: i32, q, right| scaled(i64::from(i32::from(x) + offset) << 20, q, right);
                let sum = operand(a, 128, q, right[0]) + operand(b, -127, r, right[1]);
                let wanted = (scaled(sum, addends.output_q, right[2]) - 3).clamp(-90, 100);
                assert_eq!((i64::from(out), addends.sum(a, b)), (wanted, out), "{a} {b} {addends:?}");
            }
            addends.sums_over(&mut over, &other, false);
            assert_eq!(over, out);
            addends.sums_over(&mut other, &every, true);
            assert_eq!(other, out);
        }
    }
}
