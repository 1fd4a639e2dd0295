"""Small Keras models with what Keras gives for them: NAME.keras or NAME.h5, and NAME.npz with `t0.in0`, ..., `t0.out0`, ...

    pip install tensorflow==2.21.0 keras==3.15.1
    python make.py [NAME...]
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import start_tf, write_npz  # noqa: E402

tf = start_tf(1)

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers as L  # noqa: E402


def sequential():
    return keras.Sequential([
        keras.Input((12, 10, 3), name="picture"),
        L.Rescaling(1 / 127.5, offset=-1),
        L.Conv2D(6, 3, strides=2, padding="same", use_bias=False),
        L.BatchNormalization(),
        L.ReLU(max_value=6),
        L.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        L.BatchNormalization(scale=False),
        L.Activation("swish"),
        L.SeparableConv2D(8, (3, 5), padding="same", activation="relu"),
        L.MaxPooling2D(2, padding="same"),
        L.Dropout(0.3),
        L.Flatten(),
        L.Dense(7, activation="elu"),
        L.Dense(5, activation="softmax"),
    ])


def branches():
    a = keras.Input((9, 9, 4), name="left")
    b = keras.Input((9, 9, 4), name="right")
    shared = L.Conv2D(4, 3, padding="same", dilation_rate=2, activation="tanh")
    x = L.Add()([shared(a), shared(b)])
    y = L.Multiply()([a, L.Subtract()([b, x])])
    z = L.Concatenate()([x, y, L.Average()([a, b]), L.Maximum()([a, b]), L.Minimum()([x, a])])
    z = L.AveragePooling2D(3, strides=2, padding="same")(z)
    up = L.UpSampling2D(2, interpolation="bilinear")(z)
    up = L.Cropping2D(((1, 0), (0, 1)))(L.UpSampling2D((1, 1))(up))
    up = L.ZeroPadding2D(((0, 1), (2, 0)))(up)
    up = L.Conv2DTranspose(3, 3, strides=2, padding="same")(up)
    first = L.GlobalAveragePooling2D(name="mean")(L.LeakyReLU(negative_slope=0.1)(up))
    second = L.GlobalMaxPooling2D(name="most")(L.PReLU(shared_axes=[1, 2])(z))
    return keras.Model([a, b], [first, second])


def lines():
    a = keras.Input((16, 5), name="line")
    x = L.Conv1D(6, 4, padding="causal", activation="gelu")(a)
    x = L.LayerNormalization()(x)
    x = L.MaxPooling1D(2)(x)
    x = L.ZeroPadding1D((1, 2))(x)
    x = L.SeparableConv1D(4, 3, activation="hard_sigmoid")(x)
    x = L.Permute((2, 1))(x)
    x = L.Dense(3, activation="sigmoid")(x)
    x = L.Reshape((3, -1))(x)
    x = L.UpSampling1D(2)(x)
    x = L.AveragePooling1D(2)(x)
    return keras.Model(a, L.GlobalAveragePooling1D()(x))


def words():
    a = keras.Input((7,), dtype="int32", name="words")
    x = L.Embedding(20, 6)(a)
    x = L.Cropping1D((1, 1))(x)
    x = L.Normalization(mean=[0.1] * 6, variance=[0.5] * 6)(x)
    return keras.Model(a, L.Dense(2, activation="linear")(L.Flatten()(x)))


def recurrent():
    a = keras.Input((7, 4), name="steps")
    x = L.LSTM(5, return_sequences=True, name="first")(a)
    x = L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="concat")(x)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="sum", name="both")(x)
    y = L.SimpleRNN(3, go_backwards=True, return_sequences=True)(x)
    y = L.GRU(4, reset_after=False, name="old")(L.TimeDistributed(L.Dense(6, activation="relu"))(y))
    z = L.Bidirectional(L.SimpleRNN(2, activation="relu"), merge_mode="ave")(x)
    return keras.Model(a, [L.Dense(3, name="one")(y), z])


def attention():
    a = keras.Input((6,), name="tokens", dtype="int32")
    x = L.Embedding(20, 8)(a)
    x = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 3, value_dim=5)(x, x)]))
    y = L.MultiHeadAttention(3, 4, use_bias=False, name="other")(x, x, x)
    y = L.GroupNormalization(groups=2)(L.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d")(y))
    return keras.Model(a, L.UnitNormalization()(L.GlobalAveragePooling1D(name="mean")(y)))


def traps():
    """What is easily read wrongly: numbers for each channel, names that begin as those of parts, arguments by name."""
    a = keras.Input((5, 3), name="steps")
    x = L.Rescaling([0.5, 2.0, -1.0], offset=[0.0, 1.0, 0.25])(a)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="mul", name="forward_pass")(x)
    y = L.MultiHeadAttention(2, 3, name="key_attention")(x, value=L.Dense(4)(x), key=L.Dense(4, activation="tanh")(x))
    y = L.Attention(use_scale=True)([y, x])
    return keras.Model(a, L.Activation("hard_sigmoid", name="gate")(y))


def nested():
    """Models in models, one of them called twice, layers with the same names in several of them."""
    a = keras.Input((8, 8, 3), name="picture")
    inner = keras.Input((4, 4, 4))
    core = keras.Model(inner, L.Add()([inner, L.Conv2D(4, 3, padding="same", name="conv")(inner)]), name="core")
    base = keras.Sequential([
        keras.Input((8, 8, 3)), L.Conv2D(4, 3, strides=2, padding="same", activation="mish", name="conv"), core,
        L.BatchNormalization(name="norm"), L.Conv2D(3, 1, activation="softsign", name="out"), L.UpSampling2D(2),
    ], name="base")
    x = base(base(a))
    x = L.Conv2D(2, 3, name="conv")(x)
    return keras.Model(a, L.GlobalAveragePooling2D(name="mean")(x))


def functions():
    """Functions that are layers, and activations of all kinds."""
    a = keras.Input((6, 5), name="rows")
    b = keras.Input((5,), name="row")
    x = 3.0 - (a * 2.0 + b) / 4.0
    x = x + keras.ops.mean(a, axis=1, keepdims=True) + keras.ops.transpose(keras.ops.reshape(a, (-1, 5, 6)), (0, 2, 1))
    x = L.Conv1DTranspose(6, 3, strides=2, activation="selu")(keras.ops.abs(x))
    x = L.Softmax(axis=1)(L.ReLU(threshold=0.2, negative_slope=0.1, max_value=3)(x))
    y = L.RepeatVector(4)(keras.ops.exp(L.Dense(6, activation="softplus")(b)))
    y = L.ELU(alpha=0.7)(L.Dense(6, activation="log_sigmoid")(y) - 0.5)
    z = L.Dot(axes=2, normalize=True)([x, y])
    w = L.Dot(axes=(2, 1))([x, L.Dense(6, activation="hard_silu")(b)])
    picture = keras.ops.expand_dims(z, -1)
    picture = L.Resizing(9, 7)(picture)
    z = keras.ops.squeeze(L.Conv2D(1, 3, activation="hard_tanh")(picture), -1)
    return keras.Model([a, b], [L.Activation("celu")(keras.ops.sum(z, axis=-1)), L.Activation("tanh_shrink")(w)])


def masked():
    """A mask that is computed: refused."""
    a = keras.Input((5, 3), name="steps")
    m = keras.Input((5,), dtype="bool", name="steps_that_count")
    return keras.Model([a, m], L.LSTM(4)(a, mask=m))


def main():
    chosen = sys.argv[1:]
    for name, build in (("sequential", sequential), ("branches", branches), ("lines", lines), ("words", words),
                        ("recurrent", recurrent), ("attention", attention),
                        ("traps", traps), ("nested", nested), ("functions", functions)):
        if chosen and name not in chosen:
            continue
        rng = np.random.default_rng(2)
        model = build()
        # Weights of batch normalization that have seen something.
        model.set_weights([np.abs(w) + rng.uniform(0.1, 0.5, w.shape) if w.ndim == 1 else w for w in model.get_weights()])
        arrays = {}
        for step in range(2):
            inputs = []
            for tensor in model.inputs:
                shape = (1, *tensor.shape[1:])
                if tensor.dtype == "int32":
                    inputs.append(rng.integers(0, 20, shape).astype(np.int32))
                else:
                    scale = 255 if name == "sequential" else 1
                    inputs.append((rng.uniform(-1, 1, shape) * scale).astype(np.float32))
            outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            arrays |= {f"t{step}.in{i}": x for i, x in enumerate(inputs)}
            arrays |= {f"t{step}.out{i}": np.asarray(y) for i, y in enumerate(outputs)}
        for form in ("keras", "h5"):
            model.save(os.path.join(HERE, f"{name}.{form}"))
        write_npz(os.path.join(HERE, f"{name}.npz"), arrays)
    if not chosen or "masked" in chosen:
        masked().save(os.path.join(HERE, "masked.keras"))


main()
