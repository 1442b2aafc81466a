"""`python -m benchmarks.power --studies 100`: simulate what is missing, judge it, write benchmarks/power.json.

The simulated studies are kept in `--folder`, a file for every 25, so that the command continues where it stopped; with
more studies it adds those that are missing. `--settings moons-60 null-60` limits the settings, whose lines in the file
are then replaced; `--judge` only judges.
"""

import argparse
import json
from pathlib import Path

from benchmarks.power._judge import DESIGNS, judge, looks, scores_of, studies
from benchmarks.power._simulate import SETTINGS, simulate

NUMBERS = Path(__file__).parents[1] / "power.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--settings", nargs="*", default=[setting.name for setting in SETTINGS])
    parser.add_argument("--folder", type=Path, default=Path("power-studies"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--judge", action="store_true")
    given = parser.parse_args()
    settings = [setting for setting in SETTINGS if setting.name in given.settings]
    for setting in () if given.judge else settings:
        simulate(setting, given.studies, given.folder, given.threads)
    names = [setting.name for setting in SETTINGS]
    before = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else []
    lines = [line for line in before if _name(line) not in given.settings]
    for setting in settings:
        for score in scores_of(setting):
            for design in DESIGNS:
                simulated = list(studies(setting, given.folder, score, design))[: given.studies]
                if simulated:
                    facts = {"family": setting.family, "rows": setting.rows, "score": score, "design": design}
                    facts |= judge(simulated)
                    if setting.family == "null" and len(simulated[0].result.seeds) > 1:
                        facts["looks"] = looks(simulated)
                    lines.append(facts)
                    print(json.dumps(lines[-1]), flush=True)
    lines.sort(key=lambda line: names.index(_name(line)))
    NUMBERS.write_text(json.dumps(lines, indent=1) + "\n")


def _name(line: dict) -> str:
    return f"{line['family']}-{line['rows']}"


if __name__ == "__main__":
    main()
