"""Perplexity as a metric of Keras."""

from typing import Any

import keras

ops = keras.ops


@keras.saving.register_keras_serializable(package="bridle")
class Perplexity(keras.metrics.MeanMetricWrapper):
    """Perplexity of predicted classes: `exp(sum(w * -log p[y]) / sum(w))` over rows and time steps.

    p[y] is the predicted probability of the class y. The weight w of a step is 1; 0 for steps that the mask of the
    prediction leaves out and for steps of the class `ignore_class`; times the sample weight in `weighted_metrics`. A
    guess of 1 out of K classes at random has the perplexity K, a certain and correct prediction 1. Less is better,
    which a study knows: `bridle.Study(…, score="perplexity")`.

    Labels are class numbers of shape (row, …) or (row, …, 1), or one-hot vectors of shape (row, …, class).

    Args:
        from_logits: bool, whether the model predicts logits, before a softmax. Default False: probabilities.
        ignore_class: int, a class number that does not count, such as that of padding. Default None. Only for class
            numbers as labels.
        name: str, the name of the metric. Default `"perplexity"`.
        dtype: the type of the sums. Default: that of Keras, float32.

    Errors: `ValueError` of Keras for labels whose shape does not fit the predictions.

    >>> import bridle, numpy as np
    >>> metric = bridle.metrics.Perplexity()
    >>> metric.update_state(np.array([[0, 1]]), np.array([[[0.5, 0.5], [0.75, 0.25]]]))
    >>> round(float(metric.result()), 3)  # exp((log 2 + log 4) / 2)
    2.828

    Source: Jelinek, Mercer, Bahl and Baker, "Perplexity - a measure of the difficulty of speech recognition tasks",
    Journal of the Acoustical Society of America 62, 1977.

    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        name: str = "perplexity",
        dtype: Any = None,
    ) -> None:
        super().__init__(_log_loss, name, dtype, from_logits=from_logits)
        self.from_logits, self.ignore_class = from_logits, ignore_class
        self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if self.ignore_class is not None:  # Keras's own metric divides by the number of all steps
            labels = ops.convert_to_tensor(y_true)
            labels = labels[..., 0] if len(labels.shape) == len(y_pred.shape) else labels
            counts = ops.cast(labels != self.ignore_class, self.dtype)
            if sample_weight is not None:
                weight = ops.cast(sample_weight, self.dtype)
                counts = counts * ops.reshape(weight, (*weight.shape, *(1,) * (len(counts.shape) - len(weight.shape))))
            sample_weight = counts
        return super().update_state(y_true, y_pred, sample_weight=sample_weight)

    def result(self) -> Any:
        return ops.exp(super().result())

    def get_config(self) -> dict[str, Any]:
        options = {"from_logits": self.from_logits, "ignore_class": self.ignore_class}
        return {"name": self.name, "dtype": self.dtype, **options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Perplexity":
        return cls(**config)


def _log_loss(y_true: Any, y_pred: Any, from_logits: bool) -> Any:
    """Return -log p[y] for each step, from class numbers or one-hot vectors."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == y_pred.shape[-1] != 1:
        return keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=from_logits)
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits)
