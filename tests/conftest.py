"""What every test shares: one torch thread as in the app, the same random examples each time, and `--full`."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("fixed", max_examples=30, derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.hookimpl(wrapper=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """What `-n 2 --dist loadgroup` keeps in one process: the browser tests, one after another, and each other file."""
    for item in items:
        group = "browser" if item.path.parent.name == "browser" else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))
    return (yield)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the long form of the truths: more rows, more seeds")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the long form was asked for."""
    return bool(request.config.getoption("--full"))
