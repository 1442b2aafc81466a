"""Every layer of Keras in a tiny model: the constructor call, the kind of input, or why it cannot stand in a model."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

L = keras.layers
SAMPLES = 4
Call = Callable[[keras.Layer, list[Any]], Any]


def alone(layer: keras.Layer, inputs: list[Any]) -> Any:
    """The usual call: one tensor."""
    return layer(inputs[0])


def as_list(layer: keras.Layer, inputs: list[Any]) -> Any:
    """Merging layers take a list."""
    return layer(inputs)


def as_arguments(layer: keras.Layer, inputs: list[Any]) -> Any:
    """Attention takes query and value apart."""
    return layer(*inputs)


def twice(layer: keras.Layer, inputs: list[Any]) -> Any:
    """A shared layer, called on its own output."""
    return layer(layer(inputs[0]))


def embedded(layer: keras.Layer, inputs: list[Any]) -> Any:
    """Tokens through an embedding that masks the padding."""
    return layer(L.Embedding(5, 3, mask_zero=True, name="front")(inputs[0]))


def both_ways(layer: keras.Layer, inputs: list[Any]) -> Any:
    """Tokens to vectors and back to scores of tokens, by the same table."""
    return layer(layer(inputs[0]), reverse=True)


@keras.saving.register_keras_serializable("catalogue")
def doubled(x: Any) -> Any:
    """For a Lambda layer."""
    return 2 * x


@keras.saving.register_keras_serializable("catalogue")
def product(params: dict[str, Any], inputs: Any) -> Any:
    """For a layer of plain JAX."""
    return inputs @ params["w"]


@dataclass(frozen=True)
class Kind:
    """What a layer is called on, and how."""

    shapes: tuple[tuple[int, ...], ...]
    call: Call = alone
    tokens: int = 0
    """How many different whole numbers come in; 0 for real numbers."""


KINDS = {
    "vector": Kind(((4,),)),
    "one number": Kind(((1,),)),
    "vector, twice": Kind(((3,),), twice),
    "vectors": Kind(((4,), (4,)), as_list),
    "tokens": Kind(((5,),), tokens=5),
    "tokens, there and back": Kind(((5,),), both_ways, tokens=5),
    "masked tokens": Kind(((5,),), embedded, tokens=5),
    "sequence": Kind(((5, 3),)),
    "sequences": Kind(((5, 3), (5, 3)), as_list),
    "query and value": Kind(((5, 3), (5, 3)), as_arguments),
    "sound": Kind(((64,),)),
    "sound of channels": Kind(((64, 1),)),
    "image": Kind(((6, 6, 3),)),
    "volume": Kind(((4, 4, 4, 2),)),
    "sequence of rows": Kind(((3, 4, 2),)),
    "film": Kind(((3, 4, 4, 2),)),
    "film of volumes": Kind(((2, 3, 3, 3, 1),)),
}

CALLS = {
    "vector": """
        Activation('tanh')
        ActivityRegularization(l2=0.01)
        AlphaDropout(0.2)
        BatchNormalization()
        Dense(3, 'relu')
        Dropout(0.2)
        ELU()
        EinsumDense('ab,bc->ac', 3, 'relu', bias_axes='c')
        GaussianDropout(0.2)
        GaussianNoise(0.2)
        GroupNormalization(2)
        Identity()
        JaxLayer(product, params={'w': np.full((4, 2), 0.5, 'float32')})
        Lambda(doubled)
        LayerNormalization()
        LeakyReLU()
        Normalization(mean=0.5, variance=2.0)
        PReLU(alpha_initializer='ones')
        RMSNormalization()
        ReLU()
        RepeatVector(2)
        Reshape((2, 2))
        Rescaling(0.5)
        Softmax()
        SpectralNormalization(L.Dense(3, 'relu'))
        UnitNormalization()
        """,
    "one number": """
        Discretization(bin_boundaries=[-0.5, 0.5])
        """,
    "vectors": """
        Add()
        Average()
        Concatenate()
        Dot(axes=1)
        Maximum()
        Minimum()
        Multiply()
        Subtract()
        """,
    "tokens": """
        CategoryEncoding(5)
        Embedding(5, 3)
        """,
    "tokens, there and back": """
        ReversibleEmbedding(5, 3)
        """,
    "sequence": """
        AdaptiveAveragePooling1D(2)
        AdaptiveMaxPooling1D(2)
        AveragePooling1D(2)
        Bidirectional(L.LSTM(2, return_sequences=True))
        Conv1D(2, 2, activation='relu')
        Conv1DTranspose(2, 2, activation='relu')
        Cropping1D(1)
        DepthwiseConv1D(2, activation='relu')
        Flatten()
        GRU(2)
        GRUCell(2)
        GlobalAveragePooling1D()
        GlobalMaxPooling1D()
        LSTM(2)
        LSTMCell(2)
        Masking()
        MaxPooling1D(2)
        Permute((2, 1))
        RNN(L.LSTMCell(2))
        SeparableConv1D(2, 2, activation='relu')
        SimpleRNN(2)
        SimpleRNNCell(2)
        SpatialDropout1D(0.2)
        StackedRNNCells([L.LSTMCell(2), L.GRUCell(2)])
        TimeDistributed(L.Dense(2, 'relu'))
        UpSampling1D(2)
        ZeroPadding1D(1)
        """,
    "sequences": """
        AdditiveAttention()
        Attention(use_scale=True)
        """,
    "query and value": """
        GroupQueryAttention(2, 2, 1)
        MultiHeadAttention(2, 2)
        """,
    "sound": """
        MelSpectrogram(fft_length=16, sequence_stride=8, num_mel_bins=4)
        """,
    "sound of channels": """
        STFTSpectrogram(frame_length=16, frame_step=8)
        """,
    "image": """
        AdaptiveAveragePooling2D(2)
        AdaptiveMaxPooling2D(2)
        AugMix()
        AutoContrast()
        AveragePooling2D(2)
        CenterCrop(4, 4)
        ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
        Conv2D(2, 2, activation='relu')
        Conv2DTranspose(2, 2, activation='relu')
        Cropping2D(1)
        CutMix()
        DepthwiseConv2D(2, activation='relu')
        GlobalAveragePooling2D()
        GlobalMaxPooling2D()
        MaxNumBoundingBoxes(2)
        MaxPooling2D(2)
        MixUp()
        Pipeline([L.RandomFlip(), L.Rescaling(0.5)])
        RandAugment()
        RandomBrightness(0.2)
        RandomColorDegeneration(0.2)
        RandomColorJitter(brightness_factor=0.2)
        RandomContrast(0.2)
        RandomCrop(6, 6)
        RandomElasticTransform()
        RandomErasing()
        RandomFlip()
        RandomGaussianBlur()
        RandomGrayscale()
        RandomHue(0.2)
        RandomInvert()
        RandomPerspective()
        RandomPosterization(4)
        RandomRotation(0.2)
        RandomSaturation(0.2)
        RandomSharpness(0.2)
        RandomShear((0.0, 0.2))
        RandomTranslation(0.2, 0.2)
        RandomZoom(0.2)
        Resizing(3, 3)
        SeparableConv2D(2, 2, activation='relu')
        Solarization()
        SpatialDropout2D(0.2)
        UpSampling2D(2)
        ZeroPadding2D(1)
        """,
    "volume": """
        AdaptiveAveragePooling3D(2)
        AdaptiveMaxPooling3D(2)
        AveragePooling3D(2)
        Conv3D(2, 2, activation='relu')
        Conv3DTranspose(2, 2, activation='relu')
        Cropping3D(1)
        GlobalAveragePooling3D()
        GlobalMaxPooling3D()
        MaxPooling3D(2)
        SpatialDropout3D(0.2)
        UpSampling3D(2)
        ZeroPadding3D(1)
        """,
    "sequence of rows": """
        ConvLSTM1D(2, 2)
        """,
    "film": """
        ConvLSTM2D(2, 2)
        """,
    "film of volumes": """
        ConvLSTM3D(1, 2)
        """,
}
"""The layers by the kind of their input, one constructor call a line."""

MORE = {
    "vector": """
        Sequential([L.Dense(3, 'relu', name='code'), L.Dense(2, name='end')])
        BatchNormalization(trainable=False)
        Dense(3, 'relu', trainable=False)
        Dense(3, 'relu', dtype='mixed_bfloat16')
        """,
    "vector, twice": """
        Dense(3, 'tanh')
        """,
    "masked tokens": """
        GRU(2)
        LSTM(2)
        """,
    "sequence": """
        Bidirectional(L.GRU(2), merge_mode='sum')
        GRU(2, reset_after=False)
        LSTM(2, return_sequences=True)
        LSTM(2, return_state=True)
        RNN([L.LSTMCell(2), L.GRUCell(2)])
        """,
    "sequence of rows": """
        TimeDistributed(L.LSTM(2))
        """,
}
"""Layers in other company: nested, frozen, shared, masked, in lower precision, with states."""

ABSENT = {
    "Equalization": "is dropped from models by Keras: its symbolic output is its input",
    "FlaxLayer": "needs Flax, which bridle does not install",
    "HashedCrossing": "needs TensorFlow",
    "Hashing": "needs TensorFlow",
    "InputLayer": "is where the data comes in: it has nothing to penalize",
    "IntegerLookup": "needs TensorFlow",
    "Layer": "is the base of all layers: it computes nothing",
    "StringLookup": "needs TensorFlow",
    "TFSMLayer": "needs TensorFlow",
    "TextVectorization": "needs TensorFlow",
    "TorchModuleWrapper": "needs PyTorch",
    "Wrapper": "is the base of the wrappers: it computes nothing",
}
"""Why a layer of Keras cannot stand in a model on JAX."""


@dataclass(frozen=True)
class Recipe:
    """One layer in a tiny model."""

    code: str
    """The constructor call, without `keras.layers`."""
    kind: str

    @property
    def layer_class(self) -> str:
        """The name of the class that the recipe is for."""
        return self.code.partition("(")[0]

    def layer(self) -> keras.Layer:
        """The layer, named `it`; a cell inside an RNN, where cells live."""
        scope = {**vars(L), "Sequential": keras.Sequential, "L": L, "np": np, "doubled": doubled, "product": product}
        made = eval(self.code, scope)
        if hasattr(made, "state_size") and not isinstance(made, L.RNN):
            made = L.RNN(made)
        made.name = "it"
        return made

    def model(self) -> keras.Model:
        """Input(s), the layer, and one number for each sample; compiled, the same weights each time."""
        keras.utils.set_random_seed(1)
        kind = KINDS[self.kind]
        inputs = [keras.Input(shape, dtype="int32" if kind.tokens else "float32") for shape in kind.shapes]
        outputs = keras.tree.flatten(kind.call(self.layer(), inputs))
        flat = [_flat(output, f"flat{number}") for number, output in enumerate(outputs)]
        joined = L.Concatenate(name="joined")(flat) if len(flat) > 1 else flat[0]
        model = keras.Model(inputs if len(inputs) > 1 else inputs[0], L.Dense(1, name="head")(joined))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        return model

    def rows(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Inputs and labels of four samples; a sequence of tokens ends with padding."""
        random, kind = np.random.default_rng(0), KINDS[self.kind]
        if kind.tokens:
            x = [random.integers(1, kind.tokens, (SAMPLES, *shape)).astype("int32") for shape in kind.shapes]
            x[0][0, -2:] = 0
        else:
            x = [random.normal(size=(SAMPLES, *shape)).astype("float32") for shape in kind.shapes]
            x[0][0, -1] = 0
        return x, random.normal(size=(SAMPLES, 1)).astype("float32")


def _flat(x: Any, name: str) -> Any:
    """One vector for each sample; over time by the mean, which knows masks."""
    return L.GlobalAveragePooling1D(name=name)(x) if len(x.shape) == 3 else L.Flatten(name=name)(x)


def _read(table: dict[str, str]) -> list[Recipe]:
    return [Recipe(line.strip(), kind) for kind, lines in table.items() for line in lines.strip().splitlines()]


RECIPES = sorted(_read(CALLS), key=lambda recipe: recipe.layer_class)
COMPANY = _read(MORE)


def keras_layers() -> dict[str, tuple[str, ...]]:
    """The public layer classes of `keras.layers` by name, with their other names."""
    found: dict[type, list[str]] = {}
    for name, value in vars(L).items():
        if inspect.isclass(value) and issubclass(value, keras.Layer):
            found.setdefault(value, []).append(name)
    chosen = {min(names, key=lambda name: (name != kind.__name__, name)): names for kind, names in found.items()}
    return {name: tuple(sorted(set(names) - {name})) for name, names in sorted(chosen.items())}
