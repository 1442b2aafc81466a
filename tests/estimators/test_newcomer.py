"""The path of a newcomer: the lines of the start page, in a notebook and in a shell, to a verdict."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from tests.faults.conftest import scaled

from bridle._cards import NAME

START = (Path(__file__).parents[2] / "docs" / "index.md").read_text()
"""The start page of the site."""


def block(language: str) -> str:
    """The only block of code in a language on the start page."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", START, re.DOTALL)
    return found


def test_the_three_lines_in_a_notebook(tmp_path) -> None:
    """They print the verdict below a bar that leaves one line; the estimator is a card, and pictures are inline.

    With few fits, but in `make torture`.
    """
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    lines = block("python").replace("print(bridle", "estimator = (bridle").replace(".verdict())", ")")
    if not scaled(0, 1):
        lines = lines.replace("progress=True", "progress=True, seeds=1, folds=3, epochs=20")
        assert "epochs=20" in lines
    texts = (
        lines,
        "print(estimator.verdict())",
        "estimator",
        "print(estimator.result_)",
        "estimator.result_.plot.sweep()",
    )
    cells = [nbformat.v4.new_code_cell(text) for text in texts]
    folder = {"metadata": {"path": str(tmp_path)}}
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", resources=folder).execute()
    shown, said, card, printed, drawn_inline = (cell.outputs for cell in notebook.cells)
    assert [output.output_type for output in drawn_inline] == ["execute_result", "display_data"]
    assert len(drawn_inline[1].data["image/png"]) > 5000
    (bar,) = [output for output in shown if output.output_type == "display_data"]
    assert bar.data["text/html"].startswith("Study ended after ")
    verdict = "".join(output.text for output in said)
    assert "accuracy is " in verdict
    assert "Next: " in verdict
    (drawn,) = card
    assert NAME in drawn.data["text/html"]
    assert verdict.splitlines()[0] in drawn.data["text/html"]
    (whole,) = printed
    assert whole.text.startswith(verdict)
    assert "strength" in whole.text


def test_the_command_in_a_shell(tmp_path) -> None:
    """It ends with the verdict, and with the command that applies the model, which works as printed."""
    (command,) = re.findall(r"`(bridle tune [^`]*)`", START)
    flowers = load_iris(as_frame=True)
    table = flowers.frame.sample(60, random_state=0)
    table["species"] = flowers.target_names[table.pop("target")]
    table.to_csv(tmp_path / "data.csv", index=False)
    bridle = f"'{sys.executable}' -c 'from bridle.cli import main; main()'"

    def shell(line: str) -> str:
        line = line.replace("bridle ", f"{bridle} ", 1)
        run = subprocess.run(line, shell=True, cwd=tmp_path, env=os.environ, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout

    said = shell(f"{command} --quick")
    assert "On unseen rows, accuracy is " in said
    assert "Next: " in said
    table.drop(columns="species").to_csv(tmp_path / "new.csv", index=False)
    (apply,) = re.findall(r"^Apply it to new rows: (bridle .*)$", said, re.MULTILINE)
    assert shell(apply).count("\n") == 61
