"""`presets`: the values of the literature by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bridle._errors import InputError, nearest_names
from bridle.conversion._convert import Conversion, convert


@dataclass(frozen=True)
class Preset:
    """Value of the literature. Use it as `bridle.regularize(model, preset.terms)`."""

    name: str
    printed: str
    """The value and its kind, as printed in the source."""
    where: str
    """The target. Replace the layer name by yours."""
    source: str
    meaning: Literal["stated", "assumed"]
    """`stated` if the source defines the number; `assumed` if bridle uses the usual definition."""
    note: str = ""
    value: float | None = None
    convention: str | None = None
    """The convention in which `bridle.convert` reads `value`; None if bridle has the penalty of the source."""
    batch_size: int | None = None
    penalty_text: str | None = None
    """The penalty as text, if bridle has the penalty of the source."""

    @property
    def conversion(self) -> Conversion | None:
        """The translation of the value; None if bridle has the penalty of the source."""
        if self.value is None or self.convention is None:
            return None
        return convert(self.value, self.convention, batch_size=self.batch_size)

    @property
    def text(self) -> str:
        """The regularizer as text, such as `l2(0.00025)`."""
        return self.conversion.text if self.conversion is not None else str(self.penalty_text)

    @property
    def penalty(self) -> Any:
        """The regularizer of bridle."""
        from bridle.regularizers import parse_regularizer  # loads Keras, which the values do not need

        return parse_regularizer(self.text)

    @property
    def terms(self) -> dict[str, Any]:
        """`{where: penalty}`, as `bridle.regularize` and an arm of a study take it."""
        return {self.where: self.penalty}

    def __str__(self) -> str:
        how = "the source says what it multiplies" if self.meaning == "stated" else "what it multiplies is assumed"
        lines = [f"{self.name}: {self.printed} ({how})", f"{self.where} = {self.text}", self.source, self.note]
        return "\n".join(line for line in lines if line)


_ALL = (
    Preset(
        "alexnet",
        "weight decay 5e-4",
        "*/kernel",
        "Krizhevsky, Sutskever and Hinton, NeurIPS 2012",
        "stated",
        "",
        5e-4,
        "alexnet weight decay",
    ),
    Preset(
        "vgg",
        "weight decay 5e-4",
        "*/kernel",
        "Simonyan and Zisserman, ICLR 2015",
        "stated",
        "",
        5e-4,
        "vgg weight decay",
    ),
    Preset(
        "inception-v3",
        "weight decay 4e-5",
        "*/kernel",
        "Szegedy et al., CVPR 2016; its value in Chollet, CVPR 2017",
        "stated",
        "Trained with TensorFlow's slim.l2_regularizer.",
        4e-5,
        "tf.nn.l2_loss",
    ),
    Preset(
        "xception",
        "weight decay 1e-5",
        "*/kernel",
        "Chollet, CVPR 2017",
        "assumed",
        "Read as Inception V3's, with which it is compared. If it was Keras's l2, it is twice this.",
        1e-5,
        "tf.nn.l2_loss",
    ),
    Preset(
        "seq2seq-lstm",
        "weight decay 1e-6",
        "*/kernel",
        "Weiss et al., Interspeech 2017; Pereyra et al., ICLR workshop 2017",
        "assumed",
        "",
        1e-6,
        "weight decay",
    ),
    Preset(
        "nas-cifar10",
        "weight decay 1e-4",
        "*/kernel",
        "Zoph and Le, ICLR 2017",
        "assumed",
        "",
        1e-4,
        "weight decay",
    ),
    Preset(
        "awd-lstm-decay",
        "weight decay 1.2e-6",
        "*/*kernel",
        "Merity, Keskar and Socher, ICLR 2018; awd-lstm-lm, main.py",
        "stated",
        "PyTorch's, for all parameters of the model.",
        1.2e-6,
        "pytorch weight_decay",
    ),
    Preset(
        "awd-lstm-ar",
        "alpha 2",
        "dropout/output",
        "Merity, McCann and Socher 2017; awd-lstm-lm, main.py",
        "stated",
        "On the dropout layer after the last recurrent layer.",
        penalty_text="ar(2)",
    ),
    Preset(
        "awd-lstm-tar",
        "beta 1",
        "lstm/output",
        "Merity, McCann and Socher 2017; awd-lstm-lm, main.py",
        "stated",
        "On the output of the last recurrent layer before dropout.",
        penalty_text="tar(1)",
    ),
    Preset(
        "awd-lstm-weight-drop",
        "wdrop 0.5",
        "lstm/recurrent_kernel",
        "Merity, Keskar and Socher, ICLR 2018; awd-lstm-lm, main.py",
        "stated",
        "On the recurrent weights of every layer, with one mask for each batch.",
        penalty_text="dropconnect(0.5)",
    ),
    Preset(
        "inception-v3-labels",
        "label smoothing 0.1",
        "labels",
        "Szegedy et al., CVPR 2016",
        "stated",
        penalty_text="labelsmoothing(0.1)",
    ),
    Preset(
        "sparse-kl",
        "mean activation 0.05",
        "hidden/output",
        "Ng, CS294A lecture notes, Sparse autoencoder",
        "stated",
        "On outputs in (0, 1), such as sigmoid's. Its strength is for a study to find.",
        penalty_text="kl(auto, target=0.05)",
    ),
    Preset(
        "sparse-rectifier",
        "L1 1e-3 on activations",
        "*/output",
        "Glorot, Bordes and Bengio, AISTATS 2011",
        "assumed",
        "Read as summed over units and averaged over samples.",
        1e-3,
        "bridle l1 activity",
    ),
    Preset(
        "circles-tutorial",
        "L1 1e-4 on activations",
        "hidden/preactivation",
        "the circles case: `bridle run circles`",
        "stated",
        "Standalone Keras 2, all 30 training rows in one batch.",
        1e-4,
        "keras2.3 l1 activity",
        30,
    ),
    Preset(
        "moons-tutorial",
        "L2 1e-3 on weights",
        "hidden/kernel",
        "the moons case: `bridle run moons`",
        "stated",
        "",
        1e-3,
        "keras l2",
    ),
    Preset(
        "iris-tutorial",
        "L1 1e-3 on activations",
        "hidden1/output",
        "the iris case: `bridle run iris`",
        "stated",
        "tf.keras.",
        1e-3,
        "tf.keras l1 activity",
    ),
)


class _UnknownPreset(InputError, KeyError):
    """A name that is not there; also what `Mapping` expects."""

    __str__ = Exception.__str__


class Presets(Mapping[str, Preset]):
    """The values of the literature by name: `bridle.presets["vgg"].penalty`.

    Errors: `InputError` (also a `KeyError`) that lists the nearest names.

    >>> import bridle
    >>> bridle.presets["vgg"].penalty
    L2(strength=0.00025)
    >>> bridle.presets["vgg"].terms
    {'*/kernel': L2(strength=0.00025)}
    """

    def __init__(self, presets: tuple[Preset, ...]) -> None:
        self._presets = {preset.name: preset for preset in presets}

    def __getitem__(self, name: str) -> Preset:
        if name not in self._presets:
            raise _UnknownPreset(
                f"Expected a known preset, got {name!r}. {nearest_names(str(name).lower(), self._presets)}"
            )
        return self._presets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._presets)

    def __len__(self) -> int:
        return len(self._presets)

    def __repr__(self) -> str:
        rows = [(p.name, p.printed, f"{p.where} = {p.text}", p.source) for p in self._presets.values()]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join("  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3]]) for row in rows)


presets = Presets(_ALL)
