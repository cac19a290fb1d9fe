"""Past one machine: the workers of a Dask scheduler, as an `Executor`."""

import os
from concurrent.futures import Executor

VARIABLE = "COUNTERWEIGHT_DASK"
PATIENCE = 3.0  # seconds for the scheduler to answer


def address() -> str | None:
    """The scheduler that this deployment names, such as tcp://10.0.0.5:8786; None where it names none."""
    return os.environ.get(VARIABLE, "").strip() or None


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
    executor: Executor = client.get_executor(pure=False, retries=2)
    executor.workers = max(sum(client.nthreads().values()), 1)  # type: ignore[attr-defined]
    return executor
