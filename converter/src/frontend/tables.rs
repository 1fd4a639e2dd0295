//! The constants of an audio front end: window, filter bank, gain. They are those of the micro-frontend of TensorFlow
//! and tflite-micro (`filterbank_util.c`, `window_util.c`, `pcan_gain_control_util.c`; `filter_bank_ops.py` for how
//! weights are rounded).

/// Fractional bits of the window's and the filter bank's weights.
pub(super) const WEIGHT_BITS: u32 = 12;

const ONE: f64 = (1u32 << WEIGHT_BITS) as f64;

/// Bands start at even frequencies, and have a multiple of four.
const ALIGNMENT: usize = 2;
const BLOCK: usize = 4;

/// The Hann window, `0.5 - 0.5 cos(2 pi (i + 1/2) / size)`, with 12 fractional bits.
pub(super) fn window(size: usize) -> Vec<i16> {
    let turn = std::f64::consts::TAU / size as f64;
    let weight = |i: usize| 0.5 - 0.5 * ((i as f64 + 0.5) * turn).cos();
    (0..size).map(|i| (weight(i) * ONE).round() as i16).collect()
}

/// Triangles that lie evenly on the mel scale and overlap by half: `channels + 1` bands between neighbouring corners.
/// Within a band the one triangle falls (`weights`) while the next one rises (`unweights`).
#[derive(Debug, Default)]
pub(super) struct FilterBank {
    pub(super) weights: Vec<i16>,
    pub(super) unweights: Vec<i16>,
    /// Each band's first frequency, where its weights start, and how many it has.
    pub(super) frequencies: Vec<i16>,
    pub(super) starts: Vec<i16>,
    pub(super) widths: Vec<i16>,
    /// The frequencies that some band reads.
    pub(super) first: usize,
    pub(super) end: usize,
}

/// What makes a filter bank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bands {
    pub(super) channels: usize,
    pub(super) low_hz: f64,
    pub(super) high_hz: f64,
    /// Between neighbouring frequencies of the spectrum.
    pub(super) step_hz: f64,
}

/// Why there is no filter bank.
#[derive(Debug, PartialEq)]
pub(super) enum Flaw {
    /// No frequency of the spectrum lies in this band.
    Empty(usize),
    /// A position does not fit into 16 bits.
    TooLarge,
}

fn mel(hz: f64) -> f64 {
    1127.0 * (hz / 700.0).ln_1p()
}

impl FilterBank {
    pub(super) fn new(bands: Bands) -> Result<Self, Flaw> {
        let short = |x: usize| i16::try_from(x).map_err(|_| Flaw::TooLarge);
        let (low, high) = (mel(bands.low_hz), mel(bands.high_hz));
        let spacing = (high - low) / (bands.channels + 1) as f64;
        let at = |frequency: usize| mel(frequency as f64 * bands.step_hz);
        let first = (1.5 + bands.low_hz / bands.step_hz) as usize;
        let mut bank = Self { first, end: first, ..Self::default() };
        for band in 0..=bands.channels {
            let corner = low + spacing * (band + 1) as f64;
            let before = if band == 0 { low } else { low + spacing * band as f64 };
            let start = bank.end;
            while at(bank.end) <= corner {
                bank.end += 1;
            }
            if bank.end == start {
                return Err(Flaw::Empty(band));
            }
            let aligned = start / ALIGNMENT * ALIGNMENT;
            let width = (bank.end - aligned).next_multiple_of(BLOCK);
            bank.frequencies.push(short(aligned)?);
            bank.starts.push(short(bank.weights.len())?);
            bank.widths.push(short(width)?);
            for frequency in aligned..aligned + width {
                let inside = (start..bank.end).contains(&frequency);
                let falling = (corner - at(frequency)) / (corner - before);
                let rounded = |weight: f64| if inside { (weight * ONE) as i16 } else { 0 };
                bank.weights.push(rounded(falling));
                bank.unweights.push(rounded(1.0 - falling));
            }
        }
        Ok(bank)
    }
}

/// Fractional bits of the gain.
pub(super) const GAIN_BITS: u32 = 21;

/// The gain `(x / 2^bits + 80)^-0.95` of a channel with noise `x`: the values at 0 and 1, then for each power of two a
/// parabola through three values, as its value at the start and two differences, and a zero between.
pub(super) fn gain(bits: u32) -> Vec<i16> {
    let value = |x: u32| {
        let x = f64::from(x) / f64::from(1u32 << bits);
        let gain = f64::from(1u32 << GAIN_BITS) * (x + 80.0).powf(-0.95);
        gain.round().min(i16::MAX.into()) as i16
    };
    let mut table = vec![value(0), value(1)];
    for power in 1..32 {
        let start = 1u32 << power;
        let [y0, y1, y2] = [start, start + start / 2, start.saturating_mul(2)].map(value);
        let (half, whole) = (y1 - y0, y2 - y0);
        let linear = 4 * half - whole;
        table.extend([y0, linear, whole - linear, 0]);
    }
    table.pop();
    table
}
