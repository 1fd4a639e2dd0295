"""Small TensorFlow models with what TensorFlow gives for them: the folder NAME (a SavedModel) or NAME.pb (a frozen
graph), and NAME.npz with `t0.in0`, ..., `t0.out0`, ..., in the order of the names of inputs and outputs.

    pip install tensorflow==2.21.0 keras==3.15.1
    python make.py
"""

import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import start_tf, write_npz  # noqa: E402

tf = start_tf(2)

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers as L  # noqa: E402


def vision():
    """Convolutions of all kinds as Keras 3 exports them."""
    x = a = keras.Input((12, 10, 3), name="picture")
    x = L.Rescaling(1 / 127.5, offset=-1)(x)
    x = L.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    x = L.ReLU(max_value=6)(x)
    y = L.DepthwiseConv2D(3, padding="same", dilation_rate=2)(x)
    y = L.SeparableConv2D(6, 3, padding="same", activation="swish")(y)
    x = L.Add()([x, y])
    x = L.Conv2DTranspose(4, 3, strides=2, padding="same", activation="leaky_relu")(x)
    x = L.Concatenate()([x, L.UpSampling2D(2, interpolation="bilinear")(y)])
    x = L.AveragePooling2D(2)(L.MaxPooling2D(3, strides=1, padding="same")(x))
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(a, L.Dense(5, activation="softmax")(x))


def sequence():
    """Recurrent layers, which TensorFlow writes as loops."""
    a = keras.Input((6, 4), name="steps")
    x = L.Conv1D(5, 3, padding="causal", activation="gelu")(a)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    x = L.GRU(4)(x)
    return keras.Model(a, L.Dense(2, activation="tanh")(x))


def attention():
    """A block of a transformer."""
    a = keras.Input((5,), name="tokens", dtype="int32")
    x = L.Embedding(11, 8)(a)
    x = L.LayerNormalization()(x + L.MultiHeadAttention(2, 4)(x, x))
    x = L.LayerNormalization()(x + L.Dense(8)(L.Dense(16, activation="gelu")(x)))
    return keras.Model(a, L.GlobalMaxPooling1D()(x))


class Functions(tf.Module):
    """What models compute beside layers: shapes, branches, loops, lists, parts."""

    def __init__(self):
        self.table = tf.Variable(np.arange(12, dtype=np.float32).reshape(4, 3) / 7, name="table")
        self.half = tf.Variable(np.float16(0.5), name="half")

    @tf.function(input_signature=[
        tf.TensorSpec([None, 6, 4], tf.float32, name="x"), tf.TensorSpec([3], tf.int32, name="places")])
    def serve(self, x, places):
        rows = tf.shape(x)[1]
        total = tf.zeros([4])
        for i in tf.range(rows):
            total += x[0, i] * tf.cast(i, tf.float32)
        seen = tf.TensorArray(tf.float32, size=3)
        for i in tf.range(3):
            seen = seen.write(i, tf.gather(self.table, places[i]) * tf.cast(self.half, tf.float32))
        wide = tf.cond(rows > 4, lambda: tf.tile(x, [1, 1, 2]), lambda: x)
        first, second = tf.split(wide, [3, 5], axis=-1)
        best, at = tf.math.top_k(x[0, :, 1], k=2)
        mixed = tf.einsum("bij,bkj->bik", x[..., ::2], tf.reverse(x, [1])[..., 1::2])
        padded = tf.pad(second, [[0, 0], [1, 0], [0, 2]], constant_values=2.0)
        return {
            "best": best + tf.cast(at, tf.float32),
            "first": tf.nn.softplus(first) + tf.math.erf(first) - tf.nn.selu(tf.transpose(first, [0, 1, 2])),
            "mixed": tf.squeeze(tf.expand_dims(mixed, 1), 1),
            "padded": tf.where(padded > 0, padded, tf.math.log1p(tf.abs(padded))),
            "rows": tf.stack(tf.unstack(x, axis=1)[::2], axis=1),
            "seen": seen.stack(),
            "total": total + tf.reduce_max(tf.one_hot(places, 4), axis=0),
        }


class Patterns(tf.Module):
    """Functions that the format has operators for, as frameworks write them out; dilated convolutions."""

    def __init__(self):
        rng = np.random.default_rng(6)
        self.line, self.image, self.depth = (
            tf.Variable(rng.normal(0, 0.5, s).astype(np.float32)) for s in [(3, 4, 5), (3, 3, 4, 2), (3, 2, 4, 2)])

    @tf.function(input_signature=[
        tf.TensorSpec([1, 9, 4], tf.float32, name="x"), tf.TensorSpec([1, 9, 8, 4], tf.float32, name="y")])
    def serve(self, x, y):
        cube = 0.044715 * tf.pow(x, 3.0)
        causal = tf.nn.conv1d(tf.pad(x, [[0, 0], [4, 0], [0, 0]]), self.line, 1, "VALID", dilations=2)
        return {
            "a": x * 0.5 * (1.0 + tf.math.erf(x / 1.4142135)),
            "b": 0.5 * (x * (tf.math.erf(x * 0.70710678) + 1.0)),
            "c": 0.5 * x * tf.math.erfc(-x * 0.70710678),
            "d": 0.5 * x * (1.0 + tf.tanh(0.7978845608 * (x + cube))),
            "e": x * tf.nn.relu6(x + 3.0) * 0.16666667,
            "f": x * (tf.nn.relu6(x + 3.0) / 6.0),
            # Near to the others, but another function.
            "g": 0.5 * x * (1.0 + tf.math.erf(x)),
            "h": x * tf.nn.relu6(x + 2.0) / 6.0,
            "i": causal + 0.5,
            "j": tf.nn.conv1d(x, self.line, 1, "SAME", dilations=3),
            "k": tf.nn.conv2d(y, self.image, 1, "SAME", dilations=[1, 2, 3, 1]),
            "l": tf.nn.depthwise_conv2d(y, self.depth, [1, 1, 1, 1], "SAME", dilations=[2, 2]),
        }


def give(rng, name, shape, dtype):
    if dtype == np.int32:
        return rng.integers(0, 4 if name == "places" else 11, shape).astype(np.int32)
    return rng.normal(0, 60 if name == "picture" else 1, shape).astype(np.float32)


def store(name, call, rng):
    """Runs the signature on three samples."""
    signature = call.structured_input_signature[1]
    shapes = {k: ([1 if d is None else d for d in s.shape], s.dtype.as_numpy_dtype) for k, s in signature.items()}
    data = {}
    for t in range(3):
        inputs = {k: give(rng, k, *shapes[k]) for k in sorted(shapes)}
        outputs = call(**{k: tf.constant(v) for k, v in inputs.items()})
        for i, k in enumerate(sorted(inputs)):
            data[f"t{t}.in{i}"] = inputs[k]
        for i, k in enumerate(sorted(outputs)):
            data[f"t{t}.out{i}"] = outputs[k].numpy()
    write_npz(os.path.join(HERE, f"{name}.npz"), data)


def saved(name, save, rng):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    save(folder)
    store(name, tf.saved_model.load(folder).signatures["serving_default"], rng)
    os.remove(os.path.join(folder, "fingerprint.pb"))


def frozen(rng):
    """A graph of TensorFlow 1 with its variables as constants."""
    weights = [rng.normal(0, 0.5, s).astype(np.float32) for s in [(3, 3, 2, 4), (4,), (4, 3)]]
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None, 5, 5, 2], name="image")
        y = tf.nn.conv2d(x, weights[0], 1, [[0, 0], [1, 1], [2, 0], [0, 0]])
        y = tf.nn.relu(tf.nn.bias_add(y, weights[1]))
        y = tf.reshape(tf.reduce_mean(y, [1, 2], keepdims=True), [-1, 4])
        tf.identity(tf.nn.log_softmax(tf.matmul(y, weights[2])), name="scores")
    with open(os.path.join(HERE, "frozen.pb"), "wb") as file:
        file.write(graph.as_graph_def().SerializeToString(deterministic=True))
    data = {}
    with tf.compat.v1.Session(graph=graph) as session:
        for t in range(3):
            image = rng.normal(0, 1, (1, 5, 5, 2)).astype(np.float32)
            data[f"t{t}.in0"] = image
            data[f"t{t}.out0"] = session.run("scores:0", {"image:0": image})
    write_npz(os.path.join(HERE, "frozen.npz"), data)


def main():
    rng = np.random.default_rng(3)
    for build in [vision, sequence, attention]:
        model = build()
        for layer in model.layers:
            if isinstance(layer, L.BatchNormalization):
                values = [rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
                layer.set_weights(values)
        saved(build.__name__, lambda folder: model.export(folder, verbose=False), rng)
    module = Functions()
    saved("functions", lambda folder: tf.saved_model.save(module, folder, signatures=module.serve), rng)
    patterns = Patterns()
    saved("patterns", lambda folder: tf.saved_model.save(patterns, folder, signatures=patterns.serve), rng)
    frozen(rng)


main()
