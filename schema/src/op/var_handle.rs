//! VAR_HANDLE: a handle of the variable with two names. Handles with the same names, in whichever
//! subgraph, are of the same variable.

use super::{Node, Operator, QuantizationRule};
use crate::error::{Fault, Refusal, Slot};
use crate::wire::{Table, Text};
use crate::{BuiltinOperator, Shape};

/// VAR_HANDLE: a handle of the variable with two names. The names stay in the file: [`VarHandle::names`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VarHandle;

impl VarHandle {
    /// The variable's container and its name there, of a VAR_HANDLE operator.
    pub fn names<'a>(operator: &crate::Operator<'a>) -> (&'a str, &'a str) {
        let name =
            |slot| operator.options().and_then(|t| t.get::<Text<'a>>(slot)).unwrap_or_default().as_str();
        (name(0), name(1))
    }
}

impl Operator for VarHandle {
    const CODE: BuiltinOperator = BuiltinOperator::VarHandle;
    const OPTIONS: (u8, u8) = (111, 0);
    const INPUTS: (usize, usize) = (0, 0);
    const QUANTIZATION: QuantizationRule = QuantizationRule::Integers;

    fn read(_options: Option<Table<'_>>) -> Self {
        Self
    }

    fn check(options: Table<'_>) -> Result<(), Fault> {
        (0..2).try_for_each(|slot| options.try_get::<Text<'_>>(slot).map(drop))
    }

    fn shape(&self, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
        node.shape(Slot::Output(0))
    }

    /// Writes a table without names; whoever writes a model takes them from its source.
    #[cfg(feature = "write")]
    fn write<'b>(
        &self,
        builder: &mut flatbuffers::FlatBufferBuilder<'b>,
    ) -> flatbuffers::WIPOffset<flatbuffers::TableFinishedWIPOffset> {
        let start = builder.start_table();
        builder.end_table(start)
    }
}
