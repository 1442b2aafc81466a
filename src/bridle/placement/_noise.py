"""Noise of terms: what perturbs the inputs, the activations and the weights of one training step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from bridle._errors import InputError
from bridle._keras import Perturbation, Perturbations, PerturbedWeight, full_precision, is_float, model_inputs
from bridle.placement._bound_terms import BoundTerms, SlottedTerm, Weight
from bridle.placement._sites import Site
from bridle.regularizers import Draw, Noise

Sample = Callable[[], Any]


@dataclass(frozen=True)
class Sampler:
    """Source of the draws of one training step."""

    strengths: Sequence[Any]
    """The strength of every slot."""
    draw: Callable[[str, int], Draw]
    """(name of kind and site, number of the call in this step) → random numbers."""
    guard: Callable[[Sequence[Any], Sample, float], Any] = lambda strengths, sample, neutral: sample()
    """(strengths of the term, sample, neutral) → the sample, or an array of `neutral` where the strengths are 0."""

    def sample(self, slotted: SlottedTerm[Noise], site: Site, shape: tuple[Any, ...], call: int = 0) -> Any:
        """Return the draw of a term at a site, of a shape that broadcasts to `shape`."""
        noise, strengths = slotted.regularizer, slotted.of(self.strengths)
        draw = self.draw(f"{noise.kind} {site.name}", call)

        def sampled(shape: tuple[Any, ...]) -> Any:
            return self.guard(strengths, lambda: noise.sample(shape, strengths, draw), noise.neutral)

        if site.is_activation and len(shape) > 2 and getattr(site.layer, "data_format", "") == "channels_first":
            return ops.moveaxis(sampled((shape[0], *shape[2:], shape[1])), -1, 1)
        return sampled(shape)


def noisy_call(
    terms: BoundTerms, model: keras.Model, inputs: Any, strengths: Any, draw: Draw
) -> tuple[Any, Perturbations]:
    """Return the inputs of a training step with noise, and the noise of activations and weights, on any backend.

    Args:
        terms: the terms of a regularized model.
        model: the model inside.
        inputs: those of the batch.
        strengths: the strength of every slot.
        draw: random numbers, other ones at each call.

    """
    with full_precision():
        sampler = Sampler(strengths, lambda name, call: draw)
        weights = perturbations(terms, lambda variable: ops.convert_to_tensor(variable.value), sampler)
        return perturb_inputs(terms, model, inputs, sampler), weights


def perturb_inputs(terms: BoundTerms, model: keras.Model, x: Any, sampler: Sampler) -> Any:
    """Return the inputs of a batch with the noise of the terms at `inputs`; integers become float32.

    Inputs that are looked up in an embedding stay as they are.
    """
    present = [(slotted, site) for slotted in terms.noises for site in slotted.term.sites if site.on == "inputs"]
    if not present:
        return x
    leaves = keras.tree.flatten(x)
    for index, numeric in enumerate(_numeric_leaves(model, x, len(leaves))):
        if numeric:
            value = leaves[index] if is_float(leaves[index]) else ops.cast(leaves[index], "float32")
            for slotted, site in present:
                value = slotted.regularizer.apply(value, sampler.sample(slotted, site, ops.shape(value), index))
            leaves[index] = value
    return keras.tree.pack_sequence_as(x, leaves)


def _numeric_leaves(model: keras.Model, x: Any, count: int) -> list[bool]:
    """Return True for each input that holds numbers, False for one that is looked up."""
    known = model_inputs(model)
    if known is None:
        return [is_float(leaf) for leaf in keras.tree.flatten(x)]
    numeric = {spec.name: spec.rows is None for spec in known.flat}
    if isinstance(x, dict) and set(x) <= set(numeric):
        return [numeric[name] for name in sorted(x)]
    return list(numeric.values()) if len(numeric) == count else [True] * count


def perturbations(terms: BoundTerms, weight: Weight, sampler: Sampler) -> Perturbations:
    """Return the noise of activations and weights for one call of the model.

    Args:
        terms: all terms; those without noise are left out.
        weight: function that returns the current value of a variable.
        sampler: the source of the draws.

    """
    activations: list[Perturbation] = []
    weights: dict[int, PerturbedWeight] = {}
    for slotted in terms.noises:
        for site in slotted.term.sites:
            if site.is_activation:
                activations.append(Perturbation(site.tap, _change(slotted, site, sampler)))
            elif site.variable is not None:
                before = weights.get(id(site.variable))
                value = weight(site.variable) if before is None else before.value
                piece = site.extract(value)
                changed = slotted.regularizer.apply(piece, sampler.sample(slotted, site, tuple(piece.shape)))
                weights[id(site.variable)] = PerturbedWeight(site.layer, site.variable, site.insert(value, changed))
    return Perturbations(tuple(activations), tuple(weights.values()))


def _change(slotted: SlottedTerm[Noise], site: Site, sampler: Sampler) -> Callable[[Any, Any, int], Any]:
    def change(value: Any, mask: Any, call: int) -> Any:
        if not is_float(value):
            raise InputError(
                f"Expected a tensor of real numbers at {site.name!r} for {slotted.regularizer.kind}, got "
                f"{keras.backend.standardize_dtype(value.dtype)}. Place it at the output of a layer that computes."
            )
        return slotted.regularizer.apply(value, sampler.sample(slotted, site, ops.shape(value), call), mask)

    return change
