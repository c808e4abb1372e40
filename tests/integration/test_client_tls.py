"""Pronto behind TLS: with a certificate that is not right nothing is sent, least of all the key."""

import socket
import subprocess
import threading

import pytest

import tls
from harness import contact, wait_until
from pronto_side import NEVER_POLLED, submitting

CAN_MOUNT = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
needs_trust = pytest.mark.skipif(not CAN_MOUNT, reason="needs to put an authority among those of the system")


@pytest.fixture
def authority(tmp_path):
    return tls.Authority(tmp_path)


@pytest.fixture
def serve():
    servers = []

    def make(certificate):
        servers.append(tls.TlsServer(certificate))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def trusting(authority):
    """Runs a program that trusts the authority, and nobody else does."""
    return ["unshare", "--mount", "sh", "-c", f'mount --bind "$0" {TRUSTED} && exec "$@"', authority.pem]


def start(new_prontod, url, authority=None):
    prontod = new_prontod(url, config={"pronto": NEVER_POLLED}, wrapper=trusting(authority) if authority else ())
    return prontod.start()


def check_kept_back(prontod, server, trouble):
    """The request stays, with an error that names the trouble; nothing was told to the server."""
    request = prontod.post("/v1/requests", contact())
    found = wait_until(lambda: (one := prontod.request(request["id"]))["error"] and one, "the error")
    assert found["state"] == "queued" and found["maybe_sent"] is False
    said = str(found["error"]).lower()
    assert "certificate" in said and trouble in said, said
    assert prontod.api_key not in said
    assert server.handshakes >= 1 and server.requests == []
    return request


def test_a_self_signed_certificate(new_prontod, authority, serve):
    server = serve(authority.self_signed())
    prontod = start(new_prontod, server.url)
    check_kept_back(prontod, server, "self-signed")
    assert prontod.http("GET", "/readyz").status == 200


def test_an_authority_that_nobody_knows(new_prontod, authority, serve):
    server = serve(authority.issue())
    check_kept_back(start(new_prontod, server.url), server, "does not know")


@needs_trust
@pytest.mark.parametrize("name, days, trouble", [
    ("IP:127.0.0.1", -1, "expired"), ("IP:127.0.0.2", 2, "another"), ("DNS:other.example.org", 2, "another"),
    ("DNS:127.0.0.1.example.org", 2, "another")])
def test_a_certificate_of_a_known_authority_that_is_expired_or_anothers(new_prontod, authority, serve, name, days, trouble):
    server = serve(authority.issue(name, days))
    check_kept_back(start(new_prontod, server.url, authority), server, trouble)


@needs_trust
def test_a_right_certificate(new_prontod, authority, serve):
    server = serve(authority.issue())
    prontod = start(new_prontod, server.url, authority)
    request = prontod.post("/v1/requests", contact())
    assert prontod.wait_state(request["id"], "pending")["enrichment_id"]
    (path, headers), = server.requests
    assert path == "/api/v2/contacts/single_enrich"
    assert {name.lower(): value for name, value in headers.items()}["x-api-key"] == prontod.api_key
    assert submitting(prontod)["state"] == "ok"


@needs_trust
def test_when_the_certificate_is_mended_the_requests_go_out(new_prontod, authority, serve):
    server = serve(authority.issue(days=-1))
    prontod = start(new_prontod, server.url, authority)
    request = check_kept_back(prontod, server, "certificate")
    server.present(authority.issue())
    wait_until(lambda: prontod.request(request["id"])["state"] == "pending", "the submission", 150)
    assert len(server.requests) == 1


def test_trouble_with_tls_is_no_reason_to_fall_back_to_http(new_prontod):
    """A server that speaks plain HTTP: it must get nothing that looks like a request."""
    heard = []
    listener = socket.create_server(("127.0.0.1", 0))

    def listen():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(10)
                heard.append(peer.recv(65536))
                peer.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}")

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        prontod = start(new_prontod, f"https://127.0.0.1:{listener.getsockname()[1]}/api/v2")
        request = prontod.post("/v1/requests", contact())
        wait_until(lambda: prontod.request(request["id"])["error"], "the error")
        assert prontod.request(request["id"])["state"] == "queued"
        assert heard and not any(prontod.api_key.encode() in one or b"HTTP/1" in one for one in heard)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def test_the_key_is_not_sent_without_tls_to_another_machine(new_prontod):
    prontod = new_prontod("http://192.0.2.1/api/v2")
    status, said = prontod.fail_to_start()
    assert status == 1 and "api_url" in said
