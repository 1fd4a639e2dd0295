"""Makes cases.npz: one-operator models with an input and the expected output of each.

Keys are `{OP}.{dtype}.{n}.model` (the model's bytes as uint8), `.in{i}` and `.out{o}`.
Expected int8 outputs come from TensorFlow Lite Micro's reference kernels, those of float
models and of DEQUANTIZE from LiteRT's; `oracle.int8` and `oracle.float32` say so.
"""

import os
import sys
import zlib
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import common
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as fb

SAME, VALID = fb.Padding.SAME, fb.Padding.VALID
NONE, RELU, N1, RELU6 = (
    getattr(fb.ActivationFunctionType, n) for n in ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
)
TYPES = {
    np.dtype(np.float32): fb.TensorType.FLOAT32,
    np.dtype(np.int8): fb.TensorType.INT8,
    np.dtype(np.int32): fb.TensorType.INT32,
}


# ---- The model file.


class Buffer(fb.BufferT):
    """A buffer whose bytes lie at a multiple of 16, as the schema asks."""

    def __init__(self, data=b""):
        super().__init__()
        self.bytes = data

    def Pack(self, builder):
        size = len(self.bytes)
        if size:
            builder.StartVector(1, size, 16)
            builder.head -= size
            builder.Bytes[builder.head : builder.head + size] = self.bytes
            at = builder.EndVector()
        fb.BufferStart(builder)
        if size:
            fb.BufferAddData(builder, at)
        return fb.BufferEnd(builder)


@dataclass
class Tensor:
    name: str
    shape: tuple
    dtype: type
    data: np.ndarray | None = None
    scale: list = field(default_factory=list)
    zero: list = field(default_factory=list)
    axis: int = 0


def model_bytes(op, version, options, inputs, output):
    """A model of one operator. A None in `inputs` is an optional tensor left out."""
    graph = fb.SubGraphT()
    graph.name = b"main"
    graph.tensors, graph.inputs, graph.outputs = [], [], []
    buffers = [Buffer()]
    node = fb.OperatorT()
    node.opcodeIndex = 0
    node.inputs, node.outputs = [], []
    for tensor in [*inputs, output]:
        if tensor is None:
            node.inputs.append(-1)
            continue
        t = fb.TensorT()
        t.name = tensor.name.encode()
        t.shape = [int(d) for d in tensor.shape]
        t.type = TYPES[np.dtype(tensor.dtype)]
        t.buffer = 0
        if tensor.data is not None:
            t.buffer = len(buffers)
            buffers.append(Buffer(np.ascontiguousarray(tensor.data).tobytes()))
        if tensor.scale:
            t.quantization = fb.QuantizationParametersT()
            t.quantization.scale = [float(s) for s in tensor.scale]
            t.quantization.zeroPoint = [int(z) for z in tensor.zero]
            t.quantization.quantizedDimension = tensor.axis
        index = len(graph.tensors)
        graph.tensors.append(t)
        if tensor is output:
            node.outputs.append(index)
            graph.outputs.append(index)
        else:
            node.inputs.append(index)
            if tensor.data is None:
                graph.inputs.append(index)
    if options is not None:
        node.builtinOptions = options
        kind = type(options).__name__.removesuffix("T")
        node.builtinOptionsType = getattr(fb.BuiltinOptions, kind)
    graph.operators = [node]

    code = fb.OperatorCodeT()
    code.builtinCode = getattr(fb.BuiltinOperator, op)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    model = fb.ModelT()
    model.version = 3
    model.operatorCodes = [code]
    model.subgraphs = [graph]
    model.buffers = buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def options(kind, **values):
    out = getattr(fb, kind + "OptionsT")()
    for name, value in values.items():
        assert hasattr(out, name), name
        setattr(out, name, value)
    return out


# ---- What a case is made of. All are real-valued; `build` makes the int8 model of them.


@dataclass
class In:
    """An input: its shape, the reals its int8 form covers, or fixed float values."""

    shape: tuple
    low: float = -1.0
    high: float = 1.0
    values: np.ndarray | None = None


@dataclass
class Weight:
    """Constant weights, quantized symmetrically along `axis`, or as a whole if None."""

    shape: tuple
    axis: int | None = None


@dataclass
class Bias:
    size: int


@dataclass
class Const:
    """A constant of the same kind as an input."""

    shape: tuple
    low: float = -1.0
    high: float = 1.0


@dataclass
class Ints:
    """An int32 constant: axes, a shape, paddings."""

    values: object


@dataclass
class Case:
    op: str
    parts: list
    options: object
    out_shape: tuple
    # The output's (scale, zero point), "input" for that of input 0, or None to fit.
    out: object = None
    versions: tuple = (1, 2)  # for float, for int8


def affine(low, high):
    scale = np.float32((high - low) / 255.0)
    return scale, int(np.clip(np.round(-128 - low / scale), -128, 127))


def dequantize(q, scale, zero):
    return ((q.astype(np.float32) - zero) * np.float32(scale)).astype(np.float32)


def full_range(shape, rng):
    """int8 values over the whole range, the extremes among them."""
    q = rng.integers(-128, 128, shape).astype(np.int8)
    flat = q.reshape(-1)
    if flat.size == 256:
        flat[:] = np.arange(-128, 128)
    elif flat.size >= 4:
        at = rng.permutation(flat.size)[:2]
        flat[at] = (-128, 127)
    return q


def build(case, rng):
    """((float model, inputs), (int8 model, inputs)) of one case."""
    f_parts, q_parts, f_inputs, q_inputs = [], [], [], []
    in_scale = weight_scale = first = None
    for n, part in enumerate(case.parts):
        name = f"t{n}"
        if part is None:
            f_parts.append(None)
            q_parts.append(None)
        elif isinstance(part, (In, Const)):
            scale, zero = affine(part.low, part.high)
            q = full_range(part.shape, rng)
            real = dequantize(q, scale, zero)
            if isinstance(part, In) and part.values is not None:
                real = part.values.astype(np.float32)
            const = isinstance(part, Const)
            data = (real, q) if const else (None, None)
            f_parts.append(Tensor(name, part.shape, np.float32, data[0]))
            q_parts.append(Tensor(name, part.shape, np.int8, data[1], [scale], [zero]))
            if not const:
                f_inputs.append(real)
                q_inputs.append(q)
            in_scale = scale if in_scale is None else in_scale
            first = first or (scale, zero)
        elif isinstance(part, Weight):
            count = 1 if part.axis is None else part.shape[part.axis]
            weight_scale = (rng.uniform(0.2, 1.0, count) / 127).astype(np.float32)
            q = np.clip(full_range(part.shape, rng), -127, 127)
            along = [1] * len(part.shape)
            if part.axis is not None:
                along[part.axis] = count
            real = (q * weight_scale.reshape(along)).astype(np.float32)
            f_parts.append(Tensor(name, part.shape, np.float32, real))
            scales, axis = list(weight_scale), part.axis or 0
            q_parts.append(Tensor(name, part.shape, np.int8, q, scales, [0] * count, axis))
        elif isinstance(part, Bias):
            scale = in_scale * weight_scale
            real = rng.uniform(-1, 1, part.size).astype(np.float32)
            q = np.round(real / scale).astype(np.int32)
            f_parts.append(Tensor(name, (part.size,), np.float32, real))
            scales = [np.float32(s) for s in scale]
            q_parts.append(
                Tensor(name, (part.size,), np.int32, q, scales, [0] * len(scales))
            )
        else:
            data = np.array(part.values, np.int32)
            f_parts.append(Tensor(name, data.shape, np.int32, data))
            q_parts.append(f_parts[-1])

    f_out = Tensor("out", case.out_shape, np.float32)
    plain = model_bytes(case.op, case.versions[0], case.options, f_parts, f_out)
    real = common.LiteRt(plain)(*f_inputs)[0]
    assert real.shape == tuple(case.out_shape), (case.op, real.shape)
    if case.out == "input":
        scale, zero = first
    elif case.out is not None:
        scale, zero = case.out
    else:
        # A little less than the range, so that the ends saturate.
        low, high = float(min(real.min(), 0)), float(max(real.max(), 0))
        scale, zero = affine(low * 0.95, high * 0.95 + 1e-3)
    q_out = Tensor("out", case.out_shape, np.int8, None, [scale], [zero])
    quant = model_bytes(case.op, case.versions[1], case.options, q_parts, q_out)
    return (plain, f_inputs), (quant, q_inputs)


# ---- The cases.


def conv(x, w, out, padding, stride, act, dilation=(1, 1)):
    o = options(
        "Conv2D",
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        fusedActivationFunction=act,
    )
    parts = [In(x, -1.5, 2.5), Weight(w, 0), Bias(w[0])]
    return Case("CONV_2D", parts, o, out, versions=(1, 3))


def depthwise(x, w, out, padding, stride, act, dilation=(1, 1)):
    o = options(
        "DepthwiseConv2D",
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        depthMultiplier=w[3] // x[3],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        fusedActivationFunction=act,
    )
    parts = [In(x, -2.0, 1.0), Weight(w, 3), Bias(w[3])]
    return Case("DEPTHWISE_CONV_2D", parts, o, out, versions=(2, 3))


def dense(x, w, out, act, bias=True, axis=None, keep=False):
    o = options("FullyConnected", fusedActivationFunction=act, keepNumDims=keep)
    parts = [In(x, -1.0, 3.0), Weight(w, axis), Bias(w[0]) if bias else None]
    return Case("FULLY_CONNECTED", parts, o, out, versions=(5, 4 if axis is None else 12))


def arithmetic(op, a, b, out, act):
    o = options(op.capitalize(), fusedActivationFunction=act)
    return Case(op, [a, b], o, out)


def pool(op, x, size, out, padding, stride, act):
    o = options(
        "Pool2D",
        padding=padding,
        filterHeight=size[0],
        filterWidth=size[1],
        strideH=stride[0],
        strideW=stride[1],
        fusedActivationFunction=act,
    )
    return Case(op, [In(x, -4.0, 8.0)], o, out, "input")


def mean(x, axes, out, keep):
    return Case("MEAN", [In(x, -2.0, 5.0), Ints(axes)], options("Reducer", keepDims=keep), out)


def softmax(x, beta=1.0):
    return Case("SOFTMAX", [x], options("Softmax", beta=beta), x.shape, (1 / 256, -128))


def unary(op, x, out):
    return Case(op, [x], None, x.shape, out)


def reshape(x, to, out):
    o = options("Reshape", newShape=list(to))
    return Case("RESHAPE", [In(x), Ints(to)], o, out, "input", (1, 1))


def pad(x, by, out):
    return Case("PAD", [In(x, -1.0, 3.0), Ints(by)], options("Pad"), out, "input")


def concat(xs, axis, out):
    o = options("Concatenation", axis=axis, fusedActivationFunction=NONE)
    return Case("CONCATENATION", [In(x, -3.0, 1.0) for x in xs], o, out, "input")


def transpose(x, by):
    out = tuple(x[i] for i in by)
    return Case("TRANSPOSE", [In(x), Ints(by)], options("Transpose"), out, "input")


def cases():
    yield conv((1, 7, 5, 3), (4, 3, 3, 3), (1, 7, 5, 4), SAME, (1, 1), NONE)
    yield conv((1, 9, 8, 2), (5, 3, 2, 2), (1, 4, 3, 5), VALID, (2, 3), RELU)
    yield conv((1, 10, 9, 1), (3, 3, 3, 1), (1, 10, 9, 3), SAME, (1, 1), RELU6, (2, 3))
    yield conv((2, 4, 3, 8), (6, 1, 1, 8), (2, 4, 3, 6), VALID, (1, 1), N1)
    yield depthwise((1, 6, 7, 4), (1, 3, 3, 4), (1, 6, 7, 4), SAME, (1, 1), RELU6)
    yield depthwise((1, 8, 9, 2), (1, 2, 3, 6), (1, 4, 4, 6), VALID, (2, 2), NONE)
    yield depthwise((1, 11, 9, 3), (1, 3, 3, 3), (1, 11, 9, 3), SAME, (1, 1), RELU, (2, 2))
    yield depthwise((2, 5, 5, 1), (1, 3, 3, 8), (2, 3, 3, 8), SAME, (2, 2), NONE)
    yield dense((1, 10), (7, 10), (1, 7), NONE)
    yield dense((3, 17), (5, 17), (3, 5), RELU, bias=False)
    yield dense((2, 3, 6), (4, 6), (2, 3, 4), RELU6, keep=True)
    yield dense((16, 64), (12, 64), (16, 12), NONE, axis=0)
    for op in ("ADD", "SUB", "MUL"):
        same = (1, 3, 5, 4)
        yield arithmetic(op, In(same, -1, 1), In(same, -3, 0.5), same, NONE)
        wide = In((1, 4, 3, 5), -2, 2)
        yield arithmetic(op, wide, Const((1, 1, 1, 5), 0, 1.5), wide.shape, RELU)
        yield arithmetic(op, In((2, 3, 4), -9, 9), Const((), -2, 5), (2, 3, 4), RELU6)
        crossed = In((2, 1, 3, 1), -2, 1), In((1, 4, 1, 5), -1, 6)
        yield arithmetic(op, *crossed, (2, 4, 3, 5), N1)
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        yield pool(op, (1, 6, 6, 3), (2, 2), (1, 3, 3, 3), VALID, (2, 2), NONE)
        yield pool(op, (1, 5, 7, 2), (3, 3), (1, 5, 7, 2), SAME, (1, 1), RELU)
        yield pool(op, (2, 7, 5, 4), (3, 2), (2, 4, 5, 4), SAME, (2, 1), RELU6)
    yield mean((1, 5, 5, 4), [1, 2], (1, 1, 1, 4), True)
    yield mean((1, 7, 3, 6), [1, 2], (1, 6), False)
    yield mean((2, 3, 4, 5), [3], (2, 3, 4, 1), True)
    yield mean((2, 5, 9), [-1], (2, 5), False)
    yield softmax(In((1, 10), -4, 4))
    yield softmax(In((3, 7), -12, 12))
    yield softmax(In((1, 2, 3, 5), 0, 9), 0.5)
    for op, out in (("LOGISTIC", (1 / 256, -128)), ("TANH", (1 / 128, 0))):
        yield unary(op, In((1, 256), -8, 8), out)
        yield unary(op, In((1, 256), -1, 1.2), out)
        yield unary(op, In((2, 3, 5), -40, 90), out)
    yield unary("RELU", In((1, 256), -3, 5), "input")
    yield unary("RELU", In((2, 3, 5), -2, 2), (np.float32(0.011), -128))
    yield unary("RELU6", In((1, 256), -4, 9), "input")
    yield unary("RELU6", In((2, 3, 5), -2, 2), "input")
    yield reshape((1, 4, 6), [1, 24], (1, 24))
    yield reshape((2, 3, 4), [-1, 2, 2, 2], (3, 2, 2, 2))
    yield pad((1, 3, 2, 3), [[0, 0], [1, 2], [0, 1], [0, 0]], (1, 6, 3, 3))
    yield pad((3, 4), [[2, 0], [1, 1]], (5, 6))
    yield pad((2, 2, 3), [[1, 0], [0, 0], [0, 3]], (3, 2, 6))
    yield concat([(1, 2, 3, 4), (1, 2, 3, 1)], 3, (1, 2, 3, 5))
    yield concat([(1, 2, 3), (1, 1, 3), (1, 4, 3)], 1, (1, 7, 3))
    yield concat([(3, 2), (3, 5)], -1, (3, 7))
    yield transpose((1, 3, 4, 2), [0, 2, 1, 3])
    yield transpose((5, 3), [1, 0])
    yield transpose((2, 3, 4), [2, 0, 1])
    yield transpose((2, 3, 2, 5), [3, 1, 0, 2])


def conversions(rng):
    """(key, model, inputs) for QUANTIZE, always to int8, and DEQUANTIZE, from int8."""

    def tensor(name, x, dtype, params=None):
        scale, zero = ([params[0]], [params[1]]) if params else ([], [])
        return Tensor(name, x.shape, dtype, None, scale, zero)

    # Values halfway between two steps, beyond both ends, and ordinary ones.
    halves = (np.arange(-20, 21, dtype=np.float32) * np.float32(0.125)).reshape(1, 41)
    wide = np.array([-1e9, -200, -64.25, -1e-7, 0, 1e-7, 63.5, 64, 200, 1e9], np.float32)
    usual = rng.normal(0, 1, (2, 3, 4, 2)).astype(np.float32)
    q = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    jobs = [
        (halves, None, (0.25, 3)),
        (wide, None, (0.5, 0)),
        (usual, None, (np.float32(0.0173), -5)),
        (q, (np.float32(0.031), 7), (np.float32(0.0478), -20)),
    ]
    for n, (x, before, after) in enumerate(jobs):
        source = tensor("t0", x, x.dtype, before)
        out = tensor("out", x, np.int8, after)
        version = 1 if before is None else 2
        model = model_bytes("QUANTIZE", version, options("Quantize"), [source], out)
        yield f"QUANTIZE.int8.{n}", model, [x]
    jobs = [(q, (np.float32(0.0371), 11)), (q.reshape(4, 8, 8), (np.float32(2.5), -128))]
    for n, (x, before) in enumerate(jobs):
        source = tensor("t0", x, np.int8, before)
        out = tensor("out", x, np.float32)
        model = model_bytes("DEQUANTIZE", 2, options("Dequantize"), [source], out)
        yield f"DEQUANTIZE.float32.{n}", model, [x]


def main():
    arrays, counts = {}, {}

    def keep(key, model, inputs):
        is_int8 = ".int8." in key
        out = (common.Micro if is_int8 else common.LiteRt)(model)(*inputs)[0]
        other = (common.LiteRt if is_int8 else common.Micro)(model)(*inputs)[0]
        far = np.abs(out.astype(np.float64) - other.astype(np.float64)).max()
        if far > (0 if is_int8 else 1e-5):
            print(f"{key}: the other oracle differs by up to {far:.3g}")
        if is_int8 and len(np.unique(out)) < 3:
            print(f"{key}: only {np.unique(out)} come out")
        arrays[key + ".model"] = np.frombuffer(model, np.uint8)
        for i, value in enumerate(inputs):
            arrays[f"{key}.in{i}"] = value
        arrays[key + ".out0"] = out

    for case in cases():
        n = counts[case.op] = counts.get(case.op, -1) + 1
        rng = np.random.default_rng(zlib.crc32(f"{case.op}.{n}".encode()))
        plain, quant = build(case, rng)
        keep(f"{case.op}.float32.{n}", *plain)
        keep(f"{case.op}.int8.{n}", *quant)
    for key, model, inputs in conversions(np.random.default_rng(5)):
        keep(key, model, inputs)
    arrays["oracle.int8"] = np.array(common.TFLM)
    arrays["oracle.float32"] = np.array(common.LITERT)
    print(len([k for k in arrays if k.endswith(".model")]), "cases")
    common.write_npz(os.path.join(HERE, "cases.npz"), arrays)


main()
