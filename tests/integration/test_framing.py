"""Bytes on the wire of the callback listener: ambiguous framing, slowness, too many connections."""

import json
import socket
import uuid

import pytest

import clients
import harness

SECRET = "secret-" + uuid.uuid4().hex


@pytest.fixture(scope="module", name="daemon")
def make_daemon():
    one = harness.Prontod(secrets=[SECRET])
    yield one.start()
    one.close()


@pytest.fixture(scope="module", name="hasty")
def make_hasty():
    one = harness.Prontod(secrets=[SECRET], config={"ingress": {"timeout": "1s"}})
    yield one.start()
    one.close()


def body():
    return json.dumps(harness.result(str(uuid.uuid4()))).encode()


def post(headers, content, path=None, version="HTTP/1.1"):
    lines = [f"POST {path or '/callback/' + SECRET} {version}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + content


def chunked(content):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)


def good():
    """A whole request that would be stored if it were ever parsed."""
    content = body()
    return post(["Host: x", f"Content-Length: {len(content)}"], content)


B = body()
LENGTH = f"Content-Length: {len(B)}"
AMBIGUOUS = {
    "Content-Length and Transfer-Encoding": (["Host: x", LENGTH, "Transfer-Encoding: chunked"], chunked(B), 400),
    "Transfer-Encoding and Content-Length": (["Host: x", "Transfer-Encoding: chunked", "Content-Length: 5"], chunked(B), 400),
    "two different Content-Lengths": (["Host: x", LENGTH, "Content-Length: 5"], B, 400),
    "two equal Content-Lengths": (["Host: x", LENGTH, LENGTH], B, 400),
    "a list of Content-Lengths": (["Host: x", f"{LENGTH}, {len(B)}"], B, 400),
    "a negative Content-Length": (["Host: x", "Content-Length: -1"], B, 400),
    "a Content-Length with sign": (["Host: x", f"Content-Length: +{len(B)}"], B, 400),
    "a Content-Length in hexadecimal": (["Host: x", "Content-Length: 0x10"], B, 400),
    "a Content-Length with a blank inside": (["Host: x", "Content-Length: 1 0"], B, 400),
    "a Content-Length that is no number": (["Host: x", "Content-Length: ten"], B, 400),
    "an unknown Transfer-Encoding": (["Host: x", "Transfer-Encoding: gzip"], chunked(B), 501),
    "a Transfer-Encoding before chunked": (["Host: x", "Transfer-Encoding: gzip, chunked"], chunked(B), 501),
    "a disguised chunked": (["Host: x", "Transfer-Encoding: xchunked"], chunked(B), 501),
    "a folded header": (["Host: x", LENGTH, "X-A: b", " c"], B, 400),
    "a folded Transfer-Encoding": (["Host: x", "Transfer-Encoding:", " chunked", LENGTH], B, 400),
    "a folded first header": ([" Host: x", LENGTH], B, 400),
    "a blank before the colon": (["Host: x", f"Content-Length : {len(B)}"], B, 400),
    "a tab before the colon": (["Host: x", f"Content-Length\t: {len(B)}"], B, 400),
    "a blank in a header name": (["Host: x", LENGTH, "X A: b"], B, 400),
    "a bracket in a header name": (["Host: x", LENGTH, "X(A): b"], B, 400),
    "a letter beyond ASCII in a header name": (["Host: x", LENGTH, "X-\xe9: b"], B, 400),
    "an empty header name": (["Host: x", LENGTH, ": b"], B, 400),
    "a header without a colon": (["Host: x", LENGTH, "X-A"], B, 400),
    "two Hosts": (["Host: x", "Host: y", LENGTH], B, 400),
    "two equal Hosts": (["Host: x", "Host: x", LENGTH], B, 400)}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_framing_is_refused_and_nothing_after_it_is_parsed(daemon, name):
    headers, content, status = AMBIGUOUS[name]
    before = len(daemon.items("/v1/callbacks"))
    answer = daemon.raw(post(headers, content) + good() * 2)
    assert answer.closed, "the connection stays open"
    assert answer.status == status or (status == 400 and answer.status == 0)
    assert len(daemon.items("/v1/callbacks")) == before
    assert daemon.http("GET", "/readyz").status == 200


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n" * 10 + b"x" * 100 + b"\r\n\r\n",
    b"POST\r\n\r\n", b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n\0\0", b"\0" * 200, b"POST /callback/x HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 100000 + b"\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n"], ids=range(10))
def test_garbage_harms_nobody(daemon, data):
    before = len(daemon.items("/v1/callbacks"))
    with socket.create_connection(("127.0.0.1", daemon.port.number), timeout=5) as peer:
        try:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        clients.read_all(peer, 5)
    assert daemon.http("GET", "/healthz").status == 200
    assert daemon.callback(SECRET, body()).status == 200
    assert len(daemon.items("/v1/callbacks")) == before + 1


@pytest.mark.parametrize("content", [b"zz\r\nabc\r\n0\r\n\r\n", b"-5\r\nabc\r\n0\r\n\r\n", b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n"])
def test_bad_chunks_store_nothing(daemon, content):
    before = len(daemon.items("/v1/callbacks"))
    answer = daemon.raw(post(["Host: x", "Transfer-Encoding: chunked"], content) + good())
    assert answer.closed and answer.status in (400, 413, 0)
    assert len(daemon.items("/v1/callbacks")) == before


def test_chunks_without_a_length_are_fine(daemon):
    content = body()
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"
    answer = daemon.raw(post(["Host: x", "Transfer-Encoding: chunked", "Connection: close"], pieces))
    assert answer.status == 200 and answer.data.rstrip().endswith(b"}")


def test_no_body_at_all_is_400(daemon):
    for headers in (["Host: x", "Connection: close"], ["Host: x", "Content-Length: 0", "Connection: close"]):
        assert daemon.raw(post(headers, b"")).status == 400


def test_a_host_is_needed_or_not_but_never_kills(daemon):
    content = body()
    answer = daemon.raw(post([f"Content-Length: {len(content)}", "Connection: close"], content))
    assert answer.status in (200, 400)


def test_pipelined_requests_are_answered_in_order(daemon):
    content = body()
    last = post(["Host: x", f"Content-Length: {len(content)}", "Connection: close"], content)
    answer = daemon.raw(good() + good() + last)
    assert answer.closed and answer.data.count(b"HTTP/1.1 200") == 3


def test_a_connection_that_breaks_within_the_body_stores_nothing(daemon):
    before = len(daemon.items("/v1/callbacks"))
    data = good()
    for cut in (len(data) - 1, len(data) // 2, 30):
        with socket.create_connection(("127.0.0.1", daemon.port.number), timeout=5) as peer:
            peer.sendall(data[:cut])
    assert daemon.callback(SECRET, body()).status == 200
    assert len(daemon.items("/v1/callbacks")) == before + 1


# Slowness

ADDRESS = "127.0.0.1"


def slowly(data):
    return (data[i:i + 1] for i in range(len(data)))


@pytest.mark.parametrize("where", ["header", "body", "chunks", "nothing"])
def test_a_request_that_is_not_complete_in_time_is_closed(hasty, where):
    """Each byte comes long before an inactivity timeout would notice; the whole would take minutes."""
    before = len(hasty.items("/v1/callbacks"))
    pieces = {
        "header": lambda: slowly(post(["Host: x", "X: " + "y" * 3000], b"")),
        "body": lambda: [post(["Host: x", "Content-Length: 3000"], b"{")] + list(slowly(b" " * 3000)),
        "chunks": lambda: [post(["Host: x", "Transfer-Encoding: chunked"], b"")] + [b"1\r\n \r\n"] * 3000,
        "nothing": lambda: [b""] * 3000}[where]()
    answer, sent = clients.trickle((ADDRESS, hasty.port.number), pieces, 0.05, 20)
    assert answer.closed and sent < 2000
    assert answer.status in (0, 408)
    assert len(hasty.items("/v1/callbacks")) == before


def test_a_kept_connection_starts_anew_with_each_request(hasty):
    """The deadline is one of each request; between them it is an idle connection that may be closed."""
    content = body()
    slow_but_in_time = [post(["Host: x", f"Content-Length: {len(content)}", "Connection: close"], content[:5]), content[5:]]
    answer, _ = clients.trickle((ADDRESS, hasty.port.number), slow_but_in_time, 0.2, 5)
    assert answer.status == 200


def test_slow_connections_do_not_hold_up_real_callbacks(hasty):
    slow = []
    try:
        for _ in range(300):
            peer = socket.create_connection((ADDRESS, hasty.port.number), timeout=5)
            peer.sendall(post(["Host: x", "Content-Length: 3000"], b"{"))
            slow.append(peer)
            if len(slow) % 30 == 0:
                assert hasty.callback(SECRET, body()).status == 200
        for peer in slow:
            assert clients.read_all(peer, 10).closed
    finally:
        for peer in slow:
            peer.close()


def test_a_peer_that_does_not_read_harms_nobody(hasty):
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        peer.settimeout(2)
        peer.connect((ADDRESS, hasty.port.number))
        try:
            for _ in range(500):
                peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        except OSError:
            pass  # its answers have filled all buffers, or it was closed
        assert hasty.callback(SECRET, body()).status == 200


def test_beyond_max_connections_the_oldest_idle_one_gives_way(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"ingress": {"max_connections": 8, "timeout": "5m"}}).start()
    idle = [socket.create_connection((ADDRESS, prontod.port.number), timeout=5) for _ in range(8)]
    try:
        # Each has had an answer, so prontod knows all of them, and they are idle now.
        for peer in idle:
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert peer.recv(65536).startswith(b"HTTP/1.1 200")
        assert prontod.callback(SECRET, body()).status == 200
        assert clients.read_all(idle[0], 10).closed
    finally:
        for peer in idle:
            peer.close()
