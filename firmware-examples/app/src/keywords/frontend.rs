//! The front end, compiled into the program.

use sedge_runtime::Error;

use super::{Block, Frame};

mod model {
    sedge_macros::include_model!("../../../../tests/data/keywords/frontend.tflite");
}

/// The front end's memory.
pub use model::{ARENA_SIZE, Arena};

/// Makes features of sound.
pub(super) struct FrontEnd<'a>(model::Model<'a>);

impl<'a> FrontEnd<'a> {
    pub(super) fn new(arena: &'a mut Arena) -> Result<Self, Error> {
        Ok(Self(model::Model::new(arena)))
    }

    /// The features of the frame that this block completes.
    pub(super) fn hear(&mut self, block: &Block) -> Result<Frame, Error> {
        *self.0.input() = *block;
        self.0.invoke()?;
        Ok(*self.0.output())
    }
}
