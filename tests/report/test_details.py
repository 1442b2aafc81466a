"""The details say what the numbers allow, and no more."""

import re
from dataclasses import replace

import pytest

from bridle.report import detail_lines, details, strength_meaning
from bridle.stats import DATA_LOSS, weigh_evidence
from bridle.wording import decimal_text, needed_decimals, shorten, strength_text

TWO = {"L1": {"hidden/output l1": [1e-4, 1e-3, 1e-2]}, "L2": {"hidden/kernel l2": [1e-4, 1e-3, 1e-2]}}


def test_a_clear_gain_is_stated_with_its_interval(study):
    """Numbers in the headline are those of the evidence."""
    result = study()
    gain, best = weigh_evidence(result).gains[1], weigh_evidence(result).validation.mean
    first = detail_lines(result)[0]
    assert first == (
        f"The best of 6 candidates, chosen on other rows, lifts validation accuracy from {best[0]:.3f} to "
        f"{best[3]:.3f} (95 % interval of the gain {gain.low:.3f} to {gain.high:.3f}, 6 seeds × 5 folds). On all rows, "
        "the choice is L1 activity: hidden/output l1 = 0.001."
    )


def test_several_arms_are_corrected_and_said_so(study):
    """The level is that of the family, whatever Holm made of each."""
    text = details(study(arms=TWO))
    assert "95 % interval" in text
    assert "Holm-corrected over 2 arms" in text
    assert "Better than no penalty as well: " in text


def test_a_loss_goes_down(study):
    """A score to be minimized reads properly."""
    first = detail_lines(study(score="loss"))[0]
    low, high = re.search(r"from (\S+) to (\S+) ", first).groups()
    assert "lowers validation loss" in first
    assert "interval of the reduction" in first
    assert float(low) > float(high)


@pytest.mark.parametrize("score", ["accuracy", "loss"])
def test_an_interval_that_holds_zero_is_no_evidence(study, score):
    """Then the word gain is not used for the difference."""
    studies = (study(score=score, lift=0.004, rng=rng) for rng in range(20))
    result = next(made for made in (replace(made, provenance={DATA_LOSS: "other"}) for made in studies)
                  if weigh_evidence(made).winner == 1 and not weigh_evidence(made).gains[1].clear)  # fmt: skip
    first = detail_lines(result)[0]
    assert first.startswith("There is no evidence that L1 activity helps")
    assert "difference" in first
    assert not re.search(r"\b(gain|lifts|lowers)", first)


def test_none_can_win(study):
    """With one arm and with several."""
    assert detail_lines(study(lift=-0.05))[0].startswith(
        "L1 activity does not beat no penalty: validation accuracy is 0.774"
    )
    several = detail_lines(study(lift=-0.05, arms=TWO))
    assert several[0].startswith("None of the 2 penalties tried beats no penalty")


def test_a_harm_is_named(study):
    """An arm whose whole interval is below zero."""
    assert "Worse than no penalty even at the best strength: L1" in details(
        study(lift=-0.2, arms={"L1": {"hidden/output l1": [1e-3]}})
    )


def test_one_validation_set_speaks_of_initialisation_only(study):
    """And gives the binomial error of an accuracy on 70 rows."""
    result = study(folds=1, seeds=30)
    text = details(result)
    assert "covers initialisation and shuffling, not the choice of rows" in text
    assert text.startswith("On these 70 validation rows, L1 activity")
    assert text.splitlines()[0].endswith("one validation set cannot tell whether that holds on other rows.")
    assert "lifts" not in text
    share = weigh_evidence(result).validation.mean[3]
    assert f"a standard error of {(share * (1 - share) / 70) ** 0.5:.3f}" in text
    assert "× 5 folds" not in text
    assert "not the choice of rows" not in details(study())
    assert "networks trained on about 24 rows drawn like these" in details(study())
    assert "standard error of" not in details(study(folds=1, seeds=30, score="loss"))


def test_one_fit_each_gives_no_interval(study):
    """Not even a large difference is evidence then."""
    first = detail_lines(study(folds=1, seeds=1))[0]
    assert first.startswith("There is no evidence")
    assert "too few to give an interval; use more seeds or folds" in first


def test_held_out_rows_are_reported_for_both(study):
    """Each held-out part has its line."""
    lines = detail_lines(study(held_out=("test", "fresh")))
    assert [line.split(":")[0] for line in lines if line.startswith("On the")] == [
        "On the 70 test rows",
        "On the 70 fresh rows",
    ]
    assert any(line.endswith("The 70 test and 70 fresh rows were used once, after the selection.") for line in lines)
    assert "On the" not in details(study(held_out=()))


def test_exact_zeros_of_what_is_charged(study):
    """Weights under L2 have none, so nothing is said about them."""
    assert re.search(r"5\d % of hidden/output is exactly zero \(4\d % without a penalty\)", details(study()))
    assert "exactly zero" not in details(study(arms={"L2": {"hidden/kernel l2": [1e-3, 1e-2]}}))
    assert "of hidden/output is exactly" in details(study(arms={"before": {"hidden/preactivation l1": [1e-3]}}))


@pytest.mark.parametrize(
    ("strengths", "words"),
    [([1e-5, 1e-4, 1e-3], "0.001 is the strongest tried; try stronger"), ([1e-3, 1e-2], "0.001 is the weakest tried")],
)
def test_the_edge_of_the_grid_is_noted(study, strengths, words):
    """A best strength inside the grid, or a grid of one, is not."""
    assert words in details(study(arms={"L1": {"hidden/output l1": strengths}}))
    assert "edge" not in details(study())
    assert "edge" not in details(study(lift=-0.1, arms={"L1": {"hidden/output l1": [0, 1e-3]}}))
    assert "edge" not in details(study(arms={"L1": {"hidden/output l1": [1e-3]}}))


def test_diverged_fits_are_counted(study):
    """Folds and refits apart."""
    text = details(study(diverged=[36, 37, 41]))
    assert "178/180 fits finished, 2 diverged: L1 activity (hidden/output l1 = 1e-5) 28/30" in text
    assert "35/36 refits finished" in text
    assert "finished" not in details(study())


def test_nothing_finished(study):
    """Neither a number nor a claim."""
    first = detail_lines(study(diverged=range(216)))[0]
    assert first.startswith("No fit finished, so there is no result: 216 of 216 fits diverged")
    assert detail_lines(study(diverged=range(36)))[0].startswith("No fit without a penalty finished")
    assert "no fit with a penalty finished" in detail_lines(study(diverged=range(36, 216)))[0]
    assert "no penalty was tried" in detail_lines(study(arms={}))[0]


def test_selection_is_confessed(study):
    """The score that chose stands beside the one that is quoted; one validation set has the first only."""
    result = study()
    evidence = weigh_evidence(result)
    best, quoted = evidence.validation.mean[evidence.choices[1].best], evidence.quoted[1]
    differ = f"{best:.3f}" != f"{quoted:.3f}"
    said = f"L1 activity has {best:.3f} instead of {quoted:.3f}" if differ else "L1 activity has the same score"
    assert said in details(result)
    assert "optimistic for the strength chosen" not in details(result)
    alone = details(study(folds=1))
    assert "That score and its interval are therefore optimistic for the strength chosen" in alone
    assert "the same 70 validation rows" in alone
    single = details(study(arms={"L1": {"hidden/output l1": [1e-3]}}))
    assert "Only one strength was tried, so there was no selection." in single
    assert "optimistic" not in single


def test_the_other_rule_is_named_where_it_differs(study):
    """A flat path lets `1se` go far."""
    assert "The rule 1se" in details(study(lift=0.001))
    assert "The rule 1se" not in details(study())


def test_meaning_of_strengths(study):
    """Only what the study penalizes is explained."""
    assert strength_meaning(study()) == (
        "A strength on an activation multiplies a sum over its units, averaged over the samples of the batch."
    )
    assert (
        strength_meaning(study(arms={"L2": {"hidden/kernel l2": [1e-3]}}))
        == "A strength on a weight multiplies a sum over its entries."
    )


def test_numbers_as_text():
    """Rounding never turns a number into zero, nor a name into another."""
    assert [strength_text(v) for v in (0, 0.003, 3e-4, 1e-05, 0.1, 1.0, 123456.0)] == [
        "0", "0.003", "3e-4", "1e-5", "0.1", "1", "1.23456e5"]  # fmt: skip
    assert (needed_decimals([0.8, 1.0]), needed_decimals([0.05]), needed_decimals([2900.0]), needed_decimals([])) == (
        3,
        4,
        0,
        3,
    )
    assert (decimal_text(0.9999, 3), decimal_text(-0.00042, 3), decimal_text(0.0, 3), decimal_text(2900.4, 0)) == (
        "1.000",
        "-0.00042",
        "0.000",
        "2900",
    )
    assert shorten("abcdefghijkl", 8) == "abcde…kl"


def test_a_study_that_was_stopped_says_so_first(study):
    """And one that was not, or in which fits diverged, does not."""
    from dataclasses import replace

    whole = study()
    finished = whole.members.finished.copy()
    finished[::2] = False
    stopped = replace(whole, members=replace(whole.members, finished=finished))
    assert details(stopped).startswith(
        f"Stopped early, {(~finished).sum()} of {len(finished)} fits did not run. So far: "
    )
    assert not details(whole).startswith("Stopped")
