"""What all visitors share of sweeps: one store and one set of workers."""

from concurrent.futures import Executor

import streamlit as st

from lib.sweeps.board import Board
from lib.sweeps.cluster import address, dask
from lib.sweeps.local import local
from lib.sweeps.store import Store, default_path
from lib.ui.engine import engine

ENGINES = {"local": "this machine", "dask": "the cluster"}


@st.cache_resource(show_spinner=False)
def board() -> Board:
    """The sweeps of this process: on worker processes of this machine, or on the cluster that the deployment names."""
    return Board(lambda: Store(default_path()), {"local": local, "dask": _dask}, engine())


def cluster() -> str | None:
    """The Dask scheduler of COUNTERWEIGHT_DASK or of .streamlit/secrets.toml (`dask = "tcp://..."`); None: none is named."""
    if named := address():
        return named
    try:
        found = st.secrets.get("dask")
    except FileNotFoundError:
        return None
    return found if isinstance(found, str) else None


def _dask() -> Executor:
    if (scheduler := cluster()) is None:
        raise ValueError("No cluster is named: set COUNTERWEIGHT_DASK, or take the local engine.")
    return dask(scheduler)
