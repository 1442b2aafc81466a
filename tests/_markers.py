"""Markers of tests by file or by name: what `make quick` leaves out, and what only `make torture` runs."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.conftest import TORTURE

ROOT = Path(__file__).parents[1]

DESCRIPTIONS = {
    "slow": "takes long: compiles many programs or draws many inputs",
    "process": "starts, stops or kills other processes",
    "backend": "runs Keras on another backend",
    "browser": "opens a page in Chromium",
}

MARKED = {
    "slow": (
        "tests/auditing/test_named_inputs.py",
        "tests/auditing/test_traps.py",
        "tests/autoencoders/test_sparse_autoencoder.py",
        "tests/cases",
        "tests/claims",
        "tests/cli/test_cli.py::test_predictions",
        "tests/cli/test_cli.py::test_run_writes",
        "tests/cli/test_cli.py::test_tune_then",
        "tests/cli/test_headerless.py",
        "tests/cli/test_start.py",
        "tests/cli/test_stores.py",
        "tests/cli/test_study.py",
        "tests/engine/test_averaging.py",
        "tests/engine/test_convolutions.py",
        "tests/engine/test_evaluate.py",
        "tests/engine/test_missing_primitives.py",
        "tests/engine/test_parity",
        "tests/engine/test_stored.py",
        "tests/engine/test_turned.py",
        "tests/estimators/test_estimators.py",
        "tests/estimators/test_newcomer.py",
        "tests/hostile",
        "tests/images/test_tune.py",
        "tests/layers/test_layers.py",
        "tests/placement/test_callbacks.py",
        "tests/placement/test_copies.py",
        "tests/placement/test_exact.py",
        "tests/placement/test_layers.py",
        "tests/placement/test_seeds.py",
        "tests/placement/test_weight_updates.py",
        "tests/plots/test_draw.py",
        "tests/report/test_notebook.py",
        "tests/sequences/test_tune.py",
        "tests/sources/test_studies.py",
        "tests/stats/test_calibration.py",
        "tests/stats/test_few_folds.py",
        "tests/stats/test_held_out.py",
        "tests/stats/test_selection.py",
        "tests/study/test_answers.py",
        "tests/study/test_baselines.py",
        "tests/study/test_drawn.py",
        "tests/study/test_forms.py",
        "tests/study/test_fvu.py",
        "tests/study/test_insides.py",
        "tests/study/test_kept.py",
        "tests/study/test_labels.py",
        "tests/study/test_mixing.py",
        "tests/study/test_nested.py",
        "tests/study/test_noise.py",
        "tests/study/test_own_training.py",
        "tests/study/test_padding.py",
        "tests/study/test_penalties.py",
        "tests/study/test_perplexity.py",
        "tests/study/test_pooled.py",
        "tests/study/test_probe.py",
        "tests/study/test_reconstruction.py",
        "tests/study/test_rounds.py",
        "tests/study/test_row_scores.py",
        "tests/study/test_row_weights.py",
        "tests/study/test_rows_on_disk.py",
        "tests/study/test_study.py",
        "tests/study/test_training.py",
        "tests/study/test_undefined.py",
        "tests/study/test_validation_predictions.py",
        "tests/study/test_weights_of_steps.py",
        "tests/study/test_whole_fit.py",
        "tests/tables/test_as_they_come.py",
        "tests/tables/test_own_code.py",
        "tests/tables/test_structure.py",
        "tests/tables/test_targets.py",
        "tests/tables/test_tune.py",
        "tests/test_constants.py",
        "tests/test_docs.py",
        "tests/test_ensemble.py",
        "tests/test_front.py",
        "tests/test_handed_over.py",
        "tests/test_language.py",
        "tests/test_own_objects.py",
        "tests/test_prepared_rows.py",
        "tests/test_recommended.py",
        "tests/test_representation.py",
        "tests/test_search.py",
        "tests/test_site.py",
    ),
    "process": (
        "tests/cli/test_cli.py::test_interrupt",
        "tests/cli/test_stops.py",
        "tests/cluster",
        "tests/engine/test_compiler_options.py::test_the_options_of_users",
        "tests/engine/test_starts.py",
        "tests/faults",
        "tests/regularizers/test_adding.py",
        "tests/test_architecture.py",
        "tests/test_interrupts.py",
    ),
    "backend": (
        "tests/conversion/test_software.py",
        "tests/test_backends.py",
    ),
    "browser": ("tests/report/test_browser.py",),
}
"""The beginning of the names of the tests that bear each marker."""

DRAWN = (
    "tests/cli/test_cli.py::test_run_writes",
    "tests/hostile/test_names.py",
    "tests/plots",
    "tests/report/test_browser.py",
    "tests/report/test_files.py::test_page_is",
    "tests/report/test_files.py::test_pictures_follow",
    "tests/report/test_files.py::test_text_that_turns",
    "tests/report/test_files.py::test_whatever",
    "tests/report/test_files.py::test_write_leaves",
)
"""The beginning of the names of the tests whose pictures are drawn in full."""


LISTS = {
    "tests/auditing/test_kinds.py::test_the_audit_finds_it": 3,
    "tests/auditing/test_traps.py::test_": 2,
    "tests/autoencoders/test_sparse_autoencoder.py::test_codes_reconstruction": 2,
    "tests/cli/test_study.py::test_the_study_of_arrays": 2,
    "tests/engine/test_convolutions.py::test_": 3,
    "tests/engine/test_maxima.py::test_values_are_the_same": 3,
    "tests/engine/test_parity.py::test_penalized_member_equals": 3,
    "tests/engine/test_parity_evaluation.py::test_weighted_validation": 7,
    "tests/engine/test_parity_graphs.py::test_member_equals_fit": 11,
    "tests/engine/test_parity_layers.py::test_member_equals_fit": 8,
    "tests/engine/test_parity_optimizers.py::test_optimizer_equals_fit": 11,
    "tests/engine/test_parity_recurrent.py::test_member_equals_fit": 8,
    "tests/engine/test_parity_spatial.py::test_member_equals_fit": 11,
    "tests/engine/test_parity_starts.py::test_member_starts_as_keras_does": 9,
    "tests/engine/test_stored.py::test_fits_have_the_bits": 2,
    "tests/engine/test_turned.py::test_training_is_the_same": 5,
    "tests/estimators/test_estimators.py::test_targets_of_any": 2,
    "tests/placement/test_exact.py::test_every_optimizer": 3,
    "tests/placement/test_layers.py::test_layers_at_every_place": 29,
    "tests/placement/test_layers.py::test_the_page_has_what": 9,
    "tests/placement/test_places.py::test_gates_are_slices": 3,
    "tests/placement/test_seeds.py::test_a_fit_of_a_study": 2,
    "tests/placement/test_wrapped.py::test_weight_files": 3,
    "tests/plots/test_draw.py::test_all_drawings_render": 4,
    "tests/regularizers/test_contract.py::test_obeys_the_laws": 9,
    "tests/regularizers/test_updates_and_labels.py::test_labels_obey": 4,
    "tests/stats/test_few_folds.py::test_nine_useless": 2,
    "tests/stats/test_selection.py::test_choosing_among": 2,
    "tests/study/test_baselines.py::test_classes_score": 2,
    "tests/study/test_drawn.py::test_what_seeds_decide": 4,
    "tests/study/test_kept.py::test_a_run_that_was_stopped": 2,
    "tests/study/test_kept.py::test_every_kind_of_fit": 2,
    "tests/study/test_own_training.py::test_a_compute_loss": 3,
    "tests/study/test_padding.py::test_scores_of_padded": 4,
    "tests/study/test_penalties.py::test_a_member_is_the_penalized_fit": 3,
    "tests/study/test_pooled.py::test_masks_and_several": 2,
    "tests/study/test_pooled.py::test_predictions_of_validation": 2,
    "tests/study/test_pooled.py::test_the_predictions_are": 3,
    "tests/study/test_row_scores.py::test_every_fit_of_a_study": 2,
    "tests/study/test_study.py::test_scikit_learn_splitters": 2,
    "tests/study/test_training.py::test_a_warm_path": 2,
    "tests/study/test_training.py::test_early_stopping_is_that_of_keras": 2,
    "tests/study/test_weights_of_steps.py::test_weights_of_outputs": 2,
    "tests/study/test_weights_of_steps.py::test_weights_of_steps": 2,
    "tests/tables/test_own_code.py::test_a_table_is_tuned": 3,
    "tests/test_constants.py::test_a_graph_with_a_constant": 2,
    "tests/test_handed_over.py::test_the_mean_of_the_refits": 2,
    "tests/test_own_objects.py::test_the_model_in_memory": 3,
    "tests/test_own_objects.py::test_the_model_of_a_store": 2,
    "tests/test_own_objects.py::test_the_numbers_of_a_store": 3,
    "tests/test_representation.py::test_steps_of_sequences": 2,
}
"""Long lists of cases by the beginning of their names: `make test` runs the first of so many, `make torture` all."""

IN_TORTURE = (
    "tests/autoencoders/test_sparse_autoencoder.py::test_scikit_learn_accepts_it",
    "tests/cases/test_cases.py::test_circles_in_three",
    "tests/cases/test_cases.py::test_moons_as_published",
    "tests/cases/test_cases.py::test_zeros_before",
    "tests/claims/test_chosen.py::test_a_small_measurement",
    "tests/claims/test_claims.py::test_the_command_writes",
    "tests/cli/test_cli.py::test_interrupt_ends_within_two_seconds_with_what_finished[compiling",
    "tests/cli/test_cli.py::test_own_model",
    "tests/cli/test_cli.py::test_predictions_are",
    "tests/cli/test_headerless.py::test_tune_without",
    "tests/cli/test_start.py::test_shells_complete",
    "tests/cli/test_stops.py::test_another_study",
    "tests/cli/test_stops.py::test_tensorflow_is_silent",
    "tests/cli/test_study.py::test_a_function_is_run_only",
    "tests/cli/test_study.py::test_options_of_the_command_line",
    "tests/conversion/test_software.py::test_l2_loss_of_tensorflow",
    "tests/engine/test_device.py::test_a_process_that_compiles_many",
    "tests/engine/test_gpu_script.py::test_parts_with_tiny",
    "tests/engine/test_stored.py::test_noise_is_that",
    "tests/estimators/test_estimators.py::test_a_pipeline_encodes",
    "tests/estimators/test_estimators.py::test_callbacks",
    "tests/estimators/test_estimators.py::test_several_targets_of_classes",
    "tests/estimators/test_newcomer.py",
    "tests/faults/test_faults.py::test_ctrl_c_once_and_twice[2",
    "tests/faults/test_kills.py::test_killed_while_it_trains_from_disk",
    "tests/hostile/test_models.py::test_any_bytes",
    "tests/placement/test_copies.py::test_a_study_hands_over",
    "tests/placement/test_existing.py::test_applications",
    "tests/placement/test_names.py::test_a_script_with_roles",
    "tests/placement/test_rates.py::test_dropout_of",
    "tests/plots/test_draw.py::test_drawing_loads",
    "tests/regularizers/test_adding.py",
    "tests/report/test_charts.py::test_the_slider_of_many",
    "tests/report/test_files.py::test_page_is_small",
    "tests/sequences/test_tune.py::test_forecasts_in_python",
    "tests/study/test_kept.py::test_a_race_and_nested",
    "tests/study/test_nested.py::test_it_is_the_study_of_the_outer",
    "tests/study/test_nested.py::test_programs_are_compiled_once",
    "tests/study/test_nested.py::test_the_words_say",
    "tests/study/test_noise.py::test_dropout_at_a_site_is_an_inserted",
    "tests/study/test_penalties.py::test_results_give",
    "tests/study/test_pooled.py::test_a_study_file_and_a_search",
    "tests/study/test_pooled.py::test_nested_selection",
    "tests/study/test_pooled.py::test_pooled_auc_of_subjects",
    "tests/study/test_pooled.py::test_row_weights_count",
    "tests/study/test_row_scores.py::test_models_that_cannot_be_traced",
    "tests/study/test_row_weights.py::test_nested_outer_rows",
    "tests/study/test_time_order.py::test_outer_folds",
    "tests/study/test_training.py::test_a_layer_that_cannot_be_traced_is_named",
    "tests/study/test_training.py::test_a_study_can_start",
    "tests/study/test_training.py::test_early_stopping_does_not",
    "tests/tables/test_structure.py::test_the_command_has",
    "tests/tables/test_targets.py::test_several_targets_of_more",
    "tests/tables/test_tune.py::test_a_table_of_arrow",
    "tests/tables/test_tune.py::test_tables_of_scikit_learn",
    "tests/test_decoding.py::test_a_decoder_has_codes",
    "tests/test_decoding.py::test_a_measure_of_every_refit",
    "tests/test_docs.py::test_blocks_run[3",
    "tests/test_docs.py::test_the_example_of_the_engine",
    "tests/test_docs.py::test_the_page_of_data",
    "tests/test_docs.py::test_the_page_of_estimators",
    "tests/test_docs.py::test_the_page_of_images",
    "tests/test_docs.py::test_the_page_of_representations",
    "tests/test_docs.py::test_the_page_of_sequences",
    "tests/test_docs.py::test_the_page_of_sparse_autoencoders",
    "tests/test_docs.py::test_the_page_of_tables",
    "tests/test_interrupts.py::test_an_interrupt_inside",
    "tests/test_search.py::test_a_short_search",
    "tests/test_search.py::test_an_autoencoder",
    "tests/test_search.py::test_every_arm_of_the_first_stage",
    "tests/test_search.py::test_the_ranking_holds",
)
"""The beginning of the names of the tests that only `make torture` runs: each repeats at length what others show."""


def longest_first(items: list[pytest.Item]) -> None:
    """Sort slow files to the front, and spread those of processes and other backends over the first half.

    So two workers end at about the same time, and one computes while the other waits for processes.
    """
    files = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in items))
    elsewhere = (*MARKED["process"], *MARKED["backend"])
    process, slow = ([file for file in files if file.startswith(names)] for names in (elsewhere, MARKED["slow"]))
    others = [
        *(file for file in slow if file not in process),
        *(file for file in files if file not in {*process, *slow}),
    ]
    step = max(1, len(others) // (2 * len(process) or 1))
    order = {file: (number * step, 0) for number, file in enumerate(process)}
    order |= {file: (number, 1) for number, file in enumerate(others)}
    items.sort(key=lambda item: order[item.nodeid.partition("::")[0]])


def mark(items: list[pytest.Item]) -> None:
    """Add to each test the markers of its file or name."""
    for item in items:
        for marker, beginnings in MARKED.items():
            if item.nodeid.startswith(beginnings):
                item.add_marker(marker)


def leave_to_torture(items: list[pytest.Item], named: bool) -> None:
    """Skip what only `make torture` runs, unless the command line names tests.

    The place of a case counts within its test function, so that the same cases run whatever else is selected.
    """
    if named or os.environ.get(TORTURE):
        return
    places: Counter[str] = Counter()
    for item in items:
        function = item.nodeid.partition("[")[0]
        place, places[function] = places[function], places[function] + 1
        steps = [step for beginning, step in LISTS.items() if item.nodeid.startswith(beginning)]
        if item.nodeid.startswith(IN_TORTURE) or any(place % step for step in steps):
            item.add_marker(pytest.mark.skip(reason="in make torture"))
