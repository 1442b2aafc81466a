"""Wrapper of a model that shows the layers, tensors, weights, attributes and files of the model inside."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, KindError
from bridle._keras import count_own_variables

INSIDE = "_bridle_wrapped"
HIDDEN = frozenset({INSIDE, "_bridle_state"})
"""Attributes that are not in files."""
IN_FILES = (keras.Layer, keras.metrics.Metric, list, tuple, dict)
"""Types of private attributes that a file of weights may hold; other private attributes belong to Keras."""


class Wrapper(keras.Model):
    """Keras model that calls another one and looks like it to Keras.

    Keras writes files by walking over the attributes of a model. The walk sees the attributes of the model inside, so
    files of weights have its layout. Strengths are in the configuration, and anchors are assets of a `.keras` file.
    """

    is_of_old_file = False

    def __init__(self, inner: keras.Model, **kwargs: Any) -> None:
        super().__init__(name=kwargs.pop("name", inner.name), dtype=inner.dtype_policy, autocast=False, **kwargs)
        if not inner.built:
            raise KindError(f"Expected a built model, got {inner.name!r} without weights. Call it once on a batch.")
        attributes = {**vars(inner), **vars(inner).get("_modules", {})}  # torch keeps modules in `_modules`
        hidden = [name for name in self._names() if isinstance(attributes.get(name), IN_FILES)]
        if hidden:
            raise KindError(
                f"Expected a model without an attribute {hidden[0]!r}, which a regularized model uses itself, got "
                f"{inner.name!r}. Rename the attribute."
            )
        self._bridle_wrapped = inner
        self._reads_old_layout = False

    @classmethod
    def _names(cls) -> list[str]:
        """Return the names that this class adds to a Keras model."""
        return sorted(set(dir(cls)) - set(dir(keras.Model)))

    def __getattr__(self, name: str) -> Any:
        inner = vars(self).get(INSIDE, vars(self).get("_modules", {}).get(INSIDE))  # torch keeps modules in `_modules`
        missing = object()
        if inner is not None and not name.startswith("__") and name not in HIDDEN:
            value = getattr(inner, name, missing)
            if value is not missing and (not name.startswith("_") or isinstance(value, IN_FILES)):
                return value
            if name == "inner":
                return inner
        declared = getattr(type(self), name, None)
        if isinstance(declared, property):  # it failed: call it again to raise its error
            return declared.__get__(self)
        parent = getattr(super(), "__getattr__", None)
        if parent is not None:
            return parent(name)
        raise AttributeError(f"{type(self).__qualname__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        names = set(super().__dir__()) - HIDDEN
        if self._reads_old_layout:
            self.__dict__["_reads_old_layout"] = False
            return sorted(names | {"inner"})
        return sorted(names | set(dir(self._bridle_wrapped)))

    def _obj_type(self) -> str:
        return "Layer" if self._reads_old_layout else self._bridle_wrapped._obj_type()

    def save_own_variables(self, store: Any) -> None:
        self._bridle_wrapped.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        expected = count_own_variables(self._bridle_wrapped)
        if not self.is_of_old_file and len(store.keys()) == expected:
            self._bridle_wrapped.load_own_variables(store)
            return
        values = [np.asarray(store[str(index)]) for index in range(len(store.keys()))]
        if self.is_of_old_file:
            self.load_state_of_old_file(values)
            self.is_of_old_file = False
        self.__dict__["_reads_old_layout"] = True

    def save_assets(self, dir_path: str) -> None:
        for index, anchor in enumerate(self.anchors_held()):
            np.save(Path(dir_path, f"anchor_{index}.npy"), keras.ops.convert_to_numpy(anchor.value))

    def load_assets(self, dir_path: str | None) -> None:
        for index, anchor in enumerate(self.anchors_held()):
            path = Path(dir_path or "", f"anchor_{index}.npy")
            if dir_path and path.exists():
                anchor.assign(np.array(np.load(path, mmap_mode="r", allow_pickle=False)))

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Save the model with its penalties, with the arguments of `keras.Model.save`."""
        old = str(filepath).endswith((".h5", ".hdf5"))
        if old and self.anchors_held():
            raise InputError(
                f"Expected a .keras file for a model with l2sp, got {str(filepath)!r}, a format that cannot hold the "
                "anchors. Save it as .keras."
            )
        super().save(filepath, *args, **kwargs)
        if old:
            _name_class(filepath, keras.saving.get_registered_name(type(self)))

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """Export the model, which predicts without penalties."""
        return self._bridle_wrapped.export(*args, **kwargs)

    @property
    def layers(self) -> list[keras.Layer]:
        return self._bridle_wrapped.layers

    @property
    def weights(self) -> list[keras.Variable]:
        return self._bridle_wrapped.weights

    @property
    def input(self) -> Any:
        """The symbolic input: of the model inside if it has one, else of the first call of this model."""
        return self._bridle_wrapped.input if hasattr(self._bridle_wrapped, "input") else super().input

    @property
    def output(self) -> Any:
        """The symbolic output: of the model inside if it has one, else of the first call of this model."""
        return self._bridle_wrapped.output if hasattr(self._bridle_wrapped, "output") else super().output

    @property
    def inputs(self) -> Any:
        """The symbolic inputs as a flat list."""
        return self._bridle_wrapped.inputs

    @property
    def outputs(self) -> Any:
        """The symbolic outputs as a flat list."""
        return self._bridle_wrapped.outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, with None for the batch."""
        return self._bridle_wrapped.input_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output, with None for the batch."""
        return self._bridle_wrapped.output_shape


def _name_class(path: Any, name: str) -> None:
    """Write the registered name of a class into an HDF5 file; Keras writes a name that it cannot load."""
    import h5py

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps({**config, "class_name": name}).encode("utf8")


def unwrapped(model: keras.Model) -> keras.Model:
    """Return the model inside a regularized model, or any other model itself."""
    return model._bridle_wrapped if isinstance(model, Wrapper) else model
