"""prontod-runner with a link of its own, and the hooks that it runs, for its tests."""

import os
import pathlib
import select

import pytest

import worker
from worker import PATIENCE

PROGRAM = worker.BUILD / "daemon" / "prontod-runner"
DOCUMENT_WORD = "document-word-that-is-nobody's-business"


class Hooks:
    """A folder with hook programs, and the configuration that names them."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "prontod.conf"
        self.sections = {}
        self.write()

    def write(self):
        text = "[ingress]\npublic_url = https://example.org/\n"
        for name, settings in self.sections.items():
            text += f"[hook {name}]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
        self.config.write_text(text)

    def add(self, name, script, **settings):
        """A hook with that text as its program."""
        path = self.folder / f"{name}.hook"
        path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return self.add_command(name, f"{path} first second", **settings)

    def add_command(self, name, command, **settings):
        self.sections[name] = {"command": command, "on": "finished", **settings}
        self.write()
        return self.folder / f"{name}.hook"

    def fifo(self, name):
        path = self.folder / name
        os.mkfifo(path)
        return path


def run(frames, hook, document=b"{}", env=(), number=1):
    """One hook; its outcome and its output."""
    frames.send({"id": number, "hook": hook, "env": list(env)}, document)
    head, output = frames.receive()
    assert head["id"] == number
    return head, output


def barrier(frames):
    """Returns when the runner has seen everything that was sent before."""
    frames.send({"control": "reload"})
    assert frames.ready()["state"] == "ok"


def expect(outcome, exit_code=0, number_of_signal=0, **flags):
    head, _ = outcome
    expected = {"timed_out": False, "interrupted": False, "not_started": False, **flags}
    assert {name: head[name] for name in expected} == expected, head
    assert (head["exit_code"], head["signal"]) == (exit_code, number_of_signal), head
    assert head["started_at"] > 0 and head["duration_ms"] >= 0
    assert head["error"] is not None or not expected["not_started"]
    assert head["cpu_ms"] >= -1 and head["memory_bytes"] >= -1


def expect_refusal(outcome, words):
    expect(outcome, -1, not_started=True)
    assert words in outcome[0]["error"]
    assert not outcome[1]


def exists(pid):
    """Whether it still runs; a zombie does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_end(pid):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], PATIENCE)[0], "it does not end"
    finally:
        os.close(fd)


def read_line(path):
    """The line that somebody writes to the fifo; waits for it."""
    with open(path, encoding="utf-8") as fifo:
        return fifo.readline().strip()


def children(runner):
    return pathlib.Path(f"/proc/{runner.process.pid}/task/{runner.process.pid}/children").read_text().split()


@pytest.fixture(name="hooks")
def make_hooks(tmp_path):
    return Hooks(tmp_path)


@pytest.fixture(name="start")
def make_start(tmp_path, hooks):
    """Starts the program; afterwards it must have ended well, with everything that it started."""
    started = []

    def start(inherited=(), before=(), **environment):
        one = worker.Worker(PROGRAM, tmp_path, environment, before=before, inherited=inherited)
        started.append(one)
        assert one.ready() == {"control": "ready", "state": "ok"}
        return one

    yield start
    del hooks
    for runner in started:
        assert runner.end() == 0, runner.logged()
        assert "Sanitizer" not in runner.logged() and "runtime error" not in runner.logged()
        assert DOCUMENT_WORD not in runner.logged()
