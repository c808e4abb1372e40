"""What the callback endpoint answers, row by row, and what it keeps."""

import gzip
import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import uuid

import pytest

import clients
import harness
import simulator

SECRET = "secret-" + uuid.uuid4().hex
KILO = 1024


@pytest.fixture(scope="module", name="module_sim")
def make_module_sim():
    one = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", "lose=1")
    yield one
    one.close()


@pytest.fixture(scope="module", name="daemon")
def make_daemon(module_sim):
    one = harness.Prontod(module_sim.url, secrets=[SECRET], config={"ingress": {"max_body": "64K"}})
    yield one.start()
    one.close()


def curl(daemon, path, *options, body=None):
    """The status, headers (lower case) and body that curl sees."""
    with tempfile.TemporaryDirectory() as directory:
        head, content = pathlib.Path(directory, "head"), pathlib.Path(directory, "body")
        command = ["curl", "-sS", "--path-as-is", "--max-time", str(harness.PATIENCE), "-D", head, "-o", content,
                   "-w", "%{http_code}", *options]
        if body is not None:
            command += ["--data-binary", "@-"]
        run = subprocess.run([*command, f"http://127.0.0.1:{daemon.port.number}{path}"], input=body, capture_output=True,
                             check=False, timeout=2 * harness.PATIENCE)
        lines = head.read_text(encoding="latin-1").splitlines() if head.exists() else []
        headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        return int(run.stdout), headers, content.read_bytes() if content.exists() else b""


def valid(enrichment_id=None):
    return json.dumps(harness.result(enrichment_id or str(uuid.uuid4()))).encode()


def stored(daemon):
    return len(daemon.items("/v1/callbacks"))


# 200

def test_each_state_is_answered_200_with_its_name(daemon, module_sim):
    found, token = daemon.submit(module_sim)
    one = found["enrichment_id"]
    steps = [("interim", json.dumps(harness.result(one, status="pending"))), ("mismatched", valid()),
             ("matched", valid(one)), ("duplicate", valid(one))]
    for state, body in steps:
        status, _, answer = curl(daemon, f"/callback/{token}", body=body if isinstance(body, bytes) else body.encode())
        assert (status, json.loads(answer)) == (200, {"status": state})
    status, _, answer = curl(daemon, f"/callback/{SECRET}", body=valid())
    assert (status, json.loads(answer)) == (200, {"status": "unmatched"})


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded", "nonsense", ""])
def test_any_content_type(daemon, content_type):
    assert curl(daemon, f"/callback/{SECRET}", "-H", f"Content-Type: {content_type}", body=valid())[0] == 200


@pytest.mark.parametrize("options", [
    ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["--http1.0"],
    ["-H", "Content-Encoding: identity"], ["-H", "Connection: close"]])
def test_other_ways_to_send_the_same(daemon, options):
    assert curl(daemon, f"/callback/{SECRET}", *options, body=valid())[0] == 200


def test_a_body_of_exactly_max_body(daemon):
    body = valid()
    for size, status in ((64 * KILO, 200), (64 * KILO + 1, 413)):
        assert curl(daemon, f"/callback/{SECRET}", body=body + b" " * (size - len(body)))[0] == status


def test_many_callbacks_over_one_connection(daemon):
    connection = clients.TcpConnection("127.0.0.1", daemon.port.number, harness.PATIENCE)
    for _ in range(50):
        answer = clients.request(connection, "POST", f"/callback/{SECRET}", valid(), keep=True)
        assert (answer.status, answer.json()) == (200, {"status": "unmatched"})
    connection.close()


# 404

@pytest.mark.parametrize("path", [
    "/callback/" + "A" * 43, "/callback/" + "A" * 42, "/callback/" + "A" * 44, "/callback/", "/callback", "/",
    "/callback/../healthz", "/nothing", "/v1/status", "/metrics", "//healthz", "/healthz/", "/callback/" + "A" * 5000,
    "/callback/" + "%41" * 43, "/callback/A%00" + "A" * 43, "/CALLBACK/" + "A" * 43])
def test_unknown_tokens_and_paths_are_404_and_nothing_is_stored(daemon, path):
    before = stored(daemon)
    status, _, _ = curl(daemon, path, body=valid())
    assert status == 404 or (status == 414 and len(path) > 4000)
    assert stored(daemon) == before


def test_404_says_nothing_about_why(daemon):
    answers = []
    for path in ("/callback/" + "A" * 43, "/callback/short", "/nothing"):
        status, headers, body = curl(daemon, path, body=valid())
        headers.pop("date", None)
        answers.append((status, headers, body))
    assert answers[0] == answers[1] == answers[2]


def test_variations_of_a_real_token_are_404(daemon, module_sim):
    found, token = daemon.submit(module_sim)
    before = stored(daemon)
    wrong = [token[:-1], token + "A", token + "/", token + "%00", token + "%00x", token[:20] + "%00" + token[20:], token + "%20",
             token.swapcase(), "%" + f"{ord(token[0]):02x}" + token[1:], "x/../" + token, token + ";x"]
    for one in wrong:
        assert curl(daemon, f"/callback/{one}", body=valid(found["enrichment_id"]))[0] == 404, one
    assert stored(daemon) == before
    assert daemon.request(found["id"])["state"] == "pending"


def test_a_query_string_does_not_change_the_token(daemon, module_sim):
    found, token = daemon.submit(module_sim)
    status, _, _ = curl(daemon, f"/callback/{token}?source=x", body=valid(found["enrichment_id"]))
    assert status in (200, 404)
    assert daemon.request(found["id"])["state"] == ("finished" if status == 200 else "pending")


def test_a_token_works_until_another_submissions(daemon, module_sim):
    """The token of one submission opens nothing of another."""
    first, _ = daemon.submit(module_sim)
    _, token = daemon.submit(module_sim)
    assert daemon.call_back(token, harness.result(first["enrichment_id"])) == "mismatched"
    assert daemon.request(first["id"])["state"] == "pending"


# 405

@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"])
def test_another_method_is_405_with_allow(daemon, method):
    status, headers, _ = curl(daemon, f"/callback/{SECRET}", "-X", method)
    assert status == 405
    assert "post" in headers["allow"]


def test_another_method_on_the_health_checks_is_405(daemon):
    for path in ("/healthz", "/readyz"):
        status, headers, _ = curl(daemon, path, "-X", "POST", body=b"{}")
        assert status == 405
        assert "get" in headers["allow"]


# 400, kept among the rejected: see test_strict_json.py

# 413

def test_a_body_too_large_by_content_length(daemon):
    before = stored(daemon)
    head = f"POST /callback/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: {64 * KILO + 1}\r\n\r\n"
    answer = daemon.raw(head.encode(), timeout=5)  # no byte of the body is needed
    assert answer.status == 413 and answer.closed
    assert stored(daemon) == before


@pytest.mark.parametrize("length", ["18446744073709551616", "99999999999999999999999999", "4294967296", "9223372036854775808"])
def test_an_absurd_content_length(daemon, length):
    answer = daemon.raw(f"POST /callback/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{}}".encode())
    assert answer.status in (400, 413) and answer.closed


def test_a_body_too_large_in_chunks(daemon):
    before = stored(daemon)
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    head = f"POST /callback/{SECRET} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = daemon.raw(head + chunk * 400)
    assert answer.closed and answer.status in (413, 0)  # 0: the answer was lost with the reset of the connection
    assert stored(daemon) == before
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    assert daemon.raw(head + chunk * 8 + b"1\r\n \r\n").status == 413  # no more than is needed, so the answer is seen


def test_413_with_curl(daemon):
    assert curl(daemon, f"/callback/{SECRET}", body=b" " * (65 * KILO))[0] == 413
    status, _, _ = curl(daemon, f"/callback/{SECRET}", "-H", "Transfer-Encoding: chunked", body=b" " * (65 * KILO))
    assert status == 413


# 415

@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense", "gzip, identity"])
def test_content_encodings_are_415(daemon, encoding):
    before = stored(daemon)
    body = gzip.compress(valid())
    assert curl(daemon, f"/callback/{SECRET}", "-H", f"Content-Encoding: {encoding}", body=body)[0] == 415
    assert stored(daemon) == before or daemon.items("/v1/callbacks")[0]["state"] != "matched"


# 503

def test_too_many_unmatched_are_503_until_there_is_room(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"max_unmatched": 3}}).start()
    ids = [str(uuid.uuid4()) for _ in range(4)]
    assert [prontod.call_back(SECRET, harness.result(one)) for one in ids[:3]] == ["unmatched"] * 3
    status, headers, _ = curl(prontod, f"/callback/{SECRET}", body=valid(ids[3]))
    assert status == 503 and int(headers["retry-after"]) > 0
    assert stored(prontod) == 3
    registered = str(uuid.uuid4())
    prontod.register(registered)
    assert prontod.call_back(SECRET, harness.result(registered)) == "matched", "others are not held up"
    prontod.register(ids[0])
    assert prontod.call_back(SECRET, harness.result(ids[3])) == "unmatched"


def test_a_disk_nearly_full_is_503(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"store": {"min_free": "1000G"}})
    prontod.launch()
    harness.wait_until(lambda: listening(prontod), "the listener")
    status, headers, _ = curl(prontod, f"/callback/{SECRET}", body=valid())
    assert status == 503 and int(headers["retry-after"]) > 0
    assert curl(prontod, "/readyz")[0] == 503
    assert curl(prontod, "/healthz")[0] == 200
    assert stored(prontod) == 0


def listening(prontod):
    assert prontod.running(), prontod.log()
    try:
        return prontod.http("GET", "/healthz").status == 200
    except ConnectionRefusedError:
        return False


# Health

def test_health_checks(daemon):
    assert curl(daemon, "/healthz")[0] == 200
    assert curl(daemon, "/readyz")[0] == 200


# What is kept

def test_what_is_kept_of_a_callback(daemon):
    body = b'{ "enrichment_id":"' + str(uuid.uuid4()).encode() + b'",  "status":"finished", "x":"\xc3\xa9", "x": 2 }\n'
    curl(daemon, f"/callback/{SECRET}", "-H", "Content-Type: application/vnd.x+json", "-A", "Pronto/1.0",
         "-H", "X-Pronto-Signature: sha256=0011", "-H", "X-Hub-Signature-256: sha256=2233", "-H", "Signature: 4455",
         "-H", "Authorization: Bearer hidden-authorization", "-H", "Cookie: session=hidden-cookie",
         "-H", "X-Something-Else: hidden-other", body=body)
    newest = max(daemon.items("/v1/callbacks"), key=lambda one: one["received_at"])
    kept = daemon.get(f"/v1/callbacks/{newest['id']}")
    assert set(kept) >= {"id", "state", "reason", "differs", "request_id", "enrichment_id", "received_at", "client", "headers"}
    assert kept["body"] == body.decode()
    assert kept["client"] == "127.0.0.1"
    headers = json.dumps(kept["headers"])
    for part in ("application/vnd.x+json", "Pronto/1.0", "sha256=0011", "sha256=2233", "4455"):
        assert part in headers
    for part in ("hidden", "authorization", "cookie"):
        assert part not in headers.lower()
    assert "hidden" not in daemon.log()


FORWARDED = [
    (None, "127.0.0.1"), ("203.0.113.7", "203.0.113.7"), ("198.51.100.6, 203.0.113.7", "203.0.113.7"),
    ("198.51.100.6, 203.0.113.7, 127.0.0.1", "203.0.113.7"), ("127.0.0.1", "127.0.0.1"), ("203.0.113.7,::1", "203.0.113.7"),
    ("2001:db8::7", "2001:db8::7"), ("nonsense, 203.0.113.7", "203.0.113.7"), ("198.51.100.6, nonsense", "127.0.0.1"),
    ("", "127.0.0.1")]


@pytest.mark.parametrize("forwarded, client", FORWARDED)
def test_the_client_address_behind_trusted_proxies(daemon, forwarded, client):
    options = [] if forwarded is None else ["-H", f"X-Forwarded-For: {forwarded}" if forwarded else "X-Forwarded-For;"]
    one = str(uuid.uuid4())
    assert curl(daemon, f"/callback/{SECRET}", *options, body=valid(one))[0] == 200
    found = [item for item in daemon.items("/v1/callbacks") if item["enrichment_id"] == one]
    assert [item["client"] for item in found] == [client]


def test_the_client_address_without_trusted_proxies(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"ingress": {"trusted_proxies": ""}}).start()
    prontod.callback(SECRET, harness.result("x"), {"X-Forwarded-For": "203.0.113.7"})
    assert [one["client"] for one in prontod.items("/v1/callbacks")] == ["127.0.0.1"]


def test_a_trusted_network(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"ingress": {"trusted_proxies": "127.0.0.1 192.0.2.9"}}).start()
    prontod.callback(SECRET, harness.result("x"), {"X-Forwarded-For": "203.0.113.7, 192.0.2.9"})
    assert [one["client"] for one in prontod.items("/v1/callbacks")] == ["203.0.113.7"]


@pytest.mark.parametrize("number", [127, 128, 129, 256])
def test_any_number_of_connections_that_are_ready_at_once_is_answered(daemon, number):
    # libmicrohttpd looks at 128 events at a time, and its own loop waited for more when there were just as many.
    connections = [socket.create_connection(("127.0.0.1", daemon.port.number), 20) for _ in range(number)]
    try:
        for connection in connections:  # each is accepted and idle
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        daemon.signal(signal.SIGSTOP)
        for connection in connections:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        daemon.signal(signal.SIGCONT)
        for connection in connections:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        for connection in connections:
            connection.close()
