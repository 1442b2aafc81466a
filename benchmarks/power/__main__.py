"""`python -m benchmarks.power --studies 100`: simulate what is missing, judge it, write benchmarks/power.json.

The simulated studies are kept in `--folder`, a file for every 25, so that the command continues where it stopped; with
more studies it adds those that are missing. `--settings moons-60 null-60` limits the settings, whose lines in the file
are then replaced; `--judge` only judges. `--looks 300` writes benchmarks/looks.json instead. `--rules` compares the
rules `best` and `recommended` on what was simulated, and writes benchmarks/rules.json.
"""

import argparse
import json
from pathlib import Path

from benchmarks.power._judge import CHOSEN_ON, DESIGNS, judge, looks, scores_of, studies
from benchmarks.power._models import draw
from benchmarks.power._rules import compare_rules
from benchmarks.power._simulate import PASSES, SETTINGS, simulate

NUMBERS = Path(__file__).parents[1] / "power.json"
RULES = Path(__file__).parents[1] / "rules.json"
LOOKED = Path(__file__).parents[1] / "looks.json"
PASSES_OF = {"all": range(len(PASSES)), "seeds": range(5)}
MANY = 20
"""The most seeds of the studies that are looked at after each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="index of the first study, a multiple of 25")
    parser.add_argument("--designs", choices=["all", "seeds"], default="all", help="also five partitions, or not")
    parser.add_argument("--settings", nargs="*", default=[setting.name for setting in SETTINGS])
    parser.add_argument("--folder", type=Path, default=Path("power-studies"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--rules", action="store_true")
    parser.add_argument("--looks", type=int, default=0, help="only look at this many small studies of 20 seeds")
    given = parser.parse_args()
    if given.looks:
        LOOKED.write_text(json.dumps(look_at_many(given.looks), indent=1) + "\n")
        return
    settings = [setting for setting in SETTINGS if setting.name in given.settings]
    if given.rules:
        lines = [line for setting in settings for line in compare_rules(setting, given.folder, given.studies)]
        RULES.write_text(json.dumps(lines, indent=1) + "\n")
        return
    for setting in () if given.judge else settings:
        studies_of = range(given.first, given.first + given.studies)
        simulate(setting, studies_of, given.folder, PASSES_OF[given.designs], given.threads)
    names = [setting.name for setting in SETTINGS]
    before = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else []
    lines = [line for line in before if _name(line) not in given.settings]
    for setting in settings:
        for score in scores_of(setting):
            for design in DESIGNS:
                simulated = list(studies(setting, given.folder, score, design))[: given.studies]
                if simulated:
                    facts = {"family": setting.family, "rows": setting.rows, "score": score, "design": design}
                    facts |= judge(simulated, CHOSEN_ON.get(setting.name, 25 if setting.rows == 1000 else 100))
                    if setting.useless and design == "5 seeds":
                        results = [study.result for study in simulated]
                        facts["looks"], facts["looks ignored"] = (
                            shares[-1] for shares in looks(results, (5, 0)).values()
                        )
                    lines.append(facts)
                    print(json.dumps(lines[-1]), flush=True)
    lines.sort(key=lambda line: names.index(_name(line)))
    NUMBERS.write_text(json.dumps(lines, indent=1) + "\n")


def look_at_many(studies: int) -> dict:
    """Return the share of claims where nothing helps, after each of 20 seeds: of linear models, which are fast."""
    results = [draw(study, (0.3,) * 4, seeds=MANY, useless=True).result for study in range(studies)]
    shares = looks(results, (0, 5, MANY))
    return {"studies": studies, **dict(zip(("ignored", "extended", "planned"), shares.values(), strict=True))}


def _name(line: dict) -> str:
    return f"{line['family']}-{line['rows']}"


if __name__ == "__main__":
    main()
