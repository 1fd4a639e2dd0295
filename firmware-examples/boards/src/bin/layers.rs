//! Layers of many odd shapes by the processor's own functions ([`sedge_simd::small`]), each output beside the rule in whole numbers.
//!
//! It prints how many outputs it has looked at, and how many are wrong: none.

#![no_std]
#![no_main]

use core::convert::Infallible;

use boards::{end, entry};
use sedge_simd::small::{
    Addends, Filters, POSITIONS, Pieces, Taps, clear, connect, convolve, depthwise, pointwise, widen,
    widen_pieces,
};
use static_cell::ConstStaticCell;

/// Numbers all over the range, extremes among them.
const BYTES: usize = 4096;

struct Numbers {
    bytes: [i8; BYTES],
    weights: [i8; BYTES],
    bias: [i32; 64],
    q: [i32; 64],
    shift: [i8; 64],
    wide: [u32; 512],
    out: [i8; 1024],
}

static NUMBERS: ConstStaticCell<Numbers> = ConstStaticCell::new(Numbers {
    bytes: [0; BYTES],
    weights: [0; BYTES],
    bias: [0; 64],
    q: [0; 64],
    shift: [0; 64],
    wide: [0; 512],
    out: [0; 1024],
});

/// Outputs that were looked at, and those that are wrong.
#[derive(Default)]
struct Tally {
    all: u32,
    wrong: u32,
}

impl Tally {
    fn see(&mut self, found: i8, wanted: i8) {
        self.all += 1;
        self.wrong += u32::from(found != wanted);
    }

    fn print(self, what: &str) {
        defmt::println!("{=str}: {=u32} outputs, {=u32} wrong", what, self.all, self.wrong);
    }
}

/// `x * q / 2^31`, halves up, divided by `2^right`, halves away from zero.
fn scaled(x: i64, q: i32, right: u32) -> i64 {
    let product = (x * i64::from(q) + (1 << 30)) >> 31;
    let half = if right == 0 { 0 } else { 1 << (right - 1) };
    ((product.abs() + half) >> right) * product.signum()
}

/// The output of filter `f` for products of inputs and weights.
fn rule(filters: &Filters<'_>, f: usize, products: impl Iterator<Item = (i8, i8)>) -> i8 {
    let one = |len: usize| if len == 1 { 0 } else { f };
    let products = products.map(|(x, w)| (i64::from(x) + i64::from(filters.offset)) * i64::from(w));
    let sum = i64::from(filters.bias.get(f).copied().unwrap_or(0)) + products.sum::<i64>();
    let (q, shift) = (filters.q[one(filters.q.len())], filters.shift[one(filters.shift.len())]);
    let [min, max] = filters.range.map(i64::from);
    (scaled(sum, q, shift.unsigned_abs().into()) + i64::from(filters.zero)).clamp(min, max) as i8
}

/// The constants of a layer; one for all filters, or without biases, by turns.
fn filters<'n>(
    numbers: (&'n [i32; 64], &'n [i32; 64], &'n [i8; 64]),
    weights: &'n [i8],
    turn: usize,
) -> Filters<'n> {
    let (bias, q, shift) = numbers;
    Filters {
        weights,
        bias: if turn.is_multiple_of(3) { &[] } else { bias },
        q: if turn.is_multiple_of(2) { &q[..1] } else { q },
        shift: if turn.is_multiple_of(4) { &shift[..1] } else { shift },
        offset: if turn.is_multiple_of(2) { 128 } else { -127 },
        zero: (turn * 29) as i8,
        range: if turn.is_multiple_of(5) { [-128, 127] } else { [-70, 90] },
    }
}

fn convolutions(numbers: &mut Numbers) {
    let Numbers { bytes, weights, bias, q, shift, wide, out } = numbers;
    let (mut tally, mut turn) = (Tally::default(), 0);
    for length in [1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 27, 33, 64] {
        for count in [1, 2, 3, 5, 8, 31, 32, 33, 40] {
            turn += 1;
            let filters = filters((bias, q, shift), &weights[..length * count], turn);
            let rows = [&bytes[turn..turn + length], &bytes[2000 + turn..2000 + turn + length]];
            let wide = &mut wide[..length];
            for (p, row) in rows.iter().enumerate() {
                clear(filters.offset, p, wide);
                // In two pieces, of which the second starts anywhere.
                let (first, second) = row.split_at(turn % (length + 1));
                widen(filters.offset, first, (0, length), p, wide);
                widen(filters.offset, second, (first.len(), length), p, wide);
            }
            let second = count + turn % 3;
            convolve(&filters, wide, length, &mut out[..second + count], second);
            for (at, f) in (0..2 * count).map(|i| (i / count, i % count)) {
                let row = weights[f * length..].iter().take(length);
                let products = rows[at].iter().copied().zip(row.copied());
                tally.see(out[at * second + f], rule(&filters, f, products));
            }
        }
    }
    tally.print("convolutions");
}

fn pixels(numbers: &mut Numbers) {
    let Numbers { bytes, weights, bias, q, shift, wide, out } = numbers;
    let (mut tally, mut turn) = (Tally::default(), 0);
    for length in [1, 3, 4, 8, 16, 20, 40] {
        for count in [1, 2, 7, 16, 33] {
            for rows in 1..5 {
                turn += 1;
                let filters = filters((bias, q, shift), &weights[..length * count], turn);
                let x = &bytes[turn..turn + rows * length];
                pointwise(&filters, x, &mut wide[..length], &mut out[..rows * count]);
                for (row, f) in (0..rows * count).map(|i| (i / count, i % count)) {
                    let x = x[row * length..].iter().take(length).copied();
                    let products = x.zip(weights[f * length..].iter().copied());
                    tally.see(out[row * count + f], rule(&filters, f, products));
                }
            }
        }
    }
    tally.print("pixels");
}

fn channels(numbers: &mut Numbers) {
    let Numbers { bytes, weights, bias, q, shift, out, .. } = numbers;
    let (mut tally, mut turn) = (Tally::default(), 0);
    for channels in [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 40] {
        for (rows, columns) in [(1, 1), (3, 3), (2, 3), (3, 2), (1, 5), (4, 1)] {
            turn += 1;
            // An image of eight columns, of which every other is looked at, at two positions three cells apart.
            let filters = filters((bias, q, shift), weights, turn);
            let (image, cells) = ([8 * channels, 2 * channels], [5 * channels, channels]);
            let taps = Taps { rows, columns, image, weights: cells };
            depthwise(&filters, bytes, &taps, (channels, 3 * channels), &mut out[..2 * channels]);
            for (p, c) in (0..2 * channels).map(|i| (i / channels, i % channels)) {
                let (bytes, weights) = (&*bytes, &*weights);
                let products = (0..rows * columns).map(|cell| {
                    let (i, j) = (cell / columns, cell % columns);
                    let x = bytes[i * image[0] + j * image[1] + 3 * p * channels + c];
                    (x, weights[i * cells[0] + j * cells[1] + c])
                });
                tally.see(out[p * channels + c], rule(&filters, c, products));
            }
        }
    }
    tally.print("channels");
}

fn units(numbers: &mut Numbers) {
    let Numbers { bytes, weights, bias, q, shift, out, .. } = numbers;
    let (mut tally, mut turn) = (Tally::default(), 0);
    for depth in [1, 3, 4, 6, 8, 15, 16, 17, 40, 64] {
        for units in [1, 2, 3, 4, 5, 8, 9, 32, 33] {
            turn += 1;
            let filters = filters((bias, q, shift), &weights[..depth * units], turn);
            let x = &bytes[turn..turn + depth];
            connect(&filters, x, &mut out[..units]);
            for (f, &found) in out[..units].iter().enumerate() {
                let products = x.iter().copied().zip(weights[f * depth..].iter().copied());
                tally.see(found, rule(&filters, f, products));
            }
        }
    }
    tally.print("units");
}

fn sums(numbers: &mut Numbers) {
    let Numbers { bytes, weights, q, out, .. } = numbers;
    let mut tally = Tally::default();
    for count in [1, 2, 3, 4, 5, 8, 100] {
        for turn in 0..8 {
            let right = [turn, 3, 17 + turn % 3];
            let (factors, output_q) = ([q[turn as usize], 1 << 30], q[8 + turn as usize]);
            let (offsets, limits) = ([128, -127], [100, -90]);
            let addends = Addends { offsets, q: factors, output_q, zero: turn - 3, right, limits };
            let (a, b) = (&bytes[..count], &weights[..count]);
            addends.sums(a, b, &mut out[..count]);
            for ((&a, &b), &found) in a.iter().zip(b).zip(&out[..count]) {
                let operand = |i: usize, x: i8| {
                    scaled((i64::from(x) + i64::from(offsets[i])) << 20, factors[i], right[i] as u32)
                };
                let sum = scaled(operand(0, a) + operand(1, b), output_q, right[2] as u32);
                tally.see(found, (sum + i64::from(turn) - 3).clamp(-90, 100) as i8);
            }
        }
    }
    tally.print("sums");
}

/// Pieces of an image in a row, by what a filter that looks at one element makes of them.
fn pieces(numbers: &mut Numbers) {
    let Numbers { bytes, wide, out, .. } = numbers;
    let mut tally = Tally::default();
    for (length, step, row_step) in [(4, 9, 4), (3, 5, 6), (8, 8, 8), (1, 3, 2), (17, 40, 20)] {
        let pieces = Pieces { count: 3, length, step, row_step };
        let row = 2 * row_step + length;
        for p in 0..POSITIONS {
            clear(5, 1 - p, &mut wide[..row]);
            clear(5, p, &mut wide[..row]);
            widen_pieces(5, bytes, &pieces, (0, row), p, &mut wide[..row]);
            for k in 0..row {
                let mut weights = [0; 64];
                weights[k] = 1;
                let filters = Filters {
                    weights: &weights[..row],
                    bias: &[],
                    q: &[1 << 30],
                    shift: &[0],
                    offset: 5,
                    zero: 0,
                    range: [-128, 127],
                };
                convolve(&filters, &wide[..row], row, &mut out[..2], 1);
                let (i, at) = (k / row_step, k % row_step);
                let element = (at < length).then(|| bytes[i * step + at]);
                tally.see(out[p], element.map_or(0, |x| rule(&filters, 0, [(x, 1)].into_iter())));
                tally.see(out[1 - p], 0);
            }
        }
    }
    tally.print("pieces");
}

fn run() -> Result<(), Infallible> {
    let numbers = NUMBERS.take();
    let mut random = 1u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        random >> 8
    };
    for (x, w) in numbers.bytes.iter_mut().zip(&mut numbers.weights) {
        (*x, *w) = (
            if next() % 7 == 0 { -128 } else { next() as i8 },
            if next() % 9 == 0 { -128 } else { next() as i8 },
        );
    }
    for ((bias, q), shift) in numbers.bias.iter_mut().zip(&mut numbers.q).zip(&mut numbers.shift) {
        *bias = (next() as i32 - (1 << 23)) / 16;
        *q = (1 << 30) | (next() as i32) << 6;
        *shift = -((next() % 14) as i8);
    }
    convolutions(numbers);
    pixels(numbers);
    channels(numbers);
    units(numbers);
    sums(numbers);
    pieces(numbers);
    Ok(())
}

#[entry]
fn main() -> ! {
    end(run())
}
