"""Small compiled models for everything that Keras can do in a layer or between layers, each made by a function."""

from collections.abc import Callable

import keras
from tests.engine import _graphs
from tests.engine._rows import SHAPES

LAYERS = {
    "vector": """
        Dense(8, 'relu')
        Dense(8, 'tanh'), Dense(6, 'gelu'), Dense(4)
        Dense(8), LeakyReLU(), Dense(4), PReLU(), ELU(), ReLU(max_value=2.0), Softmax()
        Dense(6, use_bias=False, kernel_initializer='orthogonal'), Activation('silu')
        Dense(6, 'relu', lora_rank=2)
        EinsumDense('ab,bc->ac', 8, 'relu', bias_axes='c')
        Dense(8, 'relu'), BatchNormalization(momentum=0.8)
        Dense(8), LayerNormalization(), Activation('swish')
        Dense(8), GroupNormalization(2), Activation('relu'), RMSNormalization()
        Dense(8, 'relu'), UnitNormalization()
        SpectralNormalization(Dense(8, 'relu'))
        Normalization(mean=0.5, variance=2.0), Rescaling(0.5), Dense(8, 'relu')
        Dense(8, 'relu'), Dropout(0.4), Dense(4, 'relu'), Dropout(0.2)
        GaussianNoise(0.3), Dense(8, 'selu'), AlphaDropout(0.1)
        Dense(8, 'relu'), GaussianDropout(0.3)
        Dense(8, 'relu', kernel_regularizer='l2', activity_regularizer=keras.regularizers.L1(0.01))
        Dense(8, 'relu', bias_regularizer='l1', kernel_regularizer=keras.regularizers.OrthogonalRegularizer())
        Dense(8, 'relu'), ActivityRegularization(l1=0.01)
        Dense(8, 'relu', kernel_constraint=keras.constraints.MaxNorm(0.5)), Dense(4, kernel_constraint='non_neg')
        Dense(8, 'relu', trainable=False), BatchNormalization(trainable=False), Dense(4, 'relu')
        Sequential([Dense(6, 'relu'), Dropout(0.3)]), Dense(4, 'relu')
        RepeatVector(2), Reshape((4, 3)), Flatten(), Dense(4, 'relu')
        Dense(4, 'relu', dtype='mixed_bfloat16')
        """,
    "tokens": """
        Embedding(8, 3)
        CategoryEncoding(8, output_mode='multi_hot'), Dense(4, 'relu')
        """,
}
SPATIAL = {
    "sequence": """
        Conv1D(4, 3, strides=2, padding='same', activation='relu')
        Conv1D(4, 2, dilation_rate=2, padding='causal', activation='relu')
        Conv1D(6, 2, groups=3, activation='relu')
        Conv1DTranspose(4, 3, strides=2, padding='same', activation='relu')
        DepthwiseConv1D(3, depth_multiplier=2, activation='relu')
        SeparableConv1D(4, 3, padding='same', activation='relu')
        Conv1D(4, 2), MaxPooling1D(2, padding='same'), AveragePooling1D(2)
        Conv1D(4, 2, activation='relu'), GlobalMaxPooling1D()
        Conv1D(4, 2, activation='relu'), GlobalAveragePooling1D()
        Conv1D(4, 2), AdaptiveAveragePooling1D(3), AdaptiveMaxPooling1D(2)
        SpatialDropout1D(0.3), Conv1D(4, 2, activation='relu')
        ZeroPadding1D(1), UpSampling1D(2), Cropping1D(1), Permute((2, 1)), Dense(4, 'relu')
        TimeDistributed(Dense(4, 'relu'))
        """,
    "image": """
        Conv2D(4, 3, strides=2, padding='same', activation='relu')
        Conv2D(4, 2, dilation_rate=2, activation='relu'), Conv2D(4, 2, groups=2)
        Conv2DTranspose(3, 3, strides=2, padding='same', activation='relu')
        DepthwiseConv2D(2, depth_multiplier=2, activation='relu')
        SeparableConv2D(4, 3, padding='same', activation='relu')
        Conv2D(4, 2), MaxPooling2D(2), AveragePooling2D(2, padding='same')
        Conv2D(4, 2, activation='relu'), GlobalMaxPooling2D()
        Conv2D(4, 2), SpatialDropout2D(0.3), BatchNormalization(), GlobalAveragePooling2D()
        ZeroPadding2D(1), UpSampling2D(2), Cropping2D(2), CenterCrop(4, 4), Conv2D(2, 2)
        RandomFlip(), Conv2D(2, 2)
        RandomTranslation(0.2, 0.2), Conv2D(2, 2)
        RandomContrast(0.3), RandomBrightness(0.2, value_range=(-1, 1)), Conv2D(2, 2)
        RandomRotation(0.1), RandomZoom(0.2), Conv2D(2, 2)
        RandomErasing(), Conv2D(2, 2)
        """,
    "volume": """
        Conv3D(2, 2, strides=2, padding='same', activation='relu')
        Conv3D(4, 2, activation='relu'), Conv3D(2, 2, groups=2)
        Conv3DTranspose(2, 2, strides=2, activation='relu')
        Conv3D(2, 2), SpatialDropout3D(0.3), MaxPooling3D(2, padding='same')
        Conv3D(3, 2), AveragePooling3D(2), GlobalAveragePooling3D()
        Conv3D(3, 2, activation='relu'), GlobalMaxPooling3D()
        """,
}
RECURRENT = {
    "sequence": """
        LSTM(4)
        LSTM(4, return_sequences=True, go_backwards=True)
        LSTM(3, unroll=True)
        LSTM(4, dropout=0.3)
        LSTM(4, recurrent_dropout=0.3)
        GRU(4)
        GRU(4, reset_after=False)
        GRU(4, dropout=0.2, recurrent_dropout=0.2)
        SimpleRNN(4)
        SimpleRNN(4, recurrent_dropout=0.3, kernel_regularizer='l2')
        RNN([LSTMCell(3), GRUCell(4)])
        RNN(StackedRNNCells([SimpleRNNCell(3), LSTMCell(4)]), return_sequences=True)
        Bidirectional(LSTM(3))
        Bidirectional(GRU(3, return_sequences=True), merge_mode='sum')
        Masking(0.0), LSTM(4)
        """,
    "rows in time": """
        ConvLSTM1D(2, 2)
        TimeDistributed(LSTM(3))
        """,
    "film": """
        ConvLSTM2D(2, 2)
        TimeDistributed(Conv2D(2, 2, activation='relu'))
        """,
    "tokens": """
        Embedding(8, 3, mask_zero=True), LSTM(4)
        Embedding(8, 3, mask_zero=True), Bidirectional(GRU(3))
        """,
}
"""Layers one after another, by the kind of rows that go in; each line is one model."""

LINES = {
    (kind, line.strip()): family
    for family, kinds in (("layers", LAYERS), ("spatial", SPATIAL), ("recurrent", RECURRENT))
    for kind, text in kinds.items()
    for line in text.strip().splitlines()
}
NAMES = {**vars(keras.layers), "Sequential": keras.Sequential, "keras": keras}
MOVES_AT_EVALUATION = "dropout="
"""Recurrent layers move the seed of their dropout when they evaluate too; they are fitted without validation rows."""

ROUNDED = "mixed_bfloat16"
"""Eight bits of mantissa, and XLA rounds in other places where it fuses other operations: compared to 1 %."""


def stack(kind: str, line: str) -> Callable[[], keras.Model]:
    """A function that makes the layers of one line, between an input and a sigmoid."""

    def build() -> keras.Model:
        shape, dtype = SHAPES[kind]
        inputs = keras.Input(shape, dtype=dtype)
        layers = [*eval(f"[{line}]", NAMES), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid", name="out")]
        return _graphs.classifier(keras.Sequential([inputs, *layers]))

    return build


def family(name: str) -> dict[str, tuple[Callable[[], keras.Model], str]]:
    """The models of a family by name: the function that makes one, and the kind of its rows."""
    return {line: (stack(kind, line), kind) for (kind, line), own in LINES.items() if own == name}


MODELS = {**{name: family(name) for name in ("layers", "spatial", "recurrent")}, "graphs": _graphs.GRAPHS}
EVERY = {name: model for models in MODELS.values() for name, model in models.items()}
