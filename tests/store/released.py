"""Write the folder of the present format that the tests keep: python -m tests.store.released."""

from pathlib import Path

HERE = Path(__file__).parent / "released"


def write(folder: Path) -> None:
    """A small study with everything in it: two arms, a diverged fit, refits, held-out rows, nested folds."""
    from sklearn.datasets import make_moons
    from tests.conftest import network

    import bridle

    x, y = make_moons(60, noise=0.2, random_state=1)
    arms = {"L2": {"*/kernel": bridle.L2([0.01, 1e30])}, "L1": {"hidden/output": bridle.L1([0.01])}}
    study = bridle.Study(network(3, optimizer="sgd"), arms, seeds=2, folds=2, epochs=3)
    study.run(x[:40], y[:40], test=(x[40:], y[40:]), nested=2, store=folder, progress=False)


if __name__ == "__main__":
    from bridle.store import _files, _index

    write(HERE / f"format-{_files.FORMAT}-{_index.FORMAT}")
