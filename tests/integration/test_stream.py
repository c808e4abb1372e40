"""Hooks with mode = stream, run by the real prontod-runner."""

import json
import os
import pathlib
import signal

import pytest

from runner import barrier, children, exists, expect_refusal, make_hooks, make_start, read_line, wait_end  # noqa: F401
from worker import PATIENCE

# Answers each document as its member "say" asks for.
ECHO = """#!/usr/bin/python3 -I
import json, os, signal, sys, time
for line in sys.stdin.buffer:
    document = json.loads(line)
    answer = {"delivery_id": document["delivery_id"], "ok": True}
    for step in document.get("say", [["ok"]]):
        word, *words = step
        if word == "ok":
            print(json.dumps(answer), flush=True)
        elif word == "fail":
            print(json.dumps({**answer, "ok": False, **words[0]}), flush=True)
        elif word == "print":
            print(words[0], flush=True)
        elif word == "error":
            print(words[0] * (words + [1])[1], file=sys.stderr, flush=True)
        elif word == "long":
            print("x" * words[0], flush=True)
        elif word == "exit":
            os._exit(words[0])
        elif word == "kill":
            os.kill(os.getpid(), words[0])
        elif word == "close":
            os.close(words[0])
        elif word == "pause":
            signal.pause()
        elif word == "pid":
            print(json.dumps({**answer, "ok": False, "error": str(os.getpid())}), flush=True)
        elif word == "environ":
            environ = open("/proc/self/environ", "rb").read().decode().split(chr(0))[:-1]
            print(json.dumps({**answer, "ok": False, "error": json.dumps(environ)}), flush=True)
        elif word == "read":
            open(words[0]).read()
        elif word == "write":
            open(words[0], "w").write("x" + chr(10))
"""


def give(runner, number, *say, hook="one", **more):
    """A document for which the hook does these steps."""
    document = {"delivery_id": f"d{number}", **more}
    if say:
        document["say"] = say
    runner.send({"id": number, "hook": hook, "env": [f"PRONTO_DELIVERY_ID=d{number}"]}, json.dumps(document).encode())


def expect_end(outcome, number, exit_code, **more):
    head, _ = outcome
    expected = {"id": number, "exit_code": exit_code, "signal": 0, "timed_out": False, "interrupted": False, "not_started": False,
                "error": None, **more}
    assert {name: head[name] for name in expected} == expected, head
    assert head["started_at"] > 0 and head["duration_ms"] >= 0


def ask_pid(runner, number, **settings):
    give(runner, number, ["pid"], **settings)
    head, _ = runner.receive()
    assert head["id"] == number
    return int(head["error"])


@pytest.fixture(name="echo")
def make_echo(hooks):
    """Adds a stream hook that does as its documents say."""
    def add(name="one", script=ECHO, **settings):
        return hooks.add(name, script, **{"mode": "stream", "timeout": "1d", **settings})
    return add


# Answers

def test_answers(echo, start):
    echo()
    runner = start()
    give(runner, 1)
    expect_end(runner.receive(), 1, 0)
    give(runner, 2, ["fail", {"error": "not today"}])
    expect_end(runner.receive(), 2, 1, error="not today")
    give(runner, 3, ["fail", {"error": "never\n\u0007" + "x" * 3000, "permanent": True}])
    expect_end(runner.receive(), 3, 65, error=("never ?" + "x" * 3000)[:1024])
    give(runner, 4, ["fail", {}])
    expect_end(runner.receive(), 4, 1, error="the hook gave no reason")


def test_one_process(echo, start):
    """It stays, also while it is idle, and has nothing of a document in its environment."""
    echo(environment="A=1")
    runner = start(HOME="/somewhere", LANG="C")
    pid = ask_pid(runner, 1)
    assert children(runner) == [str(pid)]
    give(runner, 2, ["environ"])
    environ = json.loads(runner.receive()[0]["error"])
    assert sorted(environ) == ["A=1", "HOME=/somewhere", "LANG=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                               "PRONTO_HOOK=one"]
    barrier(runner)
    assert ask_pid(runner, 3) == pid


REVERSE = """#!/usr/bin/python3 -I
import json, sys
waiting = []
for line in sys.stdin:
    waiting.append(json.loads(line)["delivery_id"])
    if len(waiting) == {number}:
        for one in reversed(waiting):
            print(json.dumps({{"delivery_id": one, "ok": True}}))
        sys.stdout.flush()
        waiting.clear()
"""


def test_answers_in_any_order(echo, start):
    echo(script=REVERSE.format(number=20))
    runner = start()
    for number in range(40):
        give(runner, number)
    assert [runner.receive()[0]["id"] for _ in range(40)] == [*range(19, -1, -1), *range(39, 19, -1)]


def test_the_window(echo, start):
    """No more documents than that are with the process: it waits for eight, and gets no ninth."""
    echo(script=REVERSE.format(number=8), window=8)
    runner = start()
    for number in range(24):
        give(runner, number)
    assert [runner.receive()[0]["id"] for _ in range(24)] == [*range(7, -1, -1), *range(15, 7, -1), *range(23, 15, -1)]


def test_a_window_that_is_too_small(echo, start, hooks):
    """With seven places a process that wants eight before it answers never has them."""
    gate = hooks.fifo("gate")
    echo(script=REVERSE.format(number=8).replace("waiting.append", f"len(waiting) == 6 and open('{gate}', 'w').close()\n    waiting.append"),
         window=7, timeout="300ms", kill_after="10m")
    runner = start()
    for number in range(8):
        give(runner, number)
    read_line(gate)
    first = runner.receive()[0]
    assert (first["id"], first["timed_out"]) == (0, True)
    others = [runner.receive()[0] for _ in range(6)]
    assert all(head["interrupted"] and head["signal"] == signal.SIGTERM for head in others)
    assert [head["id"] for head in others] == [1, 2, 3, 4, 5, 6]


def test_lines_that_are_no_answer(echo, start):
    echo()
    runner = start()
    give(runner, 1, ["print", "hello"], ["print", ""], ["print", "[1]"], ["print", '{"delivery_id": "d7", "ok": true}'],
         ["print", '{"delivery_id": "d1", "ok": "yes"}'], ["long", 65537], ["long", 1000000], ["ok"], ["ok"])
    expect_end(runner.receive(), 1, 0)
    give(runner, 2)
    expect_end(runner.receive(), 2, 0)
    assert "stream hook one has printed 1 lines that are no answer" in runner.logged()
    assert "hello" not in runner.logged()


def test_a_large_document(echo, start):
    echo()
    runner = start()
    for number in range(3):
        give(runner, number, more="x" * 8 * 1024 * 1024)
    for number in range(3):
        expect_end(runner.receive(), number, 0)


def test_many(echo, start):
    """Far more than fit into a pipe or a window."""
    echo(script="""#!/usr/bin/python3 -I
import json, sys
for line in sys.stdin:
    print(json.dumps({"delivery_id": json.loads(line)["delivery_id"], "ok": True}))
    if not sys.stdin.buffer.peek(1):
        sys.stdout.flush()
""".replace("if not sys.stdin.buffer.peek(1):\n        ", ""), window=4096)
    runner = start()
    for number in range(20000):
        give(runner, number)
    got = set()
    for _ in range(20000):
        head, _ = runner.receive()
        assert head["exit_code"] == 0
        got.add(head["id"])
    assert got == set(range(20000))


def test_two_hooks(echo, start, hooks):
    """One that does not read holds up nobody else."""
    echo("stuck", script="#!/bin/sh\nexec sleep 1000\n")
    echo()
    hooks.add("plain", "exit 3")
    runner = start()
    for number in range(50):
        give(runner, 1000 + number, hook="stuck", more="x" * 100000)
    for number in range(20):
        give(runner, number)
        expect_end(runner.receive(), number, 0)
    runner.send({"id": 5, "hook": "plain", "env": []})
    assert runner.receive()[0]["exit_code"] == 3


# The end of the process

@pytest.mark.parametrize("step,words,number", [
    (["exit", 0], "ended with exit status 0 before it answered", 0), (["exit", 65], "ended with exit status 65 before it answered", 0),
    (["kill", 9], "killed by signal 9 (SIGKILL)", 9),
])
def test_the_only_document_is_to_blame(echo, start, step, words, number):
    echo()
    runner = start()
    give(runner, 1, ["error", "so long"], step)
    head, output = runner.receive()
    assert (head["id"], head["exit_code"], head["signal"], head["interrupted"], head["not_started"]) == (1, -1, number, False, False)
    assert words in head["error"]
    assert output == b"so long\n"
    give(runner, 2)
    expect_end(runner.receive(), 2, 0)


def test_the_oldest_document_is_to_blame(echo, start, hooks):
    """The others, which the process had as well, come back and use up no attempt."""
    gate = hooks.fifo("gate")
    echo()
    runner = start()
    give(runner, 1, ["error", "before"], ["ok"])
    expect_end(runner.receive(), 1, 0)
    give(runner, 2, ["read", str(gate)], ["error", "after"], ["exit", 7])
    for number in (3, 4, 5):
        give(runner, number)
    barrier(runner)
    barrier(runner)
    with open(gate, "w", encoding="utf-8"):
        pass
    head, output = runner.receive()
    assert (head["id"], head["exit_code"], head["interrupted"]) == (2, -1, False)
    assert "exit status 7" in head["error"]
    assert output == b"after\n"
    for number in (3, 4, 5):
        head, output = runner.receive()
        assert head["id"] == number
        if head["interrupted"]:
            assert (head["exit_code"], head["not_started"], output) == (7, False, b"")
        else:  # it was not yet written
            assert head["exit_code"] == 0


def test_answers_before_the_end_count(echo, start):
    echo()
    runner = start()
    give(runner, 1, ["ok"], ["exit", 9])
    expect_end(runner.receive(), 1, 0)
    give(runner, 2)
    expect_end(runner.receive(), 2, 0)


def test_a_last_answer_without_newline(echo, start):
    echo(script="""#!/bin/sh
read line; printf '{"delivery_id": "d1", "ok": true}'
""")
    runner = start()
    give(runner, 1)
    expect_end(runner.receive(), 1, 0)


@pytest.mark.parametrize("script", ["exit 3", "exec <&-; exit 3"])
def test_a_process_that_always_ends(echo, start, script):
    """Each start uses up an attempt of the document it was for."""
    echo(script=f"#!/bin/sh\n{script}\n")
    runner = start()
    for number in range(3):
        give(runner, number)
        head, _ = runner.receive()
        assert (head["id"], head["exit_code"], head["interrupted"]) == (number, -1, False)
        assert "exit status 3" in head["error"]


@pytest.mark.parametrize("fd", [0, 1])
def test_a_process_that_closes_a_pipe(echo, start, fd):
    """No document, or no answer, can go through any more: it is ended and replaced."""
    echo(kill_after="100ms")
    runner = start()
    first = ask_pid(runner, 1)
    give(runner, 2, ["ok"], ["close", fd], ["pause"])
    expect_end(runner.receive(), 2, 0)
    give(runner, 3, ["pid"])
    wait_end(first)
    head, _ = runner.receive()
    if head["interrupted"] or head["exit_code"] == -1:  # it had been written before
        give(runner, 4, ["pid"])
        head, _ = runner.receive()
    assert int(head["error"]) != first


def test_helpers_end_with_the_process(echo, start):
    echo(script="""#!/usr/bin/python3 -I
import json, os, subprocess, sys
helper = subprocess.Popen(["setsid", "-f", "sh", "-c", "echo $$; exec sleep 1000"], stdout=subprocess.PIPE, text=True)
pid = helper.stdout.readline().strip()
for line in sys.stdin:
    print(json.dumps({"delivery_id": json.loads(line)["delivery_id"], "ok": False, "error": pid}), flush=True)
    if "end" in line:
        sys.exit(0)
""")
    runner = start()
    give(runner, 1)
    helper = int(runner.receive()[0]["error"])
    barrier(runner)
    assert exists(helper)
    give(runner, 2, end=1)
    runner.receive()
    wait_end(helper)


def test_the_end_of_another_hook_leaves_helpers(echo, start, hooks):
    echo(script="""#!/usr/bin/python3 -I
import json, os, subprocess, sys
helper = subprocess.Popen(["setsid", "-f", "sh", "-c", "echo $$; exec sleep 1000"], stdout=subprocess.PIPE, text=True)
pid = helper.stdout.readline().strip()
for line in sys.stdin:
    print(json.dumps({"delivery_id": json.loads(line)["delivery_id"], "ok": False, "error": pid}), flush=True)
""")
    hooks.add("plain", "exit 3")
    runner = start()
    give(runner, 1)
    helper = int(runner.receive()[0]["error"])
    runner.send({"id": 5, "hook": "plain", "env": ["PRONTO_HOOK=plain", "PRONTO_DELIVERY_ID=d5"]})
    assert runner.receive()[0]["exit_code"] == 3
    assert exists(helper)


# Time-outs

def test_a_late_document(echo, start):
    """It alone has timed out; what the process had besides is interrupted."""
    echo(timeout="300ms", kill_after="10m")
    runner = start()
    for number in range(3):
        give(runner, number, ["pause"] if number == 0 else ["ok"])
    head, _ = runner.receive()
    assert (head["id"], head["timed_out"], head["interrupted"], head["signal"]) == (0, True, False, signal.SIGTERM)
    for number in (1, 2):
        head, _ = runner.receive()
        assert (head["id"], head["timed_out"], head["interrupted"], head["signal"]) == (number, False, True, signal.SIGTERM)
    give(runner, 3)
    expect_end(runner.receive(), 3, 0)


def test_the_time_counts_from_the_writing(echo, start):
    """A hundred documents, one after the other, take longer than the time-out of each."""
    echo(script=ECHO.replace("document = json.loads(line)", "document = json.loads(line); time.sleep" + "(0.01)"), timeout="500ms", window=4)
    runner = start()
    for number in range(100):
        give(runner, number)
    for number in range(100):
        expect_end(runner.receive(), number, 0)


def test_a_late_process_that_does_not_listen(echo, start):
    echo(script="""#!/usr/bin/python3 -I
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    signal.pause()
""", timeout="100ms", kill_after="100ms")
    runner = start()
    give(runner, 1)
    head, _ = runner.receive()
    assert (head["id"], head["timed_out"], head["signal"]) == (1, True, signal.SIGKILL)


def test_a_process_that_stopped_itself(echo, start):
    echo(timeout="200ms", kill_after="10m")
    runner = start()
    give(runner, 1, ["kill", int(signal.SIGSTOP)])
    head, _ = runner.receive()
    assert (head["id"], head["timed_out"], head["signal"]) == (1, True, signal.SIGTERM)


def test_an_answer_that_comes_too_late(echo, start):
    """SIGTERM makes it answer, but its time was over."""
    echo(script="""#!/usr/bin/python3 -I
import json, signal, sys
def answer(*_):
    for one in seen:
        print(json.dumps({"delivery_id": one, "ok": True}), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, answer)
seen = []
while True:
    seen.append(json.loads(sys.stdin.readline())["delivery_id"])
""", timeout="300ms", kill_after="10m")
    runner = start()
    give(runner, 1)
    give(runner, 2)
    outcomes = {head["id"]: head for head, _ in (runner.receive(), runner.receive())}
    assert outcomes[1]["timed_out"] and outcomes[1]["exit_code"] == -1
    assert not outcomes[2]["timed_out"] and outcomes[2]["exit_code"] == 0


# Broken hooks, and jobs that are none

def test_a_program_that_cannot_be_started(echo, start):
    path = echo()
    path.chmod(0o644)
    runner = start()
    give(runner, 1)
    expect_refusal(runner.receive(), "not executable")
    path.chmod(0o755)
    give(runner, 2)
    expect_end(runner.receive(), 2, 0)


def test_documents_that_would_break_the_lines(echo, start):
    echo()
    runner = start()
    runner.send({"id": 1, "hook": "one", "env": []}, b"{}")
    expect_refusal(runner.receive(), "without delivery_id")
    runner.send({"id": 2, "hook": "one", "env": ["PRONTO_DELIVERY_ID=d2"]}, b"{\n}")
    expect_refusal(runner.receive(), "several lines")
    assert not children(runner)


# Reload, stop, and the end of the link

def test_a_reload_keeps_a_process_that_did_not_change(echo, start, hooks):
    echo()
    runner = start()
    pid = ask_pid(runner, 1)
    hooks.add("other", "exit 0")
    hooks.sections["one"]["on"] = "failed"
    hooks.write()
    barrier(runner)
    assert ask_pid(runner, 2) == pid


@pytest.mark.parametrize("settings", [{"environment": "A=1"}, {"window": 5}, {"timeout": "2d"}, {"files": 99}])
def test_a_reload_replaces_a_process_that_changed(echo, start, hooks, settings):
    """The old one ends when it has answered what it has; the new one may run at the same time."""
    started, gate = hooks.fifo("started"), hooks.fifo("gate")
    echo()
    runner = start()
    first = ask_pid(runner, 1)
    give(runner, 2, ["write", str(started)], ["read", str(gate)], ["pid"])
    read_line(started)
    echo(**settings)
    barrier(runner)
    second = ask_pid(runner, 3)
    assert second != first
    with open(gate, "w", encoding="utf-8"):
        pass
    head, _ = runner.receive()
    assert (head["id"], head["error"]) == (2, str(first))
    wait_end(first)
    assert ask_pid(runner, 4) == second


def test_a_reload_without_the_hook(echo, start, hooks):
    echo()
    runner = start()
    pid = ask_pid(runner, 1)
    del hooks.sections["one"]
    hooks.write()
    barrier(runner)
    wait_end(pid)
    give(runner, 2)
    expect_refusal(runner.receive(), "no such hook")


def test_a_replaced_process_that_does_not_end(echo, start, hooks):
    reading = hooks.fifo("reading")
    echo(script=f"#!/bin/sh\nread line; echo > {reading}; exec sleep 1000\n", timeout="300ms", kill_after="10m")
    runner = start()
    give(runner, 1)
    read_line(reading)  # or the new text would be what the first process is
    echo()
    runner.send({"control": "reload"})
    heads = [runner.receive()[0] for _ in range(2)]  # in either order
    assert {"control": "ready", "state": "ok"} in heads
    assert [(head["id"], head["timed_out"]) for head in heads if "id" in head] == [(1, True)]
    give(runner, 2)
    expect_end(runner.receive(), 2, 0)


def test_a_stop_waits_for_answers(echo, start, hooks):
    gate, reading = hooks.fifo("gate"), hooks.fifo("reading")
    echo()
    runner = start()
    give(runner, 1, ["write", str(reading)], ["read", str(gate)], ["ok"])
    read_line(reading)
    runner.process.send_signal(signal.SIGTERM)
    give(runner, 2)
    head, _ = runner.receive()
    assert (head["id"], head["interrupted"], head["exit_code"]) == (2, True, -1)
    with open(gate, "w", encoding="utf-8"):
        pass
    expect_end(runner.receive(), 1, 0)
    assert runner.process.wait(PATIENCE) == 0


def test_a_stop_with_an_idle_process(echo, start):
    echo()
    runner = start()
    pid = ask_pid(runner, 1)
    runner.process.send_signal(signal.SIGTERM)
    assert runner.process.wait(PATIENCE) == 0
    assert not exists(pid)


def test_a_stop_ends_a_process_that_ignores_the_end_of_its_input(echo, start):
    echo(script=ECHO + "\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    signal.pause()\n", timeout="200ms", kill_after="100ms")
    runner = start()
    pid = ask_pid(runner, 1)
    runner.process.send_signal(signal.SIGTERM)
    assert runner.process.wait(PATIENCE) == 0
    assert not exists(pid)


def test_the_end_of_the_link_kills_it(echo, start):
    echo()
    runner = start()
    pid = ask_pid(runner, 1)
    give(runner, 2, ["pause"])
    assert runner.end() == 0
    assert not exists(pid)


# Sizes

@pytest.mark.skipif(os.geteuid() != 0, reason="its descriptors are not for others to look at")
def test_no_descriptor_is_lost(echo, start):
    echo()
    runner = start()
    give(runner, 1)
    runner.receive()

    def count():
        barrier(runner)
        return len(os.listdir(f"/proc/{runner.process.pid}/fd"))

    before = count()
    for number in range(20):
        give(runner, number, ["ok"], ["exit", 0])
        expect_end(runner.receive(), number, 0)
    give(runner, 99)
    expect_end(runner.receive(), 99, 0)
    assert count() == before


def test_a_flood_on_standard_error(echo, start):
    echo()
    runner = start()
    give(runner, 1)
    runner.receive()
    peak = pathlib.Path(f"/proc/{runner.process.pid}/status")

    def memory():
        return int(peak.read_text().split("VmHWM:")[1].split()[0]) * 1024

    before = memory()
    for number in range(20):
        give(runner, number, ["error", "x", 1000000], ["long", 1000000], ["ok"])
    for number in range(20):
        expect_end(runner.receive(), number, 0)
    assert memory() - before < 8 * 1024 * 1024
