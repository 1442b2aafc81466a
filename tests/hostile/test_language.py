"""The dictionary language: any text is a penalty or a target, or refused; what is written is read again."""

import ast

import keras
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.hostile._hostile import survives, tries
from tests.hostile._strategies import NASTY, numbers, spoiled_bytes, texts

import bridle
from bridle.placement import code_lines, match_target, read_terms
from bridle.regularizers import PENALTIES, Penalty
from bridle.tuning import written_arms

OPTIONS = sorted({option for kind in PENALTIES.values() for option in (*kind.names, *kind.options)})
CALLS = ("grid", "linear", "exponential", "warmup", "steps")
GOOD = ("l2(1e-3)", "l1(grid(1e-6, 1e-1), per=batch)", "l1l2(l1=0.1, l2=auto)", "l2(steps({0: 0, 5: 1e-3}))",
        "l2sp(0.1, anchor=[[1.0, 2.0]])", "grouplasso(1, groups=[0, 0, 1])", "kl(0.1, target=0.2)")  # fmt: skip


CHOICES = {
    "per": ("sample", "batch", "'unit'"),
    "exact": ("False", "True"),
    "groups": ("inputs", "units", "2", "[0, 0, 1]"),
    "anchor": ("pretrained", "1.0", "-2", "[[1.5, 2.0], [0.0, 1e-9]]"),
    "target": ("0.05", "0.5"),
    "limit": ("3", "0.1"),
    "by": ("rows", "columns"),
}


def expressions() -> st.SearchStrategy[str]:
    """Penalties as text, nearly right."""
    plain = st.one_of(
        numbers().map(_written),
        st.floats(0, 10).map(repr),
        st.sampled_from(["auto", "'auto'", "batch", "True", "inputs"]),
    )

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        several = st.lists(inner, max_size=4)
        pairs = st.lists(st.tuples(inner, inner), max_size=3)
        return st.one_of(
            several.map(lambda items: f"[{', '.join(items)}]"),
            pairs.map(lambda items: f"steps({{{', '.join(map(': '.join, items))}}})"),
            st.tuples(st.sampled_from(CALLS), several).map(lambda call: f"{call[0]}({', '.join(call[1])})"),
        )

    values = st.recursive(plain, larger, max_leaves=6)
    named = st.tuples(st.sampled_from(OPTIONS), values).map("=".join)
    given = st.tuples(st.lists(values, max_size=2), st.lists(named, max_size=3))
    return st.tuples(st.sampled_from(sorted(PENALTIES)), given).map(
        lambda parts: f"{parts[0]}({', '.join([*parts[1][0], *parts[1][1]])})"
    )


def _written(number: float) -> str:
    return hex(number) if isinstance(number, int) and abs(number) > 10**400 else repr(number)


def allowed() -> st.SearchStrategy[str]:
    """Penalties that the language has, with strengths of every form."""
    number = st.floats(0, 1e12).map(repr) | st.integers(0, 99).map(str)
    strength = st.one_of(
        number,
        st.just("auto"),
        st.lists(number, min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.tuples(number, st.integers(1, 99)).map(lambda pair: f"warmup({pair[0]}, {pair[1]})"),
        st.tuples(number, number, st.integers(1, 99)).map(lambda three: f"linear({', '.join(map(str, three))})"),
        st.dictionaries(st.integers(0, 99), number, min_size=1, max_size=3).map(
            lambda levels: f"steps({{{', '.join(f'{epoch}: {value}' for epoch, value in levels.items())}}})"
        ),
    )

    def penalty_text(kind: str) -> st.SearchStrategy[str]:
        names = PENALTIES[kind].names
        own = [option for option in CHOICES if option in PENALTIES[kind].options]
        chosen = st.tuples(*(st.none() | st.sampled_from(CHOICES[option]).map(f"{option}=".__add__) for option in own))
        strengths = st.tuples(*(strength.map(f"{name}=".__add__) for name in names))
        return st.tuples(strengths, chosen).map(lambda parts: f"{kind}({', '.join(filter(None, parts[0] + parts[1]))})")

    return st.sampled_from(sorted(PENALTIES)).flatmap(penalty_text)


def penalties() -> st.SearchStrategy[str]:
    """Text that may be a penalty."""
    spoiled = st.sampled_from(GOOD).flatmap(lambda text: spoiled_bytes(text.encode()))
    return st.one_of(
        allowed(), allowed(), expressions(), spoiled.map(lambda raw: raw.decode("utf-8", "replace")), texts()
    )


@tries(400)
@given(penalties())
@example("l2(0x" + "f" * 5000 + ")")
@example("l2(grid(1e-6, 1e-1, 1000000000000))")
@example("l2(grid(5e-324, 1.7e308))")
@example("l2(strength=1, strength=2)")
@example("l2(steps({[1]: 2}))")
@example("l2(steps({0: 1, 0: 2}))")
@example("l2(exponential(1e-300, 1e300, 5))")
@example("l2(exponential(1e-60, 1, 5))")
@example("l2(linear(1e-300, 1e20, 5))")
@example("l2(steps({0: 544757493526.75, 1: 2.2250738585072014e-308}))")
@example("l2(1" + "+1" * 500 + ")")
@example("grouplasso(groups=[1, [2]])")
@example("l2sp(anchor=[1e308, 1e308])")
@example(f"l2sp(anchor=[{10**400}])")
def test_any_text_is_a_penalty_or_refused(text: str) -> None:
    """A parsed penalty is shown, saved and written so that it parses to the same one."""
    with survives():
        penalty = bridle.parse_penalty(text)
        assert repr(penalty)
        config = penalty.get_config()
        assert type(penalty).from_config(config).get_config() == config
        assert _again(penalty).get_config() == config


def _again(penalty: Penalty) -> Penalty:
    """The penalty read from the text that it writes."""
    config = penalty.get_config()
    return bridle.parse_penalty(penalty.to_text(*(str(config[name]) for name in penalty.names)))


@tries(100)
@given(*[st.floats(0, allow_nan=False, allow_infinity=False)] * 2, st.sampled_from(["linear", "exponential"]))
@example(1e-60, 1.0, "exponential")
@example(1.695599611035846e-33, 1.0, "exponential")
def test_any_course_is_finite_or_refused(start: float, stop: float, shape: str) -> None:
    """From one strength to another, over five epochs."""
    with survives():
        course = getattr(bridle.schedule, shape)(start, stop, 5)
        assert all(0 <= float(course.factor(epoch)) <= 1 + 1e-6 for epoch in range(7))


@pytest.mark.parametrize("value", [None, 5, b"l2(1)", ["l2(1)"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    """With the word `text` in the sentence."""
    with pytest.raises(bridle.BridleError, match="text"):
        bridle.parse_penalty(value)


@pytest.fixture(scope="module")
def net() -> keras.Model:
    """Dense layers, an LSTM and names that need care."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 3)),
            layers.LSTM(2, name="lstm"),
            layers.Dense(3, "relu", name="hidden"),
            layers.Dense(1, name="out put"),
        ]
    )


def targets() -> st.SearchStrategy[str]:
    """Text that may be a target."""
    words = "* hidden lstm / kernel output [forget] [ ] ? ! , [!x] [a-] [z-a] preactivation \\ | ~~ && -- ^"
    parts = st.sampled_from([*words.split(), "out put", "[h\"'\n]idden"])
    return st.one_of(st.lists(parts | texts(), max_size=7).map("".join), texts())


@tries(100)
@given(target=targets(), penalty=penalties())
@example(target='[h"\n]idden/kernel', penalty="l2(0.1)")
@example(target='[h"]idden/kernel', penalty="nuclear(0.1)")
@example(target="*/kernel," * 100_000, penalty="l2(0.1)")
@example(target="*a" * 900 + "/kernel", penalty="l2(0.1)")
def test_any_text_is_a_target_or_refused(net: keras.Model, target: str, penalty: str) -> None:
    """The Keras code names it and nothing else."""
    with survives():
        assert match_target(net, target)
        (term,) = read_terms(net, {target: penalty})
        assert term.label
        assert term.slots
        if all(isinstance(value, float) for value in term.regularizer.strengths):
            code = code_lines(net, {target: penalty})
            tree = ast.parse(code)
            keys = [node.value for each in ast.walk(tree) if isinstance(each, ast.Dict) for node in each.keys]
            assert keys in ([], [target])
            assert len(tree.body) <= 8


@tries(150)
@given(st.lists(texts() | targets().map(lambda where: f"{where}=l2(auto)"), max_size=3))
def test_any_text_is_an_arm_of_the_command_line_or_refused(written: list[str]) -> None:
    """`--penalty`."""
    with survives():
        assert list(written_arms(written)) == written


@pytest.mark.parametrize("name", NASTY)
def test_any_text_is_the_name_of_an_arm_or_refused(net: keras.Model, name: str) -> None:
    """A name of several lines could pass for a sentence of the verdict."""
    from bridle.study.design._arms import read_arms

    with survives():
        read_arms(net, {name: {"*/kernel": "l2(0.1)"}})
        assert name.strip()
        assert len(name.splitlines()) == 1
