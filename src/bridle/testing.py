"""Contract tests, to call in a test: of custom regularizers, and of decay and labels with an optimizer or a loss."""

import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from bridle._errors import InputError, KindError
from bridle.regularizers import Constraint, Custom, Decay, LabelTreatment, Noise, Penalty
from bridle.regularizers._constraint_contract import CONSTRAINT_LAWS, ConstraintCase
from bridle.regularizers._contract import EVERYWHERE, OF_ACTIVATIONS, OF_EXACT, SAVING, Case, Law
from bridle.regularizers._decay_contract import DECAY_LAWS, DecayCase
from bridle.regularizers._labels_contract import LABELS_LAWS, LabelsCase
from bridle.regularizers._noise_contract import NOISE_LAWS, NoiseCase
from bridle.regularizers._penalty import Tensor

__all__ = ["check_constraint", "check_decay", "check_labels", "check_noise", "check_penalty"]

SHAPES: dict[Tensor, tuple[int, ...]] = {"weight": (4, 3), "activation": (6, 4, 3)}


def check_penalty(
    penalty: Penalty,
    *,
    on: Tensor | None = None,
    shape: tuple[int, ...] | None = None,
    formula: Callable[[np.ndarray], Any] | None = None,
) -> None:
    """Check that a penalty obeys the laws that training requires, on the current Keras backend.

    Every penalty: it returns one finite number ≥ 0 per strength, also at zeros, ties and saturated entries. It is
    linear in its strengths; strength zero adds exactly 0 to the loss and to the gradient. Its gradient is that of its
    value, and compiled code returns the same value. It sums half-precision entries in float32. Keras and the text
    form, if there is one, save and restore it.

    On activations: samples and time steps that do not count have no influence; neither have the order of the samples
    and the batch size. With `exact=True`: the proximal step solves its problem and makes exact zeros.

    For a `bridle.Custom` whose function Keras cannot save, the check of saving becomes a warning.

    Args:
        penalty: the penalty, with any strengths.
        on: `"weight"` or `"activation"`. Default: both, if the penalty allows both.
        shape: shape of the tensor to check on. Default: (4, 3) for a weight, and (6, 4, 3), which is
            (batch, time, unit), for an activation.
        formula: the value at strength one as a NumPy function of the tensor: a number, or a tuple with one number per
            strength. It is compared to a relative 1e-5, for `on`, or for weights if both are checked.

    Returns: None.

    Errors: `AssertionError` with the violated law and the values; `KindError` unless it is a penalty; `InputError` if
    the penalty does not allow `on`.

    >>> import bridle
    >>> from bridle.testing import check_penalty
    >>> check_penalty(bridle.L2(0.1), formula=lambda x: (x**2).sum())
    >>> check_penalty(bridle.L2(0.1), formula=lambda x: (x**2).sum() / 2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: Expected that L2(strength=0.1) equals its formula, on a weight of shape (4, 3), got ...

    """
    if not isinstance(cast(object, penalty), Penalty):
        raise KindError(f"Expected a penalty such as bridle.L2(0.1), got {penalty!r}.")
    allowed = cast("tuple[Tensor, ...]", penalty.allowed_on if penalty.per == "sample" else ("activation",))
    if on is not None and on not in allowed:
        raise InputError(f"Expected on={' or '.join(map(repr, allowed))} for {penalty!r}, got {on!r}.")
    for index, kind in enumerate(allowed if on is None else (on,)):
        case = Case(penalty, kind, shape or SHAPES[kind])
        for law in _laws_of(case):
            _check(case, law)
        if formula is not None and index == 0:
            _compare(case, formula)


def check_noise(noise: Noise, *, shape: tuple[int, ...] | None = None) -> None:
    """Check that noise obeys the laws that training requires, on the current Keras backend.

    The mean of its draws is the tensor without noise. Equal random numbers give equal draws. Strength 0 and the
    neutral draw change nothing. It keeps shape and type, also of half-precision tensors, and leaves padded steps as
    they are. Keras and the text form, if there is one, save and restore it.

    Args:
        noise: the noise, with any strengths.
        shape: shape of the tensor to check on. Default: (4, 3) for noise on weights only, else (6, 4, 3), which is
            (batch, time, unit).

    Returns: None.

    Errors: `AssertionError` with the violated law; `KindError` unless it is noise.

    >>> import bridle
    >>> from bridle.testing import check_noise
    >>> check_noise(bridle.Dropout(0.2))

    """
    if not isinstance(cast(object, noise), Noise):
        raise KindError(f"Expected noise such as bridle.Dropout(0.2), got {noise!r}.")
    on = "weight" if noise.allowed_on == ("weight",) else "activation"
    case = NoiseCase(noise, shape or SHAPES[on])
    for law in NOISE_LAWS:
        violation = law(case)
        if violation is not None:
            name = law.__name__.replace("_", " ")
            raise AssertionError(f"Expected that {noise!r} {name}, on a tensor of shape {case.shape}, got {violation}.")


def _laws_of(case: Case) -> tuple[Law, ...]:
    laws = EVERYWHERE + (OF_ACTIVATIONS if case.on == "activation" else OF_EXACT if case.penalty.exact else ())
    if isinstance(case.penalty, Custom) and not _can_be_saved(case.penalty):
        warnings.warn(
            f"{case.penalty!r} is not checked for saving, which its function does not allow. Write it as a named "
            "function under @keras.saving.register_keras_serializable().",
            stacklevel=3,
        )
        return tuple(law for law in laws if law not in SAVING)
    return laws


def _can_be_saved(penalty: Custom) -> bool:
    try:
        penalty.get_config()
    except InputError:
        return False
    return True


def _check(case: Case, law: Law) -> None:
    violation = law(case)
    if violation is not None:
        raise AssertionError(_message(case, law.__name__.replace("_", " "), violation))


def _compare(case: Case, formula: Callable[[np.ndarray], Any]) -> None:
    expected = np.atleast_1d(np.array(formula(case.generic.astype("float64")), "float64"))
    got = case.numbers(case.generic)
    if expected.shape != got.shape or not np.allclose(got, expected, rtol=1e-5, atol=1e-7):
        wrong = f"{got.tolist()} where the formula gives {expected.tolist()}"
        raise AssertionError(_message(case, "equals its formula", wrong))


def _message(case: Case, law: str, got: str) -> str:
    article = "an" if case.on == "activation" else "a"
    return f"Expected that {case.penalty!r} {law}, on {article} {case.on} of shape {case.shape}, got {got}."


def check_constraint(constraint: Constraint, *, shape: tuple[int, ...] = (4, 3)) -> None:
    """Check that a constraint obeys the laws that training requires, on the current Keras backend.

    Its projection is finite, and keeps shape and type, also of half-precision weights. A second projection changes
    nothing. Compiled code projects the same, with the strengths as arguments. Strength 0 changes nothing. Keras and the
    text form, if there is one, save and restore it.

    Args:
        constraint: the constraint, with any strengths.
        shape: shape of the weight to check on.

    Returns: None.

    Errors: `AssertionError` with the violated law; `KindError` unless it is a constraint.

    >>> import bridle
    >>> from bridle.testing import check_constraint
    >>> check_constraint(bridle.MaxNorm(2.0))

    """
    if not isinstance(cast(object, constraint), Constraint):
        raise KindError(f"Expected a constraint such as bridle.MaxNorm(2.0), got {constraint!r}.")
    case = ConstraintCase(constraint, shape)
    for law in CONSTRAINT_LAWS:
        violation = law(case)
        if violation is not None:
            name = law.__name__.replace("_", " ")
            raise AssertionError(f"Expected that {constraint!r} {name}, on a weight of shape {shape}, got {violation}.")


def check_decay(decay: Decay, *, optimizer: Any = "adam", shape: tuple[int, ...] = (4, 3)) -> None:
    """Check that decay acts as it should with an optimizer, on the current Keras backend.

    A step with decay is a step of the optimizer from the weight times `1 - learning_rate * rate`. Rate 0 changes no
    bit. The decay of one weight changes no other one. Where the optimizer has a `weight_decay` of its own, the weight
    does not decay twice. Keras and the text form, if there is one, save and restore the decay.

    Args:
        decay: the decay, with any rate.
        optimizer: name or instance of an optimizer of Keras, also of your own. Copies of it are used.
        shape: shape of the weight to check on.

    Returns: None.

    Errors: `AssertionError` with the violated law; `KindError` unless it is decay.

    >>> import bridle
    >>> from bridle.testing import check_decay
    >>> check_decay(bridle.WeightDecay(0.1), optimizer="rmsprop")

    """
    if not isinstance(cast(object, decay), Decay):
        raise KindError(f"Expected decay such as bridle.WeightDecay(0.1), got {decay!r}.")
    case = DecayCase(decay, shape, optimizer)
    for law in DECAY_LAWS:
        violation = law(case)
        if violation is not None:
            name = law.__name__.replace("_", " ")
            raise AssertionError(f"Expected that {decay!r} {name} with {optimizer!r}, got {violation}.")


def check_labels(treatment: LabelTreatment, *, loss: Any = "sparse_categorical_crossentropy") -> None:
    """Check that a treatment of labels acts as it should with a loss, on the current Keras backend.

    Strength 0 changes no bit. Smoothing has the loss of labels of which a share is drawn anew from all classes, or, for
    a loss that is not linear in its labels, that of smoothed labels. Mix-up has the loss of both labels by their
    shares, mixes rows with the same shares, draws them from its distribution, and leaves rows of weight 0 alone. Keras
    and the text form, if there is one, save and restore the treatment.

    Args:
        treatment: the treatment, with any strength.
        loss: name or instance of a loss of Keras over classes.

    Returns: None.

    Errors: `AssertionError` with the violated law; `KindError` unless it is a treatment of labels; `InputError` for a
    loss without classes.

    >>> import bridle
    >>> from bridle.testing import check_labels
    >>> check_labels(bridle.LabelSmoothing(0.1), loss="binary_crossentropy")

    """
    if not isinstance(cast(object, treatment), LabelTreatment):
        raise KindError(f"Expected a label treatment such as bridle.LabelSmoothing(0.1), got {treatment!r}.")
    case = LabelsCase(treatment, loss)
    for law in LABELS_LAWS[treatment.effect]:
        violation = law(case)
        if violation is not None:
            name = law.__name__.replace("_", " ")
            raise AssertionError(f"Expected that {treatment!r} {name} with {loss!r}, got {violation}.")
