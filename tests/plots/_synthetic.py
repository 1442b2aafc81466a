"""A StudyResult of invented numbers, without a network: scores that rise and fall with the strength."""

import numpy as np

from bridle.results import ALL_ROWS, UNIT_SHARES, Activation, Arm, Members, Picture, Score, StudyResult

POINTS = 12


def study(
    *,
    arms=None,
    seeds=6,
    folds=5,
    score="accuracy",
    lift=0.06,
    rows=30,
    held_out=("test",),
    diverged=(),
    picture=False,
    insides=False,
    refits=True,
    rng=0,
    **changes,
):
    """Build a result. `arms` maps a name to {slot: strengths}; `diverged` lists member numbers.

    The validation score of a setting is 0.77 plus `lift` times a bump over log strength centred on 1e-3.
    Seeds and folds add noise that is shared by the settings.
    """
    rng = np.random.default_rng(rng)
    arms = {"L1 activity": {"hidden/output l1": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}} if arms is None else arms
    slots = tuple(dict.fromkeys(slot for own in arms.values() for slot in own))
    made = (Arm("none", (), ()), *(_arm(name, own, slots) for name, own in arms.items()))
    setting_arm, strengths = [0], [np.zeros(len(slots))]
    for number, own in enumerate(arms.values(), start=1):
        for values in np.array(np.meshgrid(*own.values(), indexing="ij")).reshape(len(own), -1).T:
            row = np.zeros(len(slots))
            row[[slots.index(slot) for slot in own]] = values
            setting_arm.append(number)
            strengths.append(row)
    setting_arm, strengths = np.array(setting_arm), np.array(strengths)
    members = _members(len(setting_arm), seeds, folds, diverged, refits)
    quantities, curves = _curves(strengths, members, score, lift, rng)
    names = tuple(
        f"{kind}/{t}" for kind in ("zeros", "size", "norm") for t in _tensors(slots) if kind != "norm" or "kernel" in t
    )
    if insides:
        names += tuple(f"unit{share}/{tensor}" for tensor in _tensors(slots) for share in UNIT_SHARES)
        changes = {**_insides(members, strengths, rng), **changes}
    total = strengths.sum(axis=1)[members.setting]
    diagnostics = np.stack([_diagnostic(name, total, rng) for name in names], axis=1)
    diagnostics[~members.finished] = np.nan
    last = curves[:, -1, :]
    outside = {name: np.where((members.fold == ALL_ROWS)[:, None], last[:, 2:4], np.nan) for name in held_out}
    return StudyResult(
        arms=made,
        slots=slots,
        setting_arm=setting_arm,
        setting_strengths=strengths,
        members=members,
        score=Score(score, score != "loss"),
        epochs=np.linspace(0, 4000, POINTS).astype(int),
        quantities=quantities,
        curves=curves,
        diagnostic_names=names,
        diagnostics=diagnostics,
        fold_rows=np.array([[rows * 4 // 5, rows // 5]] * folds if folds > 1 else [[30, 70]]),
        held_out_names=("loss", "accuracy"),
        held_out=outside,
        held_out_rows=dict.fromkeys(held_out, 70),
        picture=_picture(len(setting_arm), rng) if picture else None,
        protocol="5 folds of the training rows; the test rows once, at the end.",
        provenance={"keras": "3.15.1", "wall seconds": 7.25, "compilations": 3, "bad": float("nan")},
        **changes,
    )


def _arm(name, own, slots):
    terms = tuple((slot.split(" ")[0], f"L1({{{slot}}})") for slot in own)
    return Arm(name, terms, tuple(slots.index(slot) for slot in own))


def _tensors(slots):
    return tuple(dict.fromkeys(["hidden/output", "hidden/kernel", *(slot.split(" ")[0] for slot in slots)]))


def _members(settings, seeds, folds, diverged, refits):
    kinds = [*range(folds), *([ALL_ROWS] if refits else [])]
    grid = np.array([(s, seed, fold) for s in range(settings) for seed in range(seeds) for fold in kinds])
    finished, diverged_at = np.ones(len(grid), bool), np.full(len(grid), -1)
    finished[list(diverged)] = False
    diverged_at[list(diverged)] = 311
    epochs = np.where(diverged_at < 0, 4000, diverged_at)
    return Members(*grid.T, finished, diverged_at, epochs, epochs)


def _curves(strengths, members, score, lift, rng):
    quantities = ("train/loss", "train/accuracy", "validation/loss", "validation/accuracy", "fit/loss")
    total = strengths.sum(axis=1)
    power = np.log10(np.where(total > 0, total, 1e-9))
    bump = np.where(total > 0, np.exp(-((power + 3) ** 2) / 2), 0.0)[members.setting]
    noise = 0.02 * rng.standard_normal((64, 64))[members.seed, members.fold] + 0.01 * rng.standard_normal(len(members))
    final = 0.77 + lift * bump + noise
    rise = 1 - np.exp(-np.linspace(0.3, 6, POINTS))
    accuracy = 0.5 + (final - 0.5)[:, None] * rise
    train = 0.5 + np.where(total > 0, 0.45 - 0.1 * (power > -2), 0.5)[members.setting][:, None] * rise
    curves = np.stack([2 - 1.9 * train, train, 1.9 - 1.8 * accuracy, accuracy, 2.1 - 1.9 * train], axis=2)
    curves[~members.finished, 5:] = np.nan
    return quantities, curves


def _diagnostic(name, total, rng):
    noise = 0.01 * rng.random(len(total))
    if name.startswith("zeros"):
        return np.clip(0.4 + 0.1 * np.log10(total + 1e-6) / 2 + 0.3, 0, 0.98) + noise if "output" in name else noise * 0
    if name.startswith("unit"):
        return (1 + 5 * noise) * (0.05 + int(name.partition("/")[0].removeprefix("unit")) / 40) / (1 + 300 * total)
    return 12 / (1 + 300 * total) + noise


def _insides(members, strengths, rng):
    """Trained weights of every refit, and one activation under every setting."""
    refits = np.flatnonzero(members.fold == ALL_ROWS)
    weights = {}
    for member in refits:
        shrink = 1 / (1 + 1000 * strengths[members.setting[member]].sum())
        kernel = shrink * rng.standard_normal((2, 500))
        kernel[np.abs(kernel) < 0.2 * (1 - shrink)] = 0.0
        filters = shrink * rng.standard_normal((3, 3, 1, 6))
        weights[int(member)] = (kernel.astype("float32"), np.zeros(500, "float32"), filters.astype("float32"))
    settings = tuple(range(len(strengths)))
    values = np.maximum(0.0, rng.standard_normal((1, 12, 20)) - 20 * strengths.sum(axis=1)[:, None, None])
    kept = Activation("hidden/output", settings, values.astype("float32"), np.repeat([0, 1], 6), 500)
    names = ("hidden/kernel", "hidden/bias", "conv/kernel")
    return {"weights": weights, "weight_names": names, "activations": (kept,)}


def _picture(settings, rng):
    x = rng.standard_normal((30, 2))
    wide, high = np.linspace(-3, 3, 40), np.linspace(-2.5, 2.5, 30)
    field = wide[None, :] + high[:, None]
    chosen = (0, min(3, settings - 1))
    surfaces = np.stack([1 / (1 + np.exp(-k * (field + np.sin(k * wide)[None, :]))) for k in (4, 1)])
    return Picture(x, (x.sum(axis=1) > 0).astype(float), (wide, high), chosen, surfaces)
