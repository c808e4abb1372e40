"""Callbacks that pour in: a thread keeps connections busy, each with the next callback as soon as the last one is answered."""

import collections
import contextlib
import itertools
import re
import selectors
import socket
import threading
import time
import uuid

import harness

CONNECTIONS = 24
LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)


def post(token, body):
    text = body if isinstance(body, bytes) else harness.json.dumps(body).encode()
    head = f"POST /callback/{token} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    return head.encode() + text


class Pour:
    """While it is entered callbacks pour in. Those on the secret have an enrichment_id of their own each and belong to no request;
    every second connection sends those of `repeated` instead, pairs of a token and a body, when there are any."""

    def __init__(self, prontod, secret, repeated=(), allowed=(200,)):
        self.address = ("127.0.0.1", prontod.port.number)
        self.secret = secret
        self.repeated = itertools.cycle([post(*one) for one in repeated]) if repeated else None
        self.allowed = set(allowed)
        self.statuses = collections.Counter()
        self.refusals = []  # the first answers that were not 200
        self.acknowledged = []
        self.failure = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.selector = selectors.DefaultSelector()
        self.waiting = {}  # for an answer: the enrichment_id of each connection, and what has come of the answer

    def __enter__(self):
        self.thread.start()
        self.grow()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join(harness.PATIENCE)
        if kind is None:
            assert self.failure is None, self.failure
            assert set(self.statuses) <= self.allowed, self.statuses

    @property
    def answered(self):
        return sum(self.statuses.values())

    def grow(self, by=1):
        """Waits until so many more were answered."""
        target = self.answered + by
        harness.wait_until(lambda: self.answered >= target or self.failure, "an answer to the callbacks that pour in")
        assert self.failure is None, self.failure

    def meanwhile(self, number):
        """0, 1, ... for at least so many things to do, and on until the load has gone round several times since the first."""
        before, deadline = self.answered, time.monotonic() + harness.PATIENCE
        for done in itertools.count():
            if done >= number and self.answered > before + 3 * CONNECTIONS:
                break
            assert time.monotonic() < deadline and self.failure is None, f"{done}, {self.answered - before}, {self.failure}"
            yield done
        self.grow()

    @contextlib.contextmanager
    def during(self):
        """Of one long thing: each connection has at most one callback under way when it begins and one when its end is seen, so
        that more answers than these were given while it lasted."""
        before = self.answered
        yield
        assert self.answered > before + 3 * CONNECTIONS, f"{self.answered - before} callbacks were answered meanwhile"
        self.grow()

    # The thread

    def _run(self):
        try:
            for number in range(CONNECTIONS):
                connection = socket.create_connection(self.address, harness.PATIENCE)
                self.selector.register(connection, selectors.EVENT_READ, self.repeated is not None and number % 2 == 1)
                self._send(connection, number % 2 == 1)
            while self.waiting:
                ready = self.selector.select(harness.PATIENCE)
                assert ready, "no answer"
                for key, _ in ready:
                    self._read(key.fileobj, key.data)
        except Exception as failure:  # shown by __exit__()
            self.failure = repr(failure)
        finally:
            for key in list(self.selector.get_map().values()):
                key.fileobj.close()
            self.selector.close()

    def _send(self, connection, repeats):
        if repeats and self.repeated:
            name, data = None, next(self.repeated)
        else:
            name = str(uuid.uuid4())
            data = post(self.secret, b'{"enrichment_id":"%s","status":"finished","email":"ada@example.com"}' % name.encode())
        connection.sendall(data)
        self.waiting[connection] = (name, b"")

    def _read(self, connection, repeats):
        name, answer = self.waiting[connection]
        piece = connection.recv(65536)
        assert piece, f"a connection was closed after {answer!r}"
        answer += piece
        self.waiting[connection] = (name, answer)
        head, blank, body = answer.partition(b"\r\n\r\n")
        if not blank or len(body) < int(LENGTH.search(head)[1]):
            return
        del self.waiting[connection]
        status = int(head.split(b" ", 2)[1])
        if status == 200:
            self.acknowledged.append(name)
        elif len(self.refusals) < CONNECTIONS:
            self.refusals.append(answer)
        self.statuses[status] += 1
        if not self.over.is_set():
            self._send(connection, repeats)
