//! A lamp for each of six words: a front end turns sound into features, a network tells which word a second of them holds.
//!
//! ```text
//! microphone --Sampler, on its interrupt--> queue of blocks
//!     --Spotter, in the main loop--> front end -> window of frames -> network -> LEDs
//! ```
//!
//! The front end is a model as well (`sedge frontend` writes it); it keeps what it must remember of the sound before. The network
//! runs in a session.

// With the feature `cmsis` the spectrum is CMSIS-DSP's.
#[cfg_attr(feature = "cmsis", path = "keywords/frontend_cmsis.rs")]
mod frontend;

use embedded_hal::digital::OutputPin;
use heapless::Deque;
use heapless::spsc::{Consumer, Producer};
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Memory, Model, Options, Session, Weights, op_set};

use crate::Fault;

use frontend::FrontEnd;
pub use frontend::{ARENA_SIZE as FRONTEND_ARENA_SIZE, Arena as FrontendArena};

/// The network: a window of frames in, one score for each label out.
pub static MODEL: &Aligned<[u8]> =
    &Aligned(*include_bytes!("../../../tests/data/keywords/keywords_int8_tf.tflite"));

/// Bytes of arena that the network needs.
pub const ARENA: usize = 16 * 1024;

/// What the network tells apart. The first [`WORDS`] are words.
pub const LABELS: [&str; 8] = ["yes", "no", "up", "down", "stop", "go", "silence", "unknown"];

/// The number of words, and of LEDs.
pub const WORDS: usize = 6;

/// The samples of a block: 20 ms at 16 kHz, from the start of one frame to that of the next.
pub const BLOCK: usize = 320;

/// The features of a frame, 30 ms of sound.
pub const CHANNELS: usize = 40;

/// The frames that the network looks at together, a second.
pub const WINDOW: usize = 49;

/// The score from which on a word counts as heard: 60 %, where -128 is 0 % and 127 nearly 100 %.
const HEARD: i8 = 26;

/// 20 ms of sound.
pub type Block = [i16; BLOCK];

/// The features of a frame.
pub type Frame = [i8; CHANNELS];

/// A microphone that hands sound over in blocks, as DMA does for an I2S or PDM peripheral.
pub trait Microphone {
    /// What can go wrong.
    type Error;

    /// Fills `block` with the next sound.
    ///
    /// # Errors
    /// `WouldBlock` while there is no whole block; otherwise what went wrong.
    fn read(&mut self, block: &mut Block) -> nb::Result<(), Self::Error>;
}

/// Takes blocks from the microphone into the queue. On a board it lives in the interrupt that says that a block is whole.
pub struct Sampler<'q, M> {
    microphone: M,
    queue: Producer<'q, Block>,
}

impl<'q, M: Microphone> Sampler<'q, M> {
    /// A sampler that fills this queue.
    pub fn new(microphone: M, queue: Producer<'q, Block>) -> Self {
        Self { microphone, queue }
    }

    /// Takes one block.
    ///
    /// # Errors
    /// `WouldBlock` while there is none or the queue is full; otherwise what the microphone says.
    pub fn sample(&mut self) -> nb::Result<(), M::Error> {
        if !self.queue.ready() {
            return Err(nb::Error::WouldBlock);
        }
        let mut block = [0; BLOCK];
        self.microphone.read(&mut block)?;
        self.queue.enqueue(block).map_err(|_| nb::Error::WouldBlock)
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

/// Hears the blocks of the queue, looks at a second at a time, and lights the LED of the word that it hears.
pub struct Spotter<'a, 'q, L> {
    frontend: FrontEnd<'a>,
    session: Session<'a>,
    queue: Consumer<'q, Block>,
    window: Deque<Frame, WINDOW>,
    /// Frames from one decision to the next, and since the last one.
    hop: usize,
    since: usize,
    leds: [L; WORDS],
}

impl<'a, 'q, L: OutputPin> Spotter<'a, 'q, L> {
    /// A spotter that decides each time it has heard `hop` more blocks.
    ///
    /// # Errors
    /// Where the model does not load, for instance because the arena is too small.
    pub fn new(
        frontend: &'a mut FrontendArena,
        arena: &'a mut [u8],
        queue: Consumer<'q, Block>,
        leds: [L; WORDS],
        hop: usize,
    ) -> Result<Self, Error> {
        let frontend = FrontEnd::new(frontend)?;
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
        Ok(Self { frontend, session, queue, window: Deque::new(), hop, since: 0, leds })
    }

    /// How much of the network's arena is used.
    pub fn memory(&self) -> Memory {
        self.session.memory()
    }

    /// Hears what the queue holds. Decides, and shows it, when it is time to.
    ///
    /// # Errors
    /// Where a model or an LED fails.
    pub fn poll(&mut self) -> Result<Option<Decision>, Fault<L::Error>> {
        while let Some(block) = self.queue.dequeue() {
            let frame = self.frontend.hear(&block)?;
            if self.window.is_full() {
                self.window.pop_front();
            }
            // There is room: the oldest frame has just gone where there was none.
            let _ = self.window.push_back(frame);
            self.since += 1;
            if self.since >= self.hop && self.window.is_full() {
                self.since = 0;
                let decision = self.decide()?;
                self.show(&decision)?;
                return Ok(Some(decision));
            }
        }
        Ok(None)
    }

    fn decide(&mut self) -> Result<Decision, Error> {
        let input = self.session.input_mut::<i8>(0)?;
        for (row, frame) in input.chunks_exact_mut(CHANNELS).zip(&self.window) {
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
