"""The shipped configurations of the reverse proxies, each with its real program before a real prontod, on TCP and on a UNIX socket."""

import os
import pathlib
import re
import shutil
import ssl
import subprocess
import uuid

import pytest

import clients
import harness


PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CONF = harness.TOP / "conf"


def make_certificate(directory):
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=IP:127.0.0.1,DNS:hooks.example.com",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    (directory / "both.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
    return certificate, key


def replace(text, *pairs):
    for pattern, new in pairs:
        text, number = re.subn(pattern, lambda _, new=new: new, text, flags=re.M)
        assert number, f"{pattern} is not in the shipped file"
    return text


def nginx_files(directory, port, upstream):
    certificate, key = make_certificate(directory)
    text = replace((CONF / "nginx.conf").read_text(), (r"^    listen 443 .*$", f"    listen 127.0.0.1:{port} ssl http2;"),
                   (r"^    listen \[::\]:443 .*$", ""), (r"/etc/letsencrypt/\S*fullchain.pem", str(certificate)),
                   (r"/etc/letsencrypt/\S*privkey.pem", str(key)), (r"http://127.0.0.1:8480", f"http://{upstream}"),
                   (r"/var/log/nginx", str(directory)))
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(f"{name}_temp_path {directory}/{name};\n"
                        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file = directory / "nginx.conf"
    file.write_text(f"daemon off;\n{user}\npid {directory}/nginx.pid;\nevents {{}}\nhttp {{\n{temporary}{text}\n}}\n")
    return ["nginx", "-c", file, "-p", directory, "-e", directory / "start.log"], {}


def nginx_upstream(prontod, socket):
    return f"unix:{socket}:" if socket else f"127.0.0.1:{prontod.port.number}"


def caddy_files(directory, port, upstream):
    certificate, key = make_certificate(directory)
    text = replace((CONF / "Caddyfile").read_text(), (r"^hooks.example.com \{", f"https://127.0.0.1:{port} {{\n\ttls {certificate} {key}"),
                   (r"127.0.0.1:8480", upstream), (r"/var/log/caddy", str(directory)),
                   (r"\A((?:#.*\n)*)\{", f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {directory}/storage\n"))
    file = directory / "Caddyfile"
    file.write_text(text)
    return ["caddy", "run", "--config", file, "--adapter", "caddyfile"], {"HOME": str(directory)}


def caddy_upstream(prontod, socket):
    return f"unix/{socket}" if socket else f"127.0.0.1:{prontod.port.number}"


def haproxy_files(directory, port, upstream):
    make_certificate(directory)
    text = replace((CONF / "haproxy.cfg").read_text(), (r"bind :443 ssl crt \S+", f"bind 127.0.0.1:{port} ssl crt {directory}/both.pem"),
                   (r"log /dev/log local0", "log stderr format raw local0"), (r"server prontod 127.0.0.1:8480", f"server prontod {upstream}"))
    file = directory / "haproxy.cfg"
    file.write_text(text)
    return ["haproxy", "-db", "-f", file], {}


def haproxy_upstream(prontod, socket):
    return f"unix@{socket}" if socket else f"127.0.0.1:{prontod.port.number}"


PROXIES = {"nginx": (nginx_files, nginx_upstream), "caddy": (caddy_files, caddy_upstream), "haproxy": (haproxy_files, haproxy_upstream)}


class Proxy:
    """A reverse proxy with its shipped configuration; its certificate is nobody's."""

    def __init__(self, name, prontod, socket):
        files, upstream = PROXIES[name]
        self.port = harness.Port()
        self.directory = prontod.directory / name
        self.directory.mkdir()
        command, environment = files(self.directory, self.port.number, upstream(prontod, socket))
        program = shutil.which(command[0], path=PATH)
        assert program, f"{name} is not installed"
        with open(self.directory / "output.log", "wb") as output:
            self.process = subprocess.Popen([program, *command[1:]], stdout=output, stderr=output, env=os.environ | environment)
        try:
            harness.wait_until(self.serves, name)
        except BaseException:
            self.close()
            raise

    def serves(self):
        assert self.process.poll() is None, (self.directory / "output.log").read_text()
        try:
            return b'"status":404' in self.call("POST", "/pronto/callback/" + "A" * 43, b"{}").body  # prontod's own
        except (ConnectionRefusedError, ssl.SSLError):
            return False

    def call(self, method, path, body=None, headers=None):
        connection = clients.http.client.HTTPSConnection("127.0.0.1", self.port.number, timeout=harness.PATIENCE,
                                                         context=ssl._create_unverified_context())
        return clients.request(connection, method, path, body, headers)

    def written(self):
        return b"".join(path.read_bytes() for path in pathlib.Path(self.directory).rglob("*") if path.is_file())

    def close(self):
        self.process.terminate()
        self.process.wait(harness.PATIENCE)
        self.port.release()


@pytest.fixture(params=list(PROXIES), name="name")
def each_proxy(request):
    return request.param


@pytest.fixture(params=["tcp", "unix"], name="behind")
def make_behind(request, name, silent, new_prontod):
    secret = "secret-" + uuid.uuid4().hex
    prontod = new_prontod(silent.url, secrets=[secret], config={"ingress": {"public_url": "https://hooks.example.com/pronto"}})
    socket = prontod.directory / "callback.sock" if request.param == "unix" else None
    if socket:
        prontod.config["ingress"]["listen"] = f"unix:{socket}"
    prontod.start()
    proxy = Proxy(name, prontod, socket)
    yield prontod, proxy, secret
    proxy.close()


def test_a_callback_through_the_shipped_configuration(silent, behind):
    prontod, proxy, _ = behind
    request, token = prontod.submit(silent, custom={"k": "custom-value"})
    answer = proxy.call("POST", f"/pronto/callback/{token}", harness.json.dumps(
        harness.result(request["enrichment_id"], custom={"k": "custom-value"})).encode())
    assert (answer.status, answer.json()) == (200, {"status": "matched"})
    assert prontod.request(request["id"])["state"] == "finished"
    assert [one["client"] for one in prontod.items("/v1/callbacks")] == ["127.0.0.1"]
    proxy.close()
    assert token.encode() not in proxy.written(), "the proxy's logs have the token"


def test_what_else_the_proxy_lets_through(behind):
    prontod, proxy, secret = behind
    path = f"/pronto/callback/{secret}"
    assert proxy.call("GET", "/pronto/healthz").status == 404
    assert proxy.call("GET", "/healthz").status == 404
    assert proxy.call("GET", "/").status == 404
    assert proxy.call("GET", path).status == 405
    assert proxy.call("POST", path, b"[]").status == 400
    assert proxy.call("POST", path, b'{"custom":{"x":"' + b"y" * 900_000 + b'"}}').status == 200
    try:
        # Caddy that is still passing the body on when prontod refuses it has words of its own for that.
        assert proxy.call("POST", path, b" " * (2 * 1024 * 1024)).status in (413, 502)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        pass  # closed while we were still sending
    assert proxy.call("POST", path, b"{}", {"X-Forwarded-For": "198.51.100.6"}).status == 200
    assert len(prontod.items("/v1/callbacks?state=unmatched")) == 2


def test_a_failing_prontod_is_not_quoted_with_its_token(behind):
    prontod, proxy, secret = behind
    prontod.kill()
    answer = proxy.call("POST", f"/pronto/callback/{secret}", b"{}")
    assert answer.status in (502, 503, 504)
    prontod.start()
    harness.wait_until(lambda: proxy.call("POST", f"/pronto/callback/{secret}", b"{}").status == 200, "prontod behind the proxy")
    proxy.close()
    assert secret.encode() not in proxy.written()
