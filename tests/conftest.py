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
    parser.addoption("--full", action="store_true", help="the long form of the truths: more rows, more seeds")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the long form was asked for."""
    return bool(request.config.getoption("--full"))
