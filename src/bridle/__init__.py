"""bridle finds the regularization that makes a Keras network generalize, and shows the evidence.

Find a regularization
    tune, Tuned              for a table: from a CSV file to a verdict and a model
    search, SearchResult     for a network: which layer, which kind of penalty
    Study, Result, load      for arms of your own: a cross-validated comparison
    EarlyStopping, Plan      how each fit ends; what will run, before it runs
    StudyResult              every number of a study, as arrays

Say what to penalize, as `{target: penalty}`
    L1, L2, L1L2, Log, SmoothL1, Hoyer, Binarizing, Custom              on weights and activations
    GroupLasso, SparseGroupLasso, Orthogonality, SpectralNorm, Nuclear, MaxNorm, L2SP       on weights
    KL, MeanActivation, Decorrelation, AR, TAR, Confidence              on activations
    grid, Grid, schedule     strengths: a grid to compare, a course over epochs
    parse_penalty            a penalty from text, such as "l2(1e-3)"

Use a penalty without a study
    regularize, strip        a Keras model with penalties, and without them again
    callbacks                what the penalties of a model cost, epoch by epoch
    audit, Audit             which penalties of a model really count
    convert, presets         strengths of other software; values of the literature

Write a penalty
    Penalty, Entrywise, WeightPenalty, ActivationPenalty       classes to derive from
    testing                  the checks that every penalty has to pass

Errors
    BridleError, Interrupted

Names load when they are first used, so `import bridle` is fast. The import changes one global setting: where Keras is
not imported and `KERAS_BACKEND` is unset, it selects JAX.
"""

from bridle._lazy import __all__ as __all__
from bridle._lazy import __dir__ as __dir__
from bridle._lazy import __getattr__ as __getattr__
