"""`bridle convert` on the command line."""

import sys

import pytest

import bridle
from bridle.cli import run as run_command
from bridle.conversion import CONVENTIONS


@pytest.fixture
def command(monkeypatch, capsys):
    """Run a command: (exit code, standard output on one line, standard error)."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bridle", "convert", *words])
        code = run_command()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, " ".join(out.split()), err

    return run


def test_convert_prints_the_sentences(command) -> None:
    """The number, both meanings, the factor and the penalty."""
    words = ("--from", "keras2.3 l1 activity", "--to", "keras3.14 activity", "--batch-size", "30")
    code, out, err = command("1e-4", *words)
    assert (code, err) == (0, "")
    assert out.startswith("L1 0.0001 (keras2.3 activity) = L1 0.003 (keras3.14 activity)")
    assert "Factor 30 = batch_size, with batch_size = 30." in out
    assert out.endswith("In bridle: l1(0.003)")
    code, out, _ = command("2", "--from", "awd-lstm alpha", "--time-steps", "7", "--units", "3")
    assert "= L2 0.0952381 (bridle activity)" in out
    assert (
        "0.1 (keras weight_decay)"
        in command("1e-4", "--from", "tfa adamw", "--to", "adamw", "--learning-rate", "1e-3")[1]
    )


def test_lists_show_everything(command) -> None:
    """Every convention with its sentence, every preset with its source."""
    _, out, _ = command("--list")
    assert all(convention.name in out for convention in CONVENTIONS)
    assert "Keras 3.14 and later: adds strength" in out
    _, out, _ = command("--presets")
    assert all(f"{preset.where} = {preset.text}" in out for preset in bridle.presets.values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Expected a strength and --from"),
        (("1e-4",), "--from"),
        (("1e-4", "--from", "keras2.3 activity"), "--batch-size"),
        (("1e-4", "--from", "kears l2"), "Nearest: 'keras"),
        (("1e-4", "--from", "adamw", "--to", "keras l2"), "decoupled decay"),
        (("nan", "--from", "keras l2"), "finite"),
        (("much", "--from", "keras l2"), "valid"),
        (("1", "--from", "keras2.3 activity", "--batch-size", "0"), "above zero"),
    ],
)
def test_mistakes_end_with_a_sentence_and_2(command, words, said) -> None:
    """No traceback, and what to do next."""
    code, _, err = command(*words)
    assert code == 2
    assert said in err
