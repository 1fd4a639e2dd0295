"""Makes custom_operator.tflite. Needs `pip install flatbuffers ai-edge-litert`."""
import os

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s
from flatbuffers import flexbuffers

options = flexbuffers.Builder()
with options.Map():
    options.Key('weight')
    options.Float(0.5)
tensors = []
for name in ('x', 'y'):
    t = s.TensorT()
    t.name, t.type, t.shape, t.buffer = name, s.TensorType.FLOAT32, [2], 0
    tensors.append(t)
code, op, graph, model = s.OperatorCodeT(), s.OperatorT(), s.SubGraphT(), s.ModelT()
code.builtinCode = code.deprecatedBuiltinCode = s.BuiltinOperator.CUSTOM
code.customCode, code.version = 'Smooth', 1
op.opcodeIndex, op.inputs, op.outputs = 0, [0], [1]
op.customOptions = np.frombuffer(bytes(options.Finish()), np.uint8)
graph.tensors, graph.operators, graph.inputs, graph.outputs, graph.name = tensors, [op], [0], [1], 'main'
model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [s.BufferT()]
fbb = flatbuffers.Builder(1024)
fbb.Finish(model.Pack(fbb), b'TFL3')
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'custom_operator.tflite'), 'wb') as f:
    f.write(fbb.Output())
