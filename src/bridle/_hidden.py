"""The rooms that jedi leaves out after `bridle.`: those on disk that are no public name.

Jedi completes a package to every module in its directory, also where a stub says otherwise. A name that ends in `del`
it leaves out, and names that a stub imports with `*` come before the modules on disk. So the stub imports this module;
nothing else does. Type checkers need none of this: for them `__all__` is empty. Rooms still complete where they are
imported, as in `from bridle.cases import CASES`. `tests/test_public.py` fails where a room is missing here.
"""

__all__: list[str] = []

_api = _cards = _errors = _garbage = _hidden = _keras = _lazy = _progress = _version = None
del _api, _cards, _errors, _garbage, _hidden, _keras, _lazy, _progress, _version

auditing = autoencoders = cases = cli = conversion = engine = placement = plots = regularizers = report = results = None
del auditing, autoencoders, cases, cli, conversion, engine, placement, plots, regularizers, report, results

stats = store = study = tables = tuning = untrusted = wording = None
del stats, store, study, tables, tuning, untrusted, wording

estimators = exporting = images = sequences = None
del estimators, exporting, images, sequences
