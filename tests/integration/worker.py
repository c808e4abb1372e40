"""A worker of prontod (prontod-egress, prontod-runner) with our end of its link, in place of prontod."""

import json
import os
import pathlib
import socket
import struct
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("PRONTO_BUILD", pathlib.Path(__file__).parents[2] / "build")).absolute()
PATIENCE = 30  # seconds until a test gives up; never how long it takes
MAGIC = 0x50524E54
# A process that cannot be traced cannot look for its leaks either.
SANITIZER = {"ASAN_OPTIONS": "detect_leaks=0"}


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("PRONTOD_", "LISTEN_", "NOTIFY_", "CREDENTIALS_", "JOURNAL_"))}


class Frames:
    """Frames over a stream socket."""

    def __init__(self, link):
        self.link = link
        self.link.settimeout(PATIENCE)

    def send(self, head, payload=b""):
        text = json.dumps(head).encode()
        self.link.sendall(struct.pack(">III", MAGIC, len(text), len(payload)) + text + payload)

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.link.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        magic, head, payload = struct.unpack(">III", self.read(12))
        assert magic == MAGIC
        return json.loads(self.read(head)), self.read(payload)

    def ready(self):
        head, _ = self.receive()
        assert head["control"] == "ready", head
        return head


class Worker(Frames):
    """The program as prontod starts it."""

    def __init__(self, program, folder, environment=None, before=(), inherited=()):
        """`before`: words of a command that executes the program; `inherited`: descriptors it gets by somebody's mistake."""
        ours, theirs = socket.socketpair()
        super().__init__(ours)
        self.folder = folder
        self.log = open(folder / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen([*before, program, "--config", folder / "prontod.conf"],
                                        pass_fds=[theirs.fileno(), *inherited], stderr=self.log,
                                        env={**clean_environment(), **SANITIZER, **(environment or {}),
                                             "PRONTOD_LINK_FD": str(theirs.fileno())})
        theirs.close()

    def logged(self):
        return (self.folder / "log").read_text()

    def end(self):
        """Takes the link away; the exit status."""
        self.link.close()
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.log.close()


class Service:
    """The program behind a listening socket, as systemd starts it."""

    def __init__(self, program, folder):
        self.path = folder / "worker.sock"
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(folder / "notify"))
        self.notices.settimeout(PATIENCE)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.path))
            listener.listen(8)
            script = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
                      "os.execv(sys.argv[2], sys.argv[2:])")
            self.process = subprocess.Popen([sys.executable, "-c", script, str(listener.fileno()), program, "--config",
                                             folder / "prontod.conf"], pass_fds=[listener.fileno()],
                                            env={**clean_environment(), **SANITIZER, "LISTEN_FDS": "1",
                                                 "NOTIFY_SOCKET": str(folder / "notify")})

    def connect(self):
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(PATIENCE)
        link.connect(str(self.path))
        return Frames(link)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.notices.close()


def run(program, *arguments, **environment):
    """The program by hand."""
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False,
                          env={**clean_environment(), **SANITIZER, **environment})
