"""A stand-in for Pronto behind TLS, with certificates that are right or wrong."""

import http.server
import json
import ssl
import subprocess
import threading
import uuid

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """Issues certificates. Its own is in the file `pem`."""

    def __init__(self, folder):
        self.folder = folder
        self.pem = folder / "authority.pem"
        self.key = folder / "authority.key"
        openssl("req", "-x509", *NEW_KEY, "-days", "2", "-subj", "/CN=test authority", "-keyout", self.key, "-out", self.pem)

    def issue(self, name="IP:127.0.0.1", days=2):
        """The files of a certificate and its key; `days` -1: it has expired."""
        request, key, pem = (self.folder / f"{uuid.uuid4()}.{kind}" for kind in ("csr", "key", "pem"))
        openssl("req", *NEW_KEY, "-subj", "/CN=test server", "-addext", f"subjectAltName={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key, "-copy_extensions", "copy", "-days", str(days),
                "-out", pem)
        return pem, key

    def self_signed(self, name="IP:127.0.0.1"):
        key, pem = (self.folder / f"{uuid.uuid4()}.{kind}" for kind in ("key", "pem"))
        openssl("req", "-x509", *NEW_KEY, "-days", "2", "-subj", "/CN=test server", "-addext", f"subjectAltName={name}",
                "-keyout", key, "-out", pem)
        return pem, key


class TlsServer:
    """Accepts submissions, and remembers the headers of every request that came through the handshake."""

    def __init__(self, certificate):
        self.requests = []
        self.handshakes = 0  # begun
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.path, dict(self.headers)))
                body = json.dumps({"enrichment_id": str(uuid.uuid4()), "status": "pending"}).encode()
                self.send_response(202)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                peer, address = self.socket.accept()
                outer.handshakes += 1
                peer.settimeout(10)
                return outer.context.wrap_socket(peer, server_side=True), address

            def handle_error(self, *arguments):
                pass  # a client that refuses our certificate is what is tested

        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.present(certificate)
        self.server = Threads(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}/api/v2"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True)
        self.thread.start()

    def present(self, certificate):
        """Another certificate for the connections to come."""
        self.context.load_cert_chain(*certificate)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)
