//! A model ready to run in an arena.

pub(crate) mod build;
mod fold;
#[cfg(feature = "std")]
pub(crate) mod image;
mod run;
mod several;

use sedge_schema::{Model, Shape, SignatureDef, Subgraph, TensorType, Vector};
use sedge_simd::Level;

use crate::arena::{Arena, Home, Marks, Place, align_up};
use crate::element::Element;
use crate::error::Error;
use crate::node::{Graph, Lasting, OpRecord, Setting, first_byte};
use crate::resolver::Resolver;

pub use run::Progress;
pub use several::{Several, Tenant};

/// Where kernels read weights from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Where they lie in the file: a microcontroller's flash. Takes the least memory.
    InPlace,
    /// Copied into the arena in the order in which the kernels read them. The fastest; on targets without an operating
    /// system only with the feature `packed`, because it takes flash.
    #[cfg(any(not(target_os = "none"), feature = "packed"))]
    Packed,
}

impl Weights {
    /// Whether there is code for packed weights.
    pub(crate) const CAN_PACK: bool = cfg!(any(not(target_os = "none"), feature = "packed"));

    /// Whether weights are copied.
    pub(crate) fn is_packed(self) -> bool {
        Self::CAN_PACK && self != Self::InPlace
    }
}

impl Default for Weights {
    /// In place on a microcontroller, packed elsewhere.
    fn default() -> Self {
        #[cfg(not(target_os = "none"))]
        let default = Self::Packed;
        #[cfg(target_os = "none")]
        let default = Self::InPlace;
        default
    }
}

/// How a session is made.
#[derive(Clone, Copy, Debug)]
pub struct Options<'o> {
    /// The vector level of the kernels; the best of this processor by default.
    pub level: Level,
    /// Where kernels read weights from.
    pub weights: Weights,
    /// For each input the shape that it shall have instead of the file's; `None`, or an end of the
    /// list, keeps the file's.
    pub input_shapes: &'o [Option<Shape>],
    /// The most turns that the loops (WHILE) of one invocation may take together: a bound for models
    /// that are not trusted.
    pub loop_limit: u32,
    /// The most threads that share an operator; 1 by default. They are those of rayon's current pool, so more
    /// than one is of use in a pool of as many: `pool.install(|| session.invoke())`. The outputs' bits do not
    /// depend on it.
    #[cfg(feature = "threads")]
    pub threads: core::num::NonZero<u16>,
}

/// Turns that loops may take by default.
const LOOP_LIMIT: u32 = 1 << 20;

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            level: Level::detect(),
            weights: Weights::default(),
            input_shapes: &[],
            loop_limit: LOOP_LIMIT,
            #[cfg(feature = "threads")]
            threads: core::num::NonZero::<u16>::MIN,
        }
    }
}

/// How much of its arena a session uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that the arena must have, exactly, if it starts at a multiple of 16 (up to 15 more
    /// otherwise).
    pub arena: usize,
    /// Bytes of activations, at the low end.
    pub activations: usize,
    /// Bytes of what operators keep from one invocation to the next, behind the activations.
    pub state: usize,
    /// Bytes of prepared data, at the high end.
    pub prepared: usize,
    /// The most bytes of activations that live at the same time: no plan takes fewer.
    pub lower_bound: usize,
}

/// A model ready to run: planned, its kernels prepared, laid into an arena.
///
/// Inputs are consumed: their memory is used again during [`Session::invoke`], so every
/// invocation needs them set anew.
#[derive(Debug)]
pub struct Session<'a> {
    graph: Graph<'a>,
    setting: Setting,
    memory: &'a mut [u8],
    marks: Marks,
    loop_limit: u32,
    /// Turns that the loops of this invocation may still take.
    turns: u32,
    /// The operator that runs next.
    next: u32,
    /// Operators prepared so far. Those from here on have shapes that depend on computed values.
    ready: u32,
    /// What was ready, and how much memory used, before the first invocation.
    static_part: (u32, Marks),
    lower_bound: usize,
}

impl<'a> Session<'a> {
    /// Plans the main subgraph of `model` and lays it into `arena`, with the kernels of `resolver`.
    ///
    /// For another entry point of a model choose it first: [`Model::for_signature`], [`Model::entering`].
    ///
    /// # Errors
    /// Where an operator has no kernel or cannot run as the model asks for it, or the arena is too
    /// small.
    pub fn new(model: Model<'a>, resolver: Resolver, arena: &'a mut [u8]) -> Result<Self, Error> {
        Self::with_options(model, resolver, arena, &Options::default())
    }

    /// As [`Session::new`], with options.
    ///
    /// # Errors
    /// As [`Session::new`], and where an input cannot have the shape asked for.
    pub fn with_options(
        model: Model<'a>,
        resolver: Resolver,
        arena: &'a mut [u8],
        options: &Options<'_>,
    ) -> Result<Self, Error> {
        build::build(model, resolver, arena, options, |_, _| Ok(()))
    }

    /// The model.
    pub fn model(&self) -> &Model<'a> {
        &self.graph.model
    }

    /// The graph that the session runs.
    pub fn graph(&self) -> &Subgraph<'a> {
        &self.graph.view
    }

    /// The vector level of the kernels.
    pub fn level(&self) -> Level {
        self.setting.level
    }

    /// How much of the arena is used.
    pub fn memory(&self) -> Memory {
        Memory {
            arena: self.marks.peak(),
            activations: self.marks.activations() - self.marks.state().len(),
            state: self.marks.state().len(),
            prepared: align_up(self.marks.prepared()),
            lower_bound: self.lower_bound,
        }
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.graph.view.inputs().len()
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.graph.view.outputs().len()
    }

    fn input_tensor(&self, i: usize) -> Result<u32, Error> {
        self.graph.view.inputs().get(i).map(|t| t as u32).ok_or(Error::NoSuchTensor(i as u32))
    }

    fn output_tensor(&self, i: usize) -> Result<u32, Error> {
        self.graph.view.outputs().get(i).map(|t| t as u32).ok_or(Error::NoSuchTensor(i as u32))
    }

    fn type_of(&self, tensor: u32) -> TensorType {
        self.graph.tensor(tensor).map_or(TensorType::Float32, |t| t.tensor_type())
    }

    /// The signature that the session enters: the first of its subgraph.
    pub fn signature(&self) -> Option<SignatureDef<'a>> {
        self.graph.model.signatures().iter().find(|s| s.subgraph_index() == self.graph.number)
    }

    /// The index of the input with this name in the [signature](Self::signature) or, where that has
    /// none, of the input whose tensor has this name.
    pub fn input_named(&self, name: &str) -> Option<usize> {
        let named = self.signature().and_then(|s| s.input(name));
        index_of(&self.graph.view, self.graph.view.inputs(), named, name)
    }

    /// The index of the output with this name; see [`Session::input_named`].
    pub fn output_named(&self, name: &str) -> Option<usize> {
        let named = self.signature().and_then(|s| s.output(name));
        index_of(&self.graph.view, self.graph.view.outputs(), named, name)
    }

    /// The shape of input `i`.
    ///
    /// # Errors
    /// Where there is no such input.
    pub fn input_shape(&self, i: usize) -> Result<Shape, Error> {
        self.input_tensor(i).map(|t| self.shape_of(t))
    }

    /// The shape of output `i`. Where it depends on the inputs' values, it is known after
    /// [`Session::invoke`].
    ///
    /// # Errors
    /// Where there is no such output.
    pub fn output_shape(&self, i: usize) -> Result<Shape, Error> {
        self.output_tensor(i).map(|t| self.shape_of(t))
    }

    /// The element type of input `i`.
    ///
    /// # Errors
    /// Where there is no such input.
    pub fn input_type(&self, i: usize) -> Result<TensorType, Error> {
        self.input_tensor(i).map(|t| self.type_of(t))
    }

    /// The element type of output `i`.
    ///
    /// # Errors
    /// Where there is no such output.
    pub fn output_type(&self, i: usize) -> Result<TensorType, Error> {
        self.output_tensor(i).map(|t| self.type_of(t))
    }

    /// Input `i`, to be filled before each invocation.
    ///
    /// # Errors
    /// Where there is no such input, or it has another element type.
    pub fn input_mut<T: Element>(&mut self, i: usize) -> Result<&mut [T], Error> {
        let tensor = self.input_tensor(i)?;
        let model = self.type_of(tensor);
        if !T::holds(model) {
            return Err(Error::ElementType { model });
        }
        cast_mut(self.activation_mut(tensor))
    }

    /// Copies `data` into input `i`.
    ///
    /// # Errors
    /// Where there is no such input, it has another element type or another number of elements.
    pub fn set_input<T: Element>(&mut self, i: usize, data: &[T]) -> Result<(), Error> {
        let input = self.input_mut::<T>(i)?;
        let (expected, found) = (input.len() as u32, data.len() as u32);
        if expected != found {
            return Err(Error::Length { expected, found });
        }
        input.copy_from_slice(data);
        Ok(())
    }

    /// The bytes of input `i`, whatever its type, to be filled before each invocation.
    ///
    /// # Errors
    /// Where there is no such input.
    pub fn input_bytes_mut(&mut self, i: usize) -> Result<&mut [u8], Error> {
        self.input_tensor(i).map(|t| self.activation_mut(t))
    }

    /// Output `i` of the last invocation.
    ///
    /// # Errors
    /// Where there is no such output, or it has another element type.
    pub fn output<T: Element>(&self, i: usize) -> Result<&[T], Error> {
        let tensor = self.output_tensor(i)?;
        let model = self.type_of(tensor);
        if !T::holds(model) {
            return Err(Error::ElementType { model });
        }
        let bytes = self.bytes_of(tensor);
        if bytes.is_empty() {
            return Ok(&[]);
        }
        bytemuck::try_cast_slice(bytes).map_err(|_| Error::Plan)
    }

    /// The bytes of output `i` of the last invocation, whatever its type.
    ///
    /// # Errors
    /// Where there is no such output.
    pub fn output_bytes(&self, i: usize) -> Result<&[u8], Error> {
        self.output_tensor(i).map(|t| self.bytes_of(t))
    }

    fn arena(&mut self) -> Arena<'_> {
        Arena::new(self.memory, &mut self.marks)
    }

    fn list<T: bytemuck::Pod>(&self, span: crate::arena::Span) -> &[T] {
        self.memory.get(span.range()).and_then(|b| bytemuck::try_cast_slice(b).ok()).unwrap_or_default()
    }

    fn place(&self, tensor: u32) -> Place {
        self.list::<Place>(self.graph.tables.places).get(tensor as usize).copied().unwrap_or_default()
    }

    /// Where a computed tensor lies among the activations: its offset and its bytes; `None` for
    /// constants and unused tensors.
    pub fn activation(&self, tensor: u32) -> Option<(usize, usize)> {
        let place = self.place(tensor);
        match place.home() {
            Home::Activations(at) => Some((at, place.bytes as usize)),
            _ => None,
        }
    }

    /// Where the scratch memory of an operator lies: its offset and its bytes.
    pub fn scratch_of(&self, operator: u32) -> Option<(usize, usize)> {
        let record = self.list::<OpRecord>(self.graph.tables.records).get(operator as usize)?;
        (record.scratch.bytes != 0).then_some((record.scratch.offset as usize, record.scratch.bytes as usize))
    }

    /// The shape of a tensor as this session has it.
    pub fn shape_of(&self, tensor: u32) -> Shape {
        match self.list::<crate::node::ShapeRecord>(self.graph.tables.shapes).get(tensor as usize) {
            Some(&record) => record.into(),
            None => self.graph.tensor(tensor).map(|t| t.shape()).unwrap_or_default(),
        }
    }

    /// The bytes of a tensor, constant or computed. Those of a computed one hold its value only
    /// from the operator that writes it to the last one that reads it.
    pub fn bytes_of(&self, tensor: u32) -> &[u8] {
        let place = self.place(tensor);
        let bytes = place.bytes as usize;
        match place.home() {
            Home::Activations(at) | Home::Prepared(at) => self.memory.get(at..at + bytes),
            Home::File(at) => self.graph.model.file().get(at..at + bytes),
            Home::Nowhere | Home::Within(_) | Home::State(_) | Home::Handle(_) => None,
        }
        .unwrap_or_default()
    }

    fn activation_mut(&mut self, tensor: u32) -> &mut [u8] {
        match self.activation(tensor) {
            Some((at, bytes)) => self.memory.get_mut(at..at + bytes).unwrap_or_default(),
            None => &mut [],
        }
    }

    /// Starts anew: what operators keep from one invocation to the next is as before the first one.
    pub fn reset(&mut self) {
        for tensor in 0..self.graph.view.tensors().len() as u32 {
            let Some(view) = self.graph.tensor(tensor).filter(|t| t.is_variable()) else { continue };
            self.activation_mut(tensor).fill(first_byte(&view) as u8);
        }
        let state = self.marks.state();
        self.memory.get_mut(state.clone()).unwrap_or_default().fill(0);
        let mut at = self.marks.shared();
        while let Some(lasting) = Lasting::at(at, |span| self.list(span)) {
            let range = lasting.state.range();
            let range = state.start + range.start..state.start + range.end;
            self.memory.get_mut(range).unwrap_or_default().fill(lasting.fill as u8);
            at = lasting.next;
        }
    }
}

/// Where in `list` tensor `named` stands or, where that is none, the tensor with this name.
fn index_of(graph: &Subgraph<'_>, list: Vector<'_, i32>, named: Option<u32>, name: &str) -> Option<usize> {
    let has_name = |t: i32| graph.tensors().get(t as usize).is_some_and(|t| t.name().as_str() == name);
    list.iter().position(|t| named.map_or_else(|| has_name(t), |named| t == named as i32))
}

fn cast_mut<T: Element>(bytes: &mut [u8]) -> Result<&mut [T], Error> {
    if bytes.is_empty() {
        return Ok(&mut []);
    }
    bytemuck::try_cast_slice_mut(bytes).map_err(|_| Error::Plan)
}
