"""Messages leave at once, which saves every visitor 40 ms in every run of a page, and all of them do."""

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

PATIENCE = 1.0  # seconds that a run waits for its messages to leave


def no_delay(descriptors: Path = Path("/proc/self/fd")) -> None:
    """Switch Nagle's algorithm off for the TCP sockets of this process; those that a listening one accepts inherit it.

    asyncio does so only for sockets that were made with IPPROTO_TCP, and Streamlit 1.67 makes its own without it: a small
    message then waits until the one before is acknowledged, which receivers put off for 40 ms. Where there is no /proc
    nothing is done, and pages answer that much later.
    """
    for entry in descriptors.iterdir() if descriptors.is_dir() else ():
        with contextlib.suppress(OSError):  # no socket, or closed meanwhile
            own = socket.socket(fileno=int(entry.name))
            try:
                if own.family in (socket.AF_INET, socket.AF_INET6) and own.type == socket.SOCK_STREAM:
                    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            finally:
                own.detach()  # it is not ours to close


def sent() -> None:
    """Wait at the end of a run until what it has drawn is on its way to the browser.

    A fragment that is to be looked at again meanwhile begins as soon as the run has ended, and Streamlit 1.67 then throws away
    what the run has drawn of it and not yet sent. The browser hears that the run is over, takes all that did not come off the
    page, and charts are mounted anew a moment later, without the zoom that they had.
    """
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return
    manager = getattr(runtime.get_instance(), "_session_mgr", None)  # the runtime of a page under test has none
    info = manager.get_active_session_info(context.session_id) if manager else None
    if info is None:  # nobody listens
        return
    leaving = asyncio.run_coroutine_threadsafe(_empty(info.session._browser_queue), info.session._event_loop)
    with contextlib.suppress(TimeoutError):
        leaving.result(PATIENCE)
    leaving.cancel()


async def _empty(queue: Any) -> None:
    """In the loop of the server, after all that was handed to it before."""
    while not queue.is_empty():
        await asyncio.sleep(0.005)
