"""Markers of tests by file or by name: what `make quick` leaves out."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

DESCRIPTIONS = {
    "slow": "takes long: compiles many programs or draws many inputs",
    "process": "starts, stops or kills other processes",
    "backend": "runs Keras on another backend",
    "browser": "opens a page in Chromium",
}

MARKED = {
    "slow": (
        "tests/auditing/test_traps.py",
        "tests/claims",
        "tests/cases",
        "tests/cli/test_cli.py::test_predictions",
        "tests/cli/test_cli.py::test_run_writes",
        "tests/cli/test_cli.py::test_tune_then",
        "tests/cli/test_study.py",
        "tests/engine/test_convolutions.py",
        "tests/engine/test_evaluate.py",
        "tests/engine/test_parity",
        "tests/engine/test_turned.py",
        "tests/hostile",
        "tests/images/test_tune.py",
        "tests/placement/test_exact.py",
        "tests/placement/test_layers.py",
        "tests/plots/test_draw.py",
        "tests/sequences/test_tune.py",
        "tests/study/test_kept.py",
        "tests/study/test_forms.py",
        "tests/study/test_nested.py",
        "tests/study/test_own_training.py",
        "tests/study/test_padding.py",
        "tests/study/test_penalties.py",
        "tests/study/test_pooled.py",
        "tests/study/test_row_weights.py",
        "tests/study/test_study.py",
        "tests/study/test_training.py",
        "tests/study/test_weights_of_steps.py",
        "tests/tables/test_as_they_come.py",
        "tests/tables/test_own_code.py",
        "tests/tables/test_structure.py",
        "tests/tables/test_tune.py",
        "tests/test_docs.py",
        "tests/test_handed_over.py",
        "tests/test_own_objects.py",
        "tests/test_prepared_rows.py",
        "tests/test_search.py",
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


def longest_first(items: list[pytest.Item]) -> None:
    """Sort slow files to the front, and spread those of processes over the first half.

    So two workers end at about the same time, and one computes while the other waits for processes.
    """
    files = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in items))
    process, slow = ([file for file in files if file.startswith(MARKED[marker])] for marker in ("process", "slow"))
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
