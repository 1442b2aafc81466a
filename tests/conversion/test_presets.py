"""The values of the literature."""

import numpy as np
import pytest
from tests.conftest import network

import bridle
from bridle import BridleError

EXPECTED = {
    "alexnet": "L2(strength=0.00025)",
    "vgg": "L2(strength=0.00025)",
    "inception-v3": "L2(strength=2e-05)",
    "xception": "L2(strength=5e-06)",
    "seq2seq-lstm": "L2(strength=5e-07)",
    "nas-cifar10": "L2(strength=5e-05)",
    "awd-lstm-decay": "L2(strength=6e-07)",
    "awd-lstm-ar": "AR(strength=2)",
    "awd-lstm-tar": "TAR(strength=1)",
    "awd-lstm-weight-drop": "DropConnect(rate=0.5)",
    "inception-v3-labels": "LabelSmoothing(eps=0.1)",
    "sparse-kl": "KL(strength=auto)",
    "sparse-rectifier": "L1(strength=0.001)",
    "circles-tutorial": "L1(strength=0.003)",
    "moons-tutorial": "L2(strength=0.001)",
    "iris-tutorial": "L1(strength=0.001)",
}


def test_presets_charge_what_their_sources_print() -> None:
    """Worked out by hand from the printed values."""
    assert {name: repr(preset.penalty) for name, preset in bridle.presets.items()} == EXPECTED
    assert bridle.presets["sparse-kl"].penalty.target == 0.05


def test_a_preset_can_be_placed(moons) -> None:
    """Its terms go straight into `bridle.regularize`, and the loss grows by what they say."""
    model = network()
    placed = bridle.regularize(model, bridle.presets["vgg"].terms)
    before, after = (net.evaluate(*moons, verbose=0, return_dict=True)["loss"] for net in (model, placed))
    squares = sum(float((np.array(layer.kernel) ** 2).sum()) for layer in model.layers)
    assert after - before == pytest.approx(2.5e-4 * squares, abs=1e-6)


def test_a_preset_says_where_it_comes_from() -> None:
    """The printed value, the place, the source and how sure we are; all of them in one table."""
    said = str(bridle.presets["xception"])
    assert all(word in said for word in ("weight decay 1e-5", "is assumed", "*/kernel = l2(5e-06)", "Chollet"))
    assert all(preset.source in repr(bridle.presets) for preset in bridle.presets.values())


def test_unknown_presets_get_the_nearest_names() -> None:
    """An `InputError` that a mapping's own methods take for a `KeyError`."""
    with pytest.raises(BridleError, match=r"^Expected a known preset, got 'VGG16'. Nearest: 'vgg'"):
        bridle.presets["VGG16"]
    assert "VGG16" not in bridle.presets
    assert bridle.presets.get("VGG16") is None
