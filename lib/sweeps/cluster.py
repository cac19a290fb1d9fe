"""Past one machine: the workers of a Dask scheduler, as an `Executor`."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from distributed import Client

P = ParamSpec("P")
T = TypeVar("T")

VARIABLE = "COUNTERWEIGHT_DASK"
PATIENCE = 3.0  # seconds for the scheduler to answer


def address() -> str | None:
    """The scheduler that this deployment names, such as tcp://10.0.0.5:8786; None where it names none."""
    return os.environ.get(VARIABLE, "").strip() or None


class Workers(Executor):
    """The workers of a scheduler, in the standard library's words; `workers` is how many calls they take at the same time."""

    def __init__(self, client: "Client") -> None:
        self._client, self._own = client, client.get_executor(pure=False, retries=2)
        self.workers = max(sum(client.nthreads().values()), 1)

    def submit(self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> Future[T]:
        return self._own.submit(function, *arguments, **named)  # type: ignore[no-any-return]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give back what is in work and hang up; a scheduler that is gone is no error any more."""
        with suppress(Exception):
            self._own.shutdown(wait=wait and not cancel_futures)
        with suppress(Exception):
            self._client.close(PATIENCE)


def dask(scheduler: str) -> Executor:
    """Executor of a scheduler's workers, which need this project's folder and its requirements.

    A scheduler that is started again within those seconds at the same address is found again; what was with it counts as
    lost, and its workers have to be started again too. Raises ValueError within 5 seconds when nothing answers, or when the
    package `distributed` is not there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            "Sweeps on a cluster need the package distributed: pip install distributed. Or take the local engine."
        ) from None
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False, name="counterweight")
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(
            f"No Dask scheduler answers at {scheduler} ({type(error).__name__}). Start one, mend the address, or take the "
            "local engine."
        ) from None
    return Workers(client)
