//! A lamp for a person: a network looks at a camera's pictures and tells whether somebody is in them.
//!
//! ```text
//! camera --Camera::read--> the network's input, in place -> network, operator by operator -> LED
//! ```
//!
//! The network is the caller's: one of int8 whose input is a picture of 96 x 96, such as that of MLPerf Tiny's visual wake words,
//! and whose output is a score for nobody and one for a person.

use embedded_hal::digital::OutputPin;
use sedge_runtime::{Error, Memory, Model, Options, Progress, Resolver, Session, Weights};

use crate::Fault;

/// Rows of a picture, and pixels of a row.
pub const SIDE: u32 = 96;

/// Bytes of arena that the network may need; MLPerf Tiny's takes 74,448.
pub const ARENA: usize = 76 * 1024;

/// Pictures without a person after which the lamp goes out: a network overlooks one now and then.
const PATIENCE: u8 = 2;

/// What stands for a camera's driver: pixels as DCMI and its like deliver them.
pub trait Camera {
    /// What can go wrong.
    type Error;

    /// Fills `frame` with the next picture, row by row from the top, a byte for each colour of a pixel: red, green and blue for
    /// a network that sees three, brightness for one that sees one.
    ///
    /// # Errors
    /// `WouldBlock` while there is no whole picture; otherwise what went wrong.
    fn read(&mut self, frame: &mut [u8]) -> nb::Result<(), Self::Error>;
}

/// What the network says of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The scores of nobody and of a person.
    pub scores: [i8; 2],
}

impl Decision {
    /// Whether somebody is in the picture.
    pub fn is_person(&self) -> bool {
        let [nobody, person] = self.scores;
        person > nobody
    }
}

/// Looks at the camera's pictures.
pub struct Detector<'a, C, L> {
    camera: C,
    session: Session<'a>,
    lamp: L,
    /// Pictures since the last one with a person.
    without: u8,
}

impl<'a, C: Camera, L: OutputPin> Detector<'a, C, L> {
    /// A detector with this network, the kernels of its operators, in this memory.
    ///
    /// # Errors
    /// Where the network does not load, its input is no int8 picture of 96 x 96, or its output not two scores.
    pub fn new(
        network: Model<'a>,
        kernels: Resolver,
        arena: &'a mut [u8],
        camera: C,
        lamp: L,
    ) -> Result<Self, Error> {
        let options = Options { weights: Weights::InPlace, ..Options::default() };
        let mut session = Session::with_options(network, kernels, arena, &options)?;
        session.input_mut::<i8>(0)?;
        if !matches!(session.input_shape(0)?.dims(), [1, SIDE, SIDE, 1 | 3]) {
            return Err(Error::Length {
                expected: SIDE * SIDE,
                found: session.input_shape(0)?.elements() as u32,
            });
        }
        scores(&session)?;
        Ok(Self { camera, session, lamp, without: PATIENCE })
    }

    /// How much of the arena is used.
    pub fn memory(&self) -> Memory {
        self.session.memory()
    }

    /// Takes the camera's next picture, into the network's input.
    ///
    /// # Errors
    /// `WouldBlock` while there is none; otherwise what the camera says.
    pub fn see(&mut self) -> nb::Result<(), Fault<C::Error>> {
        let frame = self.session.input_bytes_mut(0).map_err(|error| nb::Error::Other(error.into()))?;
        self.camera.read(frame).map_err(|error| error.map(Fault::Driver))?;
        // The network's zero point is -128: a byte of brightness is 128 more than its int8.
        frame.iter_mut().for_each(|byte| *byte ^= 0x80);
        Ok(())
    }

    /// Tells whether somebody is in the picture; the lamp is on while somebody was in one of the last few. `between` is called before
    /// each operator of the network: the program's other work can be done there.
    ///
    /// # Errors
    /// Where the network or the lamp fails.
    pub fn decide(&mut self, mut between: impl FnMut()) -> Result<Decision, Fault<L::Error>> {
        loop {
            between();
            if self.session.invoke_step()? == Progress::Done {
                break;
            }
        }
        let decision = Decision { scores: scores(&self.session)? };
        self.without = if decision.is_person() { 0 } else { self.without.saturating_add(1) };
        self.lamp.set_state((self.without < PATIENCE).into()).map_err(Fault::Driver)?;
        Ok(decision)
    }
}

fn scores(session: &Session<'_>) -> Result<[i8; 2], Error> {
    let scores = session.output::<i8>(0)?;
    scores.try_into().map_err(|_| Error::Length { expected: 2, found: scores.len() as u32 })
}
