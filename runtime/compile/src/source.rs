//! The source of an image.

use std::fmt::{self, Display, Formatter, Write as _};

use sedge_runtime::arena::{Place, Span};
use sedge_runtime::compiled::{Fill, Image, Operator, Tensor};
use sedge_runtime::{BuiltinOperator, TensorType, kernels};

/// What the source says of the memory: one region, or two.
struct Memory {
    /// The items that tell the sizes.
    items: String,
    /// The fields of the model.
    fields: &'static str,
    /// The arguments that make one, with its memory.
    arguments: &'static str,
    /// The fields' names.
    names: &'static str,
    /// The regions, from the fields of `self`.
    own: &'static str,
    /// The regions, from the arguments.
    given: &'static str,
    /// Bytes of the first region.
    first: usize,
    /// Its field.
    first_name: &'static str,
}

fn size(name: &str, alias: &str, bytes: usize, what: &str) -> String {
    format!(
        r"
/// Bytes of {what}.
#[allow(unreachable_pub)]
pub const {name}: usize = {bytes};

/// {alias}: {what}.
#[allow(unreachable_pub)]
pub type {alias} = ::sedge_runtime::arena::Aligned<[u8; {name}]>;
"
    )
}

impl Memory {
    fn of(image: &Image, regions: Option<crate::Regions>) -> Self {
        match regions {
            None => Self {
                items: size("ARENA_SIZE", "Arena", image.arena, "memory that the model runs in"),
                fields: "arena: &'a mut Arena,",
                arguments: "arena: &'a mut Arena",
                names: "arena",
                own: "PROGRAM.regions(&mut self.arena.0)",
                given: "PROGRAM.regions(&mut arena.0)",
                first: image.arena,
                first_name: "arena",
            },
            Some(regions) => Self {
                items: size(
                    "FAST_SIZE",
                    "Fast",
                    regions.fast,
                    "fast memory, for the tensors with the most traffic",
                ) + &size("ARENA_SIZE", "Arena", regions.slow, "memory for what does not fit there"),
                fields: "fast: &'a mut Fast,\n    arena: &'a mut Arena,",
                arguments: "fast: &'a mut Fast, arena: &'a mut Arena",
                names: "fast, arena",
                own: "[&mut self.fast.0, &mut self.arena.0]",
                given: "[&mut fast.0, &mut arena.0]",
                first: regions.fast,
                first_name: "fast",
            },
        }
    }
}

/// Writes the source.
pub(crate) fn write(image: &Image, name: &str, regions: Option<crate::Regions>) -> String {
    let memory = Memory::of(image, regions);
    let Memory { items, fields, arguments, names, own, given, .. } = &memory;
    let mut ports = String::new();
    for (tensors, what, mutable) in [(&image.inputs, "input", true), (&image.outputs, "output", false)] {
        for (i, tensor) in tensors.iter().enumerate() {
            let method = if tensors.len() == 1 { what.to_owned() } else { format!("{what}_{i}") };
            ports += &port(&method, tensor, mutable, &memory);
        }
    }
    let operations = Lines(image.operators.iter().map(operation));
    let places = Lines(image.places.iter().map(|&p| format!("{},", place(p))));
    let fills = Lines(image.fills.iter().map(fill));
    let inputs = Lines(image.inputs.iter().map(description));
    let outputs = Lines(image.outputs.iter().map(description));
    let &Image { state, base, ref data, .. } = image;
    let (data, used) = (ByteString(data), data.len());
    let count = image.operators.len();
    format!(
        r#"// `{name}`, compiled by sedge-compile {version}: {count} operators, {used} bytes of prepared data and constants.
{items}
/// The model `{name}` in its memory.
///
/// Inputs are consumed: set them before each invocation.
#[allow(unreachable_pub)]
#[derive(Debug)]
pub struct Model<'a> {{
    {fields}
    next: usize,
}}

#[allow(dead_code, unreachable_pub)]
impl<'a> Model<'a> {{
    /// What the inputs are.
    pub const INPUTS: &'static [::sedge_runtime::compiled::Port] = &[{inputs}];
    /// What the outputs are.
    pub const OUTPUTS: &'static [::sedge_runtime::compiled::Port] = &[{outputs}];

    /// The model in this memory, whose contents do not matter.
    pub fn new({arguments}) -> Self {{
        PROGRAM.reset({given});
        Self {{ {names}, next: 0 }}
    }}

    /// Runs the model on what its inputs hold.
    ///
    /// # Errors
    /// Where an operator cannot compute its result for these values.
    pub fn invoke(&mut self) -> Result<(), ::sedge_runtime::Error> {{
        self.next = 0;
        PROGRAM.invoke({own})
    }}

    /// Runs the next operator of an invocation, so that other tasks can have the processor between two of them; the
    /// first where none has begun. Inputs must not be written before it is done.
    ///
    /// # Errors
    /// As [`Model::invoke`]; the next step is the first of another invocation then.
    pub fn invoke_step(&mut self) -> Result<::sedge_runtime::Progress, ::sedge_runtime::Error> {{
        let step = ::core::mem::take(&mut self.next);
        PROGRAM.step(step, {own})?;
        if step + 1 >= PROGRAM.operations.len() {{
            return Ok(::sedge_runtime::Progress::Done);
        }}
        self.next = step + 1;
        Ok(::sedge_runtime::Progress::More)
    }}

    /// Starts anew: what operators keep from one invocation to the next is as before the first one.
    pub fn reset(&mut self) {{
        self.next = 0;
        PROGRAM.reset({own});
    }}
{ports}}}

static PROGRAM: ::sedge_runtime::compiled::Program = {{
    #[allow(unused_imports)]
    use ::sedge_runtime::Kernel as _;
    use ::sedge_runtime::arena::{{Aligned, Place, Span}};
    use ::sedge_runtime::compiled::{{Fill, Operation, Program}};
    use ::sedge_runtime::{{BuiltinOperator, kernels}};

    static OPERATIONS: &[Operation] = &[{operations}];
    static PLACES: &[Place] = &[{places}];
    static FILLS: &[Fill] = &[{fills}];
    static DATA: &Aligned<[u8]> = &Aligned(*b"{data}");
    Program {{ operations: OPERATIONS, places: PLACES, data: DATA, base: {base}, state: {state}, fills: FILLS }}
}};
"#,
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// Lines between brackets.
struct Lines<I>(I);

impl<I: Iterator<Item = String> + Clone> Display for Lines<I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut any = false;
        for line in self.0.clone() {
            any = true;
            write!(f, "\n        {line}")?;
        }
        f.write_str(if any { "\n    " } else { "" })
    }
}

/// The inside of a byte string.
struct ByteString<'b>(&'b [u8]);

impl Display for ByteString<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
    }
}

/// The method that gives an input or output.
fn port(method: &str, tensor: &Tensor, mutable: bool, memory: &Memory) -> String {
    let &Tensor { ref name, ref kind, ref shape, at, .. } = tensor;
    let (field, at) = match at.checked_sub(memory.first) {
        None => (memory.first_name, at),
        Some(at) => ("arena", at),
    };
    let (element, elements) = (element(*kind).unwrap_or_default(), shape.elements());
    let (reference, suffix) = if mutable { ("&mut ", "_mut") } else { ("&", "") };
    let to_do = if mutable { ", to be set before each invocation" } else { " of the last invocation" };
    format!(
        r"
    /// `{name}`, {kind} {shape}{to_do}.
    pub fn {method}({reference}self) -> {reference}[{element}; {elements}] {{
        ::sedge_runtime::compiled::elements{suffix}({reference}self.{field}.0, {at})
    }}
",
        name = name.escape_default(),
    )
}

/// The Rust type of elements; `None` where several share a byte, or one is several numbers.
pub(crate) fn element(kind: TensorType) -> Option<&'static str> {
    Some(match kind {
        TensorType::Float32 => "f32",
        TensorType::Float64 => "f64",
        TensorType::Int8 => "i8",
        TensorType::UInt8 | TensorType::Bool => "u8",
        TensorType::Int16 => "i16",
        TensorType::UInt16 | TensorType::Float16 => "u16",
        TensorType::Int32 => "i32",
        TensorType::UInt32 => "u32",
        TensorType::Int64 => "i64",
        TensorType::UInt64 => "u64",
        _ => return None,
    })
}

/// A `Port`.
fn description(tensor: &Tensor) -> String {
    let quantization = match tensor.quantization {
        Some(q) => {
            format!("Some(::sedge_runtime::Affine {{ scale: {:?}, zero_point: {} }})", q.scale, q.zero_point)
        }
        None => "None".to_owned(),
    };
    let (name, dims) = (tensor.name.escape_default(), tensor.shape.dims());
    format!(
        "::sedge_runtime::compiled::Port {{ name: \"{name}\", shape: &{dims:?}, quantization: {quantization} }},"
    )
}

fn operation(operator: &Operator) -> String {
    let Operator { number, code, inputs, outputs, data, scratch, .. } = operator;
    let kernel = kernel(operator);
    format!(
        "Operation {{ number: {number}, code: BuiltinOperator::{code:?}, kernel: {kernel}, inputs: \
         &{inputs:?}, outputs: &{outputs:?}, data: {}, scratch: {} }},",
        span(*data),
        span(*scratch),
    )
}

/// The function that runs an operator.
fn kernel(operator: &Operator) -> String {
    let Operator { code, custom_name, typed, .. } = operator;
    if let Some(function) = typed {
        return format!("kernels::{function}");
    }
    let kernel = match code {
        BuiltinOperator::Custom => kernels::custom_type(custom_name),
        code => kernels::builtin_type(*code),
    };
    format!("|node| kernels::{}.invoke(node)", kernel.unwrap_or_default())
}

fn span(span: Span) -> String {
    match span.is_empty() {
        true => "Span::NONE".to_owned(),
        false => format!("Span {{ offset: {}, bytes: {} }}", span.offset, span.bytes),
    }
}

fn place(place: Place) -> String {
    match (place.as_activation(), place.as_constant()) {
        (Some([at, bytes]), _) => format!("Place::activation({at}, {bytes})"),
        (_, Some([at, bytes])) => format!("Place::constant({at}, {bytes})"),
        _ => "Place::NOWHERE".to_owned(),
    }
}

fn fill(fill: &Fill) -> String {
    let mut line = String::new();
    let _ = write!(line, "Fill {{ span: {}, byte: {} }},", span(fill.span), fill.byte);
    line
}
