//! The surroundings of an operator while its session is made.

use bytemuck::Pod;
use sedge_schema::flex::Map;
use sedge_schema::op::Node;
use sedge_schema::{BuiltinOperator, Operator, Quantization, Refusal, Shape, Slot, Tensor, TensorType, op};
use sedge_simd::Level;

use crate::arena::{Arena, Home, LINE, Place, Span, TooSmall};
use crate::error::Error;
use crate::node::graph::{Affine, Graph, OpRecord, ShapeRecord};
use crate::plan::Lifetime;
use crate::resolver::Resolver;
use crate::session::Weights;

/// An operator's surroundings while its session is made: its tensors' types, shapes and
/// quantization, its constants, and the memory that it may take for prepared data.
pub struct Prepare<'p> {
    pub(crate) graph: Graph<'p>,
    pub(crate) arena: Arena<'p>,
    pub(crate) operator: Operator<'p>,
    /// The operator's index.
    pub(crate) index: u32,
    pub(crate) record: OpRecord,
    /// The temporary list of lifetimes.
    pub(crate) lifetimes: Span,
    /// Where this part of the graph starts: what operators before it wrote can be read, and they
    /// have their places.
    pub(crate) start: u32,
    /// Whether the model is being run, so that inputs can be read.
    pub(crate) running: bool,
    pub(crate) setting: Setting,
    /// How many operators that call subgraphs are around this one.
    pub(crate) depth: u32,
    /// Set where a shape is not the one in the file, and there is no list for others.
    pub(crate) other_shapes: bool,
    /// What failed inside an operator that calls others.
    pub(crate) inner: Option<Error>,
    /// Turns that loops may take which run while they are prepared.
    pub(crate) turns: u32,
}

/// What is the same for all operators of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) resolver: Resolver,
    pub(crate) level: Level,
    pub(crate) weights: Weights,
    #[cfg(feature = "threads")]
    pub(crate) threads: core::num::NonZero<u16>,
}

impl<'p> Prepare<'p> {
    /// The operator with its parameters, after its rule gave all outputs their shapes.
    ///
    /// # Errors
    /// Where the rule refuses the inputs, or one of them is stored sparsely.
    pub fn operator<O: op::Operator>(&mut self) -> Result<O, Refusal> {
        if O::CODE != BuiltinOperator::Densify {
            self.all_dense()?;
        }
        let op = O::read(self.operator.options());
        for output in 0..self.outputs().max(O::OUTPUTS.0) {
            let shape = op.infer(self, output)?;
            self.set_shape(output, shape)?;
        }
        Ok(op)
    }

    /// Checks that no input's elements are stored otherwise than its shape says.
    fn all_dense(&self) -> Result<(), Refusal> {
        let slots = (0..self.inputs()).map(|i| Slot::Input(i as u8));
        let sparse = |&slot: &Slot| self.tensor(slot).is_ok_and(|t| t.sparsity().is_some());
        slots.into_iter().find(sparse).map_or(Ok(()), |slot| Err(Refusal::Sparse(slot)))
    }

    /// The quantization of the tensor between the operator's parts that the file lists as number `i`.
    ///
    /// # Errors
    /// Where there is none, or it has not one scale.
    pub fn intermediate(&self, i: usize) -> Result<Affine, Refusal> {
        let refused = Refusal::Parameter("intermediates");
        let index = self.operator.intermediates().get(i).and_then(|t| u32::try_from(t).ok());
        let tensor = index.and_then(|t| self.graph.tensor(t)).ok_or(refused)?;
        one_scale(tensor.quantization()).ok_or(refused)
    }

    fn list_of(&self, slot: Slot) -> Option<i32> {
        match slot {
            Slot::Input(i) => self.operator.inputs().get(i.into()),
            Slot::Output(i) => self.operator.outputs().get(i.into()),
        }
    }

    /// The tensor in `slot`; `None` where it is left out.
    pub(crate) fn index_of(&self, slot: Slot) -> Option<u32> {
        self.list_of(slot).and_then(|t| u32::try_from(t).ok())
    }

    fn tensor(&self, slot: Slot) -> Result<Tensor<'p>, Refusal> {
        self.index_of(slot).and_then(|t| self.graph.tensor(t)).ok_or(Refusal::Absent(slot))
    }

    pub(crate) fn place(&self, tensor: u32) -> Place {
        self.arena.get::<Place>(self.graph.tables.places).get(tensor as usize).copied().unwrap_or_default()
    }

    /// Gives output `output` its shape.
    ///
    /// # Errors
    /// Where the tensor would be too large.
    pub fn set_shape(&mut self, output: usize, shape: Shape) -> Result<(), Refusal> {
        let slot = Slot::Output(output as u8);
        // An output that nobody reads may be left out.
        let Some(tensor) = self.index_of(slot) else { return Ok(()) };
        let view = self.tensor(slot)?;
        let bytes = view.tensor_type().bytes(shape.elements()).and_then(|n| u32::try_from(n).ok());
        let bytes = bytes.ok_or(Refusal::TooLarge)?;
        let shapes = self.arena.get_mut::<ShapeRecord>(self.graph.tables.shapes);
        match shapes.get_mut(tensor as usize) {
            Some(record) => *record = shape.into(),
            None => self.other_shapes |= view.shape() != shape,
        }
        self.set_place(tensor, Place::new(Home::Nowhere, bytes));
        Ok(())
    }

    pub(crate) fn set_place(&mut self, tensor: u32, to: Place) {
        if let Some(place) = self.arena.get_mut::<Place>(self.graph.tables.places).get_mut(tensor as usize) {
            *place = to;
        }
    }

    /// The type of the tensor in `slot`, which must be one of `allowed`.
    ///
    /// # Errors
    /// Where it is another, or the tensor is left out.
    pub fn type_in(&self, slot: Slot, allowed: &[TensorType]) -> Result<TensorType, Refusal> {
        let found = self.tensor_type(slot)?;
        if allowed.contains(&found) { Ok(found) } else { Err(Refusal::Type(slot)) }
    }

    /// Whether the file says that the shape of the tensor in `slot` may change.
    ///
    /// # Errors
    /// Where the tensor is left out.
    pub fn is_dynamic(&self, slot: Slot) -> Result<bool, Refusal> {
        Ok(self.tensor(slot)?.shape_signature().iter().any(|dim| dim < 0))
    }

    /// Whether the tensor in `slot` keeps its value from one invocation to the next.
    pub fn is_variable(&self, slot: Slot) -> bool {
        self.tensor(slot).is_ok_and(|t| t.is_variable())
    }

    /// The quantization of the tensor in `slot`; `None` where it has none.
    ///
    /// # Errors
    /// Where the tensor is left out.
    pub fn quantization(&self, slot: Slot) -> Result<Option<Quantization<'p>>, Refusal> {
        Ok(self.tensor(slot)?.quantization())
    }

    /// Scale and zero point of the tensor in `slot`, which must have one of each.
    ///
    /// # Errors
    /// Where it has none, or one per channel, or the scale is 0.
    pub fn affine(&self, slot: Slot) -> Result<Affine, Refusal> {
        one_scale(self.quantization(slot)?).ok_or(Refusal::Quantization(slot))
    }

    /// The bytes of a constant input, little-endian and at any alignment; `None` where the input is
    /// computed or left out.
    pub fn constant(&self, input: usize) -> Option<&'p [u8]> {
        let tensor = self.tensor(Slot::Input(input as u8)).ok()?;
        let bytes = self.graph.model.constant(&tensor);
        (!bytes.is_empty()).then_some(bytes)
    }

    /// The bytes of a constant in half precision that a DEQUANTIZE makes input `input` of; `None` where it is no
    /// such input.
    pub fn constant_halves(&self, input: usize) -> Option<&'p [u8]> {
        self.widened(input).map(|(_, bytes)| bytes)
    }

    /// The DEQUANTIZE that makes input `input` of a constant in half precision, and its bytes.
    fn widened(&self, input: usize) -> Option<(u32, &'p [u8])> {
        let tensor = self.index_of(Slot::Input(input as u8))?;
        let number = self.arena.get::<Lifetime>(self.lifetimes).get(tensor as usize)?.first;
        let writer = self.graph.view.operators().get(number as usize)?;
        let widens = self.graph.model.code(&writer).builtin() == BuiltinOperator::Dequantize;
        if !widens || writer.outputs().get(0) != i32::try_from(tensor).ok() {
            return None;
        }
        let from = self.graph.tensor(u32::try_from(writer.inputs().get(0)?).ok()?)?;
        let bytes = self.graph.model.constant(&from);
        (from.tensor_type() == TensorType::Float16 && !bytes.is_empty()).then_some((number, bytes))
    }

    /// Says that `invoke` does not read inputs `1..`, the weights and the bias: they are packed. A DEQUANTIZE that only made
    /// one of these has nothing to do, and its output takes no memory.
    pub(crate) fn has_packed(&mut self) {
        for input in 1..self.inputs() {
            let tensor = self.list_of(Slot::Input(input as u8));
            let (Some((writer, _)), Some(tensor)) = (self.widened(input), tensor) else { continue };
            let reads = |operator: Operator<'_>| operator.inputs().iter().filter(|&t| t == tensor).count();
            let readers: usize = self.graph.view.operators().iter().map(reads).sum();
            let is_output = self.graph.view.outputs().iter().any(|t| t == tensor);
            if readers != 1 || is_output {
                continue;
            }
            let records = self.arena.get_mut::<OpRecord>(self.graph.tables.records);
            if let Some(record) = records.get_mut(writer as usize) {
                record.kernel = OpRecord::DONE;
            }
            self.set_place(tensor as u32, Place::NOWHERE);
        }
    }

    /// The vector level that kernels may use.
    pub fn level(&self) -> Level {
        self.setting.level
    }

    /// Whether weights may be copied into the arena in the order that the kernel reads them.
    pub fn packs_weights(&self) -> bool {
        self.setting.weights.is_packed()
    }

    /// How many parts the operator's rows are divided into, which take `products` products together.
    #[cfg(feature = "threads")]
    pub(crate) fn parts(&self, rows: usize, products: usize) -> usize {
        crate::threads::parts(self.setting.threads.get().into(), rows, products)
    }

    /// There is one thread.
    #[cfg(not(feature = "threads"))]
    pub(crate) fn parts(&self, _rows: usize, _products: usize) -> usize {
        1
    }

    /// Takes a list of `count` values, all zero, for prepared data.
    ///
    /// # Errors
    /// Where the arena is too small.
    pub fn list<T: Pod>(&mut self, count: usize) -> Result<Span, Refusal> {
        self.arena.prepare::<T>(count).map_err(out_of_memory)
    }

    /// As [`Prepare::list`], for vectors: it starts at a line of the cache. A vector that lies in two lines is read twice.
    pub(crate) fn list_of_vectors<T: Pod>(&mut self, count: usize) -> Result<Span, Refusal> {
        let more = LINE / size_of::<T>().max(1);
        let whole = self.list::<T>(count.saturating_add(more))?;
        let skip = self.list_mut::<T>(whole).as_ptr().align_offset(LINE).min(more) * size_of::<T>();
        Ok(Span { offset: whole.offset + skip as u32, bytes: (count * size_of::<T>()) as u32 })
    }

    /// A list that was taken before, to fill it.
    pub fn list_mut<T: Pod>(&mut self, span: Span) -> &mut [T] {
        self.arena.get_mut(span)
    }

    /// Takes a list of one value, for [`Invoke::load`](crate::Invoke::load).
    ///
    /// # Errors
    /// Where the arena is too small.
    pub fn store<T: Pod>(&mut self, value: T) -> Result<Span, Refusal> {
        let span = self.list::<T>(1)?;
        self.list_mut::<T>(span).fill(value);
        Ok(span)
    }

    /// Keeps the kernel's own data for [`Invoke::data`](crate::Invoke::data).
    ///
    /// # Errors
    /// Where the arena is too small.
    pub fn set_data<T: Pod>(&mut self, data: T) -> Result<(), Refusal> {
        self.record.data = self.store(data)?;
        Ok(())
    }

    /// Asks for memory that keeps what it holds from one invocation to the next, for
    /// [`Invoke::state`](crate::Invoke::state). It starts at a multiple of 8, and is zero before the
    /// first invocation and after [`Session::reset`](crate::Session::reset).
    ///
    /// # Errors
    /// Where that is more than an arena can hold, or the operator comes after one whose output shape
    /// only a run tells: its state would have no lasting place.
    pub fn state(&mut self, bytes: usize) -> Result<Span, Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::TooLarge)?;
        self.arena.state(bytes).ok_or(Refusal::State)
    }

    /// The bytes that a custom operator's maker wrote as its options.
    pub fn custom_options(&self) -> &'p [u8] {
        self.operator.custom_options(&self.graph.model)
    }

    /// A custom operator's options as the FlexBuffers map that most makers write; a map without values
    /// where there are no options.
    ///
    /// # Errors
    /// Where there are options that are no such map.
    pub fn options(&self) -> Result<Map<'p>, Refusal> {
        match self.custom_options() {
            [] => Ok(Map::EMPTY),
            bytes => Map::root(bytes).ok_or(Refusal::Parameter("custom options")),
        }
    }

    /// Checks how many inputs and outputs the operator has.
    ///
    /// # Errors
    /// Where it has others.
    pub fn arity(&self, inputs: usize, outputs: usize) -> Result<(), Refusal> {
        match (self.inputs(), self.outputs()) {
            (found, _) if found != inputs => Err(Refusal::Inputs(found as u32)),
            (_, found) if found != outputs => Err(Refusal::Outputs(found as u32)),
            _ => Ok(()),
        }
    }

    /// Asks for scratch memory during `invoke`, for [`Invoke::scratch`](crate::Invoke::scratch).
    ///
    /// # Errors
    /// Where that is more than an arena can hold.
    pub fn scratch(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::TooLarge)?;
        self.record.scratch = Span { offset: 0, bytes };
        Ok(())
    }
}

/// Scale and zero point where there is one of each, and the scale is positive.
fn one_scale(quantization: Option<Quantization<'_>>) -> Option<Affine> {
    let q = quantization.filter(|q| !q.is_per_channel() && q.scale_at(0) > 0.0)?;
    Some(Affine { scale: q.scale_at(0), zero_point: q.zero_point_at(0) })
}

pub(crate) fn out_of_memory(TooSmall(needed): TooSmall) -> Refusal {
    Refusal::OutOfMemory { needed: u32::try_from(needed).unwrap_or(u32::MAX) }
}

impl Node for Prepare<'_> {
    fn inputs(&self) -> usize {
        self.operator.inputs().len()
    }

    fn outputs(&self) -> usize {
        self.operator.outputs().len()
    }

    fn has(&self, slot: Slot) -> bool {
        self.index_of(slot).is_some()
    }

    fn shape(&self, slot: Slot) -> Result<Shape, Refusal> {
        let tensor = self.index_of(slot).ok_or(Refusal::Absent(slot))?;
        Ok(self.graph.shape(&self.arena, tensor))
    }

    fn tensor_type(&self, slot: Slot) -> Result<TensorType, Refusal> {
        Ok(self.tensor(slot)?.tensor_type())
    }

    fn values(&self, input: usize) -> Result<&[u8], Refusal> {
        let slot = Slot::Input(input as u8);
        let tensor = self.index_of(slot).ok_or(Refusal::Absent(slot))?;
        if let Some(bytes) = self.constant(input) {
            return Ok(bytes);
        }
        let lifetimes = self.arena.get::<Lifetime>(self.lifetimes);
        let written = lifetimes.get(tensor as usize).map_or(u32::MAX, |l| l.first);
        let known = self.running && (self.graph.starts_alive(tensor) || written < self.start);
        let place = self.place(tensor);
        match place.home() {
            Home::Activations(at) if known => Ok(self.arena.bytes(at, place.bytes)),
            Home::Prepared(at) => Ok(self.arena.bytes(at, place.bytes)),
            _ if self.graph.shape(&self.arena, tensor).elements() == 0 => Ok(&[]),
            _ => Err(Refusal::Pending(slot)),
        }
    }
}
