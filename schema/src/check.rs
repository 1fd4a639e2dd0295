//! The check of a whole file, in two passes over each list: first the tables (`wire`), then what
//! their numbers mean.

use crate::error::{Error, Fault, Place};
use crate::model::{
    AnyTable, BlockwiseQuantization, CustomQuantization, Model, Operator, Quantization, Root, Sparsity,
    Subgraph, Tensor, range,
};
use crate::wire::{CheckField as _, CheckView, Table, Vector, Work, check_slot};
use crate::{BuiltinOperator, QuantizationDetails, Shape, TensorType, op};

/// The schema version that this crate reads.
const VERSION: u32 = 3;

/// The bytes that follow the root reference.
const IDENTIFIER: &[u8] = b"TFL3";

pub(crate) fn model(file: &[u8]) -> Result<Model<'_>, Error> {
    let at = |place: Place| move |fault: Fault| Error::new(place, fault);
    if file.get(4..8) != Some(IDENTIFIER) {
        return Err(Error::new(Place::File, Fault::Identifier));
    }
    let mut work = Work::for_file(file);
    let root = Table::root(file).map_err(at(Place::File))?;
    root.check(&mut work).map_err(at(Place::File))?;
    let root = Root(root);
    root.check_fields(&mut work).map_err(at(Place::File))?;
    let model = Model { file, root, buffers: root.buffers(), codes: root.operator_codes(), entry: 0 };
    if root.version() != VERSION {
        return Err(Error::new(Place::File, Fault::Version(root.version())));
    }
    for (i, buffer) in (0..).zip(model.buffers.iter()) {
        buffer.bytes(file).ok_or(Fault::BufferRange).map_err(at(Place::Buffer(i)))?;
    }
    for (i, code) in (0..).zip(model.codes.iter()) {
        let known = u32::try_from(code.number()).ok().and_then(BuiltinOperator::from_code);
        known.ok_or(Fault::UnknownOperator(code.number() as u32)).map_err(at(Place::OperatorCode(i)))?;
    }
    indices(model.metadata_buffers(), model.buffers.len(), false, &mut work).map_err(at(Place::File))?;
    for (i, metadata) in (0..).zip(model.metadata().iter()) {
        index(metadata.buffer().into(), model.buffers.len()).map_err(at(Place::Metadata(i)))?;
    }
    if model.subgraphs().is_empty() {
        return Err(Error::new(Place::File, Fault::Missing));
    }
    for (i, graph) in (0..).zip(model.subgraphs().iter()) {
        subgraph(&model, &graph, i, &mut work)?;
    }
    for (i, signature) in (0..).zip(model.signatures().iter()) {
        let check = || {
            index(signature.subgraph_index().into(), model.subgraphs().len())?;
            let tensors =
                model.subgraphs().get(signature.subgraph_index() as usize).map_or(0, |g| g.tensors().len());
            signature
                .inputs()
                .iter()
                .chain(signature.outputs().iter())
                .try_for_each(|entry| index(entry.tensor_index().into(), tensors))
        };
        check().map_err(at(Place::Signature(i)))?;
    }
    Ok(model)
}

fn index(i: i64, len: usize) -> Result<(), Fault> {
    if usize::try_from(i).is_ok_and(|i| i < len) { Ok(()) } else { Err(Fault::Index(i)) }
}

/// Every index of `list` must count one of `len` things; -1 may stand for none where `optional`.
fn indices(list: Vector<'_, i32>, len: usize, optional: bool, work: &mut Work) -> Result<(), Fault> {
    work.spend(list.bytes().len())?;
    list.iter().filter(|&i| !(optional && i == -1)).try_for_each(|i| index(i.into(), len))
}

fn subgraph(model: &Model<'_>, graph: &Subgraph<'_>, number: u32, work: &mut Work) -> Result<(), Error> {
    let tensors = graph.tensors().len();
    indices(graph.inputs(), tensors, false, work)
        .and_then(|()| indices(graph.outputs(), tensors, false, work))
        .map_err(|fault| Error::new(Place::Subgraph(number), fault))?;
    for (i, t) in (0..).zip(graph.tensors().iter()) {
        tensor(model, &t, tensors, work)
            .map_err(|fault| Error::new(Place::Tensor { subgraph: number, index: i }, fault))?;
    }
    for (i, o) in (0..).zip(graph.operators().iter()) {
        operator(model, &o, tensors, work)
            .map_err(|fault| Error::new(Place::Operator { subgraph: number, index: i }, fault))?;
    }
    Ok(())
}

fn tensor(model: &Model<'_>, tensor: &Tensor<'_>, tensors: usize, work: &mut Work) -> Result<(), Fault> {
    let kind = TensorType::from_code(tensor.type_code()).ok_or(Fault::Enum(tensor.type_code().into()))?;
    work.spend(tensor.dims().bytes().len().min(4 * crate::MAX_RANK))?;
    let shape = Shape::from_signed(tensor.dims().iter()).ok_or(Fault::Shape)?;
    let bytes = kind.bytes(shape.elements()).and_then(|n| u32::try_from(n).ok()).ok_or(Fault::Shape)?;
    index(tensor.buffer().into(), model.buffers.len())?;
    let found = model.constant(tensor).len();
    // Strings have no fixed size; sparse constants hold fewer elements than their shape.
    if found != 0 && kind.bits() != 0 && tensor.sparsity().is_none() && found != bytes as usize {
        return Err(Fault::ConstantSize { needed: bytes, found: u32::try_from(found).unwrap_or(u32::MAX) });
    }
    if let Some(q) = tensor.quantization_parameters() {
        quantization(&q, kind, &shape, tensors, work)?;
    }
    if let Some(s) = tensor.sparsity() {
        sparsity(&s, work)?;
    }
    tensor.variant_tensors().iter().try_for_each(|v| {
        TensorType::from_code(v.type_code()).map(|_| ()).ok_or(Fault::Enum(v.type_code().into()))
    })
}

fn quantization(
    q: &Quantization<'_>,
    kind: TensorType,
    shape: &Shape,
    tensors: usize,
    work: &mut Work,
) -> Result<(), Fault> {
    let (scale, zero_point) = (q.scale(), q.zero_point());
    work.spend(scale.bytes().len() + zero_point.bytes().len())?;
    let per_channel = || {
        let axis = usize::try_from(q.quantized_dimension()).ok().filter(|&axis| axis < shape.rank());
        // Some converters write the weights' dimension on one-dimensional biases, too.
        shape.dim(axis.unwrap_or(0)) == scale.len() && (axis.is_some() || shape.rank() == 1)
    };
    let counts = scale.len() <= 1 || per_channel();
    let zeros = zero_point.len() <= 1 || zero_point.len() == scale.len();
    let scales = scale.iter().all(|s| s.is_finite() && s >= 0.0);
    let (low, high) = kind.integer_range().unwrap_or((i32::MIN, i32::MAX));
    let range = zero_point.iter().all(|z| (low.into()..=high.into()).contains(&z));
    if !(counts && zeros && scales && range) {
        return Err(Fault::Quantization);
    }
    if q.details_type() > 3 {
        return Err(Fault::Enum(q.details_type().into()));
    }
    match q.details() {
        Some(QuantizationDetails::Custom(custom)) => CustomQuantization::check_fields(&custom, work),
        Some(QuantizationDetails::Blockwise(blocks)) => {
            BlockwiseQuantization::check_fields(&blocks, work)?;
            index(blocks.scales().into(), tensors)?;
            // -1 stands for zero points that are all 0.
            if blocks.zero_points() == -1 { Ok(()) } else { index(blocks.zero_points().into(), tensors) }
        }
        // What the table holds is not read, so there is nothing more to check.
        Some(QuantizationDetails::MultiAxis(_)) | None => Ok(()),
    }
}

fn sparsity(sparsity: &Sparsity<'_>, work: &mut Work) -> Result<(), Fault> {
    sparsity.dim_metadata().iter().try_for_each(|dim| {
        if !(0..=1).contains(&dim.format()) {
            return Err(Fault::Enum(dim.format().into()));
        }
        sparse_indices(dim.segments_type(), dim.segments_table(), work)?;
        sparse_indices(dim.indices_type(), dim.indices_table(), work)
    })
}

fn sparse_indices(kind: u8, table: Option<AnyTable<'_>>, work: &mut Work) -> Result<(), Fault> {
    let Some(AnyTable(table)) = table else { return Ok(()) };
    match kind {
        0 => Ok(()),
        1 => check_slot::<Vector<'_, i32>>(&table, 0, work),
        2 => check_slot::<Vector<'_, u16>>(&table, 0, work),
        3 => check_slot::<Vector<'_, u8>>(&table, 0, work),
        _ => Err(Fault::Enum(kind.into())),
    }
}

fn operator(
    model: &Model<'_>,
    operator: &Operator<'_>,
    tensors: usize,
    work: &mut Work,
) -> Result<(), Fault> {
    index(operator.opcode_index().into(), model.codes.len())?;
    indices(operator.inputs(), tensors, true, work)?;
    // A negative output stands for one that nobody reads.
    indices(operator.outputs(), tensors, true, work)?;
    indices(operator.intermediates(), tensors, true, work)?;
    if operator.large_custom_options_offset() > 1 {
        range(model.file, operator.large_custom_options_offset(), operator.large_custom_options_size())
            .ok_or(Fault::BufferRange)?;
    }
    op::check_options(model.code(operator).builtin(), operator, work)
}
