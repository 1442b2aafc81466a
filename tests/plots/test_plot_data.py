"""The numbers behind each picture."""

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.plots import curves_data, gains_data, path_data, surface_data, sweep_data
from bridle.stats import weigh_evidence

GRID = {"hidden/output l1": [1e-4, 1e-3], "hidden/output l2": [1e-4, 1e-3]}


def test_sweep_holds_means_and_fold_errors(study):
    """Means are over seeds, then folds; bars are the standard error over folds, computed here by hand."""
    result = study()
    data = sweep_data(result)
    folds = result.scores()[result.path(1)].mean(axis=1)
    np.testing.assert_allclose(data.arms[0].mean, folds.mean(axis=1))
    np.testing.assert_allclose(data.arms[0].error, folds.std(axis=1, ddof=1) / np.sqrt(5))
    np.testing.assert_allclose(data.none_mean, result.scores()[0].mean())
    assert data.error_name == "± 1 standard error over 5 folds"
    assert data.arms[0].strengths.tolist() == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert data.arms[0].marks["best"] == 2


def test_sweep_of_one_fold_shows_the_spread_over_seeds(study):
    """One validation set has no error over folds; the label names what the bars are instead."""
    result = study(folds=1, seeds=7)
    data = sweep_data(result)
    np.testing.assert_allclose(data.arms[0].error, result.scores()[result.path(1), :, 0].std(axis=1, ddof=1))
    assert data.error_name == "± 1 standard deviation over 7 seeds"
    assert sweep_data(study(folds=1, seeds=1)).error_name == ""


def test_sweep_counts_diverged_fits_and_does_not_average_them(study):
    """A diverged member lowers the count of its setting and leaves its mean to the others."""
    result = study(diverged=[36, 38])
    arm = sweep_data(result).arms[0]
    assert arm.finished.tolist() == [28, 30, 30, 30, 30]
    assert np.isfinite(arm.mean).all()
    assert arm.mean[0] != sweep_data(study()).arms[0].mean[0]


def test_zero_strength_and_published_zero_get_a_place_left_of_the_others(study):
    """Strength 0 lies one decade left of the weakest other strength, also where only a publication has it."""
    assert sweep_data(study()).zero_at is None
    assert sweep_data(study(arms={"L1": {"a/output l1": [0, 1e-3, 1e-2]}})).zero_at == pytest.approx(1e-4)
    assert sweep_data(study(), published={0: 0.8}).zero_at == pytest.approx(1e-6)
    assert sweep_data(study(arms={"L1": {"a/output l1": [0]}})).zero_at == pytest.approx(0.1)


def test_published_values_can_belong_to_one_arm(study):
    """A key (arm, strength) is shown only with that arm."""
    result = study(arms={"A": {"a/output l1": [1e-3]}, "B": {"b/output l1": [1e-3]}})
    published = {("A", 1e-3): 0.8, ("B", 1e-3): 0.7, 1e-2: 0.6}
    assert sweep_data(result, published=published).published == ((1e-3, 0.8), (1e-3, 0.7), (1e-2, 0.6))
    assert sweep_data(result, arms=[2], published=published).published == ((1e-3, 0.7), (1e-2, 0.6))


def test_several_slots_are_placed_at_their_sum(study):
    """A rectangular grid has no order along the sum, so no line is drawn through it."""
    arm = sweep_data(study(arms={"both": GRID})).arms[0]
    np.testing.assert_allclose(arm.strengths, [2e-4, 1.1e-3, 1.1e-3, 2e-3])
    assert arm.summed
    assert not arm.ordered
    assert sweep_data(study()).arms[0].ordered


def test_curves_average_finished_members_only(study):
    """The default settings are none and the leading one; bands are over seeds and folds together."""
    result = study(diverged=[0])
    data = curves_data(result)
    assert [curve.name for curve in data.curves] == ["none", "L1 activity (hidden/output l1 = 0.001)"]
    none = data.curves[0]
    assert (none.finished, none.total) == (29, 30)
    own = (result.members.setting == 0) & (result.members.fold >= 0) & result.members.finished
    np.testing.assert_allclose(none.validation, result.quantity("validation/accuracy")[own].mean(axis=0))
    np.testing.assert_allclose(none.train_sd, result.quantity("train/accuracy")[own].std(axis=0, ddof=1))


def test_curves_of_an_unknown_quantity_name_the_known(study):
    """The error lists what was measured."""
    with pytest.raises(InputError, match="'accuracy'"):
        curves_data(study(), quantity="acuracy")


def test_path_averages_diagnostics_over_seeds_and_folds(study):
    """Refits are not part of a path."""
    result = study()
    data = path_data(result, 1)
    trail = next(trail for trail in data.trails if trail.tensor == "hidden/output")
    inside = result.members.fold >= 0
    zeros = result.diagnostic("zeros/hidden/output")
    expected = [zeros[inside & (result.members.setting == setting)].mean() for setting in result.path(1)]
    np.testing.assert_allclose(trail.values, expected)
    assert trail.none == pytest.approx(zeros[inside & (result.members.setting == 0)].mean())
    assert data.marks["best"] == 1e-3
    assert [trail.tensor for trail in path_data(result, 1, "norm").trails] == ["hidden/kernel"]


def test_path_keeps_the_tensors_that_change_most(study):
    """Eight kernels are too many for one picture."""
    arms = {f"arm {i}": {f"layer{i}/kernel l1": [1e-3, 1e-2]} for i in range(8)}
    data = path_data(study(arms=arms), 1, "norm")
    assert len(data.trails) == 6
    assert data.left_out == 3


def test_surface_names_its_panels(study):
    """A study without a picture has no surface."""
    assert surface_data(study()) is None
    data = surface_data(study(picture=True))
    assert [panel.name for panel in data.panels] == ["none", "L1 activity (hidden/output l1 = 0.001)"]
    assert data.panels[0].probability.shape == (30, 40)


@pytest.mark.parametrize("score", ["accuracy", "loss"])
def test_gains_are_those_of_the_evidence_with_better_to_the_right(study, score):
    """The largest difference comes first; losses are turned so that positive is better."""
    result = study(arms={"weak": {"a/output l1": [1e-5]}, "strong": {"b/output l1": [1e-3]}}, score=score)
    data, evidence = gains_data(result), weigh_evidence(result)
    assert data.names == ("strong", "weak")
    assert [source.name for source in data.sources] == ["validation", "test"]
    assert data.sources[0].difference.tolist() == [evidence.gains[2].difference, evidence.gains[1].difference]
    assert data.sources[0].difference[0] > 0
    assert data.sources[1].low[0] == evidence.held_out_gains["test"][2].low
