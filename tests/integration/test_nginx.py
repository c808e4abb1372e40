"""The main job through a real nginx as reverse proxy, with a path prefix."""

import os
import shutil
import subprocess
import uuid

import pytest

import clients
import harness
from harness import contact

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-fastcgi;
    uwsgi_temp_path {directory}/nginx-uwsgi;
    scgi_temp_path {directory}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        location /pronto/ {{
            proxy_pass http://127.0.0.1:{upstream}/;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            client_max_body_size 1m;
        }}
    }}
}}
"""


class Nginx:
    """A private nginx before a daemon."""

    def __init__(self, prontod, port):
        self.port = port
        file = prontod.directory / "nginx.conf"
        file.write_text(CONFIG.format(directory=prontod.directory, port=port.number, upstream=prontod.port.number,
                                      user="user root;" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen([NGINX, "-c", file, "-p", prontod.directory, "-e", prontod.directory / "nginx.log"])
        harness.wait_until(self.serves, "nginx")

    def serves(self):
        assert self.process.poll() is None, "nginx ended"
        try:
            return self.call("GET", "/").status == 404
        except ConnectionRefusedError:
            return False

    def call(self, method, path, body=None, headers=None):
        return clients.request(clients.TcpConnection("127.0.0.1", self.port.number, harness.PATIENCE), method, path, body, headers)

    def raw(self, data):
        return clients.raw(("127.0.0.1", self.port.number), data, 10)

    def close(self):
        self.process.terminate()
        self.process.wait(harness.PATIENCE)
        self.port.release()


@pytest.fixture(name="behind")
def make_behind(sim, new_prontod):
    """A daemon whose public URL is that of the proxy, and the proxy."""
    port = harness.Port()
    secret = "secret-" + uuid.uuid4().hex
    prontod = new_prontod(sim.url, secrets=[secret], config={"ingress": {"public_url": f"http://127.0.0.1:{port.number}/pronto"}})
    prontod.hook("crm")
    prontod.start()
    nginx = Nginx(prontod, port)
    yield prontod, nginx, secret
    nginx.close()


def test_the_main_job_through_a_proxy_with_a_path_prefix(sim, behind):
    prontod, nginx, _ = behind
    request = prontod.post("/v1/requests", contact(custom={"k": "custom-value"}))
    found = prontod.wait_state(request["id"], "finished")
    url = sim.submissions()[0]["webhook_url"]
    assert url.startswith(f"http://127.0.0.1:{nginx.port.number}/pronto/callback/")
    prontod.private.append(url.rsplit("/", 1)[1])
    assert found["result"]["email"] == "ada.lovelace@example.com"
    assert prontod.hooks["crm"].wait()[0].environ["PRONTO_REQUEST_ID"] == request["id"]
    assert [one["client"] for one in prontod.items("/v1/callbacks")] == ["127.0.0.1"]


def test_a_public_url_with_a_slash_at_its_end(sim, new_prontod):
    port = harness.Port()
    prontod = new_prontod(sim.url, config={"ingress": {"public_url": f"http://127.0.0.1:{port.number}/pronto/"}}).start()
    nginx = Nginx(prontod, port)
    try:
        prontod.wait_state(prontod.post("/v1/requests", contact())["id"], "finished")
        assert f"{port.number}/pronto/callback/" in sim.submissions()[0]["webhook_url"]
    finally:
        nginx.close()


def test_a_batch_through_the_proxy(sim, behind):
    prontod, _, _ = behind
    sim.behave(delay="0-200ms", repeat=1, repeat_share=0.3)
    answer = prontod.post("/v1/requests", [contact(custom={"row": row}) for row in range(50)])
    for row, one in enumerate(harness.batch_items(answer)):
        assert prontod.wait_state(one["id"], "finished")["result"]["custom"] == {"row": row}
    sim.wait(idle="true")
    assert sim.log()["counts"]["failed"] == 0


def test_the_client_is_the_one_that_nginx_saw(behind):
    prontod, nginx, secret = behind
    nginx.call("POST", f"/pronto/callback/{secret}", b"{}", {"X-Forwarded-For": "198.51.100.6"})
    # nginx appends 127.0.0.1, which is trusted, and so is what it was told by it.
    assert [one["client"] for one in prontod.items("/v1/callbacks")] == ["198.51.100.6"]


def test_answers_come_through(behind):
    prontod, nginx, secret = behind
    path = f"/pronto/callback/{secret}"
    assert nginx.call("POST", path, b"{}").json() == {"status": "unmatched"}
    assert nginx.call("POST", path, b"[]").status == 400
    assert nginx.call("POST", "/pronto/callback/" + "A" * 43, b"{}").status == 404
    assert nginx.call("POST", path, b"{}", {"Content-Encoding": "gzip"}).status == 415
    answer = nginx.call("GET", path)
    assert answer.status == 405 and "POST" in answer.headers["Allow"]
    assert nginx.call("POST", path, b" " * (1024 * 1024 + 1)).status == 413
    assert nginx.call("GET", "/pronto/healthz").status == 200
    assert len(prontod.items("/v1/callbacks?state=unmatched")) == 1


@pytest.mark.parametrize("headers", [
    "Content-Length: 2\r\nTransfer-Encoding: chunked", "Content-Length: 2\r\nContent-Length: 3", "Transfer-Encoding: gzip",
    "Content-Length: 2\r\nX-A: b\r\n c: d", "Content-Length : 2"])
def test_ambiguous_framing_stores_nothing_behind_nginx_either(behind, headers):
    prontod, nginx, secret = behind
    smuggled = f"POST /pronto/callback/{secret} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}"
    answer = nginx.raw(f"POST /pronto/callback/{secret} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n{smuggled}".encode())
    assert answer.status in (400, 501)
    assert prontod.items("/v1/callbacks?state=unmatched") == []


def test_prontod_that_restarts_behind_nginx(sim, behind):
    prontod, _, _ = behind
    sim.behave(retry=50, retry_delay="50ms")
    request = prontod.post("/v1/requests", contact())
    prontod.wait_state(request["id"], "finished")
    prontod.kill()
    prontod.start()
    request = prontod.post("/v1/requests", contact())
    prontod.wait_state(request["id"], "finished")
