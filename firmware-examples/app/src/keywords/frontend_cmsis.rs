//! The front end with CMSIS-DSP's spectrum, in a session, where a kernel can be put in another's place.

use sedge_cmsis::SignalRfft;
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Model, Session, op_set};

use super::{Block, CHANNELS, Frame};

/// The front end's model.
static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../../tests/data/keywords/frontend.tflite"));

/// Bytes of the front end's arena.
pub const ARENA_SIZE: usize = 12 * 1024;

/// The front end's memory.
pub type Arena = Aligned<[u8; ARENA_SIZE]>;

/// Makes features of sound.
pub(super) struct FrontEnd<'a>(Session<'a>);

impl<'a> FrontEnd<'a> {
    pub(super) fn new(arena: &'a mut Arena) -> Result<Self, Error> {
        let kernels = op_set![
            Reshape,
            SignalEnergy,
            SignalFftAutoScale,
            SignalFilterBank,
            SignalFilterBankLog,
            SignalFilterBankSpectralSubtraction,
            SignalFilterBankSquareRoot,
            SignalFramer,
            SignalPcan,
            SignalWindow,
            int32::Add,
            int32::Cast,
            int32::Div,
            int32::Maximum,
            int32::Minimum,
            int32::Mul;
            SignalRfft::<i16, 512>::NEW
        ];
        Ok(Self(Session::new(Model::check(&MODEL.0)?, kernels, &mut arena.0)?))
    }

    /// The features of the frame that this block completes.
    pub(super) fn hear(&mut self, block: &Block) -> Result<Frame, Error> {
        self.0.set_input(0, block)?;
        self.0.invoke()?;
        let features = self.0.output::<i8>(0)?;
        let found = features.len() as u32;
        features.try_into().map_err(|_| Error::Length { expected: CHANNELS as u32, found })
    }
}
