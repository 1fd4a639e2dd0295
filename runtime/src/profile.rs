//! Watching a session run, operator by operator.

use sedge_schema::{BuiltinOperator, Shape, TensorType};

/// Sees each operator of an invocation: a profiler, a calibrator, a debugger.
pub trait Observer {
    /// An operator is about to run.
    fn before(&mut self, _operator: u32) {}

    /// An operator has run; its outputs can be read now.
    fn after(&mut self, _step: &Step<'_>) {}
}

/// Sees nothing.
impl Observer for () {}

/// An operator that has just run.
pub struct Step<'a> {
    pub(crate) session: &'a crate::Session<'a>,
    pub(crate) operator: u32,
}

impl Step<'_> {
    /// Its index in execution order.
    pub fn operator(&self) -> u32 {
        self.operator
    }

    /// What it is.
    pub fn code(&self) -> BuiltinOperator {
        let view = self.session.graph().operators().get(self.operator as usize);
        view.map_or(BuiltinOperator::Custom, |view| self.session.model().code(&view).builtin())
    }

    /// Calls `see` with each output that was computed: the tensor's index, type, shape and bytes. Weights that were packed
    /// when the session was made are not.
    pub fn outputs(&self, mut see: impl FnMut(u32, TensorType, Shape, &[u8])) {
        let Some(operator) = self.session.graph().operators().get(self.operator as usize) else { return };
        for tensor in operator.outputs().iter().filter_map(|t| u32::try_from(t).ok()) {
            let Some(view) = self.session.graph().tensors().get(tensor as usize) else { continue };
            let (shape, bytes) = (self.session.shape_of(tensor), self.session.bytes_of(tensor));
            if !bytes.is_empty() || shape.elements() == 0 {
                see(tensor, view.tensor_type(), shape, bytes);
            }
        }
    }
}
