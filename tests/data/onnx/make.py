"""Packs the node tests of the package onnx 1.17.0 (opset 22) into cases.npz: `bytes` holds them all, one after the other,
`index` a line of text for each case: its name, the length of its model, and those of its inputs and expected outputs
(`.npy` files), as `NAME MODEL IN,IN OUT,OUT`.

A list of integers that gives a shape, axes or positions is an input in these tests; models that are deployed have it as a
constant. Here it becomes one, as do the operands in FIXED.

    pip install onnx==1.17.0
    python make.py
"""

import io
import os
import sys

import numpy as np
import onnx
from onnx import numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import write_npz  # noqa: E402

# What no deployed model has, or the format has no types for: training, text, sequences, trees. Arrays without elements
# are left out too.
LEFT_OUT = """
    Adagrad Adam Momentum Gradient NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss Bernoulli RandomUniformLike
    ImageDecoder StringConcat StringNormalizer StringSplit RegexFullMatch TfIdfVectorizer LabelEncoder TreeEnsemble
    ArrayFeatureExtractor Binarizer SequenceEmpty SequenceInsert SequenceLength SequenceMap SequenceAt SequenceConstruct
    SequenceErase SplitToSequence ConcatFromSequence OptionalGetElement OptionalHasElement Optional
    BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BitShift Det Col2Im DeformConv GridSample AffineGrid MaxUnpool
    Unique Compress NonZero CenterCropPad Scatter ConvInteger MatMulInteger DynamicQuantizeLinear
""".split()

# Operands that are constants in every model, by operator.
FIXED = {
    "Conv": [1, 2], "ConvTranspose": [1, 2], "LSTM": [1, 2, 3, 7], "GRU": [1, 2, 3], "RNN": [1, 2, 3],
    "BatchNormalization": [1, 2, 3, 4], "QLinearConv": [1, 2, 3, 4, 5, 6, 7, 8], "QLinearMatMul": [1, 2, 3, 4, 5, 6, 7],
    "QuantizeLinear": [1, 2], "DequantizeLinear": [1, 2], "Pad": [2], "Resize": [1, 2, 3], "Upsample": [1],
    "Clip": [1, 2], "OneHot": [1, 2], "Dropout": [1, 2], "Range": [0, 1, 2], "CumSum": [1],
    "InstanceNormalization": [1, 2], "GroupNormalization": [1, 2], "ConstantOfShape": [0], "Loop": [0, 1],
}

# The most bytes of inputs and outputs.
MOST = 12_000
TYPES = {np.dtype(t) for t in ("f4", "i4", "i8", "i1", "u1", "i2", "u2", "u4", "bool")}


def tensors(folder, prefix, count):
    found = []
    for i in range(count):
        with open(os.path.join(folder, f"{prefix}_{i}.pb"), "rb") as f:
            found.append(numpy_helper.to_array(onnx.TensorProto.FromString(f.read())))
    return found


def case(folder):
    """The model and its data; None where the case is not for us."""
    model = onnx.load(os.path.join(folder, "model.onnx"))
    graph = model.graph
    ops = {n.op_type for n in graph.node}
    if ops & set(LEFT_OUT) or any(n.domain not in ("", "ai.onnx") for n in graph.node):
        return None
    if any(not i.type.HasField("tensor_type") for i in [*graph.input, *graph.output]):
        return None
    data = os.path.join(folder, "test_data_set_0")
    inputs, outputs = tensors(data, "input", len(graph.input)), tensors(data, "output", len(graph.output))
    if any(i.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16 for i in [*graph.input, *graph.output]):
        return None
    if any(a.size == 0 for a in inputs):
        return None
    if any(a.dtype not in TYPES for a in [*inputs, *outputs]):
        return None
    if sum(a.nbytes for a in [*inputs, *outputs]) > MOST:
        return None
    fixed = {n.input[i] for n in graph.node for i in FIXED.get(n.op_type, []) if i < len(n.input)}
    kept = []
    for i, (info, array) in enumerate(zip(list(graph.input), inputs)):
        is_list = i > 0 and array.dtype == np.int64 and array.ndim <= 1
        if info.name in fixed or is_list:
            graph.initializer.append(numpy_helper.from_array(array, info.name))
            graph.input.remove(info)
        else:
            kept.append(array)
    return model.SerializeToString(), kept, outputs


def npy(array):
    entry = io.BytesIO()
    np.lib.format.write_array(entry, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False)
    return entry.getvalue()


def main():
    root = os.path.join(os.path.dirname(onnx.__file__), "backend/test/data/node")
    lines, parts = [], []
    for name in sorted(os.listdir(root)):
        found = case(os.path.join(root, name))
        if found is None:
            continue
        model, *arrays = found
        inputs, outputs = ([npy(a) for a in group] for group in arrays)
        lengths = [",".join(str(len(part)) for part in group) for group in (inputs, outputs)]
        lines.append(f"{name.removeprefix('test_')} {len(model)} {lengths[0]} {lengths[1]}")
        parts += [model, *inputs, *outputs]
    text = "\n".join(lines).encode()
    arrays = {"index": np.frombuffer(text, np.uint8), "bytes": np.frombuffer(b"".join(parts), np.uint8)}
    write_npz(os.path.join(HERE, "cases.npz"), arrays)
    print(len(lines), "cases")


main()
