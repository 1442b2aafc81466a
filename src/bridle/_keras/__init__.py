"""The only place that touches the inside of Keras."""

from bridle._keras._alike import check_predictions, predictions_of, rows_as_inputs
from bridle._keras._audit import (
    Charge,
    Recording,
    all_layers,
    as_number,
    has_compiled_step,
    loss_without_data,
    record,
    untouched,
)
from bridle._keras._backend import require_jax, seeded
from bridle._keras._blueprint import Blueprint, blueprint, is_rebuildable, model_json
from bridle._keras._builds import has_own_code
from bridle._keras._copy import built_by, clone_model, compile_like
from bridle._keras._declared import (
    Decay,
    decay_of,
    explained_by,
    forgotten_activity,
    holder,
    is_own_of_keras,
    same_regularizer,
    saved_regularizer,
)
from bridle._keras._directions import direction
from bridle._keras._fingerprint import described
from bridle._keras._gradient import concrete, with_gradient
from bridle._keras._initial_values import InitialValues
from bridle._keras._inputs import InputSpec, ModelInputs, doors
from bridle._keras._internals import full_precision, is_keras_module, replaced
from bridle._keras._losses import (
    Splitter,
    adds_losses,
    batch_size_of,
    count_own_variables,
    data_and_added,
    forget_functions,
    gives_mask,
    output_shape,
    regularized,
    split_losses,
    total_of,
    trained_with,
    with_compute_loss,
)
from bridle._keras._masks import Masked, attach_masks, detach_masks
from bridle._keras._mixing import mixes_rows
from bridle._keras._outline import Outline, outline
from bridle._keras._program import Forward, Program, loss_name, program
from bridle._keras._rows import predicted, two_rows
from bridle._keras._steps import check_exact, step_of
from bridle._keras._structure import (
    Names,
    Owned,
    Part,
    gate_parts,
    has_cell_state,
    has_one_cell,
    has_states,
    head_parts,
    inner_layers,
    is_activation,
    is_made_up,
    is_model,
    is_time_distributed,
    names_of,
    owned,
    scores_attention,
)
from bridle._keras._taps import Reading, Tap, watching
from bridle._keras._tracing import UntraceableError, layers_named
from bridle._keras._training import check_training, has_own_loss, own_training
from bridle._keras._updates import is_updating, keep_state, leave_out, note_updates, updating
from bridle._keras._weights import counted_rows

__all__ = [
    "Blueprint",
    "Charge",
    "Decay",
    "Forward",
    "InitialValues",
    "InputSpec",
    "Masked",
    "ModelInputs",
    "Names",
    "Outline",
    "Owned",
    "Part",
    "Program",
    "Reading",
    "Recording",
    "Splitter",
    "Tap",
    "UntraceableError",
    "adds_losses",
    "all_layers",
    "as_number",
    "attach_masks",
    "batch_size_of",
    "blueprint",
    "built_by",
    "check_exact",
    "check_predictions",
    "check_training",
    "clone_model",
    "compile_like",
    "concrete",
    "count_own_variables",
    "counted_rows",
    "data_and_added",
    "decay_of",
    "described",
    "detach_masks",
    "direction",
    "doors",
    "explained_by",
    "forget_functions",
    "forgotten_activity",
    "full_precision",
    "gate_parts",
    "gives_mask",
    "has_cell_state",
    "has_compiled_step",
    "has_one_cell",
    "has_own_code",
    "has_own_loss",
    "has_states",
    "head_parts",
    "holder",
    "inner_layers",
    "is_activation",
    "is_keras_module",
    "is_made_up",
    "is_model",
    "is_own_of_keras",
    "is_rebuildable",
    "is_time_distributed",
    "is_updating",
    "keep_state",
    "layers_named",
    "leave_out",
    "loss_name",
    "loss_without_data",
    "mixes_rows",
    "model_json",
    "names_of",
    "note_updates",
    "outline",
    "output_shape",
    "own_training",
    "owned",
    "predicted",
    "predictions_of",
    "program",
    "record",
    "regularized",
    "replaced",
    "require_jax",
    "rows_as_inputs",
    "same_regularizer",
    "saved_regularizer",
    "scores_attention",
    "seeded",
    "split_losses",
    "step_of",
    "total_of",
    "trained_with",
    "two_rows",
    "untouched",
    "updating",
    "watching",
    "with_compute_loss",
    "with_gradient",
]
