"""A new penalty takes three edits: its class, its name in the stub, its formula. They are made in a copy and tried."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import bridle

ROOT = Path(__file__).parents[2]
CLASS = '''"""Sums of cubes of magnitudes."""

from typing import Any

from bridle._keras import ops
from bridle.regularizers._penalty import Per
from bridle.regularizers._kinds import Entrywise
from bridle.regularizers._registry import penalty


@penalty
class Cubic(Entrywise):
    """`strength * sum |x|^3`."""

    names = ("strength",)
    kind = "cubic"
    options = ("per",)

    def __init__(self, strength: object = "auto", *, per: Per = "sample") -> None:
        self.per = per
        super().__init__(strength)

    def entry_values(self, x: Any) -> tuple[Any, ...]:
        return (ops.abs(x) ** 3,)
'''
EDITS = {
    "auditing/_formulas.py": (
        '    "l2": lambda p, x: (np.square(x),),\n',
        '    "l2": lambda p, x: (np.square(x),),\n    "cubic": lambda p, x: (np.abs(x) ** 3,),\n',
    ),
    "__init__.pyi": (
        "from bridle.regularizers._smooth import Log as Log\n",
        "from bridle.regularizers._cubic import Cubic as Cubic\nfrom bridle.regularizers._smooth import Log as Log\n",
    ),
}
"""The lines that are replaced by more; the third edit is the file of the class."""
TRIAL = """
import importlib.util, pathlib, sys, tempfile
import keras, numpy as np
import bridle
from tests.regularizers import _cases
from tests.regularizers.test_contract import test_every_penalty_is_in_the_list
from tests.auditing.test_independent import test_every_formula_is_the_published_one

assert repr(bridle.parse_penalty("cubic(0.1)")) == repr(bridle.Cubic(0.1))
assert repr(bridle.parse_penalty(bridle.Cubic(0.1, per="unit").to_text("0.1"))) == repr(bridle.Cubic(0.1, per="unit"))
assert repr(bridle.Cubic.from_config(bridle.Cubic([0.1, 1]).get_config())) == repr(bridle.Cubic([0.1, 1]))
assert "Cubic" in dir(bridle)

test_every_penalty_is_in_the_list()
lines = [line for line in _cases.LINES if line.penalty.kind == "cubic"]
assert [line.on for line in lines] == ["weight", "activation"]
for line in lines:
    _cases.check(line)
test_every_formula_is_the_published_one(lines[0])

x, y = np.random.RandomState(0).normal(size=(24, 2)).astype("float32"), np.arange(24) % 2
def build():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid", name="out")])
    model.compile("adam", "binary_crossentropy")
    return model
model = bridle.regularize(build(), {"out/kernel": "cubic(0.1)"})
path = pathlib.Path(tempfile.mkdtemp()) / "model.keras"
model.save(path)
assert repr(keras.models.load_model(path).terms) == repr(model.terms)
(row,) = bridle.audit(model, x).rows
np.testing.assert_allclose(row.charged, row.expected, rtol=1e-5)

study = bridle.Study(build, {"cubic": {"out/kernel": bridle.Cubic()}}, seeds=1, folds=2, epochs=2)
table = study.run(x, y, progress=False).table()
assert len(set(table["out/kernel cubic"])) > 3, table

spec = importlib.util.spec_from_file_location("api_page", sys.argv[1])
page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(page)
assert "## bridle.Cubic" in page.page()
print("tried", bridle.__file__)
"""


def test_three_edits_add_a_penalty(tmp_path: Path) -> None:
    """Text, configuration, saved model, audit, search of a range, page and contract follow from them."""
    package = tmp_path / "bridle"
    shutil.copytree(Path(bridle.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "regularizers" / "_cubic.py").write_text(CLASS)
    for name, (old, new) in EDITS.items():
        text = (package / name).read_text()
        assert text.count(old) == 1
        (package / name).write_text(text.replace(old, new))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRIAL, str(ROOT / "docs" / "api.py")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(package) in done.stdout
