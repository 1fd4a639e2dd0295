//! Spectra against the sum that defines them, in float64, and the kernel in a model.

use std::f64::consts::PI;

use sedge_cmsis::SignalRfft;
use sedge_cmsis::spectrum::{SLACK, Transform};
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Kernel, Model, Refusal, Session, Slot, kernels};

/// `X[k]` for `k = 0..=L / 2`, parts in turn.
fn naive(samples: &[f64]) -> Vec<f64> {
    let length = samples.len();
    (0..=length / 2)
        .flat_map(|k| {
            let part = |of: fn(f64) -> f64| {
                let turn = |t: usize| -2.0 * PI * (k * t % length) as f64 / length as f64;
                samples.iter().enumerate().map(|(t, x)| x * of(turn(t))).sum::<f64>()
            };
            [part(f64::cos), part(f64::sin)]
        })
        .collect()
}

/// Signals of full scale: noise, a tone between two channels, an impulse, and a square wave, whose sum is largest in one channel.
fn signals(length: usize) -> Vec<Vec<f64>> {
    let mut state = 1u64;
    let noise = (0..length).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    });
    let tone = (0..length).map(|t| (2.0 * PI * 3.4 * t as f64 / length as f64).sin());
    let impulse = (0..length).map(|t| f64::from(u8::from(t == 5)));
    let square = (0..length).map(|t| if t % 8 < 4 { 1.0 } else { -1.0 });
    vec![noise.collect(), tone.collect(), impulse.collect(), square.collect()]
}

/// Compares with the naive spectrum of what the samples are after rounding; `scale` is 1.0 of the type, and `step` how far off a
/// part may be.
fn check<T: Transform<L>, const L: usize>(scale: f64, step: f64, of: fn(f64) -> T, value: fn(T) -> f64) {
    let divisor = if scale == 1.0 { 1.0 } else { L as f64 };
    for signal in signals(L) {
        let samples: Vec<T> = signal.iter().map(|x| of(x * scale)).collect();
        let wanted = naive(&samples.iter().map(|&x| value(x)).collect::<Vec<_>>());
        let mut from = samples.clone();
        from.resize(L + SLACK, T::zeroed());
        let mut to = vec![T::zeroed(); T::OUTPUTS];
        T::transform(&mut from, &mut to).unwrap();
        let far = to.iter().zip(&wanted).map(|(&x, y)| (value(x) - y / divisor).abs()).fold(0.0, f64::max);
        assert!(far <= step, "{L}: {far} of {step}");
        assert_eq!(T::transform(&mut from[1..], &mut to), None);
        assert_eq!(T::transform(&mut from, &mut to[1..]), None);
    }
}

/// Each of the `log2(L)` halvings, and the one that splits the spectrum, cuts off less than one of both numbers that it joins; a
/// product with a twiddle factor cuts off one bit more of int32, which it takes the upper half of.
const fn steps(length: usize) -> f64 {
    2.0 * (length.ilog2() + 1) as f64
}

#[test]
fn spectra_of_int16() {
    fn check_length<const L: usize>()
    where
        i16: Transform<L>,
    {
        check::<i16, L>(32767.0, steps(L), |x| x.round() as i16, f64::from);
    }
    check_length::<32>();
    check_length::<64>();
    check_length::<128>();
    check_length::<256>();
    check_length::<512>();
    check_length::<1024>();
    check_length::<2048>();
}

#[test]
fn spectra_of_int32() {
    fn check_length<const L: usize>()
    where
        i32: Transform<L>,
    {
        check::<i32, L>(2_147_483_647.0, 2.0 * steps(L), |x| x.round() as i32, f64::from);
    }
    check_length::<32>();
    check_length::<256>();
    check_length::<512>();
    check_length::<1024>();
}

/// The sums are of up to `L` numbers of at most 1: each stage rounds them by at most half a unit in the last place of `L`.
#[test]
fn spectra_of_float32() {
    fn check_length<const L: usize>()
    where
        f32: Transform<L>,
    {
        check::<f32, L>(
            1.0,
            L as f64 * f64::from(f32::EPSILON) / 2.0 * f64::from(L.ilog2()),
            |x| x as f32,
            f64::from,
        );
    }
    check_length::<32>();
    check_length::<128>();
    check_length::<512>();
    check_length::<2048>();
}

static FRONTEND: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../tests/data/keywords/frontend.tflite"));

/// The front end of the keyword example, which a session runs with this kernel before Sedge's own. Its bits are others, so its
/// features may be: by one step of 256 in most, which is what `tests/accuracy/keywords.py` weighs.
#[test]
fn a_front_end_has_nearly_the_same_features() {
    let model = Model::check(&FRONTEND.0).unwrap();
    let cmsis = kernels::ALL.with(const { &[&SignalRfft::<i16, 512>::NEW] });
    let (mut memory, mut other_memory) = (Box::new(Aligned([0; 32768])), Box::new(Aligned([0; 32768])));
    let mut session = Session::new(model, kernels::ALL, &mut memory.0).unwrap();
    let mut other = Session::new(model, cmsis, &mut other_memory.0).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../firmware-examples/fixtures/keywords.bin");
    let sound = std::fs::read(path).unwrap();
    let samples: Vec<i16> = sound.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    let mut apart = [0usize; 256];
    for block in samples.chunks_exact(320) {
        for session in [&mut session, &mut other] {
            session.set_input(0, block).unwrap();
            session.invoke().unwrap();
        }
        for (x, y) in session.output::<i8>(0).unwrap().iter().zip(other.output::<i8>(0).unwrap()) {
            apart[usize::from(x.abs_diff(*y))] += 1;
        }
    }
    let all: usize = apart.iter().sum();
    println!("{apart:?}");
    assert!(apart[0] + apart[1] > all * 9 / 10 && apart[0] < all, "{apart:?}");
}

#[test]
fn other_lengths_and_types_are_refused() {
    let refusal = |kernel: &'static [&'static dyn Kernel]| {
        let mut memory = Box::new(Aligned([0; 32768]));
        match Session::new(Model::check(&FRONTEND.0).unwrap(), kernels::ALL.with(kernel), &mut memory.0) {
            Err(Error::Operator { operator, refusal, .. }) => (operator, refusal),
            other => panic!("{:?}", other.map(drop)),
        }
    };
    assert_eq!(refusal(const { &[&SignalRfft::<i16, 1024>::NEW] }), (4, Refusal::Parameter("fft_length")));
    assert_eq!(refusal(const { &[&SignalRfft::<i32, 512>::NEW] }), (4, Refusal::Type(Slot::Input(0))));
}
