"""What all visitors share: the heavy libraries, loaded once, and the runner."""

import gc

import streamlit as st

from lib.runner import Runner


@st.cache_resource(show_spinner=False)
def engine() -> Runner:
    """The runner of this process.

    Streamlit collects garbage after every script run, which with torch imported costs every visitor 110 ms: freezing what
    is loaded here makes that 4 ms. One torch thread, because models this small lose by a second one.
    """
    import pandas  # noqa: F401
    import torch

    import lib.figures  # noqa: F401
    import lib.scenarios  # noqa: F401
    from lib.ui.live_plotly import install_plotly

    torch.set_num_threads(1)
    install_plotly()
    runner = Runner()
    gc.collect()
    gc.freeze()
    return runner
