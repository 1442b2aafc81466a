"""The conventions, one entry each. A new one is an entry here and a test that runs its software."""

import math
from fractions import Fraction

from bridle.conversion._convention import Convention, Curve, Factor

HALF = Factor(Fraction(1, 2))
PER_ENTRY = Factor(over=("time_steps", "units"))
SUMMED = "A smaller last batch is charged less, so the conversion is exact for full batches."
ALL_PARAMETERS = "It decays every parameter the optimizer is given, biases and normalization too."
DROPS = "sets each entry to 0 with probability strength in training, and divides the others by 1 − strength"
DECOUPLED = "Not an L2: the decay goes past the scaling of the gradient."


def _complement(value: float) -> float:
    """Return 1 − value for the decimal digits that are written, so that 0.8 gives 0.2."""
    return float(1 - Fraction(repr(value)))


COMPLEMENT = Curve("1 − strength", _complement, _complement)
ROOT = Curve("√strength", math.sqrt, lambda deviation: deviation * deviation)
SAME_VARIANCE = Curve(
    "strength²/(1 + strength²)",
    lambda deviation: deviation * deviation / (1 + deviation * deviation),
    lambda rate: math.sqrt(rate / (1 - rate)),
)

WEIGHTS = (
    Convention(
        "bridle weights",
        "bridle, on weights",
        "weights",
        "adds strength · Σ {f}, a sum over entries without a factor 1/2",
        aliases=("bridle kernel",),
    ),
    Convention(
        "keras weights",
        "Keras regularizers l1 and l2 on weights, every version",
        "weights",
        "adds strength · Σ {f}, without a factor 1/2",
        aliases=("tf.keras weights", "keras kernel", "tf.keras kernel"),
    ),
    Convention(
        "pytorch weight_decay",
        "PyTorch SGD and Adam",
        "weights",
        "adds strength · w to the gradient, as strength/2 · Σ {f} in the loss does",
        HALF,
        "l2",
        note=ALL_PARAMETERS,
        aliases=("torch weight_decay", "pytorch sgd weight_decay", "pytorch adam weight_decay", "pytorch", "torch"),
    ),
    Convention(
        "caffe weight_decay",
        "Caffe, AlexNet, VGG and most papers' “weight decay”",
        "weights",
        "adds strength · w to the gradient, as strength/2 · Σ {f} in the loss does",
        HALF,
        "l2",
        aliases=("weight decay", "alexnet weight decay", "vgg weight decay", "caffe", "alexnet", "vgg"),
    ),
    Convention(
        "tf.nn.l2_loss",
        "tf.nn.l2_loss and slim.l2_regularizer, TensorFlow",
        "weights",
        "adds strength · Σ {f} / 2",
        HALF,
        "l2",
        aliases=("l2_loss", "slim l2_regularizer", "tensorflow l2_loss", "inception weight decay"),
    ),
    Convention(
        "scikit-learn alpha",
        "scikit-learn MLPClassifier and MLPRegressor",
        "weights",
        "adds strength/2 · Σ {f} / batch_size, biases left out",
        Factor(Fraction(1, 2), over=("batch_size",)),
        "l2",
        note=(
            "MLPRegressor also halves its squared error: beside Keras's “mse”, double the result. The solver lbfgs "
            "takes all rows as one batch."
        ),
        aliases=("sklearn alpha", "scikit-learn mlp alpha", "sklearn mlp alpha", "mlpclassifier alpha", "sklearn"),
    ),
    Convention(
        "keras sgd weight_decay",
        "SGD(weight_decay=…) without momentum, of Keras and PyTorch",
        "weights",
        "takes learning_rate · strength · w from each weight, as strength/2 · Σ {f} in the loss does",
        HALF,
        "l2",
        note=(
            "It is the decay of AdamW too, and converts to both. With momentum or an adaptive optimizer, decay in "
            "Keras is no L2: see 'keras weight_decay'."
        ),
        aliases=("keras plain sgd weight_decay", "keras sgd", "plain sgd", "plain sgd weight_decay"),
        decays=True,
    ),
)

DECAY = (
    Convention(
        "bridle decay",
        "bridle, WeightDecay",
        "decay",
        "takes learning_rate · strength · w from each weight of its target in each step",
        note=DECOUPLED,
        aliases=("bridle weight_decay",),
    ),
    Convention(
        "keras weight_decay",
        "Keras AdamW, and weight_decay of any Keras optimizer",
        "decay",
        "takes learning_rate · strength · w from each weight in each step",
        note=DECOUPLED,
        aliases=("keras adamw", "keras adam weight_decay", "keras adamw weight_decay", "adamw", "adamw weight_decay"),
    ),
    Convention(
        "pytorch adamw",
        "PyTorch AdamW",
        "decay",
        "takes learning_rate · strength · w from each weight in each step",
        note=DECOUPLED,
        aliases=("torch adamw", "pytorch adamw weight_decay", "torch adamw weight_decay"),
    ),
    Convention(
        "tfa adamw",
        "TensorFlow Addons AdamW and SGDW, and the paper of AdamW",
        "decay",
        "takes strength · w from each weight in each step, whatever the learning rate",
        Factor(over=("learning_rate",)),
        note="Exact while the learning rate stays.",
        aliases=(
            "tensorflow addons adamw",
            "tfa adamw weight_decay",
            "tfa sgdw",
            "tfa weight_decay",
            "decay per update",
            "decay per step",
            "adamw paper",
        ),
    ),
)

ACTIVATIONS = (
    Convention(
        "bridle activity",
        "bridle, on activations",
        "activations",
        "adds strength · Σ_units mean_batch {f}: summed over units (and time), averaged over samples",
        note="Padded steps and samples of weight zero are not charged.",
        aliases=("bridle activity per sample", "bridle per sample"),
    ),
    Convention(
        "bridle activity per batch",
        'bridle with per="batch"',
        "activations",
        "adds strength · Σ_units Σ_batch {f}: not divided by the batch size",
        Factor(times=("batch_size",)),
        per="batch",
        note=SUMMED,
        aliases=("bridle per batch",),
    ),
    Convention(
        "bridle activity per unit",
        'bridle with per="unit"',
        "activations",
        "adds strength · mean {f} over samples, time and units",
        PER_ENTRY,
        per="unit",
        aliases=("bridle per unit",),
    ),
    Convention(
        "keras1.0.5 activity",
        "activity_regularizer, Keras 1.0.0 to 1.0.5",
        "activations",
        "adds strength · Σ_units mean_batch {f}",
    ),
    Convention(
        "keras2.3 activity",
        "activity_regularizer, Keras 1.0.7 to 1.2.2 and standalone Keras 2.0 to 2.3.1",
        "activations",
        "adds strength · Σ_units Σ_batch {f}: not divided by the batch size",
        Factor(times=("batch_size",)),
        per="batch",
        note=SUMMED,
    ),
    Convention(
        "tf.keras activity",
        "activity_regularizer, Keras 2.4 to 2.15 and tf.keras of TensorFlow 2.0 to 2.15",
        "activations",
        "adds strength · Σ_units Σ_batch {f} / batch_size",
        aliases=("tensorflow activity",),
    ),
    Convention(
        "keras3.13 activity",
        "activity_regularizer, Keras 3.0 to 3.13",
        "activations",
        "adds strength · Σ_units Σ_batch {f}: not divided by the batch size, unlike its documentation",
        Factor(times=("batch_size",)),
        per="batch",
        note=SUMMED,
    ),
    Convention(
        "keras3.14 activity",
        "activity_regularizer, Keras 3.14 and later",
        "activations",
        "adds strength · Σ_units Σ_batch {f} / batch_size",
    ),
    Convention(
        "awd-lstm alpha",
        "AR of AWD-LSTM, alpha",
        "activations",
        "adds strength · mean {f} over samples, time and units of the dropped output",
        PER_ENTRY,
        "l2",
        "unit",
        note="In training only. bridle has it as AR.",
        aliases=("awd-lstm ar", "ar alpha", "awd-lstm"),
    ),
)

DROPOUT = (
    Convention("bridle dropout", "bridle, Dropout", "dropout", DROPS, aliases=("bridle dropout rate",)),
    Convention(
        "keras dropout",
        "rate of Keras Dropout and SpatialDropout, dropout and recurrent_dropout of Keras layers",
        "dropout",
        DROPS,
        aliases=(
            "dropout",
            "dropout rate",
            "keras dropout rate",
            "keras rate",
            "tf.keras dropout",
            "keras spatialdropout",
        ),
    ),
    Convention(
        "pytorch dropout",
        "p of PyTorch Dropout, Dropout1d, Dropout2d and Dropout3d",
        "dropout",
        DROPS,
        note="Those with a number of dimensions drop whole channels, as SpatialDropout does in Keras.",
        aliases=("torch dropout", "pytorch dropout p", "torch dropout p", "pytorch p"),
    ),
    Convention(
        "caffe dropout_ratio", "dropout_ratio of Caffe", "dropout", DROPS, aliases=("caffe dropout", "dropout_ratio")
    ),
    Convention(
        "keep_prob",
        "keep_prob of TensorFlow 1 and slim, and the probability of retaining a unit in Srivastava et al., JMLR 2014",
        "dropout",
        "divides each entry by strength with probability strength in training, and sets the others to 0",
        note="The paper multiplies weights by it at prediction instead, with the same mean.",
        aliases=("keep probability", "tf.nn.dropout keep_prob", "retain probability", "keep rate", "slim dropout"),
        curve=COMPLEMENT,
    ),
    Convention(
        "multiplicative noise",
        "Gaussian dropout by its standard deviation",
        "dropout",
        "multiplies each entry by a normal number of mean 1 and standard deviation strength in training",
        note="Both have the same mean and variance, not the same distribution. Keras GaussianDropout takes the rate.",
        aliases=("multiplicative gaussian noise", "gaussian dropout deviation"),
        curve=SAME_VARIANCE,
    ),
)

NOISE = (
    Convention(
        "bridle noise",
        "bridle, GaussianNoise",
        "noise",
        "adds a normal number of mean 0 and standard deviation strength to each entry in training",
        aliases=("bridle gaussiannoise", "bridle deviation"),
    ),
    Convention(
        "keras gaussiannoise",
        "stddev of Keras GaussianNoise",
        "noise",
        "adds a normal number of mean 0 and standard deviation strength to each entry in training",
        aliases=("gaussian noise", "keras stddev", "stddev", "noise deviation"),
    ),
    Convention(
        "noise variance",
        "Gaussian noise by its variance, as in most papers",
        "noise",
        "adds a normal number of mean 0 and variance strength to each entry in training",
        aliases=("gaussian noise variance", "sigma squared"),
        curve=ROOT,
    ),
)

SMOOTHS = "takes strength of each label and spreads it evenly over all classes, that of the label too"
LABELS = (
    Convention("bridle labelsmoothing", "bridle, LabelSmoothing", "labels", SMOOTHS),
    Convention(
        "keras label_smoothing",
        "label_smoothing of the losses of Keras",
        "labels",
        SMOOTHS,
        note="A binary loss smooths each label toward 1/2.",
        aliases=("label smoothing", "tf.keras label_smoothing"),
    ),
    Convention(
        "pytorch label_smoothing",
        "label_smoothing of PyTorch CrossEntropyLoss",
        "labels",
        SMOOTHS,
        aliases=("torch label_smoothing",),
    ),
)

CONVENTIONS = (*WEIGHTS, *DECAY, *ACTIVATIONS, *DROPOUT, *NOISE, *LABELS)
