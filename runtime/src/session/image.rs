//! What a session holds, as the parts of a [`Program`](crate::compiled::Program).

use std::collections::BTreeMap;
use std::string::{String, ToString as _};
use std::vec::Vec;

use sedge_schema::{self as schema, BuiltinOperator, Shape, Slot, TensorType};

use super::Session;
use crate::arena::{ALIGNMENT, Home, Place, Prepared, Span, align_up};
use crate::compiled::Fill;
use crate::element::alignment;
use crate::error::Error;
use crate::kernels::typed;
use crate::node::{Affine, OpRecord};

/// What is written down of a session. See [`Program`](crate::compiled::Program) for what the parts mean.
#[derive(Clone, Debug)]
pub struct Image {
    /// Bytes of the arena.
    pub arena: usize,
    /// Where the state starts.
    pub state: usize,
    /// What was prepared, and constants.
    pub data: Vec<u8>,
    /// The position of the first byte of `data`.
    pub base: usize,
    /// The operators that run.
    pub operators: Vec<Operator>,
    /// Where the tensors lie that they name.
    pub places: Vec<Place>,
    /// What parts of the arena hold at first.
    pub fills: Vec<Fill>,
    /// The inputs.
    pub inputs: Vec<Tensor>,
    /// The outputs.
    pub outputs: Vec<Tensor>,
}

/// An operator of an [`Image`].
#[derive(Clone, Debug)]
pub struct Operator {
    /// Its number in the model.
    pub number: u32,
    /// What it is.
    pub code: BuiltinOperator,
    /// The name of a custom operator.
    pub custom_name: String,
    /// Its inputs, by their numbers in [`Image::places`]; -1 where there is none.
    pub inputs: Vec<i32>,
    /// Its outputs.
    pub outputs: Vec<i32>,
    /// The path in [`kernels`](crate::kernels) of the function that runs it in its element type, such as `int8::conv_2d`,
    /// if there is one.
    pub typed: Option<&'static str>,
    /// Where its prepared data lies.
    pub data: Span,
    /// Where its scratch memory lies.
    pub scratch: Span,
}

/// An input or output of an [`Image`].
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Its name in the model.
    pub name: String,
    /// Its element type.
    pub kind: TensorType,
    /// Its shape.
    pub shape: Shape,
    /// Where it lies in the arena.
    pub at: usize,
    /// What its numbers mean, where it is quantized with one scale.
    pub quantization: Option<Affine>,
}

impl Session<'_> {
    /// What the session holds, to be written into a program; `None` where shapes depend on values that only a run
    /// computes, or an output is no tensor that is computed.
    ///
    /// The session's weights must lie in place, its level be the scalar one, and none of its operators IF, WHILE or
    /// STABLEHLO_COMPOSITE. Those that run a subgraph once (CALL_ONCE) run now, and the program starts with what they leave in
    /// the state.
    ///
    /// # Errors
    /// Where running these fails.
    pub fn image(&mut self) -> Result<Option<Image>, Error> {
        let graph = self.graph;
        if self.ready < graph.view.operators().len() as u32 {
            return Ok(None);
        }
        let once = |operator: &schema::Operator<'_>| {
            graph.model.code(operator).builtin() == BuiltinOperator::CallOnce
        };
        self.reset();
        self.turns = self.loop_limit;
        for (number, _) in (0u32..).zip(graph.view.operators().iter()).filter(|(_, operator)| once(operator))
        {
            self.run(number, &mut ())?;
        }
        let image = self.written_down(once);
        self.reset();
        Ok(image)
    }

    /// The image of all operators but those that `is_done` says yes to.
    fn written_down(&self, is_done: impl Fn(&schema::Operator<'_>) -> bool) -> Option<Image> {
        let graph = self.graph;
        let records = self.list::<OpRecord>(graph.tables.records);
        let places = self.list::<Place>(graph.tables.places);
        let prepared = Prepared::new(self.memory, 0);
        let mut writer = Writer::new(self);
        let mut operators = Vec::new();
        for ((number, operator), record) in (0u32..).zip(graph.view.operators().iter()).zip(records) {
            if record.kernel == OpRecord::DONE || is_done(&operator) {
                continue;
            }
            let code = graph.model.code(&operator);
            let custom = code.builtin() == BuiltinOperator::Custom;
            let custom_name = if custom { code.name().to_string() } else { String::new() };
            let inputs = (0..).map(Slot::Input).zip(operator.inputs().iter());
            let slots = inputs.chain((0..).map(Slot::Output).zip(operator.outputs().iter()));
            let kind = |t: i32| Some(graph.tensor(u32::try_from(t).ok()?)?.tensor_type());
            let types: Vec<_> = slots.filter_map(|(slot, t)| Some((slot, kind(t)?))).collect();
            let typed = typed::of(&typed::Prepared {
                code: code.builtin(),
                custom_name: &custom_name,
                types: &types,
                prepared: &prepared,
                data: record.data,
            });
            operators.push(Operator {
                number,
                code: code.builtin(),
                custom_name,
                inputs: operator.inputs().iter().map(|t| writer.place(self, places, t)).collect(),
                outputs: operator.outputs().iter().map(|t| writer.place(self, places, t)).collect(),
                typed,
                data: record.data,
                scratch: record.scratch,
            });
        }
        let port = |t: i32| self.port(u32::try_from(t).ok()?);
        Some(Image {
            arena: align_up(self.marks.activations()),
            state: self.marks.state().start,
            base: writer.base,
            operators,
            places: writer.places,
            fills: self.fills(),
            inputs: graph.view.inputs().iter().map(port).collect::<Option<_>>()?,
            outputs: graph.view.outputs().iter().map(port).collect::<Option<_>>()?,
            data: writer.data,
        })
    }

    fn port(&self, t: u32) -> Option<Tensor> {
        let tensor = self.graph.tensor(t)?;
        let (shape, kind) = (self.shape_of(t), tensor.tensor_type());
        let at = match self.activation(t) {
            Some((at, _)) => at,
            None if shape.elements() == 0 => 0,
            None => return None,
        };
        let quantization = tensor.quantization().filter(|q| !q.is_per_channel() && q.scale_at(0) > 0.0);
        let quantization =
            quantization.map(|q| Affine { scale: q.scale_at(0), zero_point: q.zero_point_at(0) });
        Some(Tensor { name: tensor.name().as_str().to_string(), kind, shape, at, quantization })
    }

    /// What variables and the state hold now, but for zeros in the state.
    fn fills(&self) -> Vec<Fill> {
        let mut fills = Vec::new();
        let mut add = |start: usize, bytes: &[u8], is_state: bool| {
            let mut offset = start as u32;
            for run in bytes.chunk_by(|a, b| a == b) {
                let (byte, bytes) = (run[0], run.len() as u32);
                if !is_state || byte != 0 {
                    fills.push(Fill { span: Span { offset, bytes }, byte });
                }
                offset += bytes;
            }
        };
        for t in 0..self.graph.view.tensors().len() as u32 {
            if let (Some(true), Some((at, _))) =
                (self.graph.tensor(t).map(|t| t.is_variable()), self.activation(t))
            {
                add(at, self.bytes_of(t), false);
            }
        }
        let state = self.marks.state();
        add(state.start, self.memory.get(state.clone()).unwrap_or_default(), true);
        fills
    }
}

/// Collects prepared data, constants and places.
struct Writer {
    data: Vec<u8>,
    base: usize,
    places: Vec<Place>,
    /// Each tensor's number among the places.
    numbers: BTreeMap<i32, i32>,
    /// Where constants that lie in the file have gone.
    constants: BTreeMap<usize, usize>,
}

impl Writer {
    /// With what the session has prepared but for its lists, which lie above.
    fn new(session: &Session<'_>) -> Self {
        let tables = session.graph.tables;
        let lists =
            [tables.places, tables.records, tables.shapes].into_iter().filter(|list| !list.is_empty());
        let end = lists.map(|list| list.range().start).min().unwrap_or(session.memory.len());
        let base = (session.memory.len() - session.marks.prepared()) / ALIGNMENT * ALIGNMENT;
        let data = session.memory.get(base..end).unwrap_or_default().to_vec();
        Self { data, base, places: Vec::new(), numbers: BTreeMap::new(), constants: BTreeMap::new() }
    }

    /// The number of tensor `t` among the places; -1 for none.
    fn place(&mut self, session: &Session<'_>, places: &[Place], t: i32) -> i32 {
        if let Some(&number) = self.numbers.get(&t) {
            return number;
        }
        let Some(&place) = usize::try_from(t).ok().and_then(|t| places.get(t)) else { return -1 };
        let place = match place.home() {
            Home::File(at) => Place::new(Home::Prepared(self.constant(session, t as u32, at)), place.bytes),
            Home::Activations(_) | Home::Prepared(_) => place,
            Home::Nowhere | Home::Within(_) | Home::State(_) | Home::Handle(_) => Place::default(),
        };
        let number = self.places.len() as i32;
        self.places.push(place);
        self.numbers.insert(t, number);
        number
    }

    /// Where the constant tensor `t` goes that lies in the file at `at`.
    fn constant(&mut self, session: &Session<'_>, t: u32, at: usize) -> usize {
        if let Some(&to) = self.constants.get(&at) {
            return to;
        }
        let kind = session.graph.tensor(t).map_or(TensorType::Float32, |t| t.tensor_type());
        let align = alignment(kind).max(size_of::<u32>());
        self.data.resize(self.data.len().next_multiple_of(align), 0);
        let to = self.base + self.data.len();
        self.data.extend_from_slice(session.bytes_of(t));
        self.constants.insert(at, to);
        to
    }
}
