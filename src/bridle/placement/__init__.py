"""Placement of regularizers: targets, terms, their values, and regularized models."""

from collections.abc import Mapping, Sequence

import keras

from bridle._errors import InputError, KindError, short_repr
from bridle._keras import all_layers, check_exact, clone_model, compile_like, has_own_loss, own_training
from bridle.placement._bound_terms import BoundTerms, bind_terms, diagnosed_sites, scale_by_strength
from bridle.placement._callbacks import Monitor, PenaltyLog, StrengthSchedule
from bridle.placement._code import code_lines
from bridle.placement._code_fit import fit_lines
from bridle.placement._files import unwrapped
from bridle.placement._labels import check_labels, label_notes, mixes_labels, treat_labels
from bridle.placement._noise import Sampler, perturb_inputs, perturbations
from bridle.placement._rate_sites import find_rates, is_rate_target
from bridle.placement._regularized import Regularized, bound_terms, last_call, measuring, schedule_overrides
from bridle.placement._sites import Site, find_sites
from bridle.placement._targets import match_target
from bridle.placement._terms import Term, by_target, distinct_terms, read_terms
from bridle.placement._updates import decayed_weights, project, projections
from bridle.regularizers import Penalty, Regularizer, WholeFit

__all__ = [
    "BoundTerms",
    "Monitor",
    "PenaltyLog",
    "Regularized",
    "Sampler",
    "Site",
    "StrengthSchedule",
    "Term",
    "bind_terms",
    "bound_terms",
    "by_target",
    "check_labels",
    "check_plain",
    "code_lines",
    "decayed_weights",
    "diagnosed_sites",
    "distinct_terms",
    "find_rates",
    "find_sites",
    "is_rate_target",
    "label_notes",
    "last_call",
    "match_target",
    "measuring",
    "mixes_labels",
    "perturb_inputs",
    "perturbations",
    "plain_copy",
    "project",
    "projections",
    "read_terms",
    "regularize",
    "scale_by_strength",
    "schedule_overrides",
    "strip",
    "treat_labels",
    "unwrapped",
]  # fmt: skip


def regularize(model: keras.Model, terms: Mapping[str, object]) -> keras.Model:
    """Return a copy of a model, with its weights, that trains with penalties.

    The copy trains with `fit` on any backend. It saves, loads and clones with its penalties; run `import bridle` before
    loading. Its loss is that of the model plus `strength * R(tensor)` for every term and site, also for frozen weights.
    Padded steps and samples of weight zero do not count. Existing regularizers of the model stay. The copy is compiled
    like `model`, with a new optimizer. `model` itself does not change. Penalties of strength 0 change nothing, bit for
    bit.

    After each update of the optimizer, an `exact` penalty takes a proximal step with the step of the optimizer per unit
    of gradient. That is the learning rate for SGD, times `(1 - mu^t) / (1 - mu)` with momentum `mu`, and
    `lr / (sqrt(v) + eps)` for each entry for Adam and its variants (Yun, Lozano and Yang, NeurIPS 2021).

    Args:
        model: built `keras.Model`: Sequential, functional, subclassed, or returned by `regularize`.
        terms: dictionary `{target: regularizer}`, or a list of several at a target. Each strength is a float or a
            `bridle.schedule`. At the rate of a layer, such as `drop/rate`, it is that number or schedule alone.

    Returns: a `keras.Model`.

    Errors: `TargetError` for a target that matches nothing; `InputError` for a range of strengths, a penalty that is
    not defined at its site, or an optimizer without a step size for `exact`; `KindError` for a model that cannot be
    rebuilt from its configuration, or that has a custom training step.

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
            "Remove the penalties with bridle.strip first, or write another target."
        )
    bound = read_terms(inner, terms)
    _check_of_model([term.regularizer for term in bound])
    for term in bound:
        _one_number(term.regularizer)
    if model.compiled and any(isinstance(term.regularizer, Penalty) and term.regularizer.exact for term in bound):
        check_exact(model.optimizer)
    everything = {**present, **by_target((term.target, term.regularizer) for term in bound)}
    epoch = model.epoch if isinstance(model, Regularized) else 0
    copy = Regularized(clone_model(inner), everything, epoch) if everything else clone_model(inner)
    if present:
        copy.keep_anchors_of(model)
    compile_like(copy, model)
    return copy


def strip(model: keras.Model) -> keras.Model:
    """Return a copy of a regularized model without the penalties of `regularize`, with its weights.

    The copy has the class of the original model and is compiled like `model`. Its file loads without bridle.
    Regularizers that the model had before `regularize` stay.

    Args:
        model: a model that `regularize` returned.

    Returns: a `keras.Model`.

    Errors: `KindError` if the model has no penalties of bridle.

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
    """Return a copy of a model with its weights and compile settings, without the penalties of `regularize`."""
    copy = clone_model(unwrapped(model))
    compile_like(copy, model)
    return copy


def check_plain(model: keras.Model) -> None:
    """Raise `KindError` for a model of a study that has penalties of bridle, itself or in an inner model.

    A study would not update their schedules, take their proximal steps or pass them sample weights.
    """
    penalized = next((layer for layer in all_layers(model) if isinstance(layer, Regularized)), None)
    if penalized is not None:
        raise KindError(
            f"Expected a model without penalties of bridle for a study, got {penalized.name!r} with "
            f"{', '.join(map(short_repr, penalized.terms))}. Remove them with bridle.strip(model), and write them "
            "into the arms."
        )


def _check_of_model(regularizers: Sequence[Regularizer]) -> None:
    """Raise `InputError` for what belongs to a fit and not to a model, with the lines of Keras for it."""
    of_the_fit = [term for term in regularizers if isinstance(term, WholeFit)]
    if of_the_fit:
        raise InputError(
            f"Expected regularizers of the model, got {of_the_fit[0].kind} at 'training', which belongs to the fit. "
            f"Leave it out, and write:\n{fit_lines(of_the_fit)}"
        )


def _one_number(regularizer: Regularizer) -> None:
    for name, peak in zip(regularizer.names, regularizer.base_strengths, strict=True):
        if not isinstance(peak, float):
            raise InputError(
                f"Expected one number as {name} of {regularizer.kind} here, got a range to search. "
                "Give a number, or let bridle.Study find it."
            )


def _check(model: keras.Model) -> None:
    method = "compute_loss" if has_own_loss(model) else own_training(model)
    if method is not None:
        raise KindError(
            f"Expected a model with the training step of Keras, got {type(model).__name__} with a custom {method}, "
            "which a regularized model would not run. Build a functional model, or add the penalties to it."
        )
    if not model.built:
        raise KindError(f"Expected a built model, got {model.name!r} without weights. Call it once on a batch of data.")
