"""Messages leave at once: saves every visitor 40 ms in every run of a page."""

import contextlib
import socket
from pathlib import Path


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
