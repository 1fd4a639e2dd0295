//! The surroundings of an operator while it runs.

use core::cell::Cell;

use bytemuck::Pod;
use sedge_schema::{Refusal, Slot, Vector};
use sedge_simd::Level;

use crate::arena::{Home, Pieces, Place, Prepared, Span};
use crate::element::Element;
use crate::error::Error;
use crate::node::graph::{Graph, OpRecord};
use crate::resolver::Resolver;

/// What the kernels of a graph that is being run read.
#[derive(Clone, Copy)]
pub(crate) struct Run<'s> {
    /// The graph and its kernels; `None` where they were looked up when the program was compiled.
    pub(crate) scope: Option<Scope<'s>>,
    /// The model's file, where constants lie.
    pub(crate) file: &'s [u8],
    pub(crate) level: Level,
    pub(crate) prepared: Prepared<'s>,
    /// Turns that loops may still take.
    pub(crate) turns: &'s Cell<u32>,
}

/// A graph, and the kernels that its operators may have.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s> {
    pub(crate) graph: &'s Graph<'s>,
    pub(crate) resolver: Resolver,
}

impl<'s> Scope<'s> {
    /// What the graph's kernels read.
    pub(crate) fn run(self, level: Level, prepared: Prepared<'s>, turns: &'s Cell<u32>) -> Run<'s> {
        Run { scope: Some(self), file: self.graph.model.file(), level, prepared, turns }
    }
}

impl<'s> Run<'s> {
    /// The bytes of a constant.
    pub(crate) fn constant(&self, place: Place) -> Option<&'s [u8]> {
        match place.home() {
            Home::File(at) => self.file.get(at..at.checked_add(place.bytes as usize)?),
            Home::Prepared(at) => Some(self.prepared.bytes(at, place.bytes as usize)),
            _ => (place.bytes == 0).then_some(&[]),
        }
    }

    /// Runs one operator of the graph.
    #[inline]
    pub(crate) fn step(&'s self, operator: u32, memory: Memory<'s>) -> Result<(), Error> {
        let Scope { graph, resolver } = self.scope.ok_or(Error::Plan)?;
        let record = self.prepared.get::<OpRecord>(graph.tables.records).get(operator as usize).copied();
        let record = record.ok_or(Error::Plan)?;
        if record.kernel == OpRecord::DONE {
            return Ok(());
        }
        let kernel = resolver.kernel(record.kernel).ok_or(Error::Plan)?;
        let view = graph.operators.get(operator as usize).ok_or(Error::Plan)?;
        let mut node = Invoke::new(self, (view.inputs(), view.outputs()), record, memory);
        kernel.invoke(&mut node).map_err(|refusal| {
            let code = graph.model.code(&view).builtin();
            node.inner.unwrap_or(Error::of_operator(operator, code, refusal, 0))
        })
    }
}

/// The memory that an operator works in.
pub(crate) struct Memory<'s> {
    /// The activations below the state, from offset 0 on.
    pub(crate) low: &'s mut [u8],
    /// Those above it, and their offset; none while all of them lie below.
    pub(crate) high: (usize, &'s mut [u8]),
    pub(crate) state: &'s mut [u8],
}

impl<'s> Memory<'s> {
    /// With all activations in one part.
    pub(crate) fn new(low: &'s mut [u8], state: &'s mut [u8]) -> Self {
        Self { low, high: (0, &mut []), state }
    }
}

/// An operator's tensors, scratch memory and prepared data while it runs.
///
/// Outputs and scratch memory are taken first (each once); inputs are read from what is left. So
/// the borrow checker knows that they do not overlap, and a plan that were wrong would be refused
/// here.
pub struct Invoke<'s> {
    pub(crate) run: &'s Run<'s>,
    pub(crate) places: &'s [Place],
    pub(crate) activations: Activations<'s>,
    pub(crate) state: State<'s>,
    pub(crate) inputs: Vector<'s, i32>,
    pub(crate) outputs: Vector<'s, i32>,
    pub(crate) record: OpRecord,
    /// What failed inside an operator that calls others.
    pub(crate) inner: Option<Error>,
}

/// The input and output of an operator that may work in place.
pub enum Unary<'s, I, O> {
    /// Both are one place.
    InPlace(&'s mut [O]),
    /// They lie apart.
    Apart(&'s [I], &'s mut [O]),
}

/// The two inputs and the output of an operator that may work in place.
pub enum Binary<'s, T> {
    /// All lie apart: first input, second input, output.
    Apart(&'s [T], &'s [T], &'s mut [T]),
    /// The output is written over the first input; the second input.
    OverFirst(&'s mut [T], &'s [T]),
    /// The output is written over the second input; the first input.
    OverSecond(&'s mut [T], &'s [T]),
}

/// What an operator leaves of the activations: an LSTM takes four outputs and scratch memory, and these may be in two
/// parts at first.
type Activations<'s> = Pieces<'s, 10>;

/// What it leaves of the state: an LSTM takes two, a custom kernel may take more.
pub(crate) type State<'s> = Pieces<'s, 8>;

impl<'s> Invoke<'s> {
    /// The surroundings of an operator of the graph that is being run, with these inputs and outputs.
    #[inline(always)]
    pub(crate) fn new(
        run: &'s Run<'s>,
        (inputs, outputs): (Vector<'s, i32>, Vector<'s, i32>),
        record: OpRecord,
        Memory { low, high, state }: Memory<'s>,
    ) -> Self {
        let places = run.scope.map_or(Span::NONE, |scope| scope.graph.tables.places);
        Self {
            run,
            places: run.prepared.get(places),
            activations: Pieces::of(low, high),
            state: Pieces::new(state),
            inputs,
            outputs,
            record,
            inner: None,
        }
    }

    /// The vector level that the session was made for.
    pub fn level(&self) -> Level {
        self.run.level
    }

    /// What [`Prepare::set_data`](crate::Prepare::set_data) kept.
    ///
    /// # Errors
    /// Where that was something else; a defect of the kernel.
    #[inline]
    pub fn data<T: Pod>(&self) -> Result<&'s T, Refusal> {
        self.load(self.record.data)
    }

    /// What [`Prepare::store`](crate::Prepare::store) kept.
    ///
    /// # Errors
    /// Where that was something else; a defect of the kernel.
    #[inline]
    pub fn load<T: Pod>(&self, span: Span) -> Result<&'s T, Refusal> {
        self.run.prepared.get::<T>(span).first().ok_or(Refusal::Internal)
    }

    /// A list that [`Prepare::list`](crate::Prepare::list) took.
    pub fn list<T: Pod>(&self, span: Span) -> &'s [T] {
        self.run.prepared.get(span)
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Whether input `i` is there.
    pub fn has_input(&self, i: usize) -> bool {
        self.inputs.get(i).is_some_and(|t| t >= 0)
    }

    fn place(&self, list: Vector<'s, i32>, i: usize, slot: Slot) -> Result<Place, Refusal> {
        let tensor = list.get(i).and_then(|t| usize::try_from(t).ok()).ok_or(Refusal::Absent(slot))?;
        self.places.get(tensor).copied().ok_or(Refusal::Internal)
    }

    pub(crate) fn input_place(&self, i: usize) -> Result<Place, Refusal> {
        self.place(self.inputs, i, Slot::Input(i as u8))
    }

    pub(crate) fn output_place(&self, i: usize) -> Result<Place, Refusal> {
        self.place(self.outputs, i, Slot::Output(i as u8))
    }

    /// Whether input `input` lies in output `output`, as [`Prepare::join`](crate::Prepare) had it.
    pub(crate) fn is_within(&self, input: usize, output: usize) -> bool {
        let range = |place: Place| match place.home() {
            Home::Activations(at) => Some((at, at + place.bytes as usize)),
            _ => None,
        };
        let input = self.input_place(input).ok().and_then(range);
        let output = self.output_place(output).ok().and_then(range);
        input.zip(output).is_some_and(|(input, output)| output.0 <= input.0 && input.1 <= output.1)
    }

    /// The bytes at a place, wherever it is.
    pub(crate) fn bytes_at(&self, place: Place) -> Result<&[u8], Refusal> {
        let bytes = match (self.run.constant(place), place.home()) {
            (Some(bytes), _) => Some(bytes),
            (None, Home::Activations(at)) => self.activations.get(at, place.bytes as usize),
            (None, Home::State(at)) => self.state.get(at, place.bytes as usize),
            (None, _) => None,
        };
        bytes.ok_or(Refusal::Internal)
    }

    /// The elements of input `i`.
    ///
    /// # Errors
    /// Where it is left out, or overlaps something that was taken.
    #[inline]
    pub fn input<T: Element>(&self, i: usize) -> Result<&[T], Refusal> {
        cast(self.bytes_at(self.input_place(i)?)?)
    }

    /// The elements of input `i` where it is there.
    ///
    /// # Errors
    /// Where it overlaps something that was taken.
    #[inline]
    pub fn optional_input<T: Element>(&self, i: usize) -> Result<Option<&[T]>, Refusal> {
        if self.has_input(i) { self.input(i).map(Some) } else { Ok(None) }
    }

    /// Takes output `i`.
    ///
    /// # Errors
    /// Where it was taken already, or overlaps something that was.
    #[inline]
    pub fn output<T: Element>(&mut self, i: usize) -> Result<&'s mut [T], Refusal> {
        let place = self.output_place(i)?;
        cast_mut(self.take(place)?)
    }

    /// Takes input `i`, a variable, to change it.
    ///
    /// # Errors
    /// Where it was taken already, or overlaps something that was.
    pub fn variable<T: Element>(&mut self, i: usize) -> Result<&'s mut [T], Refusal> {
        let place = self.input_place(i)?;
        cast_mut(self.take(place)?)
    }

    fn take(&mut self, place: Place) -> Result<&'s mut [u8], Refusal> {
        match place.home() {
            _ if place.bytes == 0 => Ok(&mut []),
            Home::Activations(at) => self.activations.take(at, place.bytes as usize).ok_or(Refusal::Internal),
            Home::State(at) => self.state.take(at, place.bytes as usize).ok_or(Refusal::Internal),
            _ => Err(Refusal::Internal),
        }
    }

    /// Takes the state that [`Prepare::state`](crate::Prepare::state) asked for.
    ///
    /// # Errors
    /// Where it was taken already.
    pub fn state<T: Pod>(&mut self, span: Span) -> Result<&'s mut [T], Refusal> {
        let Span { offset, bytes } = span;
        if bytes == 0 {
            return Ok(&mut []);
        }
        cast_mut(self.state.take(offset as usize, bytes as usize).ok_or(Refusal::Internal)?)
    }

    /// Takes the scratch memory that [`Prepare::scratch`](crate::Prepare::scratch) asked for.
    ///
    /// # Errors
    /// Where it was taken already.
    pub fn scratch<T: Pod>(&mut self) -> Result<&'s mut [T], Refusal> {
        let Span { offset, bytes } = self.record.scratch;
        if bytes == 0 {
            return Ok(&mut []);
        }
        cast_mut(self.activations.take(offset as usize, bytes as usize).ok_or(Refusal::Internal)?)
    }

    /// Input `input` and output `output`, which may be one place. Takes both.
    ///
    /// # Errors
    /// Where something that overlaps was taken already.
    #[inline]
    pub fn unary<I: Element, O: Element>(
        &mut self,
        input: usize,
        output: usize,
    ) -> Result<Unary<'s, I, O>, Refusal> {
        let (from, to) = (self.input_place(input)?, self.output_place(output)?);
        if from == to && from.bytes != 0 {
            return Ok(Unary::InPlace(cast_mut(self.take(to)?)?));
        }
        let out = cast_mut(self.take(to)?)?;
        Ok(Unary::Apart(cast(self.take_input(from)?)?, out))
    }

    /// Takes an input, so that it can be read for as long as the outputs are written.
    fn take_input(&mut self, place: Place) -> Result<&'s [u8], Refusal> {
        match self.run.constant(place) {
            Some(bytes) => Ok(bytes),
            None => self.take(place).map(|bytes| &*bytes),
        }
    }

    /// Inputs 0 and 1 and output 0, which may be one place with either input. Takes all three.
    ///
    /// # Errors
    /// Where something that overlaps was taken already.
    #[inline]
    pub fn binary<T: Element>(&mut self) -> Result<Binary<'s, T>, Refusal> {
        let (first, second, to) = (self.input_place(0)?, self.input_place(1)?, self.output_place(0)?);
        let out = cast_mut(self.take(to)?)?;
        if to.bytes != 0 && first == to {
            return Ok(Binary::OverFirst(out, cast(self.take_input(second)?)?));
        }
        let a = self.take_input(first)?;
        if to.bytes != 0 && second == to {
            return Ok(Binary::OverSecond(out, cast(a)?));
        }
        // Both operands may be the same tensor.
        let b = if second == first { a } else { self.take_input(second)? };
        Ok(Binary::Apart(cast(a)?, cast(b)?, out))
    }

    /// As [`Invoke::unary`] with the bytes of both, whatever their types.
    ///
    /// # Errors
    /// As [`Invoke::unary`].
    pub fn unary_bytes(&mut self, input: usize, output: usize) -> Result<Unary<'s, u8, u8>, Refusal> {
        self.unary(input, output)
    }

    /// Runs `f` with the elements of input `input` and those of each output in turn.
    ///
    /// # Errors
    /// Where places overlap, or `f` fails.
    pub fn fan_out<T: Element>(
        &mut self,
        input: usize,
        mut f: impl FnMut(usize, &[T], &mut [T]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let place = self.input_place(input)?;
        let from: &[T] = cast(self.take_input(place)?)?;
        for i in 0..self.outputs() {
            let place = self.output_place(i)?;
            let bytes = match place.home() {
                Home::Activations(at) => {
                    self.activations.get_mut(at, place.bytes as usize).ok_or(Refusal::Internal)?
                }
                _ if place.bytes == 0 => &mut [],
                _ => return Err(Refusal::Internal),
            };
            f(i, from, cast_mut(bytes)?)?;
        }
        Ok(())
    }
}

fn cast<T: Pod>(bytes: &[u8]) -> Result<&[T], Refusal> {
    if bytes.is_empty() {
        return Ok(&[]);
    }
    bytemuck::try_cast_slice(bytes).map_err(|_| Refusal::Internal)
}

fn cast_mut<T: Pod>(bytes: &mut [u8]) -> Result<&mut [T], Refusal> {
    if bytes.is_empty() {
        return Ok(&mut []);
    }
    bytemuck::try_cast_slice_mut(bytes).map_err(|_| Refusal::Internal)
}
