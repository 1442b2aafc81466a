"""The laws of label treatments. Each function returns the violation as text, or None; its name states the law."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from scipy import stats

from bridle._errors import InputError
from bridle._keras import Mixing, Treatment, draw_mixing, has_classes, labels_treated, mix_rows, ops
from bridle.regularizers._labels import LabelTreatment
from bridle.regularizers._noise_contract import NumPyDraw
from bridle.regularizers._registry import KINDS, parse_regularizer

LabelsLaw = Callable[["LabelsCase"], str | None]
ROWS, CLASSES = 12, 4
"""The rows of a batch, and the classes where there are more than two."""
STRENGTH = 0.3
"""The strength of the laws: a share of smoothed labels, or the parameter of the mixtures."""
DRAWS, SIGMAS = 400, 6.0
"""Draws for the mean of a share, and the standard errors by which it may miss its expectation."""
FORMS = {
    "binary": "binary",
    "hinge": "signs",
    "squared_hinge": "signs",
    "sparse": "integers",
    "categorical_generalized": "integers",
}
"""The form of the labels by the beginning of the name of the loss; others have one-hot labels."""


@dataclass(frozen=True)
class LabelsCase:
    """Label treatment, and the loss to check it on: its name, or a loss of Keras."""

    treatment: LabelTreatment
    loss: Any

    @cached_property
    def form(self) -> str:
        """The form of the labels: "binary", "signs", "integers" or "one-hot"."""
        loss = keras.losses.get(self.loss)
        if not has_classes(loss):
            raise InputError(f"Expected a loss of Keras over classes, got {self.loss!r}.")
        name = str(getattr(loss, "fn", loss).__name__)
        return next((form for start, form in FORMS.items() if name.startswith(start)), "one-hot")

    @cached_property
    def count(self) -> int:
        """The number of classes."""
        return 2 if self.form in {"binary", "signs"} else CLASSES

    @cached_property
    def model(self) -> keras.Model:
        """One layer, compiled with the loss."""
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1 if self.count == 2 else CLASSES)])
        model.compile("sgd", self.loss)
        return model

    @cached_property
    def classes(self) -> np.ndarray:
        return np.random.default_rng(0).integers(self.count, size=ROWS)

    @cached_property
    def x(self) -> np.ndarray:
        return np.random.default_rng(1).normal(size=(ROWS, 3)).astype("float32")

    @cached_property
    def prediction(self) -> Any:
        """Shares of classes."""
        shares = np.random.default_rng(2).dirichlet(np.ones(self.count), size=ROWS).astype("float32")
        return ops.convert_to_tensor(shares[:, :1] if self.count == 2 else shares)

    def labels(self, classes: np.ndarray) -> np.ndarray:
        """Return labels of these classes, in the form of the loss."""
        if self.form == "integers":
            return classes
        if self.form == "one-hot":
            return np.eye(CLASSES, dtype="float32")[classes]
        return (classes if self.form == "binary" else 2 * classes - 1)[:, None].astype("float32")

    def loss_of(self, labels: np.ndarray, treatment: Treatment | None = None) -> float:
        """Return the compiled loss of a batch."""
        y = ops.convert_to_tensor(labels)
        with labels_treated(self.model, treatment or Treatment(), y, self.prediction):
            return float(ops.convert_to_numpy(self.model.compute_loss(None, y, self.prediction)))

    def mixing(self, strength: float, seed: int = 0, counted: np.ndarray | None = None) -> Mixing:
        """Return one draw of partners and shares."""
        weights = None if counted is None else ops.convert_to_tensor(counted)
        return draw_mixing(ops.convert_to_tensor(np.float32(strength)), NumPyDraw(seed).uniform, ROWS, weights)

    def treated(self, strength: float) -> Treatment:
        """Return the treatment of one batch."""
        if self.treatment.effect == "smoothing":
            return Treatment(ops.convert_to_tensor(np.float32(strength)))
        return Treatment(None, self.mixing(strength))


def survives_saving_and_its_text(case: LabelsCase) -> str | None:
    """Read it back from Keras's configuration, and from its text if there is one."""
    treatment = case.treatment
    try:
        again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(treatment))
    except (TypeError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {str(error)[:200]} Put @keras.saving.register_keras_serializable() above it"
    if type(again) is not type(treatment) or again.get_config() != treatment.get_config():
        return f"{again!r} after reading it"
    if KINDS.get(treatment.kind) is not type(treatment):
        return None
    text = treatment.to_text(*(repr(STRENGTH) for _ in treatment.names))
    reread = parse_regularizer(text)
    return None if reread.to_text(*(repr(STRENGTH) for _ in treatment.names)) == text else f"{reread!r} from {text!r}"


def changes_nothing_at_strength_zero(case: LabelsCase) -> str | None:
    labels = case.labels(case.classes)
    got, expected = case.loss_of(labels, case.treated(0.0)), case.loss_of(labels)
    if got != expected:
        return f"a loss of {got!r} in place of {expected!r}"
    if case.treatment.effect == "mixing" and not np.array_equal(_mixed(case, case.mixing(0.0)), case.x):
        return "mixed rows"
    return None


def has_the_loss_of_labels_drawn_anew(case: LabelsCase) -> str | None:
    """Compare with the mean over classes; for a loss that is not linear in its labels, with smoothed labels."""
    labels = case.labels(case.classes)
    even = float(np.mean([case.loss_of(case.labels(np.full(ROWS, label))) for label in range(case.count)]))
    allowed = [(1 - STRENGTH) * case.loss_of(labels) + STRENGTH * even]
    if case.form in {"binary", "one-hot"}:
        allowed.append(case.loss_of((1 - STRENGTH) * labels + np.float32(STRENGTH / case.count)))
    got = case.loss_of(labels, case.treated(STRENGTH))
    return None if np.isclose(got, allowed, rtol=1e-5, atol=1e-6).any() else f"{got:.6g} in place of {allowed[0]:.6g}"


def has_the_loss_of_both_labels(case: LabelsCase) -> str | None:
    """Compare with the loss of the labels and that of their partners, by their shares; rows are mixed alike."""
    mixing = case.mixing(STRENGTH)
    order, share = _numbers(mixing.order), float(_numbers(mixing.share))
    if sorted(order) != list(range(ROWS)) or not 0.5 <= share <= 1:
        return f"partners {order.tolist()} and a share of {share}"
    losses = [case.loss_of(case.labels(classes)) for classes in (case.classes, case.classes[order])]
    expected = share * losses[0] + (1 - share) * losses[1]
    got = case.loss_of(case.labels(case.classes), Treatment(None, mixing))
    if not np.isclose(got, expected, rtol=1e-5, atol=1e-6):
        return f"a loss of {got:.6g} in place of {expected:.6g}"
    rows = share * case.x + (1 - share) * case.x[order]
    return None if np.allclose(_mixed(case, mixing), rows, rtol=1e-5, atol=1e-6) else "rows that are mixed otherwise"


def draws_shares_from_a_beta_distribution(case: LabelsCase) -> str | None:
    shares = np.array([float(_numbers(case.mixing(STRENGTH, seed).share)) for seed in range(DRAWS)])
    expected = 2 * float(stats.beta(STRENGTH, STRENGTH).expect(lb=0.5, ub=1))
    missed = abs(shares.mean() - expected) / (shares.std(ddof=1) / np.sqrt(DRAWS))
    return None if missed < SIGMAS else f"a mean share of {shares.mean():.3f}, where {expected:.3f} is expected"


def leaves_rows_of_weight_zero_alone(case: LabelsCase) -> str | None:
    counted = np.ones(ROWS, "float32")
    counted[::3] = 0
    mixing = case.mixing(STRENGTH, counted=counted)
    alone = (counted == 0) | (counted[_numbers(mixing.order)] == 0)
    if not np.array_equal(_numbers(mixing.share) == 1, alone):
        return f"shares {_numbers(mixing.share).round(2).tolist()} for weights {counted.astype(int).tolist()}"
    return None if np.array_equal(_mixed(case, mixing)[alone], case.x[alone]) else "rows of weight 0 that are mixed"


def _mixed(case: LabelsCase, mixing: Mixing) -> np.ndarray:
    return _numbers(mix_rows(ops.convert_to_tensor(case.x), mixing))


def _numbers(tensor: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


LABELS_LAWS: dict[str, tuple[LabelsLaw, ...]] = {
    "smoothing": (survives_saving_and_its_text, changes_nothing_at_strength_zero, has_the_loss_of_labels_drawn_anew),
    "mixing": (
        survives_saving_and_its_text,
        changes_nothing_at_strength_zero,
        has_the_loss_of_both_labels,
        draws_shares_from_a_beta_distribution,
        leaves_rows_of_weight_zero_alone,
    ),
}
"""The laws by the effect of a treatment."""
