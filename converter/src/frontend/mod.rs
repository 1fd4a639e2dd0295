//! Audio front ends: models that turn sound into the features of a keyword network, in integer arithmetic.
//!
//! ```text
//! hop of samples -> frame -> window -> spectrum -> energies -> filter bank -> square root
//!     -> noise taken away -> gain control -> logarithm -> int8
//! ```
//!
//! The operators are tflite-micro's (`Signal...`), which run there too, and the constants those of the micro-frontend,
//! so that models trained with its features hear on a device what they were trained on. What a front end remembers, the
//! samples that the next frame needs and the noise of each channel, is state of its operators.

mod tables;
mod writer;

use sedge_schema::TensorType;
use sedge_schema::op::Reshape;

use crate::Failure;
use crate::graph::{Graph, TensorId};
use tables::{Bands, FilterBank, Flaw, GAIN_BITS, WEIGHT_BITS, gain, window};
use writer::{Map, Writer};

/// Bits by which a channel's signal is scaled up before its noise is followed.
const SMOOTHING_BITS: u32 = 10;

/// Fractional bits of the factors of noise suppression.
const NOISE_BITS: u32 = 14;

/// How far noise follows the signal in a frame, in channels with even and odd numbers, and how much of a signal stays
/// in any case.
const EVEN_SMOOTHING: f64 = 0.025;
const ODD_SMOOTHING: f64 = 0.06;
const REMAINING: f64 = 0.05;

/// Fractional bits of the ratio of signal to noise in gain control.
const RATIO_BITS: u32 = 12;

/// The logarithm of a channel is multiplied by this.
const LOG_SCALE: i64 = 64;

/// The step of int8 features. Features of 16 bits, divided by 25.6, are 26 at most.
pub const FEATURE_STEP: f32 = 26.0 / 256.0;

/// What int8 features give for silence.
pub const FEATURE_ZERO: i32 = -128;

/// What a front end takes in one invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Input {
    /// The next samples of a stream; the front end keeps what frames share
    Hop,
    /// A whole frame; the program cuts the stream into frames
    Frame,
}

/// What a front end gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Features for int8 networks, with the step 26 / 256 from -128 on
    Int8,
    /// Logarithms times 64, as the micro-frontend gives them
    Int16,
}

/// An audio front end.
#[derive(Clone, Copy, Debug)]
pub struct Frontend {
    /// Samples per second.
    pub rate: u32,
    /// Milliseconds of a frame.
    pub window_ms: u32,
    /// Milliseconds between the starts of neighbouring frames.
    pub hop_ms: u32,
    /// Features of a frame.
    pub channels: u32,
    /// The lowest frequency, in hertz.
    pub low_hz: f64,
    /// The highest frequency, in hertz.
    pub high_hz: f64,
    /// Whether each channel's loudness is evened out (PCAN, per-channel amplitude normalization).
    pub gain_control: bool,
    /// What an invocation takes.
    pub input: Input,
    /// What it gives.
    pub output: Output,
}

impl Default for Frontend {
    /// What most public keyword models were trained with.
    fn default() -> Self {
        Self {
            rate: 16_000,
            window_ms: 30,
            hop_ms: 20,
            channels: 40,
            low_hz: 125.0,
            high_hz: 7500.0,
            gain_control: true,
            input: Input::Hop,
            output: Output::Int8,
        }
    }
}

impl Frontend {
    /// Samples of a frame.
    ///
    /// # Errors
    /// Where the milliseconds are no whole number of samples.
    pub fn window(&self) -> Result<usize, Failure> {
        self.samples(self.window_ms, "--window")
    }

    /// Samples between the starts of neighbouring frames.
    ///
    /// # Errors
    /// Where the milliseconds are no whole number of samples.
    pub fn hop(&self) -> Result<usize, Failure> {
        self.samples(self.hop_ms, "--hop")
    }

    fn samples(&self, ms: u32, option: &str) -> Result<usize, Failure> {
        let product = u64::from(self.rate) * u64::from(ms);
        if product == 0 || !product.is_multiple_of(1000) {
            let rate = self.rate;
            return Err(Failure::usage(format!("{ms} ms at {rate} Hz are no whole number of samples"))
                .help(format!("change {option} or --rate")));
        }
        Ok((product / 1000) as usize)
    }

    /// The front end as a model.
    ///
    /// # Errors
    /// Where the numbers do not fit together; the message tells which, and what would.
    pub fn graph(&self) -> Result<Graph, Failure> {
        let (size, hop) = (self.window()?, self.hop()?);
        if hop > size {
            return Err(Failure::usage(
                "the hop is longer than the window, so that samples between frames are lost",
            )
            .help("make --hop as long as --window or shorter"));
        }
        let length = size.next_power_of_two();
        // The logarithm's input has lost as many bits as the spectrum was divided by, and won half of the weights'.
        let correction = length.ilog2().checked_sub(WEIGHT_BITS / 2).filter(|_| length <= 1 << 12);
        let correction = correction.filter(|&bits| bits + RATIO_BITS <= GAIN_BITS && bits <= SMOOTHING_BITS);
        let correction = correction.ok_or_else(|| {
            Failure::usage(format!("a window of {size} samples is not supported"))
                .help("choose --window so that it has between 33 and 4096 samples")
        })?;
        let bank = self.filter_bank(length)?;

        let mut out = Writer::default();
        let frame = self.frame(&mut out, size, hop)?;
        let roots = loudness(&mut out, frame, &bank, length)?;
        let logs = self.logarithms(&mut out, roots, correction)?;
        let features = match self.output {
            Output::Int16 => logs,
            Output::Int8 => out.int8(logs)?,
        };
        Ok(out.finish(features, self.description()))
    }

    /// Samples to frames `[size]`, windowed.
    fn frame(&self, out: &mut Writer, size: usize, hop: usize) -> Result<TensorId, Failure> {
        let frame = match self.input {
            Input::Frame => out.input("audio_frame", &[1, size]),
            Input::Hop => {
                let samples = out.input("audio", &[1, hop]);
                let frame = ("frame", TensorType::Int16, &[1, 1, size][..]);
                let kinds = [frame, ("frame_is_whole", TensorType::Bool, &[])];
                let options = |map: &mut Map<'_>| {
                    map.push("frame_size", size as i64);
                    map.push("frame_step", hop as i64);
                    map.push("prefill", true);
                };
                out.signal("SignalFramer", &[samples], &kinds, options)[0]
            }
        };
        let shape = out.builder.ints("frame_shape", &[size as i32])?;
        let row = out.builder.emit("row", Reshape::default(), &[frame, shape], TensorType::Int16)?;
        let weights = out.shorts("window_weights", &window(size))?;
        let kind = [("windowed", TensorType::Int16, &[size][..])];
        let windowed = out.signal("SignalWindow", &[row, weights], &kind, |map| {
            map.push("shift", i64::from(WEIGHT_BITS));
        });
        Ok(windowed[0])
    }

    /// Noise is taken away from the channels, and they are evened out; their logarithms.
    fn logarithms(&self, out: &mut Writer, roots: TensorId, correction: u32) -> Result<TensorId, Failure> {
        let dims = &[self.channels as usize][..];
        let kinds = [("clean", TensorType::UInt32, dims), ("noise", TensorType::UInt32, dims)];
        let clean = out.signal("SignalFilterBankSpectralSubtraction", &[roots], &kinds, |map| {
            noise_options(map, self.channels);
        });
        let signal = if self.gain_control {
            let table = out.shorts("gain", &gain(SMOOTHING_BITS - correction))?;
            let kind = [("evened", TensorType::UInt32, dims)];
            out.signal("SignalPCAN", &[clean[0], clean[1], table], &kind, |map| {
                map.push("snr_shift", i64::from(GAIN_BITS - correction - RATIO_BITS));
            })[0]
        } else {
            clean[0]
        };
        let kind = [("logarithms", TensorType::Int16, dims)];
        let logs = out.signal("SignalFilterBankLog", &[signal], &kind, |map| {
            map.push("input_correction_bits", i64::from(correction));
            map.push("output_scale", LOG_SCALE);
        });
        Ok(logs[0])
    }

    fn filter_bank(&self, length: usize) -> Result<FilterBank, Failure> {
        let top = f64::from(self.rate) / 2.0;
        if !(self.low_hz >= 0.0 && self.low_hz < self.high_hz && self.high_hz < top) {
            return Err(Failure::usage(format!(
                "the channels cannot lie between {} and {} Hz",
                self.low_hz, self.high_hz
            ))
            .help(format!("make --low less than --high, and that less than half of the rate, {top} Hz")));
        }
        if self.channels == 0 {
            return Err(Failure::usage("a front end needs at least one channel").help("give --channels"));
        }
        let step_hz = f64::from(self.rate) / length as f64;
        let channels = self.channels as usize;
        FilterBank::new(Bands { channels, low_hz: self.low_hz, high_hz: self.high_hz, step_hz }).map_err(|flaw| {
            let what = match flaw {
                Flaw::Empty(band) => format!(
                    "band {band} of the filter bank has no frequency: a window of {} ms tells apart {step_hz} Hz",
                    self.window_ms
                ),
                Flaw::TooLarge => "the filter bank is too large".to_owned(),
            };
            Failure::usage(what).help("give fewer --channels, a longer --window or a wider range of frequencies")
        })
    }

    fn description(&self) -> String {
        format!(
            "Audio front end: {} Hz, frames of {} ms every {} ms, {} channels from {} to {} Hz{}",
            self.rate,
            self.window_ms,
            self.hop_ms,
            self.channels,
            self.low_hz,
            self.high_hz,
            if self.gain_control { ", gain control" } else { "" }
        )
    }
}

/// The square root of the energy that each channel of the filter bank has in a frame.
fn loudness(
    out: &mut Writer,
    frame: TensorId,
    bank: &FilterBank,
    length: usize,
) -> Result<TensorId, Failure> {
    let size = out.builder.graph.tensor(frame).shape.elements();
    let kinds = [("scaled", TensorType::Int16, &[size][..]), ("scale_bits", TensorType::Int32, &[])];
    let scaled = out.signal("SignalFftAutoScale", &[frame], &kinds, |_| ());
    let kind = [("spectrum", TensorType::Int16, &[length + 2][..])];
    let spectrum = out.signal("SignalRfft", &[scaled[0]], &kind, |map| {
        map.push("T", i64::from(TensorType::Int16.code()));
        map.push("fft_length", length as i64);
    });
    let kind = [("energies", TensorType::UInt32, &[length / 2 + 1][..])];
    let energies = out.signal("SignalEnergy", &spectrum, &kind, |map| {
        map.push("start_index", bank.first as i64);
        map.push("end_index", bank.end as i64);
    });
    let tables = [
        ("weights", &bank.weights),
        ("unweights", &bank.unweights),
        ("channel_frequency_starts", &bank.frequencies),
        ("channel_weight_starts", &bank.starts),
        ("channel_widths", &bank.widths),
    ];
    let mut reads = energies;
    for (name, values) in tables {
        reads.push(out.shorts(name, values)?);
    }
    // The first of the bands belongs to no channel.
    let dims = &[bank.widths.len() - 1][..];
    let bands = out.signal("SignalFilterBank", &reads, &[("bands", TensorType::UInt64, dims)], |map| {
        map.push("num_channels", dims[0] as i64);
    });
    let kind = [("roots", TensorType::UInt32, dims)];
    Ok(out.signal("SignalFilterBankSquareRoot", &[bands[0], scaled[1]], &kind, |_| ())[0])
}

fn noise_options(map: &mut Map<'_>, channels: u32) {
    let factor = |x: f64| (x * f64::from(1u32 << NOISE_BITS)) as i64;
    let rest = |x: f64| (1i64 << NOISE_BITS) - factor(x);
    map.push("alternate_one_minus_smoothing", rest(ODD_SMOOTHING));
    map.push("alternate_smoothing", factor(ODD_SMOOTHING));
    map.push("clamping", false);
    map.push("min_signal_remaining", factor(REMAINING));
    map.push("num_channels", i64::from(channels));
    map.push("one_minus_smoothing", rest(EVEN_SMOOTHING));
    map.push("smoothing", factor(EVEN_SMOOTHING));
    map.push("smoothing_bits", i64::from(SMOOTHING_BITS));
    map.push("spectral_subtraction_bits", i64::from(NOISE_BITS));
}
