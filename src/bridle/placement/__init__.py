"""WHERE penalties go: targets, terms, what they charge, and models that carry them."""

from collections.abc import Mapping

import keras

from bridle._errors import InputError, KindError
from bridle._keras import all_layers, check_exact, clone_model, compile_like, has_own_loss, own_training
from bridle.placement._callbacks import Monitor, PenaltyLog, StrengthSchedule
from bridle.placement._code import code_lines
from bridle.placement._files import unwrapped
from bridle.placement._penalty_terms import PenaltyTerms, bind_terms, diagnosed_sites, scale_by_strength
from bridle.placement._regularized import Regularized, last_call, measuring, penalty_terms, schedule_overrides
from bridle.placement._sites import Site, find_sites
from bridle.placement._targets import match_target
from bridle.placement._terms import Term, distinct_terms, read_terms
from bridle.regularizers import Penalty

__all__ = [
    "Monitor",
    "PenaltyLog",
    "PenaltyTerms",
    "Regularized",
    "Site",
    "StrengthSchedule",
    "Term",
    "bind_terms",
    "check_plain",
    "code_lines",
    "diagnosed_sites",
    "distinct_terms",
    "find_sites",
    "last_call",
    "match_target",
    "measuring",
    "penalty_terms",
    "plain_copy",
    "read_terms",
    "regularize",
    "scale_by_strength",
    "schedule_overrides",
    "strip",
    "unwrapped",
]  # fmt: skip


def regularize(model: keras.Model, terms: Mapping[str, object]) -> keras.Model:
    """A model like `model`, with its weights, and with penalties `{target: penalty}`.

    The result trains with `fit` on any backend, and saves, loads and clones with its penalties (`import bridle`
    first, so that Keras knows them). Its loss is that of the model plus `strength * R(tensor)` for every term and
    place, also at frozen weights; padded steps and samples of weight zero are not counted. Regularizers that the
    model has already stay. The given model is not touched. It is compiled as `model` was, with a fresh optimizer.
    Penalties of strength 0 change nothing, bit for bit.

    Where a penalty is `exact`, a proximal step follows each update of the optimizer, with the step that the optimizer
    makes per unit of gradient: the learning rate for SGD (times `(1 - mu^t) / (1 - mu)` with momentum `mu`),
    `lr / (sqrt(v) + eps)` entry by entry for Adam and its kin (Yun, Lozano and Yang, NeurIPS 2021).

    Args:
        model: a built Sequential, functional or subclassed model, penalized already or not.
        terms: as everywhere, with a number or a schedule for each strength.

    Errors: `TargetError` for a target that matches nothing; `InputError` for a range instead of a number, a penalty
    without meaning at its place, or an optimizer without a step size for `exact`; `KindError` for a model that
    cannot be built again from its configuration, or that trains in a way of its own.

    >>> import bridle, keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, kernel_initializer="ones", name="hidden")])
    >>> penalized = bridle.regularize(model, {"*/kernel": bridle.L2(0.5)})
    >>> {name: float(value) for name, value in penalized.penalties(keras.ops.ones((1, 2))).items()}
    {'penalty/hidden/kernel': 3.0}

    """
    if not isinstance(model, keras.Model):
        raise KindError(f"Expected a keras.Model to penalize, got {type(model).__name__}.")
    present = dict(model.terms) if isinstance(model, Regularized) else {}
    inner = unwrapped(model)
    _check(inner)
    twice = [target for target in terms if target in present] if isinstance(terms, Mapping) else []
    if twice:
        raise InputError(
            f"Expected targets without a penalty, got {twice[0]!r}, which has {present[twice[0]]!r}. "
            "Take the penalties off with bridle.strip first, or write another target."
        )
    bound = read_terms(inner, terms)
    for term in bound:
        _one_number(term.penalty)
    if model.compiled and any(term.penalty.exact for term in bound):
        check_exact(model.optimizer)
    everything = {**present, **{term.target: term.penalty for term in bound}}
    epoch = model.epoch if isinstance(model, Regularized) else 0
    copy = Regularized(clone_model(inner), everything, epoch) if everything else clone_model(inner)
    if present:
        copy.keep_anchors_of(model)
    compile_like(copy, model)
    return copy


def strip(model: keras.Model) -> keras.Model:
    """The model without the penalties that bridle placed, with its weights, compiled as it is.

    A copy of the model as it was before `regularize`: of its own class, without a trace of bridle, ready to be saved
    for people who do not have it. Regularizers that the model had itself stay.

    Errors: `KindError` where there is nothing to take off.

    >>> import bridle, keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="hidden")])
    >>> type(bridle.strip(bridle.regularize(model, {"*/kernel": "l2(0.1)"}))).__name__
    'Sequential'

    """
    if not isinstance(model, Regularized):
        raise KindError(
            f"Expected a model of bridle.regularize, got {getattr(model, 'name', model)!r}, which has no penalties "
            "of bridle."
        )
    return plain_copy(model)


def plain_copy(model: keras.Model) -> keras.Model:
    """Return a copy of a model with its weights, compiled as it is, without penalties that bridle placed."""
    copy = clone_model(unwrapped(model))
    compile_like(copy, model)
    return copy


def check_plain(model: keras.Model) -> None:
    """Refuse a model that has penalties of bridle already, itself or in a model inside, where a study trains it.

    A study does not move their schedules, takes no proximal steps for them and does not tell them sample weights.

    Errors: `KindError` that says how to give them to the study.
    """
    penalized = next((layer for layer in all_layers(model) if isinstance(layer, Regularized)), None)
    if penalized is not None:
        raise KindError(
            f"Expected a model without penalties of bridle for a study, got {penalized.name!r} with "
            f"{', '.join(map(repr, penalized.terms))}. Take them off with bridle.strip(model), and write them "
            "into the arms."
        )


def _one_number(penalty: Penalty) -> None:
    for name, peak in zip(penalty.names, penalty.base_strengths, strict=True):
        if not isinstance(peak, float):
            raise InputError(
                f"Expected one number as {name} of {penalty.kind} here, got a range to search. "
                "Give a number, or let bridle.Study find it."
            )


def _check(model: keras.Model) -> None:
    method = "compute_loss" if has_own_loss(model) else own_training(model)
    if method is not None:
        raise KindError(
            f"Expected a model that trains as Keras does, got {type(model).__name__} with its own {method}, which a "
            "penalized model would not run. Build the layers into a functional model, or add the penalties there."
        )
    if not model.built:
        raise KindError(f"Expected a built model, got {model.name!r} without weights. Call it once on a batch of data.")
