//! Which operators a program can run: kernels are named, and only the named ones are linked.

use sedge_schema::{BuiltinOperator, Model, OperatorCode, Refusal};

use crate::node::{Invoke, Prepare};

/// The implementation of one operator.
///
/// Sedge's own kernels and those of other crates implement it alike: a program's custom operator is a type
/// with this trait, named in its [`op_set!`](crate::op_set) after a semicolon, or added with
/// [`Resolver::with`].
///
/// A kernel keeps nothing itself: what it works out in `prepare` goes into the arena
/// ([`Prepare::set_data`], [`Prepare::list`]) and comes back in `invoke` ([`Invoke::data`],
/// [`Invoke::list`]).
pub trait Kernel: Sync {
    /// The operator; a custom one by default.
    fn code(&self) -> BuiltinOperator {
        BuiltinOperator::Custom
    }

    /// The name of a custom operator, as it stands in the model's file.
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
pub struct Resolver {
    kernels: &'static [&'static dyn Kernel],
    more: &'static [&'static dyn Kernel],
}

impl Resolver {
    /// A resolver of these kernels; [`op_set!`](crate::op_set) makes one from names.
    pub const fn new(kernels: &'static [&'static dyn Kernel]) -> Self {
        Self { kernels, more: &[] }
    }

    /// The same kernels and, before them, those of a program's own: custom operators, or other kernels
    /// for known ones. Those that were added before are left out.
    #[must_use]
    pub const fn with(self, own: &'static [&'static dyn Kernel]) -> Self {
        Self { more: own, ..self }
    }

    /// The kernels.
    pub fn kernels(&self) -> impl Iterator<Item = &'static dyn Kernel> + use<> {
        self.more.iter().chain(self.kernels).copied()
    }

    /// Kernel number `index`.
    pub(crate) fn kernel(&self, index: u32) -> Option<&'static dyn Kernel> {
        let index = index as usize;
        let (own, rest) = (self.more.get(index), index.checked_sub(self.more.len()));
        own.or_else(|| self.kernels.get(rest?)).copied()
    }

    /// The index of the kernel for this operator code.
    pub(crate) fn find(&self, code: &OperatorCode<'_>) -> Option<u32> {
        let builtin = code.builtin();
        let custom = builtin == BuiltinOperator::Custom;
        let found =
            self.kernels().position(|k| k.code() == builtin && (!custom || k.custom_name() == code.name()));
        found.map(|index| index as u32)
    }

    /// The operators of `model` that the resolver has no kernel for.
    pub fn missing<'m>(&self, model: &Model<'m>) -> impl Iterator<Item = OperatorCode<'m>> + use<'m> {
        let resolver = *self;
        model.operator_codes().iter().filter(move |code| resolver.find(code).is_none())
    }
}

impl core::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.kernels().map(|k| k.code())).finish()
    }
}

/// A [`Resolver`] of the named operators: `op_set![Conv2d, Softmax]`. Only their kernels are linked.
///
/// Of an operator that is int8 or int32 throughout, `int8::Conv2d` or `int32::Add` links less
/// ([`kernels::int8`](crate::kernels::int8), [`kernels::int32`](crate::kernels::int32)).
///
/// Kernels of a program's own, such as custom operators, follow after a semicolon:
/// `op_set![Conv2d, Softmax; MyOperator]`.
#[macro_export]
macro_rules! op_set {
    ($($($name:ident)::+),* $(,)? $(; $($own:expr),* $(,)?)?) => {
        $crate::Resolver::new(const { &[$(&$crate::kernels::$($name)::+ as &dyn $crate::Kernel),*] })
            $(.with(const { &[$(&$own as &dyn $crate::Kernel),*] }))?
    };
}
