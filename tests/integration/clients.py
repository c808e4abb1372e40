"""HTTP clients: over TCP, over a UNIX socket, and one that sends bytes as they are."""

import dataclasses
import http.client
import json
import select
import socket
import time


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)


class TcpConnection(http.client.HTTPConnection):
    def __init__(self, host, port, timeout):
        super().__init__(host, port, timeout=timeout)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def request(connection, method, path, body=None, headers=None, keep=False):
    """One call; the connection is closed after it, unless it is to be kept."""
    try:
        connection.request(method, path, body.encode() if isinstance(body, str) else body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        if not keep:
            connection.close()


@dataclasses.dataclass
class RawAnswer:
    data: bytes
    closed: bool  # by the other side, before the deadline

    @property
    def status(self):
        """Of the first answer; 0 if there was none."""
        parts = self.data.split(b" ", 2)
        return int(parts[1]) if parts[0].startswith(b"HTTP/1.") else 0

    def headers(self):
        head = self.data.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
        return {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in head}


def read_all(peer, timeout):
    """All bytes until the other side closes or the deadline passes."""
    deadline = time.monotonic() + timeout
    data = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([peer], [], [], left)[0]:
            break
        try:
            piece = peer.recv(65536)
        except ConnectionResetError:
            return RawAnswer(data, True)
        if not piece:
            return RawAnswer(data, True)
        data += piece
    return RawAnswer(data, False)


def raw(address, data, timeout):
    """Sends bytes and reads what comes until the other side closes or `timeout` has passed."""
    with socket.create_connection(address, timeout=timeout) as peer:
        try:
            peer.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it answered and closed before it had read everything
        return read_all(peer, timeout)


def trickle(address, pieces, interval, deadline):
    """Sends the pieces slowly, one each `interval` seconds, until the other side closes; what it said, and how much was sent."""
    data = b""
    with socket.create_connection(address, timeout=deadline) as peer:
        end = time.monotonic() + deadline
        for sent, piece in enumerate(pieces):
            try:
                peer.sendall(piece)
                if select.select([peer], [], [], interval)[0]:
                    got = peer.recv(65536)
                    data += got
                    if not got:
                        return RawAnswer(data, True), sent
            except (BrokenPipeError, ConnectionResetError):
                return RawAnswer(data, True), sent
            if time.monotonic() > end:
                break
        rest = read_all(peer, max(0.1, end - time.monotonic()))
        return RawAnswer(data + rest.data, rest.closed), sent + 1
