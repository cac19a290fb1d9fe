"""Sockets that send at once, those that a listening one accepts later included."""

import socket

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
