"""prontod-runner alone, over its link, with hooks that do not behave."""

import json
import os
import signal
import socket
import struct
import subprocess

import pytest

import harness
from harness import wait_until

MAGIC = 0x50524E54
SHELL = "#!/bin/sh\n"


class Runner:
    """The program on one end of a socket pair, this test on the other."""

    def __init__(self, directory):
        self.directory = directory
        self.config = directory / "prontod.conf"
        self.sections = []
        self.process = self.link = None
        self.jobs = 0

    def hook(self, name, text, mode=0o755, **keys):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        self.configure(name, path, **keys)
        return path

    def configure(self, name, path, **keys):
        lines = [f"{key} = {value}" for key, value in keys.items()]
        self.sections.append("\n".join([f"[hook {name}]", f"command = {path}", *lines]))
        self.config.write_text("[ingress]\npublic_url = http://127.0.0.1:1\n" + "\n".join(self.sections) + "\n")

    def start(self):
        self.link, theirs = socket.socketpair()
        self.link.settimeout(harness.PATIENCE)
        with theirs:
            self.process = subprocess.Popen([harness.RUNNER, "--config", self.config], pass_fds=[theirs.fileno()],
                                            env=dict(os.environ, PRONTOD_LINK_FD=str(theirs.fileno())))
        assert self.frame()[0]["control"] == "ready"
        return self

    def receive(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.link.recv(size - len(data))
            assert part, "the runner closed the link"
            data += part
        return bytes(data)

    def frame(self):
        magic, head, payload = struct.unpack(">III", self.receive(12))
        assert magic == MAGIC
        return json.loads(self.receive(head)), self.receive(payload)

    def send(self, head, payload=b""):
        text = json.dumps(head).encode()
        self.link.sendall(struct.pack(">III", MAGIC, len(text), len(payload)) + text + payload)

    def job(self, hook, document=b"{}\n", env=()):
        self.jobs += 1
        self.send({"id": self.jobs, "hook": hook, "env": list(env)}, document)
        return self.jobs

    def run(self, hook, document=b"{}\n", env=()):
        number = self.job(hook, document, env)
        outcome, output = self.frame()
        assert outcome["id"] == number
        return outcome, output

    def children(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return children.read().split()

    def close(self):
        if self.link:
            self.link.close()
        if self.process:
            assert self.process.wait(harness.PATIENCE) == 0


@pytest.fixture(name="runner")
def make_runner(tmp_path):
    tmp_path.chmod(0o755)
    one = Runner(tmp_path)
    yield one
    one.close()


def is_gone(pid):
    return not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat", encoding="ascii").read().split()[2] == "Z"


@pytest.mark.parametrize("status", [0, 1, 65, 75, 126, 127, 255])
def test_the_exit_status_comes_back(runner, status):
    runner.hook("h", SHELL + f"exit {status}\n")
    outcome, _ = runner.start().run("h")
    assert (outcome["exit_code"], outcome["signal"], outcome["not_started"], outcome["timed_out"]) == (status, 0, False, False)


def test_a_signal_comes_back(runner):
    runner.hook("h", SHELL + "kill -SEGV $$\n")
    outcome, _ = runner.start().run("h")
    assert (outcome["exit_code"], outcome["signal"]) == (-1, signal.SIGSEGV)


def test_the_document_is_on_standard_input_and_output_comes_back(runner):
    runner.hook("h", SHELL + "cat; echo problem >&2\n")
    assert runner.start().run("h", b'{"a": 1}\n')[1] == b'{"a": 1}\nproblem\n'


def test_a_document_of_8_mib_is_read_or_not(runner):
    document = b"x" * (8 << 20)
    runner.hook("reads", SHELL + "wc -c\n")
    runner.hook("ignores", SHELL + "exec <&-\nexit 0\n")
    runner.start()
    assert runner.run("reads", document)[1].strip() == str(len(document)).encode()
    assert runner.run("ignores", document)[0]["exit_code"] == 0


def test_of_a_flood_of_output_the_last_4_kib_are_kept(runner):
    runner.hook("h", SHELL + "head -c 100000000 /dev/zero\nprintf 'the \\377 end'\n")
    outcome, output = runner.start().run("h")
    assert outcome["exit_code"] == 0 and len(output) == 4096 and output.endswith(b"the \xff end")


@pytest.mark.parametrize("text", ["trap '' TERM\nsleep 1000 &\nwait\nsleep 1000\n", "sleep 1000\n", "kill -STOP $$\nsleep 1000\n"])
def test_the_time_out_ends_the_whole_group(runner, text):
    pids = runner.directory / "pids"
    runner.hook("h", SHELL + f"sleep 1000 &\necho $$ $! >{pids}\n" + text, timeout="300ms", kill_after="200ms")
    outcome, _ = runner.start().run("h")
    assert outcome["timed_out"] and outcome["exit_code"] == -1 and outcome["signal"] in (signal.SIGTERM, signal.SIGKILL)
    for pid in pids.read_text().split():
        wait_until(lambda one=pid: is_gone(one))


def test_what_a_hook_leaves_behind_is_killed(runner):
    pids = runner.directory / "pids"
    runner.hook("h", SHELL + f"sleep 1000 &\necho $! >{pids}\n(setsid sh -c 'echo $$ >>{pids}; exec sleep 1000' &)\n"
                             f"until [ $(wc -l <{pids}) = 2 ]; do :; done\n")
    assert runner.start().run("h")[0]["exit_code"] == 0
    for pid in pids.read_text().split():
        wait_until(lambda one=pid: is_gone(one))
    wait_until(lambda: runner.children() == [])


def test_a_hook_that_cannot_be_started_is_told_with_the_reason(runner):
    runner.hook("plain", SHELL, mode=0o644)
    runner.hook("empty", "no shebang\n")
    runner.hook("writable", SHELL, mode=0o777)
    runner.hook("interpreter", "#!/nothing/there\n")
    runner.configure("missing", "/nothing/there")
    runner.configure("directory", "/usr")
    runner.configure("stream", "/bin/true", mode="stream")
    runner.start()
    for name in ("plain", "empty", "writable", "interpreter", "missing", "directory", "stream", "unknown"):
        outcome, _ = runner.run(name)
        assert outcome["not_started"] and outcome["error"], name


def test_descriptors_environment_session_and_directory(runner):
    runner.hook("h", SHELL + "echo $(ls /proc/$$/fd); env; pwd; umask; ps -o sid= -p $$; echo $$; ulimit -c\n")
    lines = runner.start().run("h", env=["PRONTO_EVENT=finished", "LD_PRELOAD=/x.so", "PRONTO_=x", "PRONTO_a=x", "BASH_ENV=/x"])[1]
    text = lines.decode().splitlines()
    assert {"0", "1", "2"} <= set(text[0].split()) <= {"0", "1", "2", "10"}  # 10: the shell's own script
    names = {line.split("=")[0] for line in text if "=" in line}
    assert "PRONTO_EVENT" in names and not names & {"LD_PRELOAD", "PRONTO_", "PRONTO_a", "BASH_ENV", "PRONTOD_LINK_FD"}
    assert {"PATH", "HOME", "LANG"} <= names
    assert "/" in text and "0077" in text and text[-1] == "0" and text[-3].strip() == text[-2]


def test_a_background_child_that_keeps_the_pipe_does_not_delay_the_end(runner):
    runner.hook("h", SHELL + "sleep 1000 &\nexit 0\n", timeout="1h")
    assert runner.start().run("h")[0]["duration_ms"] < 60000


def test_a_reload_brings_new_hooks_and_a_broken_one_changes_nothing(runner):
    runner.hook("a", SHELL)
    runner.start()
    runner.hook("b", SHELL + "exit 7\n")
    runner.send({"control": "reload"})
    assert runner.frame()[0]["control"] == "ready"
    assert runner.run("b")[0]["exit_code"] == 7
    runner.config.write_text("nonsense\n")
    runner.send({"control": "reload"})
    assert runner.frame()[0]["control"] == "ready"
    assert runner.run("b")[0]["exit_code"] == 7


def test_many_runs_leave_no_child_and_no_descriptor(runner):
    runner.hook("h", SHELL + "cat >/dev/null\n")
    runner.start()
    runner.run("h")
    before = len(os.listdir(f"/proc/{runner.process.pid}/fd"))
    for _ in range(200):
        runner.job("h", b"x" * 10000)
    assert {runner.frame()[0]["exit_code"] for _ in range(200)} == {0}
    wait_until(lambda: runner.children() == [])
    assert len(os.listdir(f"/proc/{runner.process.pid}/fd")) == before


def test_when_the_link_goes_the_hooks_go(runner):
    pid_file = runner.directory / "pid"
    runner.hook("h", SHELL + f"echo $$ >{pid_file}.tmp; mv {pid_file}.tmp {pid_file}; exec sleep 1000\n", timeout="1h")
    runner.start()
    runner.job("h")
    wait_until(pid_file.exists)
    runner.link.close()
    wait_until(lambda: is_gone(pid_file.read_text().strip()))


def test_sigterm_interrupts_the_hooks_and_tells_it(runner):
    pid_file = runner.directory / "pid"
    runner.hook("h", SHELL + f"touch {pid_file}; exec sleep 1000\n", timeout="1h", kill_after="1s")
    runner.start()
    number = runner.job("h")
    wait_until(pid_file.exists)
    runner.process.send_signal(signal.SIGTERM)
    outcome, _ = runner.frame()
    assert outcome["id"] == number and outcome["interrupted"]


def test_alone_it_says_who_starts_it(runner):
    runner.hook("h", SHELL)
    run = subprocess.run([harness.RUNNER, "--config", runner.config], capture_output=True, text=True, check=False, timeout=harness.PATIENCE)
    assert run.returncode == 1 and "prontod" in run.stderr
