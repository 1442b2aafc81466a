"""Tiny models with layers of the catalogue, and rows for them."""

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from tests.placement._catalogue import CALLS, GAPS, MORE, SLOW

L = keras.layers
SAMPLES = 4
TORTURE = "BRIDLE_TORTURE" in os.environ
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
    return layer(L.Embedding(5, 3, mask_zero=True, name=f"{layer.name}_front")(inputs[0]))


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
    """Inputs and call of a layer."""

    shapes: tuple[tuple[int, ...], ...]
    call: Call = alone
    tokens: int = 0
    """The number of different whole numbers of the input; 0 for real numbers."""


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
    "image to change": Kind(((6, 6, 3),)),
    "volume": Kind(((4, 4, 4, 2),)),
    "sequence of rows": Kind(((3, 4, 2),)),
    "film": Kind(((3, 4, 4, 2),)),
    "film of volumes": Kind(((2, 3, 3, 3, 1),)),
}


@dataclass(frozen=True)
class Recipe:
    """One layer of the catalogue."""

    code: str
    """The constructor call, without `keras.layers`."""
    kind: str

    @property
    def layer_class(self) -> str:
        """The name of the class that the recipe is for."""
        return self.code.partition("(")[0]

    @property
    def gaps(self) -> dict[str, str]:
        """The impossible columns of the table, with reasons."""
        return GAPS.get(self.code, {})

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments by which Keras takes regularizers."""
        if not hasattr(L, self.layer_class):  # a model
            return ()
        known = inspect.signature(getattr(L, self.layer_class).__init__).parameters
        named = [name for name in known if name.endswith("_regularizer")]
        rest = any(argument.kind is argument.VAR_KEYWORD for argument in known.values())
        open_to_all = rest and self.layer_class != "ActivityRegularization"  # which gives it itself
        return tuple(dict.fromkeys([*named, *(["activity_regularizer"] if open_to_all else [])]))

    @property
    def slow(self) -> bool:
        """True if only the page runs it, and no test."""
        return self.kind in SLOW

    @property
    def shows_inside(self) -> bool:
        """True if a site is inside the computation of the layer, which is then another program."""
        return any(word in self.code for word in ("LSTM", "GRU", "RNN", "MultiHead", "GroupQuery"))

    def layer(self, name: str, *, regularized: bool) -> keras.Layer:
        """The layer; a cell inside an RNN, where cells live."""
        scope = {**vars(L), "Sequential": keras.Sequential, "L": L, "np": np, "doubled": doubled, "product": product}
        extra = [f"{argument}='l2'" for argument in self.arguments] if regularized else []
        code = self.code.removesuffix(")") + ("" if self.code.endswith("()") or not extra else ", ")
        made = eval(code + ", ".join(extra) + ")", scope)
        if hasattr(made, "state_size") and not isinstance(made, L.RNN):
            made = L.RNN(made)
        made.name = name
        return made


def model_of(recipes: Sequence[Recipe], *, regularized: bool = False) -> keras.Model:
    """A compiled model that calls layers of one kind side by side: `it0`, `it1`, …; the same weights each time."""
    keras.utils.set_random_seed(1)
    kind = KINDS[recipes[0].kind]
    inputs = [keras.Input(shape, dtype="int32" if kind.tokens else "float32") for shape in kind.shapes]
    layers = [recipe.layer(f"it{number}", regularized=regularized) for number, recipe in enumerate(recipes)]
    outputs = [output for layer in layers for output in keras.tree.flatten(kind.call(layer, inputs))]
    flat = [_flat(output, f"flat{number}") for number, output in enumerate(outputs)]
    joined = L.Concatenate(name="joined")(flat) if len(flat) > 1 else flat[0]
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], L.Dense(1, name="head")(joined))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def rows_of(kind: Kind) -> tuple[Any, np.ndarray]:
    """Inputs and labels of four samples; the first sample ends with padding."""
    random = np.random.default_rng(0)
    if kind.tokens:
        x = [random.integers(1, kind.tokens, (SAMPLES, *shape)).astype("int32") for shape in kind.shapes]
    else:
        x = [random.normal(size=(SAMPLES, *shape)).astype("float32") for shape in kind.shapes]
    for each in x:
        each[0, -1] = 0
    return x if len(x) > 1 else x[0], random.normal(size=(SAMPLES, 1)).astype("float32")


def groups(recipes: Sequence[Recipe] | None = None, most: int = 8) -> list[tuple[Recipe, ...]]:
    """The recipes that share a model: of one kind and as much alike, `most` at once; those with gaps alone."""
    found: dict[object, list[Recipe]] = {}
    for recipe in recipes or (*RECIPES, *COMPANY):
        found.setdefault(recipe if recipe.gaps else (recipe.kind, recipe.shows_inside), []).append(recipe)
    return [tuple(alike[start : start + most]) for alike in found.values() for start in range(0, len(alike), most)]


def keras_layers() -> dict[str, tuple[str, ...]]:
    """The public layer classes of `keras.layers` by name, with their other names."""
    found: dict[type, list[str]] = {}
    for name, value in vars(L).items():
        if inspect.isclass(value) and issubclass(value, keras.Layer):
            found.setdefault(value, []).append(name)
    chosen = {min(names, key=lambda name: (name != kind.__name__, name)): names for kind, names in found.items()}
    return {name: tuple(sorted(set(names) - {name})) for name, names in sorted(chosen.items())}


def _flat(x: Any, name: str) -> Any:
    """One vector for each sample; over time by the mean, which knows masks."""
    return L.GlobalAveragePooling1D(name=name)(x) if len(x.shape) == 3 else L.Flatten(name=name)(x)


def _read(table: dict[str, str]) -> list[Recipe]:
    return [Recipe(line.strip(), kind) for kind, lines in table.items() for line in lines.strip().splitlines()]


RECIPES = sorted(_read(CALLS), key=lambda recipe: recipe.layer_class)
"""One for each class."""
COMPANY = _read(MORE)
"""Layers in other company."""
TESTED = [
    recipe
    for recipe in (*RECIPES, *COMPANY)
    if TORTURE or not (recipe.slow or (recipe in COMPANY and recipe.shows_inside))
]
"""Recipes of the tests. Only `make torture` has recurrent layers in other company, and what compiles for minutes."""
