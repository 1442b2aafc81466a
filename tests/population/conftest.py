"""Says at the end of a run how much was found equal to `model.fit`."""

from typing import Any

COUNTED = {
    "test_member_equals_fit": "models",
    "test_optimizer_equals_fit": "optimizer settings",
    "test_member_starts_as_keras_does": "starts",
}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line with the size of the parity suite, counted from the reports of all workers."""
    passed = [report.nodeid for report in terminalreporter.getreports("passed")]
    counts = {what: sum(f"::{test}[" in nodeid for nodeid in passed) for test, what in COUNTED.items()}
    found = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if found:
        terminalreporter.write_line(f"parity: {found}, equal to model.fit")
