"""What the tests need of the machine: ports, processes, and the socket of sd_notify."""

import os
import random
import socket
import threading
import time


class Port:
    """A free TCP port of 127.0.0.1, kept from other tests by an abstract socket, and outside the range of clients' ports."""

    def __init__(self):
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            first_of_clients = int(file.read().split()[0])
        for _ in range(1000):
            self.number = random.SystemRandom().randrange(10000, max(first_of_clients, 20000))
            self.claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self.claim.bind(f"\0prontod-test-port-{self.number}")
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", self.number))
                return
            except OSError:
                self.claim.close()
        raise AssertionError("no free port")

    def release(self):
        self.claim.close()


class Notifications:
    """The socket of sd_notify: collects what one run of the daemon says."""

    def __init__(self, path):
        self.messages = []
        self.changed = threading.Condition()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.path = str(path)
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        while (message := self.socket.recv(65536)) != b"END":
            with self.changed:
                self.messages += message.decode().split("\n")
                self.changed.notify_all()
        self.socket.close()

    def wait(self, message, process, timeout):
        """Until `message` came (true) or the process ended (false)."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while message not in self.messages:
                ended = process.poll() is not None
                self.changed.wait(0.05)
                if ended and message not in self.messages:
                    return False
                assert time.monotonic() < deadline, f"no {message} within {timeout} s"
        return True

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"END", self.path)


def processes():
    """The pid, parent and command line of every process."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    stat = file.read()
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    command = file.read()
            except OSError:
                continue
            fields = stat[stat.rindex(")") + 2:].split()
            if fields[0] != "Z":
                yield int(name), int(fields[1]), os.fsdecode(command)


def alive(pid):
    """Whether the process runs; one that waits to be reaped does not."""
    return any(pid == other for other, _, _ in processes())
