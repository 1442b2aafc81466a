"""Every optimizer of Keras with its options, and every learning-rate schedule, as they are written."""

import re

import keras

OPTIMIZERS = """
    SGD(0.05)
    SGD(0.05, momentum=0.9)
    SGD(0.05, momentum=0.9, nesterov=True)
    SGD(0.05, weight_decay=0.1)
    RMSprop(0.01)
    RMSprop(0.01, rho=0.8, momentum=0.5, centered=True)
    Adam(0.01)
    Adam(0.01, beta_1=0.8, amsgrad=True)
    AdamW(0.01, weight_decay=0.1)
    AdamW(0.01, weight_decay=0.1, amsgrad=True)
    excluding(AdamW(0.05, weight_decay=0.5), var_names=['bias', 'out'])
    Adadelta(1.0, rho=0.9)
    Adagrad(0.1)
    Adamax(0.01)
    Adafactor(0.01)
    Adafactor(0.05, relative_step=False, beta_2_decay=-0.6)
    Nadam(0.01)
    Ftrl(0.1)
    Ftrl(0.1, l1_regularization_strength=0.01, l2_shrinkage_regularization_strength=0.1)
    Ftrl(0.1, learning_rate_power=-0.7, l2_regularization_strength=0.01, beta=0.1)
    Lion(0.005, weight_decay=0.1)
    Lamb(0.01)
    Muon(0.01)
    Muon(0.01, exclude_layers=['out'], nesterov=False, weight_decay=0.1)
    ScheduleFreeAdamW(0.02, warmup_steps=4)
    MultiOptimizer(OptimizerMap(SGD(0.1), {'.*out/.*': Adam(0.01)}))
    LossScaleOptimizer(Adam(0.01))
    LossScaleOptimizer(excluding(AdamW(0.05, weight_decay=0.5), var_names=['bias']), initial_scale=8.0)
    LossScaleOptimizer(SGD(0.05, momentum=0.9), initial_scale=4.0, dynamic_growth_steps=3)
    Adam(0.01, clipnorm=0.1)
    Adam(0.01, clipvalue=0.05)
    SGD(0.1, clipvalue=0.01)
    SGD(0.1, global_clipnorm=0.1)
    AdamW(0.01, weight_decay=0.1, clipnorm=0.5)
    Adam(0.01, use_ema=True)
    Adam(0.01, use_ema=True, ema_momentum=0.8)
    SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=4)
    AdamW(0.01, weight_decay=0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=2, clipnorm=0.5)
    LossScaleOptimizer(Adam(0.01, use_ema=True, ema_momentum=0.8))
    SGD(0.1, gradient_accumulation_steps=2)
    Adam(0.01, gradient_accumulation_steps=4, clipnorm=0.5)
    AdamW(0.01, weight_decay=0.1, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.8)
    Adam(0.01, loss_scale_factor=16.0)
    """
SCHEDULES = """
    ExponentialDecay(0.02, 5, 0.7)
    ExponentialDecay(0.02, 5, 0.7, staircase=True)
    InverseTimeDecay(0.02, 4, 0.5)
    PiecewiseConstantDecay([3, 8], [0.03, 0.01, 0.001])
    PolynomialDecay(0.03, 6, 0.001, power=2.0)
    PolynomialDecay(0.03, 4, 0.001, cycle=True)
    CosineDecay(0.001, 8, warmup_target=0.03, warmup_steps=3)
    CosineDecayRestarts(0.03, 4, m_mul=0.8)
    """


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


SETTINGS = [*_lines(OPTIMIZERS), *(f"Adam({line})" for line in _lines(SCHEDULES))]
"""Each is one optimizer, as code."""


def excluding(optimizer: keras.optimizers.Optimizer, **what: object) -> keras.optimizers.Optimizer:
    """An optimizer that decays no weight of the given names."""
    optimizer.exclude_from_weight_decay(**what)
    return optimizer


NAMES = {**vars(keras.optimizers), **vars(keras.optimizers.schedules), "excluding": excluding}


def make(setting: str) -> keras.optimizers.Optimizer:
    """The optimizer of a setting."""
    return eval(setting, NAMES)


def missing() -> set[str]:
    """The optimizers and schedules of Keras that no setting tries."""
    bases = (keras.optimizers.Optimizer, keras.optimizers.schedules.LearningRateSchedule)
    classes = {each for each in NAMES.values() if isinstance(each, type) and issubclass(each, bases)}
    called = set(re.findall(r"(\w+)\(", " ".join(SETTINGS)))
    return {each.__name__ for each in classes.difference(bases)} - called
