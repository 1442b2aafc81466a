"""Verdict and details speak with one voice: sentences that contradict each other never stand together."""

import re
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest

from bridle.report import Finding, detail_lines, find_all, find_diagnosis, sentences
from bridle.results import RowScores, StudyResult
from bridle.stats import Evidence, weigh_evidence

SLOT = "hidden/output l1"
ONE = {"L1": {SLOT: [1e-5, 1e-3, 1e-1]}}
TWO = {**ONE, "L2": {"hidden/kernel l2": [1e-4, 1e-2]}}

PAIRS = [
    ("too weak to matter", r"predicts the same for every row|dominates|more than half of the loss|try stronger"),
    ("no better than a constant", "too weak to matter|so strong that"),
    ("too few rows to show it", "so strong that|too weak to matter"),
    ("has learned nothing", "overfits|so strong that"),
    ("at every strength tried|the best of its arm|dominates the training", "try stronger"),
    ("(lifts|lowers) validation", "There is no evidence|is the one without a penalty|does not beat|None of the"),
    ("There is no evidence", "The selected model is the one without a penalty"),
    ("does not beat no penalty|beats no penalty", "whose score is better, but|would need about"),
    ("too few to give an interval|there is no interval", "95 % interval of the (gain|reduction)|would need about"),
    ("there is no result", "selected model|no better than|interval"),
]
"""Two patterns that must not both be found in one verdict."""


def changed(result, spread=None, score=None, loss=None, share=None, **facts):
    """A result with other last values, each one number for a candidate, and facts in its record."""
    curves, names = result.curves.copy(), [*result.quantities]
    setting = result.members.setting
    for name, values in ((f"validation/{result.score.name}", score), ("validation/loss", loss)):
        if values is not None:
            curves[:, -1, names.index(name)] = np.asarray(values, float)[setting]
    if share is not None:
        part = np.broadcast_to(np.asarray(share, float)[setting, None, None], (*curves.shape[:2], 1))
        curves, names = np.concatenate([curves, part], axis=2), [*names, f"penalty/{SLOT}"]
        curves[:, :, names.index("fit/loss")] = 1.0
    result = replace(result, curves=curves, quantities=tuple(names))
    if spread is not None:
        column = np.asarray(spread, float)[setting, None]
        result = replace(
            result,
            diagnostic_names=(*result.diagnostic_names, "spread/prediction"),
            diagnostics=np.concatenate([result.diagnostics, column], axis=1),
        )
    return result.with_provenance(**facts)


def with_rows(result, spread=0.3):
    """The same result with scores of single rows: the score of the fold plus noise, most of it shared by the fits."""
    rng = np.random.default_rng(7)
    folds, size = result.folds, int(result.fold_rows[0, 1])
    noise = rng.normal(size=(folds, size)) + 0.2 * rng.normal(size=(len(result.members), folds, size))
    noise = spread * (noise - noise.mean(axis=2, keepdims=True))
    last = result.curves[:, -1, result.quantities.index(f"validation/{result.score.name}")]
    values = last[:, None] + noise[np.arange(len(result.members)), result.members.fold]
    rows = np.arange(folds * size).reshape(folds, size)
    return replace(result, row_scores=RowScores(values, rows, np.ones(rows.shape)))


def kinds(study):
    """Results of many kinds, by what is special about them."""
    for lift, folds, seeds, arms in product((-0.1, 0.0, 0.004, 0.08), (1, 2, 3, 5), (1, 4), (ONE, TWO)):
        size = 1 + sum(len(values) for own in arms.values() for values in own.values())
        base = study(lift=lift, folds=folds, seeds=seeds, arms=arms, rng=folds)
        yield f"{lift} {folds} {seeds} plain", base
        yield f"{lift} {folds} {seeds} rows", with_rows(base)
        falls, same, small = np.linspace(0.4, 0.001, size), np.full(size, 0.9), np.full(size, 1e-9)
        yield f"{lift} {folds} {seeds} collapse at the strong end", changed(base, spread=falls)
        yield f"{lift} {folds} {seeds} collapse", changed(base, spread=[0.4, *small[1:]], share=[0, *same[1:]])
        yield f"{lift} {folds} {seeds} dominated", changed(base, share=np.linspace(0, 0.9, size))
        yield f"{lift} {folds} {seeds} nothing learned", changed(base, spread=small)
        blind = {"score": same, "constant": {"accuracy": 0.9}}
        yield f"{lift} {folds} {seeds} rare class", changed(base, spread=falls, **blind)
        yield f"{lift} {folds} {seeds} constant", changed(base, spread=small, share=0.1 * same, **blind)
        yield f"{lift} {folds} {seeds} weak", changed(base, spread=same, score=same, loss=same)
        yield f"{lift} {folds} {seeds} weak, blind", changed(base, spread=same, score=same)
        yield f"{lift} {folds} {seeds} weak, collapsed", changed(base, spread=falls, score=same, loss=same)
        loss = study(lift=lift, folds=folds, seeds=seeds, arms=arms, rng=folds, score="loss")
        yield f"{lift} {folds} {seeds} loss", loss
        yield f"{lift} {folds} {seeds} loss of rows", with_rows(loss)
        scaled = {"constant": {"loss": 0.2}, "target": {"mean": 5e3, "standard deviation": 3e3}}
        yield f"{lift} {folds} {seeds} not scaled", changed(loss, spread=falls, **scaled)
    yield "diverged", study(arms=ONE, diverged=range(144))
    yield "none diverged", study(arms=ONE, diverged=range(36))
    yield "no arm", study(arms={})


@dataclass(frozen=True)
class Answer:
    """A result with its evidence, and what is said about it."""

    result: StudyResult
    evidence: Evidence
    verdict: tuple[str, ...]
    details: tuple[str, ...]
    findings: tuple[Finding, ...]


@pytest.fixture(scope="module")
def answers(study) -> dict[str, Answer]:
    made = {}
    for number, (name, result) in enumerate(kinds(study)):
        evidence = weigh_evidence(result)
        texts = (sentences(result, evidence), detail_lines(result, evidence), find_all(result, evidence))
        made[f"{number} {name}"] = Answer(result, evidence, *texts)
    return made


MAX_SENTENCES, MAX_WORDS = 3, 60
UNCLEAR = re.compile("clearly helps|no gain is clear")
"""Words of a first sentence that claims no gain."""
WORTHLESS = "no better than predicting the same for every row"
"""Words of a first sentence on a network that is worth nothing yet."""
JARGON = re.compile(
    r"\b(arms?|1se|holm|l1l2|slots?|settings?|candidates?|pairs?|paired|corrected|nadeau|bengio|jackknife|pooled|"
    r"penalized|members?|paths?|grids?|p-values?|unknown|nan)\b|_",
    re.IGNORECASE,
)
"""Words that a reader of the verdict need not know."""


def test_the_verdict_has_three_sentences_and_sixty_words(answers: dict) -> None:
    """Each line is one sentence: it begins with a capital and has one full stop, at its end."""
    longest = 0
    for name, lines in ((name, answer.verdict) for name, answer in answers.items()):
        text = " ".join(lines)
        assert 2 <= len(lines) <= MAX_SENTENCES, f"{name}: {text}"
        assert len(text.split()) <= MAX_WORDS, f"{name}: {text}"
        longest = max(longest, len(text.split()))
        for line in lines:
            assert re.fullmatch(r"[A-Z].*[^.]\.", line), f"{name}: {line}"
            assert not re.search(r"[.!?]\s", line), f"{name}: {line}"
    assert longest > 40


def test_the_verdict_has_no_jargon(answers: dict) -> None:
    for name, lines in ((name, answer.verdict) for name, answer in answers.items()):
        assert not JARGON.search(" ".join(lines)), f"{name}: {lines}"


def test_the_verdict_says_what_is_handed_over(answers: dict) -> None:
    """`winner` is what `model()` returns; and a gain that may be chance is called so."""
    for name, answer in answers.items():
        result, evidence, lines = answer.result, answer.evidence, answer.verdict
        if not evidence.gains or 0 not in evidence.choices:
            continue
        if evidence.winner:
            gain = evidence.claim
            assert f"{result.arms[evidence.winner].name} at strength" in " ".join(lines[:2]), name
            if WORTHLESS not in lines[0]:
                assert (UNCLEAR.search(lines[0]) is not None) == (not gain.low > 0), f"{name}: {lines}"
                assert ("other rows" in " ".join(lines)) or result.folds > 1 or not gain.low > 0, name
        else:
            assert lines[0].startswith("Use no penalty") or WORTHLESS in lines[0], name


def test_the_verdict_has_its_numbers_with_interval_and_unit(answers: dict) -> None:
    """The interval of the verdict is that of the evidence, in the direction that the sentence names."""
    seen = 0
    for name, answer in answers.items():
        result, evidence, lines = answer.result, answer.evidence, answer.verdict
        match = re.search(r"is (?:about |less than )*(\S+) (percentage points|per row) (higher|lower) "
                          r"\(95 % interval (?:over runs )?(\S+?)( higher| lower|) to (\S+?)( higher| lower|)\)",
                          " ".join(lines))  # fmt: skip
        if match is None:
            continue
        seen += 1
        size, unit, direction, low, low_way, high, high_way = match.groups()
        gain = evidence.claim or max(evidence.gains.values(), key=lambda gain: gain.difference)
        factor = 100 if unit == "percentage points" else 1
        ways = [way.strip() or direction for way in (low_way, high_way)]
        signs = [1 if (way == "higher") == result.score.maximize else -1 for way in ways]
        shown = sorted(sign * float(text) for sign, text in zip(signs, (low, high), strict=True))
        digits = len(high.partition(".")[2])
        assert shown == pytest.approx([factor * gain.low, factor * gain.high], abs=0.51 * 10.0**-digits), name
        assert max(len(text.partition(".")[2]) for text in (size, high)) <= 4, name
        assert float(size) >= 0, name
        difference = float(size) * (1 if (direction == "higher") == result.score.maximize else -1)
        assert shown[0] <= difference <= shown[1], name
        assert (unit == "per row") == (result.score.name == "loss"), name
    assert seen > 100


STEPS = [
    ("weaker strengths", "above|stronger"),
    ("stronger", "below|weaker"),
    ("use the network trained with it", "guess|no penalty"),
    ("no better than predicting the same", "Use "),
    ("There is no result", "interval|instead of"),
    ("the same with and without", "higher|lower|interval"),
]
"""Two patterns that must not both be in one verdict."""


@pytest.mark.parametrize("pair", STEPS, ids=[pair[0][:30] for pair in STEPS])
def test_the_verdict_does_not_contradict_itself(answers: dict, pair: tuple[str, str]) -> None:
    some = 0
    for name, lines in ((name, answer.verdict) for name, answer in answers.items()):
        text = " ".join(lines)
        both = [re.search(pattern, text) for pattern in pair]
        some += both[0] is not None
        assert not all(both), f"{name}: {text}"
    assert some


def test_verdict_and_details_agree(answers: dict) -> None:
    """What the one calls a gain or chance, the other does too."""
    for name, answer in answers.items():
        lines, full = answer.verdict, "\n".join(answer.details)
        if UNCLEAR.search(lines[0]):
            assert re.search("no evidence|one validation set cannot tell|no interval", full), name
        if lines[0].startswith("Use no penalty"):
            assert "lifts" not in full, name
            assert "lowers" not in full, name
        if re.fullmatch(r"Use .* at strength [-\de.]+\.", lines[0]):
            assert re.search("lifts|lowers", full), name


def test_each_diagnosis_has_a_page_and_each_step_its_code(answers: dict) -> None:
    """The code in the last sentence is one that applies; no diagnosis is made twice."""
    codes = set()
    for name, answer in answers.items():
        lines, findings = answer.verdict, answer.findings
        assert len({one.code for one in findings}) == len(findings), name
        assert all(one.sentence.endswith(".") and find_diagnosis(one.code).action for one in findings), name
        codes |= {one.code for one in findings}
        last = re.search(r"\((BR\d{3})\)", lines[-1])
        assert last is None or last[1] in {one.code for one in findings}, name
    assert codes >= {"BR001", "BR002", "BR003", "BR006", "BR007", "BR008", "BR009", "BR012", "BR014", "BR015", "BR016"}


@pytest.mark.parametrize("pair", PAIRS, ids=[pair[0][:30] for pair in PAIRS])
def test_contradictions_never_stand_together(answers: dict, pair: tuple[str, str]) -> None:
    """In no result of many kinds; and the first of each pair is said in some of them."""
    some = 0
    for name, lines in ((name, answer.details) for name, answer in answers.items()):
        text = "\n".join(lines)
        both = [re.search(pattern, text) for pattern in pair]
        some += both[0] is not None
        assert not all(both), f"{name}:\n{text}"
    assert some


def test_each_thing_is_said_once(answers: dict) -> None:
    for name, lines in ((name, answer.details) for name, answer in answers.items()):
        assert len(lines) == len(set(lines)), name
        assert sum("for every row" in line for line in lines) <= 1, name


def test_no_interval_is_a_point_or_impossible(answers: dict) -> None:
    """An accuracy's difference lies between -1 and 1, and no interval has the same two ends."""
    seen = 0
    for name, answer in answers.items():
        result, lines = answer.result, answer.details
        for low, high in re.findall(
            r"interval (?:of the \w+ |over seeds )?(-?\d+\.?\d*) to (-?\d+\.?\d*)", "\n".join(lines)
        ):
            seen += 1
            assert float(low) < float(high), name
            assert result.score.name == "loss" or -1 <= float(low) < float(high) <= 1, name
    assert seen > 50


def test_the_arm_that_is_handed_over_is_never_worse_than_none(answers: dict) -> None:
    """By the number that is quoted for it, and by its interval."""
    for name, answer in answers.items():
        result, evidence, lines = answer.result, answer.evidence, answer.details
        if evidence.winner and 0 in evidence.choices:
            gain = evidence.gains[evidence.winner]
            assert gain.difference > 0, name
            assert not gain.high < 0, name
            assert result.score.better(evidence.quoted[evidence.winner] - evidence.quoted[0]) > 0, name
        elif evidence.winner == 0 and evidence.gains:
            assert "The selected model is the one without a penalty." in "\n".join(lines), name


def test_optimism_is_said_only_where_the_choosing_number_is_the_better_one(answers: dict) -> None:
    seen = 0
    for name, answer in answers.items():
        result, evidence, lines = answer.result, answer.evidence, answer.details
        if "means is optimistic" in "\n".join(lines):
            arm = evidence.winner or max(evidence.gains, key=lambda arm: evidence.gains[arm].difference)
            best = float(evidence.validation.mean[evidence.candidate(arm)])
            outside = evidence.chosen if evidence.winner and evidence.selected else evidence.quoted[arm]
            assert result.score.better(best - outside) > 0, name
            seen += 1
    assert seen


def test_an_unscaled_target_is_said_not_a_weak_penalty(study) -> None:
    """R2 of -1 at every strength: the scale of the target is the cause."""
    base = study(score="accuracy", arms=ONE)
    curves = base.curves.copy()
    curves[:, -1, [base.quantities.index(f"{part}/accuracy") for part in ("train", "validation")]] = -1.0
    facts = {"constant": {"r2": 0.0}, "target": {"mean": 5e3, "standard deviation": 3e3}}
    names = tuple(name.replace("accuracy", "r2") for name in base.quantities)
    outside = tuple(name.replace("accuracy", "r2") for name in base.held_out_names)
    made = replace(
        base, curves=curves, quantities=names, held_out_names=outside, score=replace(base.score, name="r2")
    ).with_provenance(**facts)
    text = "\n".join(detail_lines(made))
    assert "The target is not scaled (mean 5e+03, standard deviation 3e+03)" in text
    assert "too weak" not in text


def test_the_share_of_the_largest_class_is_said(study) -> None:
    """98.3 % negatives: every strength scores as predicting the largest class does."""
    made = changed(study(arms=ONE), score=[0.983] * 4, spread=[0.1] * 4, constant={"accuracy": 0.983})
    text = "\n".join(detail_lines(made))
    assert "0.983 where the largest class is predicted for every row: no better than a constant" in text
    assert "class_weight='balanced'" in text


def test_1se_passes_over_a_network_that_predicts_the_same_for_every_row(study) -> None:
    """Within one standard error of the best, the strongest that still tells rows apart."""
    base = study(arms={"L1": {SLOT: [1e-4, 1e-3, 1e-2, 1e-1]}}, lift=0.0)
    flat = changed(base, score=[0.8, 0.81, 0.805, 0.805, 0.805])
    curves = flat.curves.copy()
    curves[:, -1, flat.quantities.index("validation/accuracy")] += 0.02 * flat.members.fold
    flat = replace(flat, curves=curves)
    assert weigh_evidence(flat).choices[1].one_se == 4
    spread = changed(flat, spread=[0.4, 0.4, 0.4, 0.4, 0.001])
    assert weigh_evidence(spread).choices[1].one_se == 3
    assert weigh_evidence(spread).constant.tolist() == [False] * 4 + [True]


def test_each_row_has_the_digits_of_its_own_error(study) -> None:
    """A collapsed strength of 17.1 leaves the others their three digits."""
    import io

    from rich.console import Console

    from bridle.report import rich_table

    made = changed(study(score="loss", arms=ONE), score=[0.31214, 0.29871, 0.3027, 17.1])
    buffer = io.StringIO()
    Console(file=buffer, width=80).print(rich_table(made))
    for text in ("0.312", "0.299", "0.303", "17.1"):
        assert text in buffer.getvalue()
    assert "0.312" in detail_lines(made)[0]


def test_an_exact_interval_stands_with_its_score(study) -> None:
    """Each score of held-out rows has its own, of SciPy's binomial test."""
    from scipy.stats import binomtest

    result = study()
    evidence = weigh_evidence(result)
    (line,) = [line for line in detail_lines(result) if line.startswith("On the 70 test rows")]
    for arm in (0, 1):
        mean = float(result.held_out_scores("test")[evidence.choices[arm].best].mean())
        exact = binomtest(round(70 * mean), 70).proportion_ci(0.95, "exact")
        assert f"{mean:.3f} (exact 95 % interval of the rows {exact.low:.3f} to {exact.high:.3f})" in line


def test_scores_of_rows_answer_the_primary_question(answers: dict) -> None:
    """The verdict quotes the procedure that chooses on other rows, with the two scores of that comparison."""
    seen = set()
    for name, answer in answers.items():
        result, evidence = answer.result, answer.evidence
        if not name.endswith("rows") or evidence.primary is None or evidence.claim is not evidence.primary:
            continue
        seen.add(evidence.primary.low > 0)
        assert evidence.primary.over == "rows", name
        gain = result.score.better(evidence.chosen - evidence.quoted[0])
        assert gain == pytest.approx(evidence.primary.difference, abs=1e-6), name
        assert "chosen on other rows" in answer.details[0], name
        if WORTHLESS not in answer.verdict[0]:
            assert (UNCLEAR.search(answer.verdict[0]) is not None) == (not evidence.primary.low > 0), name
    assert seen == {True, False}
