//! A lamp for each of six words: a front end turns sound into feature frames, a network tells
//! which word a second of them holds.
//!
//! ```text
//! sensor --Sampler, on its interrupt--> queue --Spotter, in the main loop--> window -> network -> LEDs
//! ```

use embedded_hal::digital::OutputPin;
use heapless::Deque;
use heapless::spsc::{Consumer, Producer};
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Memory, Model, Options, Session, Weights, op_set};

use crate::Fault;

/// The network: 49 frames in, one score for each label out.
pub static MODEL: &Aligned<[u8]> =
    &Aligned(*include_bytes!("../../../tests/data/keywords/keywords_int8_tf.tflite"));

/// Bytes of arena that [`Spotter::new`] needs.
pub const ARENA: usize = 16 * 1024;

/// What the network tells apart. The first [`WORDS`] are words.
pub const LABELS: [&str; 8] = ["yes", "no", "up", "down", "stop", "go", "silence", "unknown"];

/// The number of words, and of LEDs.
pub const WORDS: usize = 6;

/// The coefficients of one frame, 20 ms of sound.
pub const COEFFICIENTS: usize = 10;

/// The frames of a second, which the network looks at together.
pub const WINDOW: usize = 49;

/// The score from which on a word counts as heard: 60 %, where -128 is 0 % and 127 nearly 100 %.
const HEARD: i8 = 26;

/// The features of 20 ms of sound.
pub type Frame = [i8; COEFFICIENTS];

/// A front end that makes feature frames of sound.
pub trait FrameSensor {
    /// What can go wrong.
    type Error;

    /// The next frame.
    ///
    /// # Errors
    /// `WouldBlock` while there is none; otherwise what went wrong.
    fn read_frame(&mut self) -> nb::Result<Frame, Self::Error>;
}

/// Takes frames from the sensor into the queue. On a board it lives in the sensor's interrupt.
pub struct Sampler<'q, S> {
    sensor: S,
    queue: Producer<'q, Frame>,
}

impl<'q, S: FrameSensor> Sampler<'q, S> {
    /// A sampler that fills this queue.
    pub fn new(sensor: S, queue: Producer<'q, Frame>) -> Self {
        Self { sensor, queue }
    }

    /// Takes one frame.
    ///
    /// # Errors
    /// `WouldBlock` while there is none or the queue is full; otherwise what the sensor says.
    pub fn sample(&mut self) -> nb::Result<(), S::Error> {
        if !self.queue.ready() {
            return Err(nb::Error::WouldBlock);
        }
        let frame = self.sensor.read_frame()?;
        self.queue.enqueue(frame).map_err(|_| nb::Error::WouldBlock)
    }
}

/// What the network says of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The score of each label.
    pub scores: [i8; LABELS.len()],
    /// The label with the highest score.
    pub best: usize,
}

impl Decision {
    fn new(scores: [i8; LABELS.len()]) -> Self {
        let best = (0..).zip(scores).max_by_key(|&(i, score)| (score, core::cmp::Reverse(i)));
        Self { scores, best: best.map_or(0, |(i, _)| i) }
    }

    /// The best label's name.
    pub fn label(&self) -> &'static str {
        LABELS.get(self.best).copied().unwrap_or_default()
    }

    /// The word that was heard, if any.
    pub fn word(&self) -> Option<usize> {
        let heard = self.scores.get(self.best).is_some_and(|&score| score >= HEARD);
        (heard && self.best < WORDS).then_some(self.best)
    }
}

/// Looks at the frames of the queue, a window at a time, and lights the LED of the word it hears.
pub struct Spotter<'a, 'q, L> {
    session: Session<'a>,
    queue: Consumer<'q, Frame>,
    window: Deque<Frame, WINDOW>,
    hop: usize,
    leds: [L; WORDS],
}

impl<'a, 'q, L: OutputPin> Spotter<'a, 'q, L> {
    /// A spotter that decides each time it has seen `hop` new frames.
    ///
    /// # Errors
    /// Where the model does not load, for instance because the arena is too small.
    pub fn new(
        arena: &'a mut [u8],
        queue: Consumer<'q, Frame>,
        leds: [L; WORDS],
        hop: usize,
    ) -> Result<Self, Error> {
        let model = Model::check(&MODEL.0)?;
        let kernels = op_set![
            int8::Conv2d,
            int8::DepthwiseConv2d,
            int8::AveragePool2d,
            int8::FullyConnected,
            int8::Softmax
        ];
        let options = Options { weights: Weights::InPlace, ..Options::default() };
        let session = Session::with_options(model, kernels, arena, &options)?;
        Ok(Self { session, queue, window: Deque::new(), hop, leds })
    }

    /// How much of the arena is used.
    pub fn memory(&self) -> Memory {
        self.session.memory()
    }

    /// Takes what the queue holds. Decides, and shows it, when that completes a window.
    ///
    /// # Errors
    /// Where the model or an LED fails.
    pub fn poll(&mut self) -> Result<Option<Decision>, Fault<L::Error>> {
        while let Some(frame) = self.queue.dequeue() {
            // The window has room: it is made below wherever the last frame filled it.
            let _ = self.window.push_back(frame);
            if self.window.is_full() {
                let decision = self.decide()?;
                self.show(&decision)?;
                for _ in 0..self.hop.max(1) {
                    self.window.pop_front();
                }
                return Ok(Some(decision));
            }
        }
        Ok(None)
    }

    fn decide(&mut self) -> Result<Decision, Error> {
        let input = self.session.input_mut::<i8>(0)?;
        for (row, frame) in input.chunks_exact_mut(COEFFICIENTS).zip(&self.window) {
            row.copy_from_slice(frame);
        }
        self.session.invoke()?;
        let scores = self.session.output::<i8>(0)?;
        let found = scores.len() as u32;
        let scores = scores.try_into().map_err(|_| Error::Length { expected: LABELS.len() as u32, found })?;
        Ok(Decision::new(scores))
    }

    fn show(&mut self, decision: &Decision) -> Result<(), Fault<L::Error>> {
        let word = decision.word();
        for (i, led) in self.leds.iter_mut().enumerate() {
            led.set_state((word == Some(i)).into()).map_err(Fault::Driver)?;
        }
        Ok(())
    }
}
