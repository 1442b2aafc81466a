"""Each hostile test tells how many inputs it tried, also from a worker to the process that sums them up."""

from collections.abc import Iterator

import pytest
from tests.hostile._hostile import TALLY


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Add what one test tried to its report."""
    before = vars(TALLY).copy()
    try:
        return (yield)
    finally:
        item.user_properties += [(f"hostile {name}", count - before[name]) for name, count in vars(TALLY).items()]
