"""Names that a script can rely on: the same for its second model as for its first, whatever Keras numbered."""

import keras
import numpy as np
import pytest

import bridle
from bridle._errors import TargetError
from bridle._keras import fingerprint_model
from bridle.placement import match_target

L = keras.layers
ROLES = ["bi1/forward/kernel", "bi1/backward/kernel", "bi2/forward/kernel", "bi2/backward/kernel"]


def names(model: keras.Model, target: str) -> list[str]:
    return [place.name for place in match_target(model, target)]


def translator() -> keras.Model:
    layers = [L.Bidirectional(L.LSTM(2, return_sequences=True), name="bi1"), L.Bidirectional(L.LSTM(2), name="bi2")]
    model = keras.Sequential([keras.Input((5, 3)), *layers, L.Dense(1, name="out")])
    model.compile("sgd", "mse")
    return model


class Mixer(L.Layer):
    """A layer of one's own with unnamed layers inside: in an attribute, in a list and in a dictionary."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.first, self.rest = L.Dense(3), [L.Dense(3), L.Dense(3, name="last")]
        self.gates = {"open": L.Dense(3)}

    def call(self, x):
        return self.gates["open"](self.rest[1](self.rest[0](self.first(x))))


def test_the_layers_of_bidirectional_have_the_same_names_in_every_model() -> None:
    """`forward` and `backward`; also what Keras calls them, and globs."""
    for model in (translator(), translator()):
        assert names(model, "bi*/*/kernel") == ROLES
        assert [name for target in ROLES for name in names(model, target)] == ROLES
        inner = model.get_layer("bi1").forward_layer
        assert names(model, f"bi1/{inner.name}/kernel[forget]") == ["bi1/forward/kernel[forget]"]
        assert match_target(model, "bi1/forward/kernel")[0].variable is inner.cell.kernel
        assert names(model, "bi1/backward/hidden_state") == ["bi1/backward/hidden_state"]
        assert names(model, "bi1/kernel") == ROLES[:2]


def test_names_that_a_person_gave_stay_and_roles_work_beside_them() -> None:
    """`forward_mine` is shown, `forward` is understood."""
    model = keras.Sequential([keras.Input((5, 3)), L.Bidirectional(L.GRU(2, name="mine"), name="both")])
    assert names(model, "both/forward/bias") == names(model, "both/forward_mine/bias") == ["both/forward_mine/bias"]


def test_every_wrapper_and_layer_of_ones_own_has_roles() -> None:
    """The attribute that holds a layer is its name where Keras made one up, also in lists, dictionaries and models."""
    for _ in range(2):
        steps = [L.TimeDistributed(L.Dense(3), name="td"), L.SpectralNormalization(L.Dense(3), name="sn")]
        stacked = L.RNN([L.LSTMCell(2), L.LSTMCell(2, name="top")], name="rnn")
        model = keras.Sequential([keras.Input((5, 3)), *steps, Mixer(name="mix"), stacked])
        expected = ["td/layer", "sn/layer", "mix/first", "mix/rest/0", "mix/last", "mix/gates/open"]
        expected += ["rnn/cells/0", "rnn/top"]
        assert names(model, "*/kernel") == [f"{path}/kernel" for path in expected]
        assert names(model, "mix/rest/1/kernel") == ["mix/last/kernel"]
        assert all(names(model, f"{path}/kernel") == [f"{path}/kernel"] for path in expected)

    class Subclassed(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.out = L.Dense(3, "relu"), L.Dense(1)

        def call(self, x):
            return self.out(self.hidden(x))

    own = Subclassed()
    own(np.ones((1, 2)))
    assert names(own, "*/kernel") == ["hidden/kernel", "out/kernel"]
    assert names(own, "hidden/preactivation") == names(own, f"{own.hidden.name}/preactivation")


def test_a_script_with_roles_runs_for_a_second_model(tmp_path) -> None:
    """Penalize, save, load, code, audit, study: the names are those of the first time."""
    target, x = "bi1/backward/kernel", np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32")
    said = []
    for number in range(2):
        model = translator()
        penalized = bridle.regularize(model, {target: bridle.L2(0.1)})
        penalized.save(tmp_path / f"{number}.keras")
        loaded = keras.models.load_model(tmp_path / f"{number}.keras")
        kernel = np.asarray(model.get_layer("bi1").backward_layer.cell.kernel, float)
        for each in (penalized, loaded):
            assert {name: float(value) for name, value in each.penalties(x).items()} == pytest.approx(
                {f"penalty/{target}": 0.1 * (kernel**2).sum()}, rel=1e-5
            )
        study = bridle.Study(model, {"L2": {target: bridle.L2(0.1)}}, seeds=1, folds=2, epochs=1)
        result = study.run(x, x[:, 0, :1], store=tmp_path / "study", progress=False)
        rows = [row.where for row in bridle.audit(penalized).rows if "bi1" in row.where]
        said.append(
            (
                [name for name in result.data.weight_names if "seed" not in name],
                result.code("L2"),
                rows,
                fingerprint_model(model),
            )
        )
    assert said[0] == said[1]
    assert target in said[0][0]


def test_globs_over_outputs_take_every_activation() -> None:
    """In Conv–BN–ReLU the output after the rectifier, whatever layer it is; not pooling, dropout or sums."""
    rectifiers = [L.ReLU(), L.LeakyReLU(), L.ELU(), L.PReLU(), L.Softmax(), L.Activation("relu")]
    for rectifier in rectifiers:
        layers = [L.Conv1D(2, 2, name="conv"), L.BatchNormalization(name="norm"), rectifier, L.Dropout(0.1)]
        model = keras.Sequential([keras.Input((5, 3)), *layers, L.Flatten(), L.Dense(1, name="out")])
        last = rectifier.name
        assert names(model, "*/output") == ["conv/output", "norm/output", f"{last}/output", "out/output"]
        assert names(model, f"{last[:3]}*/output") == [f"{last}/output"]


def test_the_nearest_names_of_a_glob_are_not_those_that_it_passes_over() -> None:
    """A glob that meets only layers which globs pass over is told so."""
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, name="a"), L.Dropout(0.1, name="drop1")])
    with pytest.raises(TargetError, match=r"skips layers without weights.*'drop1/output'"):
        match_target(model, "drop*/output")
