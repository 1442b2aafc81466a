"""The rule `recommended`: what it selects, when it says none, and its fall-backs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridle.results import ALL_ROWS, Arm, Members, RowScores, Score, StudyResult
from bridle.stats import DATA_LOSS, RECOMMENDED, load_prior, weigh_evidence
from bridle.stats import _evidence as evidence_module
from bridle.stats._recommend import Recommendation, Recommender, curves_of, relative_gains

FOLDS = 5
SAMPLE = Path(__file__).parent / "prior_sample.json"
L2 = Arm("L2 weights", (("*/kernel", "l2(strength={*/kernel l2})"),), (0,))
STRENGTHS = (1e-4, 1e-3, 1e-2)
TRAINING = np.array([0.05, 0.1, 0.3, 0.5])
"""Training losses of none and of these."""


def study(
    accuracy: np.ndarray,
    loss: np.ndarray,
    training: np.ndarray,
    arms: tuple[Arm, ...],
    arm: list[int],
    strengths: list[float],
    rows: int,
) -> StudyResult:
    """A result from scores of (candidate, fold), of one seed, and the training loss of each candidate."""
    count = len(arm)
    setting, fold = (part.ravel() for part in np.meshgrid(np.arange(count), np.arange(FOLDS), indexing="ij"))
    slots = np.zeros((count, len(arms) - 1))
    slots[np.arange(1, count), np.array(arm[1:]) - 1] = strengths[1:]
    whole = np.full(count * FOLDS, 1)
    columns = [accuracy.ravel(), np.repeat(training, FOLDS), loss.ravel(), accuracy.ravel()]
    return StudyResult(
        arms=arms,
        slots=tuple(f"slot {number}" for number in range(len(arms) - 1)),
        setting_arm=np.array(arm),
        setting_strengths=slots,
        members=Members(setting, 0 * whole, fold, whole > 0, 0 * whole - 1, whole, whole),
        score=Score("accuracy", True),
        epochs=np.array([1]),
        quantities=("train/accuracy", "train/loss", "validation/loss", "validation/accuracy"),
        curves=np.stack(columns, 1)[:, None].astype(np.float32),
        diagnostic_names=(),
        diagnostics=np.zeros((len(setting), 0)),
        fold_rows=np.array([[rows * 4 // 5, rows // 5]] * FOLDS),
    )


def simple(gain: float, *, rows: int = 1000, arm: Arm = L2) -> StudyResult:
    """None and three strengths, of which the middle one is better by `gain` in every fold."""
    noise = 0.01 * np.random.default_rng(0).standard_normal((4, FOLDS))
    accuracy = 0.7 + noise + np.array([0, gain / 2, gain, gain / 2])[:, None]
    arms = Arm("none", (), ()), arm
    return study(accuracy, 2 * (1 - accuracy), TRAINING, arms, [0, 1, 1, 1], [0, *STRENGTHS], rows)


def test_a_large_gain_is_recommended_and_comes_from_the_data() -> None:
    """At its strength, with an expected gain below the observed one."""
    offer = weigh_evidence(simple(0.2)).recommendation
    assert offer is not None
    assert (offer.candidate, offer.arm) == (2, 1)
    assert 0 < offer.gain < 0.2
    assert offer.data_share > 0.5


def test_a_loss_is_not_recommended() -> None:
    """None is selected where every strength is worse."""
    offer = weigh_evidence(simple(-0.2)).recommendation
    assert offer is not None
    assert (offer.candidate, offer.arm, offer.gain) == (0, 0, 0.0)


def test_the_default_is_what_the_rule_selects() -> None:
    """Its arm is the winner, and the gain that is claimed is that of the whole procedure."""
    evidence = weigh_evidence(simple(0.2))
    assert (evidence.winner, evidence.candidate(1)) == (1, 2)
    assert evidence.selected == (2,) * FOLDS
    assert evidence.claim is evidence.primary
    evidence = weigh_evidence(simple(-0.2))
    assert (evidence.winner, evidence.candidate(0), evidence.claim) == (0, 0, None)


def test_what_is_selected_for_a_fold_does_not_depend_on_it() -> None:
    """Other scores in one fold change the choice of the other folds, and not that of this one."""
    result = simple(0.06, rows=200)
    before = weigh_evidence(result).selected
    column = [result.quantities.index(f"validation/{name}") for name in ("accuracy", "loss")]
    curves = result.curves.copy()
    worse = (result.members.fold == 1) & (result.members.setting > 0)
    curves[np.ix_(worse, [0], column)] += np.float32([-0.6, 1.2])
    after = weigh_evidence(replace(result, curves=curves)).selected
    assert after[1] == before[1] != 0
    assert after[0] == 0 != before[0]


def test_an_arm_without_curves_is_compared_by_its_own_scores() -> None:
    """A penalty that the bank lacks has no expected gain before them, so that a small one is not enough."""
    own = Arm("own", (("*/kernel", "group_lasso(strength={*/kernel})"),), (0,))
    offer = weigh_evidence(simple(0.2, arm=own)).recommendation
    assert offer is not None
    assert (offer.candidate, offer.learned, offer.known) == (2, True, False)
    assert offer.prior_gain <= 0 < offer.gain < 0.2
    known, unknown = (weigh_evidence(simple(0.02, rows=30, arm=arm)).recommendation for arm in (L2, own))
    assert known is not None
    assert unknown is not None
    assert unknown.gain < known.gain


@pytest.mark.parametrize(
    ("gain", "share", "offered", "selected"), [(-0.2, 0.9, 2, 0), (-0.2, 0.3, 2, 2), (0.2, 0.9, 0, 2)]
)
def test_the_honest_number_has_the_last_word(
    gain: float, share: float, offered: int, selected: int, monkeypatch
) -> None:
    """Without a gain of the procedure, only other data speak for a penalty; a clear gain of an arm speaks for it."""
    offer = Recommendation(offered, min(offered, 1), 0.01, 0.02, 0.01, share, True)
    monkeypatch.setattr(Recommender, "recommend", lambda self, recorded=None: offer)
    monkeypatch.setattr(Recommender, "by_fold", lambda self: [0] * FOLDS)
    evidence = weigh_evidence(simple(gain))
    assert evidence.recommendation is not None
    assert (evidence.recommendation.candidate, evidence.winner) == (selected, min(selected, 1))


def test_a_recorded_candidate_stays_selected() -> None:
    """Other curves may select another one than the study did when it ran."""
    result = simple(0.2)
    offer = weigh_evidence(replace(result, provenance={RECOMMENDED: 3})).recommendation
    assert offer is not None
    assert (offer.candidate, offer.arm) == (3, 1)
    assert offer.gain < weigh_evidence(result).recommendation.gain


def test_a_study_without_the_refit_hands_over_the_best() -> None:
    """An older folder has refits of the rules that it knew."""
    result = simple(0.2)
    for refits, learned in (([0, 1], False), ([0, 2], True)):
        members = {name: np.append(values, values[refits]) for name, values in vars(result.members).items()}
        members |= {"setting": np.append(result.members.setting, refits)}
        members |= {"fold": np.append(result.members.fold, [ALL_ROWS] * 2)}
        parts = {
            name: np.concatenate([table, table[refits]]) for name, table in vars(result).items() if name == "curves"
        }
        parts |= {"diagnostics": np.zeros((len(members["fold"]), 0))}
        evidence = weigh_evidence(replace(result, members=Members(**members), **parts))
        offer = evidence.recommendation
        assert offer is not None
        assert (offer.candidate, offer.learned, bool(evidence.selected)) == (2, learned, learned)
        assert ("no refit" in offer.reason) == (not learned)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("no file", "missing"),
        ("pooled", "score"),
        ("one validation set", "needs folds"),
        ("unknown score", "score"),
        ("other loss", "loss"),
        ("common rows", "common rows"),
        ("no training loss", "training rows"),
    ],
)
def test_without_curves_for_the_score_the_data_alone_select(reason: str, text: str, monkeypatch) -> None:
    """By the best score, and the reason is there to be said."""
    result = simple(0.1)
    if reason == "no file":
        monkeypatch.setattr(evidence_module, "load_prior", lambda: None)
    elif reason == "other loss":
        result = replace(result, provenance={DATA_LOSS: "hinge"})
    elif reason == "common rows":
        rows = np.stack([np.delete(np.arange(100), np.s_[20 * fold : 20 * fold + 20]) for fold in range(FOLDS)])
        scores = np.repeat(result.curves[:, 0, 3:], rows.shape[1], axis=1)
        result = replace(result, row_scores=RowScores(scores, rows, np.ones(rows.shape)))
    elif reason == "no training loss":
        result = replace(result, quantities=("train/accuracy", "train/mae", *result.quantities[2:]))
    elif reason == "pooled":
        result = replace(result, score=Score("pooled accuracy", True, pooled=True))
        result = replace(result, quantities=(*result.quantities[:3], "validation/pooled accuracy"))
    elif reason == "one validation set":
        result = replace(
            result, fold_rows=result.fold_rows[:1], members=replace(result.members, fold=0 * result.members.fold)
        )
    else:
        names = ("train/auc", "train/loss", "validation/loss", "validation/auc")
        result = replace(result, score=Score("auc", True), quantities=names)
    offer = weigh_evidence(result).recommendation
    assert offer is not None
    assert (offer.candidate, offer.learned) == (2, False)
    assert text in offer.reason


@pytest.mark.parametrize(
    ("target", "text", "name"),
    [
        ("*/kernel", "l2(strength={*/kernel l2})", "L2 weights"),
        ("hidden1/output, hidden2/output", "l1(strength={a})", "L1 activations"),
        ("hidden*/preactivation", "l1(strength={a})", "L1 pre-activations"),
        ("hidden/output, hidden/kernel", "l1(strength={a})", None),
        ("hidden/bias", "l2(strength={a})", None),
        ("*/kernel", "l1l2(l1={a}, l2=0.1)", None),
        ("*/kernel", "dropout(strength={a})", None),
    ],
)
def test_curves_are_found_by_kind_and_site(target: str, text: str, name: str | None) -> None:
    """Whatever the arm is called; arms with their own learning rate have none."""
    prior = load_prior()
    assert prior is not None
    arm = Arm("any", ((target, text),), (0,))
    index = curves_of(arm, prior)
    assert (None if index is None else prior.arms[index]) == name
    assert curves_of(replace(arm, learning_rate=0.1), prior) is None
    assert curves_of(replace(arm, terms=arm.terms * 2), prior) is None


def test_relative_gains_by_hand() -> None:
    """Differences of folds, over the mean error of none."""
    none, other = np.array([0.2, 0.4, 0.3]), np.array([[0.1, 0.4, 0.1], [np.nan, 0.4, 0.1]])
    mean, variance = relative_gains(none, other, floor=0.1, overlap=0.5)
    differences = np.array([0.1, 0.0, 0.2]) / 0.4
    np.testing.assert_allclose(mean, [differences.mean(), differences[1:].mean()])
    np.testing.assert_allclose(variance[0], differences.var(ddof=1) * (1 / 3 + 0.5))
    assert np.isnan(variance[1])


def test_studies_of_the_bank_end_better_than_with_best_and_not_worse_than_without() -> None:
    """Generated data of few rows: accuracy on fresh rows, of the recommended candidate minus none, and of the best."""
    gains, best = [], []
    for words in json.loads(SAMPLE.read_text()):
        names = sorted({text for text in words["arm"] if text})
        arms = (Arm("none", (), ()), *(_arm(name, slot) for slot, name in enumerate(names)))
        index = [names.index(text) + 1 if text else 0 for text in words["arm"]]
        share, loss = np.array(words["share"]), np.array(words["log loss"])
        training = np.array(words["training"])
        result = study(1 - share, loss, training, arms, index, words["strength"], words["rows"])
        offer = weigh_evidence(result).recommendation
        assert offer is not None
        assert offer.learned
        gains.append(words["gain"][offer.candidate])
        best.append(words["gain"][int(np.argmin(share.mean(1)))])
    assert len(gains) >= 30
    assert np.mean(gains) > 0.002
    assert np.mean(gains) > np.mean(best) + 0.01
    assert np.mean(np.array(gains) < -0.01) <= 0.1


def _arm(name: str, slot: int) -> Arm:
    kind, site = name.split(" ", 1)
    target = {"weights": "*/kernel", "activations": "*/output", "pre-activations": "*/preactivation"}[site]
    return Arm(name, ((target, f"{kind.lower()}(strength={{{target}}})"),), (slot,))
