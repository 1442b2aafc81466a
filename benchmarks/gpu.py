"""Measure bridle on an accelerator in one run of at most ten minutes: `python benchmarks/gpu.py`.

It needs the packages of bridle and a JAX that sees the card; it installs nothing, and works from a checkout without
`pip install`. Each part runs in a process of its own, is ended when its time is over, and says each number as soon as
it has it. After each, `gpu.json` and the table `gpu.md` are written, so that nothing is lost if the run is stopped.

    python benchmarks/gpu.py --minutes 9 --out results     # the full run
    python benchmarks/gpu.py --quick --minutes 3           # the same with tiny sizes, also on a CPU
"""

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("jax", "keras", "numpy", "scipy", "sklearn", "pandas", "threadpoolctl", "jaxtyping")
"""What bridle and the parts import."""
PROGRAM = ("-m", "benchmarks.gpu_parts")
"""What a process of a part runs."""
GRACE_SECONDS = 10
"""Time after its end that a part may take to stop by itself."""
SHARES = {"facts": 0.04, "parity": 0.22, "cnn": 0.2, "lstm": 0.2, "moons": 0.14, "many": 0.2}
"""The share of the time of each part, in their order; what one leaves goes to those after it."""


def main() -> None:
    options = _options()
    missing = _missing()
    if missing:
        sys.exit(
            f"Expected the packages of bridle, found none of {', '.join(missing)}. This script installs nothing: "
            "install them, or put them on PYTHONPATH."
        )
    options.out.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    for line in measure(options.minutes * 60, options.quick, options.parts):
        lines.append(line)
        print(json.dumps(line), flush=True)
        write(options.out, lines)
    print(table(lines))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks/gpu.py", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9.0, help="time for everything (default 9)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks", help="folder of gpu.json and gpu.md")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the script on a CPU")
    parser.add_argument("--parts", nargs="+", choices=list(SHARES), default=list(SHARES), help="only these parts")
    return parser.parse_args()


def _missing() -> list[str]:
    from importlib.util import find_spec

    return [name for name in PACKAGES if find_spec(name) is None]


def measure(seconds: float, quick: bool, parts: list[str]) -> Iterator[dict[str, Any]]:
    """Run the parts one after another and yield each line that they say; the last one says how long it took."""
    began = time()
    shares = {name: SHARES[name] for name in SHARES if name in parts}
    for name in shares:
        rest = sum(list(shares.values())[list(shares).index(name) :])
        until = time() + (began + seconds - time() - GRACE_SECONDS) * shares[name] / rest
        if name == "parity":
            yield from _parity(until, quick)
        else:
            yield from _part(name, until, quick)
    yield {"part": "end", "seconds": round(time() - began, 1), "quick": quick}


def _part(
    name: str, until: float, quick: bool, folder: str = "", environment: dict[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Run one part in a process of its own and yield its lines; end it when its time is over."""
    command = [sys.executable, "-u", *PROGRAM, name, str(until), str(int(quick)), folder]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": path, **(environment or {})},
    )
    said: queue.Queue[str | None] = queue.Queue()
    errors: list[str] = []
    readers = [
        threading.Thread(target=_pass_on, args=(process.stdout, said), daemon=True),
        threading.Thread(target=lambda: errors.extend(process.stderr or []), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        while True:
            line = said.get(timeout=max(0.1, until + GRACE_SECONDS - time()))
            if line is None:
                break
            if line.startswith("{"):
                yield {"part": name, **json.loads(line)}
        if process.wait():
            last = [text.strip() for text in errors if text.strip()][-1:] or ["no message"]
            yield {"part": name, "error": f"ended with status {process.returncode}: {last[0][:300]}"}
    except queue.Empty:
        yield {"part": name, "error": "its time was over"}
    finally:
        process.kill()
        process.wait()
        for reader, stream in zip(readers, (process.stdout, process.stderr), strict=True):
            reader.join()
            if stream is not None:
                stream.close()


def _pass_on(stream: Any, said: "queue.Queue[str | None]") -> None:
    for line in stream:
        said.put(line)
    said.put(None)


def _parity(until: float, quick: bool) -> Iterator[dict[str, Any]]:
    """Train the same models on the card and on the CPU at once, and compare what they have become."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        cpu: list[dict[str, Any]] = []
        other = threading.Thread(
            target=lambda: cpu.extend(_part("parity", until, quick, f"{folder}/cpu", {"JAX_PLATFORMS": "cpu"})),
            daemon=True,
        )
        other.start()
        card = list(_part("parity", until, quick, f"{folder}/card"))
        other.join(max(1.0, until + 2 * GRACE_SECONDS - time()))
        yield from (line for line in [*card, *cpu] if "error" in line)
        fits = {line["model"]: line for line in cpu if "model" in line}
        for line in card:
            if line.get("model") in fits and "error" not in fits[line["model"]]:
                pair = [np.load(f"{folder}/{side}/{line['model']}.npz") for side in ("card", "cpu")]
                yield {"part": "parity", "model": line["model"], "same_twice": line["same_twice"], **_apart(*pair)}


def _apart(card: Any, cpu: Any) -> dict[str, float]:
    """Return the largest relative differences: of weights, by the largest weight of a variable, and of the losses."""
    import numpy as np

    names = [name for name in cpu.files if name != "losses"]
    weights = [np.abs(card[name] - cpu[name]).max() / max(np.abs(cpu[name]).max(), 1e-6) for name in names]
    losses = np.abs(card["losses"] / cpu["losses"] - 1)
    return {"weights": float(max(weights)), "losses": float(np.nanmax(losses))}


def write(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Write the numbers and the table, in this order, each at once."""
    for name, text in (("gpu.json", json.dumps(lines, indent=1) + "\n"), ("gpu.md", table(lines))):
        temporary = folder / f".{name}"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / name)


def table(lines: list[dict[str, Any]]) -> str:
    """Return everything that was measured as Markdown, with the name of the card."""
    facts = next((line for line in lines if line["part"] == "facts" and "device" in line), {})
    ends = [line for line in lines if line["part"] == "end"]
    head = [f"# {facts.get('device', 'no device')}", "", "<!-- written by benchmarks/gpu.py -->", ""]
    head += [", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("part", "device")) + ".", ""]
    if any(line["quick"] for line in ends):
        head += ["Tiny sizes (`--quick`): no figures to publish.", ""]
    sections = [_parity_table(lines), *(_widths_table(lines, name) for name in ("cnn", "lstm")), _study_table(lines)]
    failed = [f"* {line['part']}: {line['error']}" for line in lines if "error" in line]
    notes = ["## Not measured", "", *failed, ""] if failed else []
    tail = [f"The run took {line['seconds']:.0f} seconds." for line in ends]
    return "\n".join([*head, *[text for section in sections for text in section], *notes, *tail]) + "\n"


def _rows(title: str, names: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    cells = [names, ("---",) * len(names), *rows]
    return [f"## {title}", "", *(f"| {' | '.join(row)} |" for row in cells), ""]


def _parity_table(lines: list[dict[str, Any]]) -> list[str]:
    rows = [
        (line["model"], f"{line['weights']:.1e}", f"{line['losses']:.1e}", "yes" if line["same_twice"] else "no")
        for line in lines
        if line["part"] == "parity" and "weights" in line
    ]
    names = ("model", "weights apart", "losses apart", "same bits twice")
    return _rows("The card against the CPU, relative", names, rows)


def _widths_table(lines: list[dict[str, Any]], part: str) -> list[str]:
    measured = [line for line in lines if line["part"] == part and "ms" in line]
    fit = next((line["ms"] for line in measured if line["way"] == "model.fit"), None)
    widths = sorted({line["width"] for line in measured if line["way"] != "model.fit"})
    by_way = {(line["way"], line["width"]): line["ms"] for line in measured}
    rows = []
    for width in widths:
        ours = by_way.get(("bridle", width))
        hands = [ms for (way, size), ms in by_way.items() if size == width and way.startswith("hand")]
        ratio = f"{ours / min(hands):.2f}" if ours and hands else "–"
        times = f"{fit / ours:.0f} ×" if fit and ours else "–"
        rows.append((str(width), _ms(ours), _ms(min(hands, default=None)), ratio, times))
    title = {"cnn": "digits, 2 convolutions", "lstm": "digits, LSTM 64"}[part]
    said = f"; `model.fit` {_ms(fit)}" if fit else ""
    return _rows(
        f"{title}: ms per epoch of one fit{said}",
        ("fits in one call", "bridle", "hand-written", "bridle / hand", "fit / bridle"),
        rows,
    )


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _study_table(lines: list[dict[str, Any]]) -> list[str]:
    rows = [
        (
            f"{line['planned']} fits × {line['epochs']} epochs, and refits",
            str(line["fits"]),
            f"{line['seconds']:.1f}",
            f"{line['fits'] / line['seconds']:.3g}",
            str(line["width"]),
            f"{line['fit_seconds'] / line['seconds']:.0f} ×" if line.get("fit_seconds") else "–",
        )
        for line in lines
        if line["part"] in ("moons", "many") and "fits" in line
    ]
    names = ("moons 2-500-1", "finished", "seconds", "fits a second", "fits in one call", "loop of model.fit / bridle")
    return _rows("Studies, compilation counted", names, rows)


if __name__ == "__main__":
    main()
