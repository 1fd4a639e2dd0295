"""Shared by the scripts that make the test data: conversion, oracles and npz files."""

import io
import os
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np

LITERT = "LiteRT reference kernels"
TFLM = "TensorFlow Lite Micro reference kernels"


def write_npz(path, arrays):
    """Writes a plain zip of deflated .npy files whose bytes depend on the arrays alone."""
    with zipfile.ZipFile(path, "w") as z:
        for name, value in arrays.items():
            value = np.asarray(value)
            value = value.astype(value.dtype.newbyteorder("<"), order="C")
            entry = io.BytesIO()
            np.lib.format.write_array(entry, value, version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, entry.getvalue(), compresslevel=9)
    print(f"wrote {path} ({os.path.getsize(path)} bytes)")


def start_tf(seed):
    """Imports TensorFlow with every source of randomness pinned."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return tf


def convert(build, trained, shape, calibration, float_path, int8_path):
    """Writes the float and the full-int8 TensorFlow conversion of a trained Keras model.

    `build(batch)` makes the untrained network for a fixed batch size; the weights come
    from `trained`. The input tensor is called `x`.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2 as freeze,
    )

    fixed = build(1)
    fixed.set_weights(trained.get_weights())
    call = tf.function(
        lambda x: fixed(x, training=False),
        input_signature=[tf.TensorSpec((1, *shape), tf.float32, name="x")],
    )
    call = freeze(call.get_concrete_function())

    plain = tf.lite.TFLiteConverter.from_concrete_functions([call])
    quant = tf.lite.TFLiteConverter.from_concrete_functions([call])
    quant.optimizations = [tf.lite.Optimize.DEFAULT]
    quant.representative_dataset = lambda: ([row[None]] for row in calibration)
    quant.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    quant.inference_input_type = tf.int8
    quant.inference_output_type = tf.int8
    for path, converter in ((float_path, plain), (int8_path, quant)):
        with open(path, "wb") as f:
            f.write(converter.convert())
        print(f"wrote {path} ({os.path.getsize(path)} bytes)")


class LiteRt:
    """A model held in bytes, run with LiteRT's reference kernels."""

    name = LITERT

    def __init__(self, model):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self.it = Interpreter(
            model_content=bytes(model),
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            num_threads=1,
        )
        self.it.allocate_tensors()
        self.inputs = self.it.get_input_details()
        self.outputs = self.it.get_output_details()

    def __call__(self, *values):
        for detail, value in zip(self.inputs, values, strict=True):
            self.it.set_tensor(detail["index"], value)
        self.it.invoke()
        return [self.it.get_tensor(d["index"]).copy() for d in self.outputs]


class Micro:
    """A model held in bytes, run with TensorFlow Lite Micro's reference kernels."""

    name = TFLM

    def __init__(self, model, outputs=1):
        from tflite_micro.python.tflite_micro import runtime

        self.it = runtime.Interpreter.from_bytes(bytes(model), arena_size=1 << 20)
        self.outputs = outputs

    def __call__(self, *values):
        for i, value in enumerate(values):
            self.it.set_input(value, i)
        self.it.invoke()
        return [np.array(self.it.get_output(i)) for i in range(self.outputs)]


def quantization(model):
    """((scale, zero point) of input 0, the same of output 0) of a model with int8 ends."""
    run = LiteRt(model)
    return run.inputs[0]["quantization"], run.outputs[0]["quantization"]


def quantize(x, params):
    scale, zero = params
    return np.clip(np.round(x / np.float32(scale)) + zero, -128, 127).astype(np.int8)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def accuracy(path, x, y):
    """Held-out accuracy of a classifier: float through LiteRT, int8 through Micro."""
    model = read(path)
    if LiteRt(model).inputs[0]["dtype"] == np.int8:
        run, x = Micro(model), quantize(x, quantization(model)[0])
    else:
        run = LiteRt(model)
    hits = [int(run(row[None])[0].argmax()) == label for row, label in zip(x, y)]
    result = float(np.mean(hits))
    print(f"{os.path.basename(path)}: {sum(hits)} of {len(hits)} right ({result:.4f})")
    return result


def write_expected(path, npz_path, inputs):
    """Writes one step per row of `inputs`: what the model's oracle gives for it."""
    model = read(path)
    is_int8 = LiteRt(model).inputs[0]["dtype"] == np.int8
    run = Micro(model) if is_int8 else LiteRt(model)
    arrays = {}
    for step, row in enumerate(inputs):
        row = quantize(row, quantization(model)[0]) if is_int8 else row
        arrays[f"t{step}.in0"] = row[None]
        arrays[f"t{step}.out0"] = run(row[None])[0]
    arrays["oracle"] = np.array(run.name)
    write_npz(npz_path, arrays)
