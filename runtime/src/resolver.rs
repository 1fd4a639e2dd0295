//! Which operators a program can run: kernels are named, and only the named ones are linked.

use sedge_schema::{BuiltinOperator, Model, OperatorCode, Refusal};

use crate::node::{Invoke, Prepare};

/// The implementation of one operator.
///
/// A kernel keeps nothing itself: what it works out in `prepare` goes into the arena
/// ([`Prepare::set_data`], [`Prepare::list`]) and comes back in `invoke` ([`Invoke::data`],
/// [`Invoke::list`]).
pub trait Kernel: Sync {
    /// The operator.
    fn code(&self) -> BuiltinOperator;

    /// The name of a custom operator.
    fn custom_name(&self) -> &str {
        ""
    }

    /// Checks that the operator can run as the model asks for it, tells its outputs' shapes, and
    /// works out everything that does not depend on the inputs' values.
    ///
    /// # Errors
    /// Why the operator cannot run.
    fn prepare(&self, node: &mut Prepare<'_>) -> Result<(), Refusal>;

    /// Computes the outputs.
    ///
    /// # Errors
    /// Where an input's values make that impossible, such as an index out of range.
    fn invoke(&self, node: &mut Invoke<'_>) -> Result<(), Refusal>;
}

/// The kernels that a session may use.
#[derive(Clone, Copy)]
pub struct Resolver(&'static [&'static dyn Kernel]);

impl Resolver {
    /// A resolver of these kernels; [`op_set!`](crate::op_set) makes one from names.
    pub const fn new(kernels: &'static [&'static dyn Kernel]) -> Self {
        Self(kernels)
    }

    /// The kernels.
    pub fn kernels(&self) -> &'static [&'static dyn Kernel] {
        self.0
    }

    /// The index of the kernel for this operator code.
    pub(crate) fn find(&self, code: &OperatorCode<'_>) -> Option<usize> {
        let builtin = code.builtin();
        let custom = builtin == BuiltinOperator::Custom;
        self.0.iter().position(|k| k.code() == builtin && (!custom || k.custom_name() == code.name()))
    }

    /// The operators of `model` that the resolver has no kernel for.
    pub fn missing<'m>(&self, model: &Model<'m>) -> impl Iterator<Item = OperatorCode<'m>> + use<'m> {
        let resolver = *self;
        model.operator_codes().iter().filter(move |code| resolver.find(code).is_none())
    }
}

impl core::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|k| k.code())).finish()
    }
}

/// A [`Resolver`] of the named operators: `op_set![Conv2d, Softmax]`. Only their kernels are linked.
#[macro_export]
macro_rules! op_set {
    ($($name:ident),* $(,)?) => {
        $crate::Resolver::new(const { &[$(&$crate::kernels::$name as &dyn $crate::Kernel),*] })
    };
}
