"""Single-operator models of tflite-micro's own operators (audio, rows of a stream, compressed constants), with what
its kernels compute over three invocations: writes signal.npz beside this file. Needs `pip install flatbuffers numpy ai-edge-litert` and
`pip install --pre tflite-micro`."""
import heapq
import os

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s
from flatbuffers import flexbuffers
from tflite_micro.python.tflite_micro import runtime

STEPS = 3
TYPES = {'int16': s.TensorType.INT16, 'int32': s.TensorType.INT32, 'uint32': s.TensorType.UINT32,
         'uint64': s.TensorType.UINT64, 'float32': s.TensorType.FLOAT32, 'bool': s.TensorType.BOOL,
         'int64': s.TensorType.INT64, 'int8': s.TensorType.INT8, 'uint8': s.TensorType.UINT8}
rng = np.random.default_rng(20261126)


def options(values):
    b = flexbuffers.Builder()
    with b.Map():
        for key, value in values.items():
            b.Key(key)
            b.Bool(value) if isinstance(value, bool) else b.Int(value)
    return bytes(b.Finish())


def model(name, inputs, outputs, opts):
    """inputs: arrays that are constant, or (dtype, shape) of what the caller gives."""
    m = s.ModelT()
    m.version, m.description = 3, 'audio operator'
    code = s.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = s.BuiltinOperator.CUSTOM
    code.customCode, code.version = name, 1
    m.operatorCodes, m.buffers = [code], [s.BufferT()]
    g, op = s.SubGraphT(), s.OperatorT()
    g.tensors, g.inputs, g.outputs, g.name = [], [], [], 'main'

    def tensor(dtype, shape, data=None, scales=None):
        t = s.TensorT()
        if scales:  # (how many, the dimension, zero points)
            t.quantization = s.QuantizationParametersT()
            t.quantization.scale = [0.5] * scales[0]
            t.quantization.zeroPoint, t.quantization.quantizedDimension = scales[2], scales[1]
        t.type, t.shape, t.name = TYPES[str(dtype)], list(shape), f't{len(g.tensors)}'
        t.buffer = 0
        if data is not None:
            b = s.BufferT()
            b.data = np.frombuffer(data.tobytes(), np.uint8)
            m.buffers.append(b)
            t.buffer = len(m.buffers) - 1
        g.tensors.append(t)
        return len(g.tensors) - 1

    op.opcodeIndex, op.inputs, op.outputs = 0, [], []
    for i in inputs:
        if isinstance(i, np.ndarray):
            op.inputs.append(tensor(i.dtype, i.shape, i))
        else:
            op.inputs.append(tensor(*i))
            g.inputs.append(op.inputs[-1])
    for o in outputs:
        op.outputs.append(tensor(*o[:2], scales=o[2] if len(o) > 2 else None))
        g.outputs.append(op.outputs[-1])
    op.customOptions = np.frombuffer(opts, np.uint8)
    g.operators, m.subgraphs = [op], [g]
    fbb = flatbuffers.Builder(4096)
    fbb.Finish(m.Pack(fbb), b'TFL3')
    return bytes(fbb.Output())


def values(dtype, shape):
    if dtype == 'float32':
        return rng.uniform(-1, 1, shape).astype(dtype)
    info = np.iinfo(dtype)
    some = rng.integers(0, 4)
    if some == 0 and info.min < 0:
        return rng.integers(-300, 300, shape).astype(dtype)
    high = min(info.max, 2**40 if info.bits == 64 else 2**28)
    return rng.integers(max(info.min, -high), high, shape, dtype=dtype)


def cases():
    i16, u32 = 'int16', 'uint32'
    for shift in (0, 12):
        yield 'SignalWindow', [(i16, (2, 24)), values(i16, 8)], [(i16, (2, 24))], {'shift': shift}
    for n in (1, 33):
        yield 'SignalFftAutoScale', [(i16, (n,))], [(i16, (n,)), ('int32', ())], {}
    for n, length in ((16, 16), (20, 32), (60, 60), (90, 90), (100, 128)):
        for dtype in (i16, 'int32', 'float32'):
            t = {'T': TYPES[dtype], 'fft_length': length}
            yield 'SignalRfft', [(dtype, (2, n))], [(dtype, (2, length + 2))], t
            yield 'SignalIrfft', [(dtype, (1, length + 2))], [(dtype, (1, length))], t
    yield 'SignalEnergy', [(i16, (34,))], [(u32, (17,))], {'start_index': 0, 'end_index': 17}
    widths = np.array([3, 4, 0, 5], i16)
    starts = np.array([1, 4, 8, 8], i16)
    yield ('SignalFilterBank', [(u32, (17,)), rng.integers(0, 4096, 12).astype(i16),
                                rng.integers(0, 4096, 12).astype(i16), starts,
                                np.array([0, 3, 7, 7], i16), widths],
           [('uint64', (3,))], {'num_channels': 3})
    for bits in (0, 3):
        yield ('SignalFilterBankSquareRoot', [('uint64', (50,)), np.array(bits, 'int32')], [(u32, (50,))], {})
    for clamping in (False, True):
        yield ('SignalFilterBankSpectralSubtraction', [(u32, (21,))], [(u32, (21,)), (u32, (21,))],
               {'num_channels': 21, 'smoothing': 1638, 'one_minus_smoothing': 14746, 'alternate_smoothing': 983,
                'alternate_one_minus_smoothing': 15401, 'smoothing_bits': 2, 'min_signal_remaining': 819,
                'clamping': clamping, 'spectral_subtraction_bits': 14})
    yield ('SignalPCAN', [(u32, (40,)), (u32, (40,)), rng.integers(-900, 30000, 125).astype(i16)],
           [(u32, (40,))], {'snr_shift': 6})
    for bits in (0, 3):
        yield ('SignalFilterBankLog', [(u32, (60,))], [(i16, (60,))],
               {'input_correction_bits': bits, 'output_scale': 1600})
    for size, step, prefill in ((6, 2, True), (5, 2, True), (4, 4, False)):
        yield ('SignalFramer', [(i16, (2, 8))], [(i16, (2, 8 // step, size)), ('bool', ())],
               {'frame_size': size, 'frame_step': step, 'prefill': prefill})
    for dtype in (i16, 'float32'):
        for step in (2, 5):
            yield ('SignalOverlapAdd', [(dtype, (2, 3, 5))], [(dtype, (2, 3 * step))],
                   {'T': TYPES[dtype], 'frame_step': step})
    for delay in (0, 3, 11):
        yield 'SignalDelay', [(i16, (2, 5))], [(i16, (2, 5))], {'delay_length': delay}
    yield ('SignalStacker', [(i16, (4,))], [(i16, (8,)), ('bool', ())],
           {'num_channels': 4, 'stacker_left_context': 1, 'stacker_right_context': 0, 'stacker_step': 1})
    for rows, shape, cycles in ((4, (1, 1, 1, 3), 1), (1, (1, 1, 2, 2), 2), (3, (1, 1, 2, 5), 2)):
        several = [('bool', ())] if cycles > 1 else []
        yield ('CIRCULAR_BUFFER', [('int8', shape)], [('int8', (1, rows, *shape[2:])), *several],
               {'cycles_max': cycles})
    yield from compressed()


def bits(codes):
    """Texts of 0 and 1 as bytes, the first in the highest bit; in words of 32 bits, and one to spare."""
    text = ''.join(codes)
    text += '0' * (-len(text) % 32 + 32)
    return np.array([int(text[i:i + 8], 2) for i in range(0, len(text), 8)], np.uint8)


def metadata(kind, *own):
    return np.array([kind, 1, 0, 0, 1, *own, *[0] * (11 - len(own))], np.uint8)


def lookup(dtype, shape, width, scales):
    """TFLM_DECODE of indices into a table for each channel."""
    channels = scales[0] if scales else 1
    some = rng.integers(1, 1 << width, endpoint=True)
    table = values(dtype, (channels, some)) if dtype != 'bool' else rng.integers(0, 2, (channels, some)).astype(bool)
    index = rng.integers(0, some, int(np.prod(shape)))
    how = np.concatenate([metadata(0, width, some), np.frombuffer(table.tobytes(), np.uint8)])
    return [bits(f'{i:0{width}b}' for i in index), how], [(dtype, shape, scales)]


def prune(dtype, shape, scales):
    """TFLM_DECODE of elements of which those that are the zero point are left out."""
    there = rng.integers(0, 2, int(np.prod(shape)))
    kept = values(dtype, int(there.sum()))
    how = np.concatenate([metadata(2), np.frombuffer(kept.tobytes(), np.uint8)])
    return [bits(str(i) for i in there), how], [(dtype, shape, scales)]


def huffman(dtype, shape, wide, first):
    """TFLM_DECODE of elements in Huffman's code, whose first lookup takes `first` bits, later ones up to 3."""
    symbols = np.round(rng.normal(0, 9, int(np.prod(shape)))).astype(dtype)
    heap = [(int((symbols == x).sum()), int(x), {int(x): ''}) for x in np.unique(symbols)]
    heapq.heapify(heap)
    while len(heap) > 1:
        (m, x, a), (n, _, b) = heapq.heappop(heap), heapq.heappop(heap)
        both = {k: '0' + v for k, v in a.items()} | {k: '1' + v for k, v in b.items()}
        heapq.heappush(heap, (m + n, x, both))
    codes = heap[0][2]
    shift, mask = (27, 0xFFFF) if wide else (11, 0xFF)
    table = []

    def level(codes, width):
        start = len(table)
        table.extend([0] * (1 << width))
        for index in range(1 << width):
            prefix = f'{index:0{width}b}'
            found = [(k, v) for k, v in codes.items() if prefix.startswith(v)]
            if found:
                (symbol, code), = found
                table[start + index] = 1 << (shift + 4) | len(code) << shift | (symbol & mask)
                continue
            rest = {k: v[width:] for k, v in codes.items() if v.startswith(prefix)}
            deeper = min(3, max(map(len, rest.values())))
            table[start + index] = (deeper - 1) << shift | (len(table) - start - index)
            level(rest, deeper)

    level(codes, first)
    how = np.concatenate([metadata(1, (first - 1) << 4 | wide),
                          np.frombuffer(np.array(table, np.uint32 if wide else np.uint16).tobytes(), np.uint8)])
    return [bits(codes[int(x)] for x in symbols), how], [(dtype, shape)]


def compressed():
    every = ((3, 0, [0, 5, -7]), (5, 1, [1, 2, 3, 4, -5]))
    jobs = [lookup('int8', (3, 40), width, None) for width in range(1, 8)]
    jobs += [lookup(dtype, (3, 5), 3, None) for dtype in ('int16', 'int32', 'int64', 'float32', 'bool')]
    jobs += [lookup('int8', (3, 5), 4, scales) for scales in every]
    jobs += [prune('int8', (3, 5), scales) for scales in (None, (1, 0, [-9]), *every)]
    jobs += [prune(dtype, (3, 5), None) for dtype in ('int16', 'int32', 'int64', 'float32')]
    jobs += [huffman('int8', (9, 40), False, first) for first in (2, 5)]
    jobs += [huffman(dtype, (9, 40), True, 4) for dtype in ('int8', 'int16')]
    for inputs, outputs in jobs:
        yield 'TFLM_DECODE', inputs, outputs, {}


def main():
    out = {}
    for i, (name, inputs, outputs, opts) in enumerate(cases()):
        file = model(name, inputs, outputs, options(dict(sorted(opts.items()))))
        case = f'{i:02}-{name}'
        net = runtime.Interpreter.from_bytes(file, arena_size=1 << 20)
        out[f'{case}.model'] = np.frombuffer(file, np.uint8)
        given = [x for x in inputs if not isinstance(x, np.ndarray)]
        # The rows that a stream begins with are whatever lay in the memory there; elsewhere zeros.
        for _ in range(4 if name == 'CIRCULAR_BUFFER' else 0):
            net.set_input(np.zeros(given[0][1], given[0][0]), 0)
            net.invoke()
        for t in range(STEPS):
            for k, (dtype, shape) in enumerate(given):
                x = values(dtype, shape)
                net.set_input(x, k)
                out[f'{case}.t{t}.in{k}'] = x
            net.invoke()
            for k in range(len(outputs)):
                y = np.array(net.get_output(k))
                out[f'{case}.t{t}.out{k}'] = y.view(np.uint8) if y.dtype == bool else y
        print(case)
    np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'signal.npz'), **out)


main()
