"""Models that are more than layers one after another: branches, sharing, nesting, own layers, losses, metrics."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

L = keras.layers


def classifier(model: keras.Model) -> keras.Model:
    """Compiled for two classes, with metrics whose order is not that of their names."""
    model.compile("adam", "binary_crossentropy", metrics=["mse", "accuracy"])
    return model


def out(tensor: Any) -> Any:
    """One number between 0 and 1."""
    return L.Dense(1, "sigmoid", name="out")(tensor)


def of_one(body: Callable[[Any], Any], shape: tuple[int, ...] = (6,), dtype: str = "float32") -> keras.Model:
    """A functional classifier from one input."""
    inputs = keras.Input(shape, dtype=dtype)
    return classifier(keras.Model(inputs, out(body(inputs))))


def two_inputs() -> keras.Model:
    """Every merging layer, between two branches."""
    first, second = keras.Input((6,)), keras.Input((6,))
    a, b = L.Dense(4, "relu")(first), L.Dense(4, "tanh")(second)
    merges = [L.Add(), L.Subtract(), L.Multiply(), L.Average(), L.Maximum(), L.Minimum(), L.Dot(axes=1)]
    merged = L.Concatenate()([merge([a, b]) for merge in merges])
    return classifier(keras.Model([first, second], out(merged)))


def named_inputs() -> keras.Model:
    """Inputs as a dictionary."""
    inputs = {name: keras.Input((6,), name=name) for name in ("first", "second")}
    return classifier(keras.Model(inputs, out(L.Concatenate()([L.Dense(4, "relu")(x) for x in inputs.values()]))))


def branches_one_after_the_other() -> keras.Model:
    """Each branch is made to its end before the next, which is another order than that of depth, and nested calls."""
    inputs = keras.Input((6,))
    long = L.Conv1D(3, 2)(L.Reshape((6, 1))(inputs))
    long = L.Dense(4, "relu")(L.Dense(5, "relu")(L.Flatten()(long)))
    short = L.Dense(4, "tanh")(inputs)
    return classifier(keras.Model(inputs, out(L.Add()([short, long]))))


def two_named_outputs() -> keras.Model:
    """A loss, a weight and metrics for each output."""
    inputs = keras.Input((6,))
    hidden = L.Dense(6, "relu")(inputs)
    outputs = {"kind": L.Dense(1, "sigmoid", name="kind")(hidden), "size": L.Dense(1, name="size")(hidden)}
    model = keras.Model(inputs, outputs)
    model.compile(
        "adam",
        {"kind": "binary_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.3},
        metrics={"kind": ["accuracy", keras.metrics.AUC(name="auc")], "size": ["mae"]},
    )
    return model


def several_outputs() -> keras.Model:
    """Outputs as a list."""
    inputs = keras.Input((6,))
    hidden = L.Dense(6, "relu")(inputs)
    model = keras.Model(
        inputs, [L.Dense(1, "sigmoid", name="kind")(hidden), L.Dense(3, "softmax", name="size")(hidden)]
    )
    model.compile(
        "adam",
        ["binary_crossentropy", "sparse_categorical_crossentropy"],
        loss_weights=[0.5, 2.0],
        metrics=[["accuracy"], ["accuracy"]],
    )
    return model


def shared_layer() -> keras.Model:
    """One layer called twice."""
    shared = L.Dense(6, "tanh")
    return of_one(lambda x: shared(shared(x)))


def sequential_in_functional() -> keras.Model:
    """A Sequential between layers, made before them."""
    inner = keras.Sequential([keras.Input((6,)), L.Dense(5, "relu"), L.BatchNormalization(), L.Dropout(0.2)])
    return of_one(lambda x: L.Dense(4, "relu")(inner(L.Dense(6, "tanh")(x))))


def functional_in_functional() -> keras.Model:
    """A functional model with a branch inside another, called twice."""
    inputs = keras.Input((6,))
    inner = keras.Model(inputs, L.Add()([L.Dense(6, "relu")(inputs), inputs]), name="block")
    return of_one(lambda x: inner(L.LayerNormalization()(inner(x))))


def nested_in_sequential() -> keras.Model:
    """Functional inside Sequential inside Sequential."""
    inputs = keras.Input((6,))
    block = keras.Model(inputs, L.Concatenate()([L.Dense(3, "relu")(inputs), inputs]))
    return classifier(
        keras.Sequential([keras.Input((6,)), keras.Sequential([block, L.Dense(4, "relu")]), L.Dense(1, "sigmoid")])
    )


@keras.saving.register_keras_serializable("parity")
class Perceptron(keras.Model):
    """A subclassed model with dropout."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.hidden, self.drop, self.last = L.Dense(units, "relu"), L.Dropout(0.3), L.Dense(1, "sigmoid")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.last(self.drop(self.hidden(x), training=training))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def subclassed() -> keras.Model:
    """Built by a call on rows."""
    model = Perceptron(6)
    model(ops.zeros((2, 6)))
    return classifier(model)


@keras.saving.register_keras_serializable("parity")
class Charging(L.Layer):
    """Adds a loss of its own, and passes its input on."""

    def call(self, x: Any) -> Any:
        self.add_loss(0.1 * ops.mean(ops.square(x)))
        return x


def added_loss() -> keras.Model:
    """A layer that calls add_loss."""
    return of_one(lambda x: Charging()(L.Dense(6, "relu")(x)))


@keras.saving.register_keras_serializable("parity")
class Centred(L.Layer):
    """Subtracts a running mean that it keeps in a variable that no optimizer trains."""

    def build(self, shape: Any) -> None:
        self.mean = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False)
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, dtype="int32")

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(x, axis=0))
            self.count.assign_add(1)
        return x - self.mean


def own_state() -> keras.Model:
    """A layer with state of its own."""
    return of_one(lambda x: Centred()(L.Dense(6, "relu")(x)))


@keras.saving.register_keras_serializable("parity")
class Autoencoder(L.Layer):
    """There and back with one kernel, the second time transposed."""

    def build(self, shape: Any) -> None:
        self.there = L.Dense(4, "tanh")
        self.there.build(shape)
        self.bias = self.add_weight(shape=(shape[-1],), initializer="zeros")

    def call(self, x: Any) -> Any:
        return ops.matmul(self.there(x), ops.transpose(self.there.kernel)) + self.bias


def tied_weights() -> keras.Model:
    """One kernel used twice."""
    return of_one(lambda x: Autoencoder()(x))


def tied_embedding() -> keras.Model:
    """Tokens in and out through one table."""
    inputs = keras.Input((6,), dtype="int32")
    embedding = L.ReversibleEmbedding(8, 4)
    model = keras.Model(inputs, embedding(L.Dense(4, "tanh")(embedding(inputs)), reverse=True))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def partly_frozen() -> keras.Model:
    """Frozen after it was made, with a nested model frozen as a whole."""
    frozen = keras.Sequential([keras.Input((6,)), L.Dense(5, "relu"), L.BatchNormalization()])
    inputs = keras.Input((6,))
    shut = L.Dense(5, "relu", name="shut")(frozen(inputs))
    model = keras.Model(inputs, out(L.Dense(4, "relu", name="open")(shut)))
    frozen.trainable = model.get_layer("shut").trainable = False
    return classifier(model)


def mixed_bfloat16() -> keras.Model:
    """The whole model under a policy."""
    policy = "mixed_bfloat16"
    layers = [L.Dense(6, "relu", dtype=policy), L.LayerNormalization(dtype=policy)]
    return classifier(keras.Sequential([keras.Input((6,)), *layers, L.Dense(1, "sigmoid", dtype=policy)]))


def attention(layer: Callable[[], L.Layer]) -> Callable[[], keras.Model]:
    """A layer that takes a query and a value."""

    def build() -> keras.Model:
        def body(x: Any) -> Any:
            query, value = L.Dense(4)(x), L.Dense(4)(x)
            return L.Flatten()(layer()(query, value))

        return of_one(body, (6, 3))

    return build


def plain_attention(layer: Callable[[], L.Layer]) -> Callable[[], keras.Model]:
    """A layer that takes a list of query and value."""

    def build() -> keras.Model:
        def body(x: Any) -> Any:
            both = [L.Dense(4)(x), L.Dense(4)(x)]
            return L.Flatten()(layer()(both))

        return of_one(body, (6, 3))

    return build


def masked_attention() -> keras.Model:
    """Self-attention over tokens whose padding is masked, then a masked mean."""

    def body(x: Any) -> Any:
        embedded = L.Embedding(8, 4, mask_zero=True)(x)
        return L.GlobalAveragePooling1D()(L.Add()([embedded, L.MultiHeadAttention(2, 2)(embedded, embedded)]))

    return of_one(body, (6,), "int32")


def padded_tags() -> keras.Model:
    """A class for each step of padded rows, whose mask goes with the prediction."""
    layers = [L.Embedding(8, 4, mask_zero=True), L.GRU(4, return_sequences=True), L.Dense(8, "softmax")]
    model = keras.Sequential([keras.Input((6,), dtype="int32"), *layers])
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"],
        weighted_metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="two")],
    )  # fmt: skip
    return model


def masked_numbers() -> keras.Model:
    """A number for each step, steps of zeros masked."""
    layers = [L.Masking(0.0), L.LSTM(4, return_sequences=True), L.Dense(2)]
    model = keras.Sequential([keras.Input((6, 3)), *layers])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def padded_tags_and_a_number() -> keras.Model:
    """Two outputs, of which one is masked."""
    inputs = keras.Input((6,), dtype="int32")
    embedded = L.Embedding(8, 4, mask_zero=True)(inputs)
    tags = L.Dense(8, "softmax", name="tags")(embedded)
    size = L.Dense(1, name="size")(L.GlobalAveragePooling1D()(embedded))
    model = keras.Model(inputs, {"tags": tags, "size": size})
    model.compile(
        "adam", {"tags": "sparse_categorical_crossentropy", "size": "mse"}, loss_weights={"tags": 1.0, "size": 0.5},
        metrics={"tags": ["accuracy"]}, weighted_metrics={"tags": ["accuracy"], "size": ["mae"]},
    )  # fmt: skip
    return model


def distance(y: Any, prediction: Any) -> Any:
    """A metric that is a plain function."""
    return ops.mean(ops.abs(ops.cast(y, prediction.dtype) - prediction), axis=-1)


def compiled(units: int, activation: str | None, **options: Any) -> Callable[[], keras.Model]:
    """One hidden layer under a loss and metrics."""

    def build() -> keras.Model:
        layers = [L.Dense(6, "tanh"), L.Dense(units, activation, name="out")]
        model = keras.Sequential([keras.Input((6,)), *layers])
        model.compile("adam", **{key: [f() for f in v] if isinstance(v, list) else v() for key, v in options.items()})
        return model

    return build


M = keras.metrics
GRAPHS = {
    "two inputs and every merge": (two_inputs, "pair"),
    "named inputs": (named_inputs, "named pair"),
    "branches one after the other": (branches_one_after_the_other, "vector"),
    "two named outputs": (two_named_outputs, "two answers"),
    "several outputs": (several_outputs, "several answers"),
    "shared layer": (shared_layer, "vector"),
    "Sequential in functional": (sequential_in_functional, "vector"),
    "functional in functional": (functional_in_functional, "vector"),
    "functional in Sequential": (nested_in_sequential, "vector"),
    "subclassed": (subclassed, "vector"),
    "added loss": (added_loss, "vector"),
    "own state": (own_state, "vector"),
    "tied weights": (tied_weights, "vector"),
    "tied embedding": (tied_embedding, "next tokens"),
    "partly frozen": (partly_frozen, "vector"),
    "mixed_bfloat16": (mixed_bfloat16, "vector"),
    "MultiHeadAttention": (attention(lambda: L.MultiHeadAttention(2, 2, dropout=0.2)), "sequence"),
    "GroupQueryAttention": (attention(lambda: L.GroupQueryAttention(2, 4, 2)), "sequence"),
    "Attention": (plain_attention(lambda: L.Attention(use_scale=True, dropout=0.2)), "sequence"),
    "AdditiveAttention": (plain_attention(L.AdditiveAttention), "sequence"),
    "masked attention": (masked_attention, "tokens"),
    "padded tags": (padded_tags, "next tokens"),
    "masked numbers": (masked_numbers, "numbers in time"),
    "padded tags and a number": (padded_tags_and_a_number, "tags and a number"),
    "numbers, Huber": (
        compiled(1, None, loss=keras.losses.Huber, metrics=[M.MeanSquaredError, M.R2Score, lambda: distance]),
        "number",
    ),
    "numbers, log-cosh summed": (
        compiled(1, None, loss=lambda: keras.losses.LogCosh(reduction="sum"), metrics=[M.RootMeanSquaredError]),
        "number",
    ),
    "classes, smoothed": (
        compiled(
            3,
            "softmax",
            loss=lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
            metrics=[
                lambda: M.F1Score(average="macro"), lambda: M.TopKCategoricalAccuracy(2),
                lambda: M.Precision(name="precision"), lambda: M.Recall(name="recall"),
                lambda: M.AUC(multi_label=True, name="auc"),
            ],
        ),
        "classes",
    ),
    "class numbers from logits": (
        compiled(
            3,
            None,
            loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[lambda: "accuracy", lambda: M.SparseTopKCategoricalAccuracy(2)],
        ),
        "class numbers",
    ),
    "focal loss, weighted metrics": (
        compiled(
            1,
            "sigmoid",
            loss=keras.losses.BinaryFocalCrossentropy,
            metrics=[lambda: M.AUC(curve="PR", name="auc"), lambda: M.SensitivityAtSpecificity(0.5, name="at")],
            weighted_metrics=[lambda: "accuracy", lambda: M.Precision(name="precision")],
        ),
        "vector",
    ),
    "hinge": (compiled(1, "tanh", loss=lambda: "hinge", metrics=[M.Hinge, M.CosineSimilarity]), "vector"),
    "Dice": (
        compiled(1, "sigmoid", loss=lambda: keras.losses.Dice(axis=-1), metrics=[M.MeanAbsoluteError]),
        "vector",
    ),
}  # fmt: skip
"""By name: the function that makes a compiled model, and the kind of its rows."""
