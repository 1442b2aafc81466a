"""The conventions, one entry each. A new one is an entry here and a test that runs its software."""

from fractions import Fraction

from bridle.conversion._convention import Convention, Factor

HALF = Factor(Fraction(1, 2))
PER_ENTRY = Factor(over=("time_steps", "units"))
SUMMED = "A smaller last batch is charged less, so the conversion is exact for full batches."
ALL_PARAMETERS = "It decays every parameter the optimizer is given, biases and normalization too."
DECOUPLED = "Not an L2: the decay goes past the scaling of the gradient."

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
        "Keras SGD(weight_decay=…) without momentum",
        "weights",
        "takes learning_rate · strength · w from each weight, as strength/2 · Σ {f} in the loss does",
        HALF,
        "l2",
        note="With momentum or an adaptive optimizer this is decay, not an L2: see 'keras weight_decay'.",
        aliases=("keras plain sgd weight_decay", "keras sgd"),
    ),
)

DECAY = (
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
        "TensorFlow Addons AdamW and SGDW",
        "decay",
        "takes strength · w from each weight in each step, whatever the learning rate",
        Factor(over=("learning_rate",)),
        note="Exact while the learning rate stays.",
        aliases=("tensorflow addons adamw", "tfa adamw weight_decay", "tfa sgdw", "tfa weight_decay"),
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

CONVENTIONS = (*WEIGHTS, *DECAY, *ACTIVATIONS)
