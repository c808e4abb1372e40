"""What callbacks are sent to: prontod, and what it is compared with."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from common import children, copy_database, field, fill_database, run_json, say

BASE = "bare libmicrohttpd, 1 thread"
BASE_2 = "bare libmicrohttpd, 2 threads"
NGINX = "nginx, return 200"
WEBHOOK = "webhook, rule never matches"
WEBHOOK_TRUE = "webhook, starts /bin/true"
STORELESS = "prontod without its store"
DURABLE = "prontod, durable"
PATIENCE = 30


def all_names():
    """Those there are programs for."""
    return [BASE, BASE_2, *([NGINX] if shutil.which("nginx") else []), *([WEBHOOK, WEBHOOK_TRUE] if shutil.which("webhook") else []),
            STORELESS, DURABLE]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_port(port, process):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        os.sched_yield()
    sys.exit(f"{process.args[0]} does not answer")


@contextlib.contextmanager
def running(command, port, log=subprocess.DEVNULL):
    with subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                          start_new_session=True) as process:
        try:
            wait_port(port, process)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def run_webhook(folder, starts, log=None):
    """webhook(1) with a hook that starts /bin/true, or one whose rule never matches. The process, the port and the path. It logs only
    when there is an open file to log to."""
    port, file = free_port(), folder / "webhook.json"
    never = {"match": {"type": "value", "value": "never", "parameter": {"source": "payload", "name": "status"}}}
    hook = {"id": "callback", "execute-command": "/bin/true"} | (
        {} if starts else {"trigger-rule": never, "trigger-rule-mismatch-http-response-code": 200})
    file.write_text(json.dumps([hook]))
    command = ["webhook", *(["-verbose"] if log else []), "-hooks", file, "-ip", "127.0.0.1", "-port", port, "-urlprefix", "hooks"]
    with running(command, port, log or subprocess.DEVNULL) as process:
        yield process, port, "/hooks/callback"


def memory(process):
    """Resident memory at most, of it and its children, in KiB."""
    return sum(field(pid, "status", "VmHWM") or 0 for pid in [process.pid, *children(process.pid)])


class Contestants:
    """Each is a context of a process and a function that loads it from so many connections."""

    def __init__(self, build, folder, databases, seconds):
        self.build, self.folder, self.databases, self.seconds = build, folder, databases, seconds

    def bench(self, name):
        return self.build / "tests" / "bench" / f"bench-{name}"

    def load(self, port, connections, *more):
        found = run_json(self.bench("load"), "--port", port, "--connections", connections, "--seconds", self.seconds, *more)
        if found["ok"] < found["answers"] or found["lost"] > 0:
            say(f"  of {found['answers']} answers {found['ok']} were 200, and {found['lost']} connections were lost")
        return found

    def named(self, name, size):
        return {BASE: lambda: self.bare(1), BASE_2: lambda: self.bare(2), NGINX: self.nginx, WEBHOOK: lambda: self.webhook(False),
                WEBHOOK_TRUE: lambda: self.webhook(True), STORELESS: self.storeless, DURABLE: lambda: self.prontod(size)}[name]()

    @contextlib.contextmanager
    def bare(self, threads):
        port = free_port()
        with running([self.bench("bare"), port, threads], port) as process:
            yield process, lambda connections: self.load(port, connections)

    @contextlib.contextmanager
    def nginx(self):
        port, folder = free_port(), self.folder / "nginx"
        folder.mkdir(exist_ok=True)
        file = folder / "nginx.conf"
        file.write_text(f"daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null;\nevents {{ worker_connections 4096; }}\n"
                        f"http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};\n"
                        f"uwsgi_temp_path {folder}; scgi_temp_path {folder}; keepalive_requests 1000000000;\n"
                        f"server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 ok; }} }} }}\n")
        with running(["nginx", "-c", file], port) as process:
            yield process, lambda connections: self.load(port, connections)

    @contextlib.contextmanager
    def webhook(self, starts):
        with run_webhook(self.folder, starts) as (process, port, path):
            yield process, lambda connections: self.load(port, connections, "--path", path)

    @contextlib.contextmanager
    def storeless(self):
        """Takes any well-formed token."""
        port = free_port()
        with running([self.bench("storeless"), port], port) as process:
            yield process, lambda connections: self.load(port, connections, "--count", 10**12)

    @contextlib.contextmanager
    def prontod(self, size, random=False):
        """Each callback at a token of its own, each once; the database is a fresh copy."""
        file, port, folder = fill_database(self.build, self.databases, size), free_port(), self.folder / "prontod"
        folder.mkdir()
        try:
            copy_database(file, folder / "prontod.db")
            conf = folder / "prontod.conf"
            conf.write_text(f"[ingress]\nlisten = 127.0.0.1:{port}\npublic_url = http://127.0.0.1:{port}\n[query]\nsocket = {folder}/query.sock\n"
                            f"[store]\nurl = sqlite:{folder}/prontod.db\nmin_free = 1M\n[pronto]\npoll_after = 30d\ndeadline = 60d\n")
            with running([self.build / "daemon/prontod", "--config", conf], port) as process:
                yield process, lambda connections: self.load(port, connections, "--first", 0, "--count", size,
                                                             *(["--random"] if random else []))
        finally:
            shutil.rmtree(folder)
