"""prontod-egress from outside: the real program with a link of its own, against servers that are kind, broken or hostile."""

import email.utils
import gzip
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

import worker
from worker import PATIENCE

PROGRAM = worker.BUILD / "daemon" / "prontod-egress"
KEY = "k3y-/\"with\\signs"
DAY_MS = 24 * 60 * 60 * 1000


class Server:
    """Answers on a loopback port as `answer(handler)` says, and remembers what was asked."""

    def __init__(self, context=None):
        self.requests = []
        self.answer = lambda handler: reply(handler, b"{}")
        self.arrived = threading.Semaphore(0)
        self.ended = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                size = int(self.headers.get("Content-Length", 0))
                outer.requests.append((self.command, self.path, self.headers, self.rfile.read(size)))
                outer.arrived.release()
                try:
                    outer.answer(self)
                except OSError:
                    self.close_connection = True

            do_POST = do_GET

            def log_message(self, *arguments):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *arguments):
                pass  # clients that end early are what is tested

        self.server = Threads(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True)
        self.thread.start()

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(PATIENCE)


def reply(handler, body, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def write_config(folder, api_url, timeout="20s"):
    (folder / "prontod.conf").write_text(f"[ingress]\npublic_url = https://example.org/\n[pronto]\n"
                                         f"api_url = {api_url}\napi_key_file = {folder / 'api-key'}\ntimeout = {timeout}\n")


def write_key(folder, text=KEY + "\n", mode=0o600):
    (folder / "api-key").write_text(text)
    (folder / "api-key").chmod(mode)


class Egress(worker.Worker):
    """The program with its configuration."""

    def __init__(self, folder, api_url, timeout="20s", environment=None, before=()):
        self.config = folder / "prontod.conf"
        self.key = folder / "api-key"
        if not self.key.exists():
            write_key(folder)
        write_config(folder, api_url, timeout)
        super().__init__(PROGRAM, folder, environment, before)

    def write_key(self, text, mode=0o600):
        write_key(self.folder, text, mode)

    def write_config(self, api_url, timeout="20s"):
        write_config(self.folder, api_url, timeout)

    def call(self, call="credits", payload=b"", **more):
        return call_over(self, call, payload, **more)


def call_over(frames, call="credits", payload=b"", **more):
    frames.send({"id": 1, "call": call, **more}, payload)
    head, body = frames.receive()
    assert head["id"] == 1
    return head, body


@pytest.fixture
def server():
    one = Server()
    yield one
    one.stop()


@pytest.fixture
def start(tmp_path):
    """Starts the program; afterwards it must have ended well and have told nobody its key."""
    started = []

    def make(api_url, **more):
        started.append(Egress(tmp_path, api_url, **more))
        return started[-1]

    yield make
    for egress in started:
        assert egress.end() == 0, egress.logged()
        assert KEY not in egress.logged()
        assert "Sanitizer" not in egress.logged()


@pytest.fixture
def egress(start, server):
    one = start(f"http://127.0.0.1:{server.port}/api/v2")
    assert one.ready()["state"] == "ok"
    return one


def expect_fate(outcome, fate, status=0):
    head, body = outcome
    assert head["fate"] == fate, head
    assert head["status"] == status
    if fate == "answered":
        assert head["error"] is None
    else:
        assert head["error"] and not body and head["retry_after_ms"] == -1
        assert KEY not in json.dumps(head)


@pytest.mark.parametrize("job,method,path", [
    ({"call": "single_enrich"}, "POST", "/api/v2/contacts/single_enrich"),
    ({"call": "bulk_enrich"}, "POST", "/api/v2/contacts/bulk_enrich"),
    ({"call": "contact", "contact": "e-1"}, "GET", "/api/v2/contacts/e-1"),
    ({"call": "contact", "contact": "../a?b#c%2f d/é"}, "GET", "/api/v2/contacts/..%2Fa%3Fb%23c%252f%20d%2F%C3%A9"),
    ({"call": "credits"}, "GET", "/api/v2/credits"),
    ({"call": "account"}, "GET", "/api/v2/account"),
])
def test_what_is_sent(server, egress, job, method, path):
    server.answer = lambda handler: reply(handler, b'{"a": 1}', 202)
    outcome = egress.call(payload=b'{"contact": "x"}', **job)
    expect_fate(outcome, "answered", 202)
    assert outcome[1] == b'{"a": 1}'
    assert outcome[0]["retry_after_ms"] == -1
    (asked, asked_path, headers, body), = server.requests
    assert (asked, asked_path) == (method, path)
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    names = {"Host": f"127.0.0.1:{server.port}", "User-Agent": f"prontod/{version}", "X-API-KEY": KEY,
             "Accept": "application/json"}
    if method == "POST":
        names |= {"Content-Type": "application/json", "Content-Length": str(len(b'{"contact": "x"}'))}
    assert dict(headers) == names
    assert body == (b'{"contact": "x"}' if method == "POST" else b"")


@pytest.mark.parametrize("contact", [".", "..", "a" * 257])
def test_contacts_that_are_no_part_of_a_url(server, egress, contact):
    expect_fate(egress.call("contact", contact=contact), "not_sent")
    assert not server.requests


@pytest.mark.parametrize("head", [{"id": 1, "call": "delete"}, {"id": 1, "call": "contact"}, {"id": 1}])
def test_unknown_jobs_are_answered(egress, head):
    egress.send(head)
    expect_fate(egress.receive(), "not_sent")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_answers(server, egress, status):
    other = Server()
    try:
        server.answer = lambda handler: reply(handler, b"", status, Location=f"http://127.0.0.1:{other.port}/x")
        expect_fate(egress.call("single_enrich", b"{}"), "answered", status)
        assert not other.requests
    finally:
        other.stop()


def test_statuses_are_answers(server, egress):
    for status in (200, 400, 401, 402, 404, 429, 500, 503):
        server.answer = lambda handler, status=status: reply(handler, b"text", status)
        expect_fate(egress.call(), "answered", status)


@pytest.mark.parametrize("value,expected", [
    ("7", 7000), ("0", 0), ("999999999", DAY_MS), ("soon", -1), ("-1", -1), ("", -1),
])
def test_retry_after_seconds(server, egress, value, expected):
    server.answer = lambda handler: reply(handler, b"", 429, Retry_After=value)
    assert egress.call()[0]["retry_after_ms"] == expected


@pytest.mark.parametrize("seconds,low,high", [(3600, 3500_000, 3601_000), (-60, 0, 0), (10 * 86400, DAY_MS, DAY_MS)])
def test_retry_after_date(server, egress, seconds, low, high):
    when = email.utils.formatdate(time.time() + seconds, usegmt=True)
    server.answer = lambda handler: reply(handler, b"", 503, Retry_After=when)
    assert low <= egress.call()[0]["retry_after_ms"] <= high


def chunks(handler, data, until):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while until():
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def test_a_flood_of_chunks_is_cut(server, egress):
    server.answer = lambda handler: chunks(handler, b"x" * 65536, lambda: not server.ended.is_set())
    outcome = egress.call()
    expect_fate(outcome, "maybe_sent")
    assert outcome[0]["error"] == "answer too large"


def test_an_announced_flood_is_cut(server, egress):
    server.answer = lambda handler: reply(handler, b"x" * (1024 * 1024 + 1))
    assert egress.call()[0]["error"] == "answer too large"


def test_the_largest_answer(server, egress):
    body = bytes(range(256)) * 4096
    server.answer = lambda handler: reply(handler, body)
    outcome = egress.call()
    expect_fate(outcome, "answered", 200)
    assert outcome[1] == body


def test_a_flood_of_headers_is_cut(server, egress):
    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not server.ended.is_set():
            handler.wfile.write(b"X-Filler: " + b"x" * 60000 + b"\r\n")

    server.answer = answer
    expect_fate(egress.call(), "maybe_sent")


def test_compressed_answers_are_not_passed_on(server, egress):
    server.answer = lambda handler: reply(handler, gzip.compress(KEY.encode()), Content_Encoding="gzip")
    expect_fate(egress.call(), "maybe_sent")


def test_a_server_that_says_nothing(start, server):
    egress = start(f"http://127.0.0.1:{server.port}", timeout="200ms")
    egress.ready()
    server.answer = lambda handler: server.ended.wait(PATIENCE)
    expect_fate(egress.call("single_enrich", b"{}"), "maybe_sent")


def test_a_server_that_stops_in_the_middle(start, server):
    egress = start(f"http://127.0.0.1:{server.port}", timeout="500ms")
    egress.ready()

    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        handler.wfile.flush()
        server.ended.wait(PATIENCE)

    server.answer = answer
    expect_fate(egress.call(), "maybe_sent")


@pytest.mark.parametrize("text", [
    b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", b"220 mail.example.org\r\n", b"\0" * 100,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
])
def test_broken_answers(server, egress, text):
    def answer(handler):
        handler.wfile.write(text)
        handler.close_connection = True

    server.answer = answer
    expect_fate(egress.call("single_enrich", b"{}"), "maybe_sent")
    assert len(server.requests) == 1, "a submission is sent once"


def test_a_connection_that_dies_between_calls(server, egress):
    def answer(handler):
        reply(handler, b"{}")
        handler.close_connection = True

    server.answer = answer
    for _ in range(3):
        expect_fate(egress.call("single_enrich", b"{}"), "answered", 200)
    assert len(server.requests) == 3


def test_a_submission_is_never_sent_again_unasked(server, egress):
    """On a connection that served before, curl would send a request a second time when it gets nothing."""
    def answer(handler):
        if len(server.requests) == 1:
            reply(handler, b"{}")  # and the connection stays
        else:
            handler.close_connection = True

    server.answer = answer
    expect_fate(egress.call("single_enrich", b"{}"), "answered", 200)
    expect_fate(egress.call("single_enrich", b"{}"), "maybe_sent")
    assert len(server.requests) == 2


def test_a_large_submission(server, egress):
    payload = json.dumps({"custom": "x" * 3_000_000}).encode()
    expect_fate(egress.call("bulk_enrich", payload), "answered", 200)
    (_, _, headers, body), = server.requests
    assert body == payload
    assert "Expect" not in headers


def test_refused_connection(start):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        egress = start(f"http://127.0.0.1:{unused.getsockname()[1]}")
        egress.ready()
        expect_fate(egress.call("single_enrich", b"{}"), "not_sent")


def test_a_name_that_does_not_exist(start):
    egress = start("https://prontod-egress.invalid/api", environment={"https_proxy": "", "HTTPS_PROXY": ""})
    egress.ready()
    expect_fate(egress.call("single_enrich", b"{}"), "not_sent")


def certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={name}",
                    "-keyout", folder / "tls.key", "-out", folder / "tls.pem"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    return context


def test_a_certificate_that_nobody_signed(start, tmp_path):
    server = Server(certificate(tmp_path, "IP:127.0.0.1"))
    try:
        egress = start(f"https://127.0.0.1:{server.port}")
        egress.ready()
        expect_fate(egress.call("single_enrich", b"{}"), "not_sent")
        assert not server.requests
    finally:
        server.stop()


CAN_MOUNT = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not CAN_MOUNT, reason="needs to put a certificate among those of the system")
@pytest.mark.parametrize("name,fate,status", [("IP:127.0.0.1", "answered", 200), ("DNS:other.example.org", "not_sent", 0)])
def test_the_name_in_a_trusted_certificate(start, tmp_path, name, fate, status):
    server = Server(certificate(tmp_path, name))
    trusting = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"',
                tmp_path / "tls.pem"]
    try:
        egress = start(f"https://127.0.0.1:{server.port}", before=trusting)
        egress.ready()
        expect_fate(egress.call("single_enrich", b"{}"), fate, status)
        assert len(server.requests) == (1 if fate == "answered" else 0)
    finally:
        server.stop()


def test_a_port_without_tls(start, server):
    egress = start(f"https://127.0.0.1:{server.port}")
    egress.ready()
    expect_fate(egress.call("single_enrich", b"{}"), "not_sent")
    assert not server.requests


def test_no_proxy_on_the_way_to_ourselves(start, server):
    egress = start(f"http://127.0.0.1:{server.port}",
                   environment={"http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"})
    egress.ready()
    expect_fate(egress.call(), "answered", 200)


def escapes():
    yield KEY
    yield json.dumps(KEY)[1:-1]
    yield json.dumps(KEY)[1:-1].replace("/", "\\/")
    yield "".join(f"\\u{ord(c):04x}" for c in KEY)
    yield "".join(f"\\u{ord(c):04X}" for c in KEY)
    yield "".join(f"%{ord(c):02X}" for c in KEY)


@pytest.mark.parametrize("written", escapes())
def test_the_key_is_masked(server, egress, written):
    body = f'{{"message": "bad key {written}", "again": "{written}{written}"}}{written}'
    server.answer = lambda handler: reply(handler, body.encode(), 401)
    outcome = egress.call()
    expect_fate(outcome, "answered", 401)
    assert outcome[1] == b'{"message": "bad key ***", "again": "******"}***'


def test_the_key_is_masked_across_pieces(server, egress):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for byte in f"<{KEY}>".encode():
            handler.wfile.write(b"1\r\n%c\r\n" % byte)
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")

    server.answer = answer
    assert egress.call()[1] == b"<***>"


def test_what_only_looks_like_the_key_stays(server, egress):
    body = (KEY[:-1] + " " + KEY[1:] + " " + KEY.upper() + " " + KEY[:5]).encode()
    server.answer = lambda handler: reply(handler, body)
    assert egress.call()[1] == body


@pytest.mark.parametrize("text,mode,word", [
    (KEY, 0o644, "chmod"), (KEY, 0o640, "chmod"), (KEY, 0o620, "chmod"),
    ("", 0o600, "empty"), ("\n", 0o600, "empty"), ("a b\n", 0o600, "not an API key"), ("a\nb\n", 0o600, "not an API key"),
    ("k\u00e9y", 0o600, "not an API key"), ("a\0b", 0o600, "not an API key"), ("k" * 513, 0o600, "not an API key"),
    ("k" * 70000, 0o600, "too large"), (None, 0, "not there"),
])
def test_files_that_hold_no_key(start, server, text, mode, word):
    egress = start(f"http://127.0.0.1:{server.port}")
    assert egress.ready()["state"] == "ok"
    if text is None:
        egress.key.unlink()
    else:
        egress.write_key(text, mode)
    egress.send({"control": "reload"})
    ready = egress.ready()
    assert ready["state"] == "no_key"
    assert ready["detail"].startswith(f"{egress.key}: ") and word in ready["detail"]
    head, _ = egress.call("single_enrich", b"{}")
    assert (head["fate"], head["error"]) == ("no_key", ready["detail"])
    assert not server.requests
    egress.write_key(KEY + "\r\n")
    egress.send({"control": "reload"})
    assert egress.ready()["state"] == "ok"
    expect_fate(egress.call(), "answered", 200)


def test_no_file_named(start, server):
    egress = start(f"http://127.0.0.1:{server.port}")
    egress.ready()
    egress.config.write_text(egress.config.read_text().replace("api_key_file", "# api_key_file"))
    egress.process.send_signal(signal.SIGHUP)
    assert "api_key_file" in egress.ready()["detail"]


def test_the_credential_comes_first(start, server, tmp_path):
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "pronto-api-key").write_text("from-systemd\n")
    egress = start(f"http://127.0.0.1:{server.port}", environment={"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    assert egress.ready()["state"] == "ok"
    egress.call()
    assert server.requests[0][2]["X-API-KEY"] == "from-systemd"


def test_reload_takes_the_new_address_and_key(server, egress):
    other = Server()
    try:
        egress.write_config(f"http://127.0.0.1:{other.port}")
        egress.write_key("another")
        egress.send({"control": "reload"})
        egress.ready()
        egress.call()
        assert other.requests[0][1:2] == ("/credits",) and other.requests[0][2]["X-API-KEY"] == "another"
        assert not server.requests
    finally:
        other.stop()


def test_a_broken_configuration_changes_nothing(server, egress):
    egress.config.write_text("[pronto]\napi_url = http://example.org\n")
    egress.send({"control": "reload"})
    ready = egress.ready()
    assert ready["state"] == "old_configuration" and f"{egress.config}:2: " in ready["detail"]
    expect_fate(egress.call(), "answered", 200)
    assert f"{egress.config}:2: " in egress.logged()


def test_too_many_calls(server, egress):
    go = threading.Event()

    def answer(handler):
        go.wait(PATIENCE)
        reply(handler, b"{}")

    server.answer = answer
    for number in range(64):
        egress.send({"id": number, "call": "credits"})
    egress.send({"id": 64, "call": "credits"})
    head, _ = egress.receive()
    assert (head["id"], head["fate"], head["error"]) == (64, "not_sent", "too many calls")
    go.set()
    outcomes = [egress.receive()[0] for _ in range(64)]
    assert {head["id"] for head in outcomes} == set(range(64))
    assert {head["fate"] for head in outcomes} == {"answered"}
    expect_fate(egress.call(), "answered", 200)


def test_sigterm_finishes_what_is_under_way(server, egress):
    go = threading.Event()

    def answer(handler):
        go.wait(PATIENCE)
        reply(handler, b"x" * 1000000)

    server.answer = answer
    egress.send({"id": 1, "call": "single_enrich"}, b"{}")
    assert server.arrived.acquire(timeout=PATIENCE)
    egress.process.send_signal(signal.SIGTERM)
    while True:  # until the signal has arrived there, calls are still taken
        egress.send({"id": 2, "call": "contact", "contact": ".."})
        head, _ = egress.receive()
        if head["error"] == "prontod-egress is stopping":
            break
    go.set()
    head, body = egress.receive()
    assert (head["id"], head["fate"], len(body)) == (1, "answered", 1000000)
    with pytest.raises(EOFError):
        egress.receive()
    assert egress.process.wait(PATIENCE) == 0


def test_the_end_of_the_link_ends_the_program(server, egress):
    server.answer = lambda handler: server.ended.wait(PATIENCE)
    egress.send({"id": 1, "call": "single_enrich"}, b"{}")
    assert server.arrived.acquire(timeout=PATIENCE)
    assert egress.end() == 0


def test_garbage_on_the_link_ends_the_program(egress):
    egress.link.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert egress.process.wait(PATIENCE) == 0


def test_by_hand():
    done = worker.run(PROGRAM)
    assert done.returncode == 1
    assert "is started by prontod or by systemd" in done.stderr
    assert worker.run(PROGRAM, "--help").stdout.startswith("Usage: prontod-egress")
    assert worker.run(PROGRAM, "--version").stdout.startswith("prontod-egress ")
    assert worker.run(PROGRAM, "--what").returncode == 2
    assert worker.run(PROGRAM, "what").returncode == 2


@pytest.mark.parametrize("value", ["", "x", "99999999999999999999", "-1", "0", "873"])
def test_descriptors_that_are_no_link(value):
    assert worker.run(PROGRAM, PRONTOD_LINK_FD=value).returncode == 1


@pytest.fixture
def service(tmp_path, server):
    write_key(tmp_path)
    write_config(tmp_path, f"http://127.0.0.1:{server.port}")
    one = worker.Service(PROGRAM, tmp_path)
    yield one
    one.end()


def test_as_a_service(server, service):
    assert service.notices.recv(100) == b"READY=1"
    first = service.connect()
    assert first.ready()["state"] == "ok"
    server.answer = lambda handler: server.ended.wait(PATIENCE)
    first.send({"id": 1, "call": "credits"})
    assert server.arrived.acquire(timeout=PATIENCE)
    second = service.connect()
    first.link.close()  # its call is dropped, and only now the second is taken
    assert second.ready()["state"] == "ok"
    server.answer = lambda handler: reply(handler, b"{}")
    expect_fate(call_over(second), "answered", 200)
    service.process.send_signal(signal.SIGTERM)
    assert service.notices.recv(100) == b"STOPPING=1"
    with pytest.raises(EOFError):
        second.receive()
    assert service.process.wait(PATIENCE) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_service_refuses_others(service, tmp_path):
    tmp_path.chmod(0o755)
    service.path.chmod(0o777)
    code = ("import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.settimeout(30);"
            "s.connect(sys.argv[1]); sys.exit(7 if s.recv(1) == b'' else 8)")
    done = subprocess.run([sys.executable, "-c", code, service.path.name], cwd=tmp_path, check=False, timeout=PATIENCE)
    assert done.returncode == 7
    assert service.connect().ready()["state"] == "ok"
