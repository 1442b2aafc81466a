"""Documentation runs: README blocks, docstring examples, commands that exist, pictures that are there."""

import doctest
import importlib
import importlib.util
import json
import pkgutil
import re
from pathlib import Path

import keras
import pytest

import bridle
from bridle.placement import read_terms
from bridle.tuning import load_applied
from tests.conftest import network

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
BLOCKS = re.findall(r"```python\n(.*?)```", README + PAGES["python.md"], re.DOTALL)
MODULES = [module.name for module in pkgutil.walk_packages(bridle.__path__, "bridle.")]


def shortened(code: str) -> str:
    """Return the code with fewer epochs and a shorter time for a search."""
    for long, short in {"epochs=500": "epochs=50", "epochs=10,": "epochs=3,", "seconds=20": "seconds=4"}.items():
        code = code.replace(long, short)
    return code


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_blocks_run(number: int, tmp_path, monkeypatch) -> None:
    """Each as a script of its own, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec(compile(shortened(BLOCKS[number]), "README.md", "exec"), scope)
    if isinstance(scope.get("result"), bridle.SearchResult):
        assert scope["result"].ranking()["stage"].iloc[0] == "final"
    elif "mean" in scope:
        loaded = keras.models.load_model(tmp_path / "iris.keras")
        assert loaded.count_params() == 3 * scope["one"].count_params()
    elif set(scope) == {"__builtins__", "bridle", "arms"}:  # arms without a study: for the network before
        for arm in scope["arms"].values():
            assert read_terms(network(), arm)
    elif "study" in scope:
        assert (tmp_path / "moons.html").stat().st_size > 10_000
        assert "accuracy" in scope["result"].verdict()
        assert scope["best"].predict(scope["x"], verbose=0).shape == (100, 1)
    elif "result" in scope:
        assert scope["result"].data.members.finished.all()
    else:
        assert (tmp_path / "penalized.keras").stat().st_size > 10_000
        assert scope["plain"].count_params() == scope["model"].count_params()


def test_the_page_of_kinds_runs() -> None:
    """A study that ranks all kinds, up to its fits, and an audit of a model's own."""
    page = PAGES["kinds.md"]
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    scope: dict = {}
    exec(compile(code.replace(".run(x, y)", ".plan(x, y, timed=False)"), "kinds.md", "exec"), scope)
    assert {name for name in scope["arms"] if name in str(scope["result"])} == set(scope["arms"])
    session = "\n".join(re.findall(r"```pycon\n(.*?)```", page, re.DOTALL))
    example = doctest.DocTestParser().get_doctest(session, {}, "kinds.md", "kinds.md", 0)
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_the_page_of_sequences_runs(tmp_path, monkeypatch) -> None:
    """A language model that selects by perplexity, what an encoder–decoder writes, and an ensemble that saves."""
    monkeypatch.chdir(tmp_path)
    scopes: list[dict] = []
    for code in re.findall(r"```python\n(.*?)```", PAGES["sequences.md"], re.DOTALL):
        scopes.append({})
        exec(compile(code.replace("epochs=20", "epochs=3"), "sequences.md", "exec"), scopes[-1])
    language, decoder, ensembles = scopes
    assert decoder["errors"]["seeds"].tolist() == [3, 3]
    assert 0 < decoder["errors"]["mean"].max() < 2
    assert language["result"].data.score.name == "perplexity"
    assert ensembles["plain"].gain(ensembles["x"][600:], ensembles["y"][600:], measure="loss").low > 0
    assert keras.models.load_model("ensemble.keras").count_params() == 3 * ensembles["model"].count_params()


def test_the_page_of_data_runs(tmp_path, monkeypatch) -> None:
    """One script: arrays, tables, files, datasets, inputs, time, and rows on disk whose study is found again."""
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    for code in re.findall(r"```python\n(.*?)```", PAGES["data.md"], re.DOTALL):
        exec(compile(code, "data.md", "exec"), scope)
    plans = ("arrays", "sparse", "table", "archive", "columns", "hdf5", "pair", "streamed", "rows", "grouped")
    assert {len(scope[name]) for name in plans} == {6}
    assert (tmp_path / "answer" / "rows" / "x.npy").is_file()
    assert scope["again"].data.provenance["fits from the store"] == len(scope["stored"].data.members)


def test_the_page_of_images_runs(tmp_path, monkeypatch) -> None:
    """Class folders and a table of generated images, smaller ones and with few fits and epochs."""
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGES["data-images.md"], re.DOTALL)
    few = code.replace("seeds=2", "seeds=1").replace("(16, 16, 3)", "(8, 8, 3)").replace("size=12", "size=6")
    few = few.replace("epochs=10", 'epochs=2, arms={"L2": {"*/kernel": bridle.L2(1e-3)}}')
    scope: dict = {}
    exec(compile(few, "data-images.md", "exec"), scope)
    assert list(scope["predictions"]) == ["file", "class", "p(bars)", "p(dots)"]
    assert len(scope["predictions"]) == 20
    assert (tmp_path / "answer" / "errors.png").is_file() or scope["answer"].result.best().mean == 1


def test_the_page_of_sequences_and_forecasts_runs(tmp_path, monkeypatch) -> None:
    """A label for each sequence, a model of one's own, and a forecast of the hour after the table; with few fits."""
    monkeypatch.chdir(tmp_path)
    scopes: list[dict] = []
    for code in re.findall(r"```python\n(.*?)```", PAGES["data-sequences.md"], re.DOTALL):
        few = code.replace('L2("auto")', "L2(1e-3)").replace("seeds=2, folds=3", "seeds=1, folds=2, epochs=4")
        scopes.append({})
        exec(compile(few.replace("24 * 21", "24 * 10"), "data-sequences.md", "exec"), scopes[-1])
    sequences, recurrent, forecasts = scopes
    assert list(sequences["labels"]) == ["id", "label", "p(down)", "p(up)"]
    assert recurrent["recurrent"]((9, 2), 1).output_shape == (None, 1)
    assert forecasts["forecast"]["t"].tolist() == ["2026-01-15"]
    assert "naive forecast (a day ago)" in forecasts["answer"].result.baselines()["model"].tolist()


def test_the_page_of_sparse_autoencoders_runs(tmp_path, monkeypatch) -> None:
    """Each block as a script of its own, with few epochs."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGES["sparse-autoencoders.md"], re.DOTALL)
    scopes: list[dict] = [{} for _ in blocks]
    for code, scope in zip(blocks, scopes, strict=True):
        few = re.sub(r"epochs=\d+", "epochs=3", code).replace("[3e-4, 1e-3]", "1e-3").replace("seeds=2", "seeds=1")
        exec(compile(few, "sparse-autoencoders.md", "exec"), scope)
    assert scopes[0]["code"].shape == (1797, 64)
    assert scopes[1]["result"].data.members.finished.all()
    assert (tmp_path / "digits-sae" / "cfg.json").is_file()
    assert scopes[3]["codes"].shape == (1797, 128)


@pytest.mark.usefixtures("options_of_users")
def test_the_page_of_representations_runs() -> None:
    """Two studies of codes and a search along their frontier, with few fits."""
    first, folds, second = re.findall(r"```python\n(.*?)```", PAGES["representations.md"], re.DOTALL)
    scope: dict = {}
    exec(compile(first.replace("epochs=15", "epochs=2"), "representations.md", "exec"), scope)
    assert scope["codes"].measures["probe"].shape == (6, 3)
    exec(compile(folds.replace("epochs=15", "epochs=2"), "representations.md", "exec"), scope)
    assert scope["folds"].measures["fvu"].shape == (3, 6)
    quick = second.replace("epochs=30", "epochs=2").replace("seconds=30", "seconds=1")
    exec(compile(quick, "representations.md", "exec"), scope)
    assert scope["found"].evidence.sparse.tensor == "code/output"


def test_the_page_of_estimators_runs(tmp_path, monkeypatch) -> None:
    """Each block as a script of its own, with few epochs."""
    monkeypatch.chdir(tmp_path)
    scopes: list[dict] = []
    for code in re.findall(r"```python\n(.*?)```", PAGES["scikit-learn.md"], re.DOTALL):
        scopes.append({})
        few = re.sub(r"seeds=\d, folds=\d", "seeds=1, folds=2, epochs=2", code).replace("cv=3", "cv=2")
        exec(compile(few, "scikit-learn.md", "exec"), scopes[-1])
    assert scopes[0]["classifier"].predict_proba(scopes[0]["x"]).shape == (178, 3)
    assert (tmp_path / "diabetes.html").stat().st_size > 10_000
    assert keras.models.load_model("diabetes.keras").count_params() == scopes[2]["regressor"].model_.count_params()


@pytest.mark.filterwarnings("default")  # MLflow's own
def test_the_page_of_exports_runs(tmp_path, monkeypatch) -> None:
    """Each block as a script of its own, with few epochs; those of packages that are not installed are left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DO_NOT_TRACK", "true")
    first, onnx, reading, trackers = re.findall(r"```python\n(.*?)```", PAGES["exporting.md"], re.DOTALL)
    scope: dict = {}
    exec(compile(re.sub(r"epochs=\d+", "epochs=2", first), "exporting.md", "exec"), scope)
    assert (tmp_path / "card" / "README.md") in [tmp_path / path for path in scope["card"].files]
    scope["result"].save("answer")
    if importlib.util.find_spec("mlflow"):
        exec(compile(trackers, "exporting.md", "exec"), {})
        assert (tmp_path / "runs").is_dir()
        assert (tmp_path / "events" / "study").is_dir()
    if importlib.util.find_spec("jax2onnx"):
        exec(compile(onnx.replace("epochs=10", "epochs=2"), "exporting.md", "exec"), {})
        exec(compile(reading, "exporting.md", "exec"), scope)
        assert set(scope["labels"]) <= {"0", "1", "2"}


def test_the_example_of_the_engine_runs() -> None:
    """Early stopping, a warm path, an arm with its own rate, averaged weights, a plan: in one study."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "engine.md").read_text(), re.DOTALL)
    scope: dict = {}
    exec(compile(shortened(code), "engine.md", "exec"), scope)
    result = scope["result"]
    assert result.data.members.finished.all()
    assert "GB of memory at the peak" in str(scope["study"].plan(scope["x"] / 16, scope["y"]))
    assert {arm.learning_rate for arm in result.data.arms} == {None, 3e-4}


def test_the_page_of_tables_shows_what_was_handed_over() -> None:
    """Written from the numbers in benchmarks/handed_over.json."""
    from benchmarks.handed_over import markdown

    lines = json.loads((ROOT / "benchmarks" / "handed_over.json").read_text())
    assert markdown(lines) in (ROOT / "docs" / "tables.md").read_text()


def test_the_page_of_benchmarks_shows_what_was_measured() -> None:
    """Written from the numbers beside it, by the program that measured them."""
    from benchmarks.engine.report import as_markdown

    numbers = json.loads((ROOT / "benchmarks" / "engine.json").read_text())
    assert (ROOT / "docs" / "benchmarks.md").read_text() == as_markdown(numbers)


def test_the_page_of_statistics_shows_what_was_simulated() -> None:
    """Written from the numbers of the simulations, by the program beside them."""
    from benchmarks.statistics_page import PAGE, page

    assert PAGE.read_text() == page()


def test_the_page_of_claims_shows_what_was_measured() -> None:
    """Written from the numbers in benchmarks/claims.json and benchmarks/chosen.json."""
    from benchmarks.chosen_page import page

    claims, chosen = (json.loads((ROOT / "benchmarks" / f"{name}.json").read_text()) for name in ("claims", "chosen"))
    assert (ROOT / "docs" / "claims.md").read_text() == page(claims, chosen)


def test_the_page_of_cases_shows_what_was_measured() -> None:
    """Written from the numbers in benchmarks/cases.json, by the program that measured them."""
    from benchmarks.cases import PAGE, RECORD, markdown

    assert PAGE.read_text() == markdown(json.loads(RECORD.read_text()))


def test_the_page_of_the_prior_shows_what_was_learned() -> None:
    """Written from the numbers beside the bank and the curves in the package."""
    from benchmarks.prior.page import page

    from bridle.stats._prior import PRIOR_FILE

    numbers = json.loads((ROOT / "benchmarks" / "prior" / "numbers.json").read_text())
    assert (ROOT / "docs" / "prior.md").read_text() == page(numbers, json.loads(PRIOR_FILE.read_text()))


def test_the_ranking_shows_what_was_measured() -> None:
    """Written from benchmarks/ranking.json."""
    from benchmarks.ranking_page import markdown

    lines = json.loads((ROOT / "benchmarks" / "ranking.json").read_text())
    assert (ROOT / "docs" / "ranking.md").read_text() == markdown(lines)


def test_the_page_of_tools_shows_what_was_measured() -> None:
    """Written from benchmarks/comparison.json and the text in benchmarks/comparison.md."""
    from benchmarks.comparison import NUMBERS, PAGE, markdown

    assert PAGE.read_text() == markdown(json.loads(NUMBERS.read_text()))


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    """Every `>>>` in the package."""
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_commands_in_the_documentation_exist() -> None:
    """Every `bridle …` and `make …` in README and CONTRIBUTING."""
    from bridle.cli._app import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    names = (
        "commands.md",
        "tables.md",
        "data-images.md",
        "data-sequences.md",
        "python.md",
        "stores.md",
        "exporting.md",
    )
    pages = [PAGES[name] for name in names]
    text = "\n".join([README, (ROOT / "CONTRIBUTING.md").read_text(), *pages])
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    said = {
        name: set(re.findall(rf"`{name} (\w+)", text) + re.findall(rf"^{name} (\w+)", blocks, re.MULTILINE))
        for name in ("bridle", "make")
    }
    assert {"run", "tune", "predict", "audit", "convert"} <= said["bridle"] <= commands
    assert {"demo", "test"} <= said["make"] <= targets


def test_links_and_pictures_are_there() -> None:
    """No link into the project is broken."""
    for folder, text in [(ROOT, README), *((ROOT / "docs", page) for page in PAGES.values())]:
        for target in re.findall(r"\]\((?!http)([^)#\s]+)\)", text):
            place, _, name = target.partition("/")
            if place == "gallery":  # the site makes these pages from examples
                target = f"../examples/{Path(name).stem}.py" if name != "index.rst" else "../examples/README.rst"
            assert target == "reference/index.md" or (folder / target).exists(), target


def test_readme_is_short_and_easy_to_read() -> None:
    """At most 150 lines, 20 words a sentence on average, and the words that people search for."""
    assert len(README.splitlines()) <= 150
    counts = [len(sentence.split()) for sentence in sentences(README)]
    assert len(counts) > 40
    assert sum(counts) / len(counts) <= 20
    for word in (
        "overfitting",
        "L1",
        "L2",
        "dropout",
        "sparse activations",
        "cross-validation",
        "one-standard-error rule",
    ):
        assert word.lower() in README.lower(), word
    assert "difference is real" in README.replace("\n", " ").replace("difference\nis", "difference is")


def sentences(page: str) -> list[str]:
    """Return the sentences of a page, without its code, tables, pictures and headings."""
    text = re.sub(r"```.*?```|^\|.*?$|^#.*?$|^!\[.*?$", "\n\n", page, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)|`[^`]*`", " code ", re.sub(r"^\* ", "\n\n", text, flags=re.MULTILINE))
    parts = re.split(r"(?<=[.?!:])\s+|\n\s*\n", text)
    return [part for part in parts if re.search(r"\w", part)]


def test_public_docstrings_say_what_they_are() -> None:
    """Every public name of the package has one."""
    assert [name for name in dir(bridle) if name != "__version__" and not getattr(bridle, name).__doc__] == []


def test_pins_are_plain() -> None:
    """`name==version` lines only: no addresses, no paths."""
    lines = (ROOT / "constraints.txt").read_text().split()
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line) for line in lines)


def test_the_page_of_study_files_names_every_entry(tmp_path) -> None:
    """Its example and that of the page of tables are read, and no entry is left out."""
    from bridle.tuning import _schema as _entries
    from bridle.tuning import read_study

    page = (ROOT / "docs" / "study.md").read_text()
    for number, text in enumerate(re.findall(r"```toml\n(.*?)```", page + PAGES["tables.md"], re.DOTALL)):
        (tmp_path / "study.toml").write_text(text)
        assert read_study(tmp_path / "study.toml").arms, number
    for entries in (_entries.DATA, _entries.MODEL, _entries.STUDY, _entries.STOPPING):
        assert [name for name in entries if f"`{name}`" not in page and f"[study.{name}]" not in page] == []


def test_the_page_of_the_api_shows_the_docstrings() -> None:
    """Written by docs/api.py; `make docs` renews it."""
    assert PAGES["api.md"] == generated("api"), "Run make docs."


def test_the_page_of_diagnoses_shows_what_the_command_prints() -> None:
    """Written by docs/diagnoses.py from the texts of `bridle explain`; the links lead to its headings."""
    assert PAGES["diagnoses.md"] == generated("diagnoses"), "Run make docs."
    links = re.findall(r"\(#(br\d+)\)", PAGES["diagnoses.md"])
    assert links == [code.lower() for code in re.findall(r"^## (BR\d+)$", PAGES["diagnoses.md"], re.MULTILINE)]


def generated(name: str) -> str:
    """Return the page that a program in docs/ writes."""
    spec = importlib.util.spec_from_file_location(f"{name}_page", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


def test_the_page_of_tables_runs(tmp_path, monkeypatch) -> None:
    """Two targets of classes; dates, shops and notes from lines of JSON; and a table of many rows, of fewer here."""
    monkeypatch.chdir(tmp_path)
    several, orders, many = re.findall(r"```python\n(.*?)```", PAGES["data-tables.md"], re.DOTALL)
    scope: dict = {}
    exec(compile(several, "data-tables.md", "exec"), scope)
    assert scope["two"].target_scores["selected"].min() > 0.7
    scope = {}
    exec(compile(orders, "data-tables.md", "exec"), scope)
    kinds = [column.kind for column in scope["answer"].preparation.layout.columns]
    assert kinds == ["date", "encoded", "words", "number"]
    again = load_applied("answer").predict(scope["table"])
    assert again.equals(scope["predictions"])
    assert (again["returned"] == scope["table"]["returned"]).mean() > 0.6
    for name, limit in (("tables._read.LARGE", 2**16), ("tuning._sizes.MANY_ROWS", 1000)):
        monkeypatch.setattr(f"bridle.{name}", limit)
    scope = {}
    few = many.replace("400_000", "1_500").replace("range(500)", "range(50)").replace("[1e-4, 1e-3]", "1e-4")
    exec(compile(few.replace('"paid", ', '"paid", epochs=5, '), "data-tables.md", "exec"), scope)
    assert (tmp_path / "large.csv").stat().st_size > 2**16
    result = scope["answer"].result
    assert (len(result.data.seeds), result.data.folds) == (2, 3)
    assert result.best().mean > 0.7
