"""Models with every layer that has a rate, each made by a function of that rate."""

from collections.abc import Callable

import keras

L = keras.layers
ATTENTIONS = {
    "multi-head": lambda rate, x: L.MultiHeadAttention(2, 2, dropout=rate)(x, x),
    "grouped query": lambda rate, x: L.GroupQueryAttention(2, 2, 1, dropout=rate)(x, x),
    "plain": lambda rate, x: L.Attention(dropout=rate)([x, x]),
    "additive": lambda rate, x: L.AdditiveAttention(dropout=rate)([x, x]),
}
"""Attention layers, which take a tensor more than once."""


def compiled(inputs: keras.KerasTensor, output: keras.KerasTensor) -> keras.Model:
    """A model with one answer, trained by momentum, in which an error of a mask grows."""
    model = keras.Model(inputs, L.Dense(1, name="out")(output))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    return model


def dense(rate: float, deviation: float) -> keras.Model:
    """Every layer of dropout and noise for vectors, also in a nested model."""
    inputs = keras.Input((6,))
    x = L.GaussianNoise(deviation, name="noise")(inputs)
    x = L.Dropout(rate, name="drop")(L.Dense(8, "relu", name="hidden")(x))
    x = L.GaussianDropout(rate, seed=3)(L.Dense(8, "relu")(x))
    x = keras.Sequential([keras.Input((8,)), L.Dense(8, "selu"), L.AlphaDropout(rate, name="deep")], name="inner")(x)
    return compiled(inputs, x)


def sequences(rate: float) -> keras.Model:
    """Dropout over time and space, in wrappers and attention."""
    inputs = keras.Input((6, 3))
    x = L.SpatialDropout1D(rate)(L.Conv1D(4, 2, activation="relu")(inputs))
    x = L.TimeDistributed(L.Dropout(rate))(x)
    x = L.Dropout(rate, noise_shape=(None, 1, 4))(x)
    for attention in ATTENTIONS.values():
        x = attention(rate, x)
    image = L.SpatialDropout2D(rate)(L.Reshape((5, 2, 2))(x))
    volume = L.SpatialDropout3D(rate)(L.Reshape((5, 2, 1, 2))(image))
    return compiled(inputs, L.Flatten()(volume))


def recurrent(lstm: tuple[float, float], gru: tuple[float, float]) -> keras.Model:
    """Two recurrent layers, each with its dropout and recurrent dropout, one in a wrapper."""
    inputs = keras.Input((6, 3))
    layer = L.LSTM(3, return_sequences=True, dropout=lstm[0], recurrent_dropout=lstm[1])
    x = L.Bidirectional(layer, name="both")(inputs)
    return compiled(inputs, L.GRU(3, name="gru", dropout=gru[0], recurrent_dropout=gru[1])(x))


def cells(dropout: float, recurrent_dropout: float) -> keras.Model:
    """Other recurrent layers, a mask of padded steps, and a stack of cells."""
    rates = {"dropout": dropout, "recurrent_dropout": recurrent_dropout}
    inputs = keras.Input((6, 3))
    x = L.SimpleRNN(3, return_sequences=True, name="simple", **rates)(L.Masking()(inputs))
    x = L.LSTM(3, return_sequences=True, implementation=1, **rates)(x)
    stack = L.StackedRNNCells([L.LSTMCell(3, **rates), L.GRUCell(3, **rates)])
    return compiled(inputs, L.RNN(stack, name="stack")(x))


def one(layer: Callable[[float], keras.Layer], shape: tuple[int, ...]) -> Callable[[float], keras.Model]:
    """A function that makes a model with one layer."""

    def build(rate: float) -> keras.Model:
        inputs = keras.Input(shape)
        return compiled(inputs, L.Flatten()(layer(rate)(inputs)))

    return build


def attending(layer: Callable[[float, keras.KerasTensor], keras.KerasTensor], rate: float) -> keras.Model:
    """A model with one attention layer."""
    inputs = keras.Input((6, 3))
    return compiled(inputs, L.Flatten()(layer(rate, inputs)))


LAYERS: dict[str, tuple[Callable[[float], keras.Model], str, str]] = {
    "dropout": (one(L.Dropout, (6,)), "vector", "rate"),
    "dropout with a shared mask": (one(lambda r: L.Dropout(r, noise_shape=(None, 1, 3)), (6, 3)), "sequence", "rate"),
    "alpha dropout": (one(lambda r: L.AlphaDropout(r, noise_shape=(None, 1, 3)), (6, 3)), "sequence", "rate"),
    "gaussian dropout": (one(L.GaussianDropout, (6,)), "vector", "rate"),
    "gaussian noise": (one(L.GaussianNoise, (6,)), "vector", "stddev"),
    "spatial dropout": (one(L.SpatialDropout1D, (6, 3)), "sequence", "rate"),
    "channels first": (one(lambda r: L.SpatialDropout2D(r, "channels_first"), (6, 6, 2)), "image", "rate"),
    "volumes": (one(L.SpatialDropout3D, (4, 4, 4, 2)), "volume", "rate"),
    "half precision": (one(lambda r: L.Dropout(r, dtype="mixed_bfloat16"), (6,)), "vector", "rate"),
    **{
        f"ConvLSTM2D {name}": (one(lambda r, name=name: L.ConvLSTM2D(2, 2, **{name: r}), (3, 4, 4, 1)), "film", name)
        for name in ("dropout", "recurrent_dropout")
    },
    **{
        f"{layer.__name__} {name}": (
            one(lambda r, layer=layer, name=name: layer(3, **{name: r}), (6, 3)),
            "sequence",
            name,
        )
        for layer in (L.LSTM, L.GRU, L.SimpleRNN)
        for name in ("dropout", "recurrent_dropout")
    },
    **{
        name: (lambda rate, layer=layer: attending(layer, rate), "sequence", "dropout")
        for name, layer in ATTENTIONS.items()
    },
}
"""Each layer alone: its model as a function of the rate, its rows, and the name of the rate."""
