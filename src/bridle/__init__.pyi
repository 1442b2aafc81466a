"""bridle finds the regularization that makes a Keras network generalize, and shows the evidence.

Find a regularization
    tune, Tuned              for a table: from a CSV file to a verdict and a model
    search, SearchResult     for a network: which layer, which kind of penalty
    RegularizedClassifier, RegularizedRegressor   estimators of scikit-learn that choose for themselves
    Study, Result, load      for arms of your own: a cross-validated comparison
    EarlyStopping, WeightAveraging   how each fit ends, for a study or for one arm
    Plan                     what will run, before it runs
    Ensemble, EnsembleGain   the mean of several networks, and the interval of its gain
    export, Exported         a study for other programs: ONNX, model cards, trackers, tables
    StudyResult              every number of a study, as arrays
    metrics                  metrics to select by: the perplexity of a language model
    decoding                 after fits: sequences that a model writes, and their word and token errors
    sources                  rows from files, datasets and streams, in memory or on disk

Say what to regularize, as `{target: regularizer}`
    L1, L2, L1L2, Log, SmoothL1, Hoyer, Binarizing, Custom              on weights and activations
    GroupLasso, SparseGroupLasso, Orthogonality, SpectralNorm, Nuclear, SoftMaxNorm, L2SP   on weights
    KL, MeanActivation, Decorrelation, AR, TAR, Confidence              on activations
    Dropout, GaussianNoise, DropConnect                                 noise while training
    WeightDecay              on weights: decoupled decay, for every optimizer
    MaxNorm, UnitNorm, NonNegative                              on weights: constraints
    LabelSmoothing, Mixup                                               at "labels"
    grid, Grid, schedule     strengths: a grid to compare, a course over epochs
    parse_regularizer, parse_penalty                            one from text, such as "l2(1e-3)"

Study a representation
    Representation           the codes of the trained networks of a study, from Result.representation
    SparseAutoencoder        a builder of autoencoders, and a transformer of scikit-learn
    layers                   Keras layers: TopK, BatchTopK, JumpReLU, unit-norm and tied decoders, codes per row
    representations          measures of codes and dictionaries: FVU, L0, the same features in another seed

Use a penalty without a study
    regularize, strip        a Keras model with penalties, and without them again
    callbacks                what the penalties of a model cost, epoch by epoch
    audit, Audit             which penalties of a model really count
    convert, presets         strengths of other software; values of the literature

Write a penalty
    Penalty, Entrywise, WeightPenalty, ActivationPenalty       classes to derive from
    Noise                                                      the same for noise
    Regularizer                                                the base of these and of every other kind
    testing                  the checks that every penalty has to pass

Errors
    BridleError, Interrupted

Names load when they are first used, so `import bridle` is fast. The import changes one global setting: where Keras is
not imported and `KERAS_BACKEND` is unset, it selects JAX.
"""

# Each public name with its room, one a line: read by editors, type checkers and the lazy loader.
from bridle import callbacks as callbacks
from bridle import decoding as decoding
from bridle import layers as layers
from bridle import metrics as metrics
from bridle import representations as representations
from bridle import schedule as schedule
from bridle import sources as sources
from bridle import testing as testing
from bridle._api import Ensemble as Ensemble
from bridle._api import EnsembleGain as EnsembleGain
from bridle._api import Representation as Representation
from bridle._api import Result as Result
from bridle._api import SearchResult as SearchResult
from bridle._api import Study as Study
from bridle._api import load as load
from bridle._api import search as search
from bridle._errors import BridleError as BridleError
from bridle._errors import Interrupted as Interrupted
from bridle._hidden import *  # noqa: F403 - no names: see there
from bridle._version import __version__ as __version__
from bridle.auditing import Audit as Audit
from bridle.auditing import audit as audit
from bridle.autoencoders import SparseAutoencoder as SparseAutoencoder
from bridle.conversion import convert as convert
from bridle.conversion import presets as presets
from bridle.estimators import RegularizedClassifier as RegularizedClassifier
from bridle.estimators import RegularizedRegressor as RegularizedRegressor
from bridle.exporting import Exported as Exported
from bridle.exporting import export as export
from bridle.placement import regularize as regularize
from bridle.placement import strip as strip
from bridle.regularizers import L1 as L1
from bridle.regularizers import L1L2 as L1L2
from bridle.regularizers import L2 as L2
from bridle.regularizers import ActivationPenalty as ActivationPenalty
from bridle.regularizers import Custom as Custom
from bridle.regularizers import EarlyStopping as EarlyStopping
from bridle.regularizers import Entrywise as Entrywise
from bridle.regularizers import Grid as Grid
from bridle.regularizers import Noise as Noise
from bridle.regularizers import Penalty as Penalty
from bridle.regularizers import Regularizer as Regularizer
from bridle.regularizers import WeightAveraging as WeightAveraging
from bridle.regularizers import WeightPenalty as WeightPenalty
from bridle.regularizers import grid as grid
from bridle.regularizers import parse_penalty as parse_penalty
from bridle.regularizers import parse_regularizer as parse_regularizer
from bridle.regularizers._anchor import L2SP as L2SP
from bridle.regularizers._batch import KL as KL
from bridle.regularizers._batch import Decorrelation as Decorrelation
from bridle.regularizers._batch import MeanActivation as MeanActivation
from bridle.regularizers._confidence import Confidence as Confidence
from bridle.regularizers._constraints import MaxNorm as MaxNorm
from bridle.regularizers._constraints import NonNegative as NonNegative
from bridle.regularizers._constraints import UnitNorm as UnitNorm
from bridle.regularizers._decay import WeightDecay as WeightDecay
from bridle.regularizers._groups import GroupLasso as GroupLasso
from bridle.regularizers._groups import SparseGroupLasso as SparseGroupLasso
from bridle.regularizers._labels import LabelSmoothing as LabelSmoothing
from bridle.regularizers._labels import Mixup as Mixup
from bridle.regularizers._matrices import Nuclear as Nuclear
from bridle.regularizers._matrices import Orthogonality as Orthogonality
from bridle.regularizers._matrices import SoftMaxNorm as SoftMaxNorm
from bridle.regularizers._matrices import SpectralNorm as SpectralNorm
from bridle.regularizers._noise import DropConnect as DropConnect
from bridle.regularizers._noise import Dropout as Dropout
from bridle.regularizers._noise import GaussianNoise as GaussianNoise
from bridle.regularizers._ratio import Hoyer as Hoyer
from bridle.regularizers._recurrent import AR as AR
from bridle.regularizers._recurrent import TAR as TAR
from bridle.regularizers._smooth import Binarizing as Binarizing
from bridle.regularizers._smooth import Log as Log
from bridle.regularizers._smooth import SmoothL1 as SmoothL1
from bridle.results import StudyResult as StudyResult
from bridle.study.design import Plan as Plan
from bridle.tuning import Tuned as Tuned
from bridle.tuning import tune as tune
