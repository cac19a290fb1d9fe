"""What every test shares: one torch thread as in the app, the same random examples each time, and `--full`."""

import pytest
import torch
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

torch.set_num_threads(1)
settings.register_profile("fixed", max_examples=30, derandomize=True, deadline=None)
settings.load_profile("fixed")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """`pytest -n 2` keeps a file in one process, so that what its tests share is made once."""
    return LoadFileScheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the long form: truths with more rows and seeds, all browser tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --full, CI's form: `thorough` tests are left out, and of a browser test in both themes the light one."""
    if config.getoption("--full"):
        return
    theme = [item.callspec.params.get("theme") if hasattr(item, "callspec") else None for item in items]
    gone = [item for item, own in zip(items, theme, strict=True) if own == "light" or item.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if item not in set(gone)]


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the long form was asked for."""
    return bool(request.config.getoption("--full"))
