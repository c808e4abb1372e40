"""More than it can take: what is refused is refused at once and with a 503 or a closed connection, costs nothing, and is over at once."""

import contextlib
import os
import resource
import select
import socket
import sqlite3
import uuid

import pytest

import clients
import harness
from harness import wait_until
from pour import CONNECTIONS, Pour, post

SECRET = "secret-" + uuid.uuid4().hex
LARGE = 4 << 20
TIMEOUT = {"timeout": "5m"}  # nothing is closed for its age


def peak_bytes(prontod):
    with open(f"/proc/{prontod.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


def stored(prontod):
    return {one["enrichment_id"] for one in prontod.items("/v1/callbacks")}


def store(prontod):
    return prontod.get("/v1/status")["store"]


def listener(prontod):
    return prontod.get("/v1/status")["callback_listener"]


# A store that cannot commit

@contextlib.contextmanager
def locked(database):
    """Nobody else can write to it."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_while_no_commit_succeeds_callbacks_are_503_and_the_next_one_is_200_at_once(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    with Pour(prontod, SECRET, allowed=(200, 503)) as pour:
        pour.grow(2 * CONNECTIONS)
        with locked(prontod.database):
            wait_until(lambda: pour.statuses[503] and store(prontod)["commit_failures"] > 1, "the second failure")
        assert prontod.call_back(SECRET, harness.result("after")) == "unmatched"
        pour.grow(2 * CONNECTIONS)
    assert all(b"\r\nRetry-After: 10\r\n" in answer for answer in pour.refusals)
    assert stored(prontod) >= {"after", *pour.acknowledged}
    assert prontod.get("/v1/status")["ready"]


def large():
    one = str(uuid.uuid4())
    return one, post(SECRET, harness.result(one, padding="x" * LARGE))


def fill_queue(prontod, peers):
    """Sends callbacks, each on a connection of its own, until one is answered instead of queued; which one."""
    for _ in range(store(prontod)["queue_bytes_max"] // LARGE + 1):
        one, data = large()
        peer = socket.create_connection(("127.0.0.1", prontod.port.number), harness.PATIENCE)
        before = store(prontod)["queue_length"]
        peers[one] = peer
        peer.sendall(data)

        def queued_or_answered(peer=peer, before=before):
            return store(prontod)["queue_length"] > before or select.select([peer], [], [], 0)[0]

        wait_until(queued_or_answered, "a place in the queue or an answer")
        if store(prontod)["queue_length"] == before:
            return one
    raise AssertionError("the queue has no end")


def answer_of(peer):
    """Its status; the answer is in the receive buffer already, or comes."""
    peer.settimeout(harness.PATIENCE)
    return clients.RawAnswer(peer.recv(65536), False)


def test_what_finds_no_place_in_the_queue_is_refused_at_once_and_costs_no_memory(new_prontod, inject):
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0:quarantine_size_mb=4"  # what is freed is free
    prontod = new_prontod(secrets=[SECRET], config={"ingress": {"max_body": "8M"} | TIMEOUT},
                          environment={"ASAN_OPTIONS": options}).start()
    peers = {}
    detach = inject(prontod, "delay_enter=600000000:when=1")
    try:
        first, data = large()
        peers[first] = socket.create_connection(("127.0.0.1", prontod.port.number), harness.PATIENCE)
        peers[first].sendall(data)
        wait_until(detach.reached, "the writer at its sync")
        refused = fill_queue(prontod, peers)
        assert answer_of(peers[refused]).status == 503
        full, peak = store(prontod), peak_bytes(prontod)
        assert full["queue_bytes"] <= full["queue_bytes_max"] < full["queue_bytes"] + LARGE
        for _ in range(30):
            answer = prontod.callback(SECRET, harness.result("refused", padding="x" * LARGE))
            assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        assert store(prontod)["queue_length"] == full["queue_length"]
        assert peak_bytes(prontod) < peak + 12 * LARGE, "thirty were refused"
        detach()
        wait_until(lambda: store(prontod)["commands"] > full["queue_length"], "the commits")
        assert prontod.call_back(SECRET, harness.result("after")) == "unmatched"
        acknowledged = {one for one, peer in peers.items() if one != refused and answer_of(peer).status == 200}
        assert stored(prontod) >= {"after", *acknowledged} and not stored(prontod) & {"refused", refused}
    finally:
        for peer in peers.values():
            peer.close()


# Peers that are slow

PEERS = {
    "send nothing": b"",
    "send a byte": b"P",
    "send a part of the header": b"POST /callback/x HTTP/1.1\r\nHost",
    "have no token and send no body": b"POST /callback/unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    "ask for a probe with a body": b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
}


@contextlib.contextmanager
def slow_peers(prontod):
    """Makes connections that stay as they are."""
    peers = []

    def add(number, data):
        for _ in range(number):
            peer = socket.create_connection(("127.0.0.1", prontod.port.number), harness.PATIENCE)
            peers.append(peer)
            with contextlib.suppress(OSError):
                peer.sendall(data)  # or it gave way already
        return peers

    yield add
    for peer in peers:
        peer.close()


def is_closed(peer):
    peer.setblocking(False)
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def crowd(prontod, limit, number, data):
    """So many slow peers, in ten parts, with a real callback after each: it is answered, and the oldest peers gave way."""
    with slow_peers(prontod) as add:
        for part in range(10):
            peers = add(number // 10, data)
            assert prontod.call_back(SECRET, harness.result(f"real-{part}")) == "unmatched"
        wait_until(lambda: listener(prontod)["connections"] <= limit, "the end of those that were shed")
        found = listener(prontod)
        assert found["connections_max"] == limit and found["timed_out"] == 0
        assert number - limit <= found["shed"] <= number - limit + 10
        # Two threads accept, so that the order is not exact where those that went and those that stay meet.
        wait_until(lambda: all(is_closed(peer) for peer in peers[:(number - limit) // 2]), "the end of the oldest")
        assert not any(is_closed(peer) for peer in peers[-(limit // 2):]), "the youngest stay"


@pytest.mark.parametrize("data", PEERS.values(), ids=[name.replace(" ", "-") for name in PEERS])
def test_slow_peers_beyond_max_connections_keep_no_callback_out(new_prontod, data):
    prontod = new_prontod(secrets=[SECRET], config={"ingress": {"max_connections": 64} | TIMEOUT}).start()
    crowd(prontod, 64, 640, data)


def test_slow_peers_beyond_the_descriptors_keep_no_callback_out(new_prontod):
    """With fewer descriptors than max_connections needs, it takes as many as it can have, less those that it needs for the rest."""
    prontod = new_prontod(secrets=[SECRET], config={"ingress": TIMEOUT}, wrapper=["prlimit", "--nofile=512:512"]).start()
    limit = listener(prontod)["connections_max"]
    assert 64 < limit < 512
    crowd(prontod, limit, 1000, b"P")


@pytest.fixture(name="descriptors")
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 8000:
        pytest.skip("the hard limit of descriptors is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 8000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("descriptors")
def test_thousands_of_slow_peers_keep_no_callback_out(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"ingress": {"max_connections": 5000} | TIMEOUT}).start()
    crowd(prontod, 5000, 7000, b"P")
