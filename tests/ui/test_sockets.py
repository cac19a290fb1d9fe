"""Sockets that send at once, those that a listening one accepts later included."""

import asyncio
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from lib.ui import sockets
from lib.ui.sockets import no_delay


def delays(own: socket.socket) -> bool:
    return not own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_a_listening_socket_accepts_sends_at_once():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert delays(listening)
        no_delay()
        assert not delays(listening)
        with socket.create_connection(listening.getsockname()) as client, listening.accept()[0] as accepted:
            assert not delays(accepted)
            client.sendall(b"still open")
            assert accepted.recv(10) == b"still open"


def test_nothing_is_done_without_proc(tmp_path):
    no_delay(tmp_path / "none")


@pytest.fixture
def queue(monkeypatch):
    """What a session has drawn and not yet sent; the loop of its server runs."""
    loop = asyncio.new_event_loop()
    server = threading.Thread(target=loop.run_forever)
    server.start()
    queue = ForwardMsgQueue()
    queue.enqueue(ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))
    info = SimpleNamespace(session=SimpleNamespace(_browser_queue=queue, _event_loop=loop))
    manager = SimpleNamespace(get_active_session_info={"here": info}.get)
    own = SimpleNamespace(exists=lambda: True, get_instance=lambda: SimpleNamespace(_session_mgr=manager))
    monkeypatch.setattr(sockets, "runtime", own)
    monkeypatch.setattr(sockets, "get_script_run_ctx", lambda: SimpleNamespace(session_id="here"))
    yield queue
    loop.call_soon_threadsafe(loop.stop)
    server.join()
    loop.close()


def test_a_run_ends_when_all_it_has_drawn_is_on_its_way(queue):
    threading.Timer(0.2, queue.flush).start()
    sockets.sent()
    assert queue.is_empty()


def test_a_run_whose_visitor_hears_nothing_ends_all_the_same(queue, monkeypatch):
    monkeypatch.setattr(sockets, "PATIENCE", 0.1)
    start = time.monotonic()
    sockets.sent()
    assert not queue.is_empty() and time.monotonic() - start < 5
    monkeypatch.setattr(sockets, "get_script_run_ctx", lambda: SimpleNamespace(session_id="gone"))
    sockets.sent()
