"""Lines of Keras for what belongs to a whole fit: callbacks, and attributes of the optimizer."""

from collections.abc import Sequence

from bridle.regularizers import EarlyStopping, Regularizer, WeightAveraging

NEVER = 10**6
"""Epochs of patience that a fit does not reach."""


def fit_lines(regularizers: Sequence[Regularizer], *, has_penalties: bool = False) -> str:
    """Return Python source that trains a compiled model with early stopping, with averaged weights, or with both.

    Args:
        regularizers: those of the whole fit; others are left out.
        has_penalties: True if the model adds penalties to its validation loss.

    """
    averages = [term for term in regularizers if isinstance(term, WeightAveraging) and term.base_strengths != (0.0,)]
    lines = [_averaging_line(term) for term in averages]
    for rule in (term for term in regularizers if isinstance(term, EarlyStopping)):
        share = f"{rule.validation_fraction:.0%}"
        lines.append(f"# Set {share} of the training rows aside as x_watch, y_watch, classes in proportion.")
        if has_penalties and rule.monitor == "loss":
            lines.append("# Keras's val_loss contains the penalties; bridle stops by the loss alone.")
        lines.append("callbacks = [")
        if averages:
            lines.append("    keras.callbacks.SwapEMAWeights(swap_on_epoch=True),  # stop by the averaged weights")
        lines += [f"    {_callback(rule)}", "]"]
        lines.append("model.fit(x_train, y_train, validation_data=(x_watch, y_watch), callbacks=callbacks)")
    return "".join(f"{line}\n" for line in lines)


def _averaging_line(term: WeightAveraging) -> str:
    (decay,) = term.strengths
    if not isinstance(decay, float):
        return "# A decay of the average that changes over the epochs has no equivalent in Keras."
    return f"model.optimizer.use_ema, model.optimizer.ema_momentum = True, {decay:.12g}  # after compile, before fit"


def _callback(rule: EarlyStopping) -> str:
    """Return the call of Keras's callback."""
    prefix, _, name = rule.monitor.rpartition(":")
    mode = "min" if rule.monitor == "loss" else prefix
    arguments = [
        f'"val_{name}"',
        *([f'mode="{mode}"'] if mode in ("min", "max") else []),
        *([f"min_delta={rule.min_delta:.12g}"] if rule.min_delta else []),
        f"patience={NEVER if rule.patience is None else rule.patience}",
        f"restore_best_weights={rule.restore_best_weights}",
    ]
    never = "  # never stops, keeps the best epoch" if rule.patience is None else ""
    return f"keras.callbacks.EarlyStopping({', '.join(arguments)}),{never}"
