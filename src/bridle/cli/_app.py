"""The command line's app: the list of its commands, and one of them when it is called.

Nothing at the top loads Keras or JAX, which takes seconds: help and completion answer at once.
"""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bridle import _version
from bridle._garbage import gc_paused

SUMMARIES = {
    "run": "Run a shipped case: a tutorial in two protocols, or a measurement held against its reference.",
    "tune": "Find the regularization for a table or a folder of images or texts, and save the model.",
    "study": "Run a study that is described in a file.",
    "predict": "Apply a tuned model to new rows.",
    "report": "Write the report of a stored study again.",
    "resume": "Run only the missing fits of a folder.",
    "extend": "Add seeds to a study, or change its epochs. Existing fits are kept.",
    "list": "List the studies in a folder and its subfolders.",
    "show": "Show the result of a study, or its progress.",
    "explain": "Explain a diagnosis by its code, or those of a stored study. Without an argument: list all codes.",
    "export": "Write a study for other programs: a table of fits, an ONNX model, a model card, or a tracker.",
    "verify": "Check every byte of a study: hashes, counts and the index. The exit code is 1 after an error.",
    "compact": "Merge the shards of a study into a few compressed ones.",
    "audit": "Report what regularizes a saved model: penalties, noise, constraints, decay, and what of it does nothing.",  # noqa: E501
    "convert": "Translate strengths, rates and decays between Keras versions, PyTorch, TensorFlow, scikit-learn and papers.",  # noqa: E501
}
"""Name of each command and the first line of its help, in the order of the list."""


class Commands(TyperGroup):
    """The commands: a name and a line each, and the whole of one when it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the first word names, and load it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _load_command(str(name)), rest


def _load_command(name: str) -> Any:
    with gc_paused():
        from bridle.cli._commands import COMMANDS

    one = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    one.command(name)(COMMANDS[name])
    return typer.main.get_command(one)


app = typer.Typer(
    name="bridle",
    cls=Commands,
    help="Finds the regularization that makes a Keras network generalize, and shows the evidence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
"""The command line."""
for _name, _summary in SUMMARIES.items():
    app.command(_name, help=_summary)(lambda: None)


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Find the regularization that makes a Keras network generalize, and show the evidence."""
    if version:
        print(f"bridle {_version.__version__}")
        raise typer.Exit
