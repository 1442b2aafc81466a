"""Whether each hand-written program is the Keras model: the same losses from the same weights, without shuffling."""

import numpy as np
from benchmarks.engine.families import FAMILIES
from benchmarks.engine.hand import make_training, on_device
from benchmarks.engine.nets import NETS

EPOCHS = 3


def check(name: str) -> None:
    """Compare three epochs; raises `AssertionError` with both curves where they differ."""
    import jax

    family, net, rows = FAMILIES[name], NETS[name], FAMILIES[name].rows()
    model = family.model()
    training = make_training(net, len(rows.x), family.batch, EPOCHS, shuffle=False)
    params = [variable.value for variable in model.trainable_variables]
    assert [p.shape for p in params] == [p.shape for p in net.start(jax.random.key(0))]
    _, curves = jax.jit(training)(params, jax.random.key(0), *on_device(net, rows))
    fitted = model.fit(
        rows.x, rows.y, family.batch, EPOCHS, validation_data=(rows.xv, rows.yv), shuffle=False, verbose=0
    ).history
    measures = (curves.shape[1] - 1) // 2
    compare(name, "loss", curves[:, 0], fitted["loss"])
    if name == "autoencoder":  # Keras adds the penalty to val_loss
        plain = model.predict(rows.xv, verbose=0)
        compare(name, "validation", curves[-1, 1 + measures], np.mean((plain - rows.yv) ** 2))
    else:
        compare(name, "validation", curves[:, 1 + measures], fitted["val_loss"])
        np.testing.assert_allclose(curves[:, 2 + measures], fitted["val_accuracy"], atol=2e-3)
    print(f"{name}: the same losses as model.fit, {np.array2string(np.asarray(curves[:, 0]), precision=5)}")


def compare(name: str, what: str, ours: object, theirs: object) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, err_msg=f"{name}: {what}")
