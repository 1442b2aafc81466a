"""Checks of the text of a verdict against itself: one function each, which returns what is wrong or an empty text."""

import re
from collections.abc import Callable
from decimal import Decimal

NUMBER = r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?"
SIDE = r"(?: (higher|lower))?"
GAIN = re.compile(
    rf"(?P<score>[^,:]+) is (?P<about>about |less than |)(?P<size>{NUMBER})(?P<unit>[a-z ]*?) (?P<way>higher|lower) "
    rf"\((?:95 % interval (?:over runs )?(?P<low>{NUMBER}){SIDE} to (?P<high>{NUMBER}){SIDE}|no interval[^)]*)\)"
    rf"(?:: (?:(?P<arm>{NUMBER})(?P<arm_unit>(?: %)?) instead of (?P<none>{NUMBER})(?P<none_unit>(?: %)?)"
    rf"|about (?P<both>{NUMBER})(?: %)? in both))?"
)
"""The sentence on the gain: difference with unit and direction, interval, both scores."""
UNITS = {
    "accuracy": (" percentage points", " %"),
    "log loss": (" per row", ""),
    "mean absolute error": (" units of the target", ""),
    "r²": ("", ""),
    "AUC": ("", ""),
}
"""The units of a difference and of a score, by the name of the score."""
COUNTED = (
    rf"{NUMBER} (?:%|percentage points|penalties|test rows|rows|runs)|strengths? {NUMBER}|\(BR\d{{3}}\)|\bL[12]\b|r²"
)
"""Numbers outside of the gain, each with what it counts."""
MAX_SENTENCES, MAX_WORDS = 3, 60


def short(text: str) -> str:
    """At most three sentences, one a line, and sixty words."""
    lines = text.splitlines()
    if len(lines) > MAX_SENTENCES or any(not re.fullmatch(r"[A-Z](?:[^.]|\.(?! ))*\.", line) for line in lines):
        return f"{len(lines)} lines, or more than one sentence on one"
    words = len(text.split())
    return f"{words} words" if words > MAX_WORDS else ""


def difference_is_that_of_the_scores(text: str) -> str:
    """Exactly, or within one unit of the last digit after "about"; none after "less than"."""
    gain = GAIN.search(text)
    if gain is None or not (gain["arm"] or gain["both"]):
        return ""
    size, arm, none = Decimal(gain["size"]), *(Decimal(gain[name] or gain["both"]) for name in ("arm", "none"))
    digit = Decimal(1).scaleb(size.as_tuple().exponent)
    error = abs(abs(arm - none) - size)
    allowed = {"": Decimal(0), "about ": digit, "less than ": digit}[gain["about"]]
    return f"{arm} - {none} is not {size}" if error > allowed or (gain["about"] == "about " and not error) else ""


def direction_is_that_of_the_scores(text: str) -> str:
    """Higher where the score with a penalty is the larger one."""
    gain = GAIN.search(text)
    if gain is None or not gain["arm"]:
        return ""
    return "" if (Decimal(gain["arm"]) > Decimal(gain["none"])) == (gain["way"] == "higher") else gain["way"]


def signed(gain: re.Match[str]) -> tuple[Decimal, Decimal, Decimal] | None:
    """Return the difference and the ends of its interval, positive for higher; None without an interval."""
    if gain["low"] is None:
        return None
    ways = gain["way"], *(side or gain["way"] for side in (gain[7], gain[9]))
    texts = (gain["size"], gain["low"], gain["high"])
    size, low, high = (
        Decimal(number) * (1 if way == "higher" else -1) for number, way in zip(texts, ways, strict=True)
    )
    return size, min(low, high), max(low, high)


def interval_holds_the_difference(text: str) -> str:
    """With its direction."""
    gain = GAIN.search(text)
    ends = gain and signed(gain)
    return f"{ends}" if ends and not ends[1] <= ends[0] <= ends[2] else ""


def claim_is_that_of_the_interval(text: str) -> str:
    """A penalty is called useful only where the interval leaves out zero, on one side."""
    gain = GAIN.search(text)
    ends = gain and signed(gain)
    if not ends:
        return "" if gain is None or not re.match(r"Use (?!no penalty)[^,]*\.", text) else "use without an interval"
    clear = ends[1] > 0 or ends[2] < 0
    text = re.sub("^So far, use ", "Use ", text)
    if re.match("Use no penalty|The network is no better", text):
        return ""
    return "" if clear == text.startswith("Use ") else f"{ends} {text[:20]}"


def shares_are_possible(text: str) -> str:
    """Between 0 and 100 per cent or percentage points."""
    numbers = re.findall(rf"({NUMBER}) (?:%|percentage)", text)
    if "accuracy" in text:
        numbers += [end for gain in GAIN.finditer(text) for end in (gain["low"], gain["high"]) if end]
    return " ".join(number for number in numbers if not 0 <= Decimal(number.replace(",", "")) <= 100)


def numbers_have_units(text: str) -> str:
    """Those of the gain have the units of its score; all others say what they count."""
    for gain in GAIN.finditer(text):
        score = next((name for name in UNITS if gain["score"].endswith(name)), None)
        if score is None or gain["unit"] != UNITS[score][0]:
            return f"{gain['score']}: unit {gain['unit']!r} of the difference"
        if gain["arm"] and not UNITS[score][1] == gain["arm_unit"] == gain["none_unit"]:
            return f"{gain['score']}: unit {gain['arm_unit']!r} of the scores"
    rest = GAIN.sub("", text)
    rest = re.sub(rf"(r²|AUC|log loss) is {NUMBER}(?: against {NUMBER}| for both)", "", rest)
    rest = re.sub(rf"but (?:only )?{NUMBER}(?: per row| units of the target)?(?: lower| higher)? on the", "", rest)
    left = re.search(r"\S*\d\S*", re.sub(COUNTED, "", rest))
    return left[0] if left else ""


CHECKS: tuple[Callable[[str], str], ...] = (
    short,
    difference_is_that_of_the_scores,
    direction_is_that_of_the_scores,
    interval_holds_the_difference,
    claim_is_that_of_the_interval,
    shares_are_possible,
    numbers_have_units,
)
