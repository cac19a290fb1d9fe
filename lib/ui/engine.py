"""What all visitors share: the heavy libraries, loaded once, and the runner."""

import gc
import sys
import threading

import streamlit as st

from lib.runner import Runner

WARM_AFTER = 2.0  # seconds: the first page is drawn by then


@st.cache_resource(show_spinner=False)
def engine() -> Runner:
    """The runner of this process.

    With torch imported a full collection of garbage stops everybody for 110 ms: freezing what is loaded here makes that
    4 ms. One torch thread, because models this small lose by a second one. A training lets the interpreter go at each
    torch operation and, while a page is drawn, waits for the switch interval each time: 1 ms instead of 5. Arrow's
    memory is from the system's allocator: its own keeps what reading the largest file so far took, for ever.
    """
    import pandas  # noqa: F401
    import pyarrow
    import torch

    import lib.figures  # noqa: F401
    import lib.scenarios  # noqa: F401
    from lib.memory import few_arenas
    from lib.ui.live_plotly import install
    from lib.ui.sockets import no_delay

    torch.set_num_threads(1)
    sys.setswitchinterval(0.001)
    no_delay()
    few_arenas()
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    install()
    runner = Runner()
    gc.collect()
    gc.freeze()
    later = threading.Timer(WARM_AFTER, warm)
    later.daemon = True
    later.start()
    return runner


def warm() -> None:
    """Train something tiny while the first visitor reads.

    At its first backward pass torch imports another 480 modules: half a second that the first training would wait for, and
    40 000 objects that cost 20 ms in each collection of garbage until they are frozen too.
    """
    from lib.evaluation import evaluations
    from lib.experiment import DataSpec, Experiment, Strategy, Training
    from lib.registry import Params
    from lib.training import load, train

    data = DataSpec("gaussians", Params({"n": 64, "n_val": 64, "n_test": 64}))
    experiment = Experiment(strategies=(Strategy("warm"),), data=data, training=Training(epochs=1))
    *_, last = train(experiment, load(data))
    list(evaluations(last))
    gc.collect()
    gc.freeze()
