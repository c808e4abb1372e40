"""prontod-runner from outside: the real program with a link of its own, and hooks that are kind, broken or hostile."""

import hashlib
import json
import os
import pathlib
import signal
import stat

import pytest

import worker
from runner import (DOCUMENT_WORD, PROGRAM, Hooks, barrier, children, exists, expect, expect_refusal, make_hooks,  # noqa: F401
                    make_start, read_line, run, wait_end)
from worker import PATIENCE

OUTPUT_MAX = 4096
RUNNING_MAX = 256


# What a hook is given

SHOW = """#!/usr/bin/python3 -I
import json, os, resource, sys

def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True

def has_terminal():
    try:
        os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return False
    return True

def write_document():
    def again():
        return os.open("/dev/stdin", os.O_RDWR)
    for attempt in (lambda: os.write(0, b"x"), lambda: os.ftruncate(0, 0), lambda: os.write(again(), b"x"),
                    lambda: os.ftruncate(again(), 0), lambda: os.ftruncate(again(), 1000000)):
        try:
            attempt()
        except OSError:
            continue
        return True
    return False

umask, fds = os.umask(0), [fd for fd in range(4096) if is_open(fd)]
print(json.dumps({
    "argv": sys.argv[1:], "cwd": os.getcwd(), "umask": umask, "tty": has_terminal(), "writable": write_document(),
    "fds": fds, "core": resource.getrlimit(resource.RLIMIT_CORE),
    "leads": os.getpid() == os.getsid(0) == os.getpgrp(), "stdin": sys.stdin.read(),
    "environ": open("/proc/self/environ", "rb").read().decode().split("\\0")[:-1],
}))
"""


def test_what_a_hook_gets(hooks, start):
    hooks.add("show", SHOW)
    forgotten = os.open("/dev/null", os.O_RDONLY)
    runner = start([forgotten], HOME="/somewhere", LANG="de_DE.UTF-8", SECRET="1", BASH_ENV="/tmp/evil")
    os.close(forgotten)
    document = json.dumps({"word": DOCUMENT_WORD}).encode()
    outcome = run(runner, "show", document, ["PRONTO_EVENT=finished"])
    expect(outcome)
    seen = json.loads(outcome[1])
    assert sorted(seen.pop("environ")) == ["HOME=/somewhere", "LANG=de_DE.UTF-8",
                                           "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                           "PRONTO_EVENT=finished"]
    assert seen == {"argv": ["first", "second"], "cwd": "/", "umask": 0o077, "tty": False, "writable": False,
                    "fds": [0, 1, 2], "core": [0, 0], "leads": True, "stdin": document.decode()}


def test_home_and_lang_are_always_there(hooks, start):
    hooks.add("show", SHOW)
    runner = start(HOME="", LANG="")
    environ = json.loads(run(runner, "show")[1])["environ"]
    assert "HOME=/" in environ and "LANG=C.UTF-8" in environ


def test_signals_are_as_usual(hooks, start):
    hooks.add("signals", "exec cat /proc/self/status")
    seen = dict(line.split(":\t", 1) for line in run(start(), "signals")[1].decode().splitlines())
    assert seen["NoNewPrivs"] == "1"
    for name in ("SigBlk", "SigIgn", "SigCgt"):
        # The C library's own two, which posix_spawn(3) leaves ignored, are not for programs.
        assert int(seen[name], 16) & ~(3 << 31) == 0, name


ENVIRON = """#!/usr/bin/python3 -I
import os, sys
sys.stdout.buffer.write(open("/proc/self/environ", "rb").read()[{slice}])
"""


def test_only_our_variables_pass(hooks, start):
    hooks.add("environ", ENVIRON.format(slice=":"))
    good = ["PRONTO_EVENT=finished", "PRONTO_EMAIL=", "PRONTO_CUSTOM_A_1=x=y\n; $(reboot) \u00e9", "PRONTO__=1"]
    bad = ["PATH=/tmp", "LD_PRELOAD=/tmp/x", "BASH_ENV=/tmp/x", "BASH_FUNC_echo%%=() { :; }", "PRONTO_=1", "PRONTO_custom=1",
           "PRONTO_A B=1", "PRONTO_A-B=1", "PRONTO_A\n=1", "XPRONTO_A=1", "pronto_a=1", "PRONTO=1"]
    output = run(start(), "environ", env=[*bad, *good, *bad])[1].decode()
    assert [name.split("=")[0] for name in output.split("\0")[:3]] == ["PATH", "HOME", "LANG"]
    assert output.split("\0")[3:-1] == good


def test_the_largest_environment(hooks, start):
    """256 KiB, each byte of which JSON writes as six."""
    hooks.add("environ", ENVIRON.format(slice="-32769:-1:16"))
    env = [f"PRONTO_CUSTOM_{i:02}=" + "\x01" * 32768 for i in range(8)]
    assert run(start(), "environ", env=env)[1] == b"\x01" * 2048


def test_a_large_document(hooks, start):
    hooks.add("digest", "exec sha256sum")
    document = os.urandom(8 * 1024 * 1024)
    assert run(start(), "digest", document)[1].split()[0].decode() == hashlib.sha256(document).hexdigest()


@pytest.mark.parametrize("script", ["exec <&-; exit 3", "exit 3", "head -c 1 >/dev/null; exit 3"])
def test_a_document_that_nobody_reads(hooks, start, script):
    hooks.add("one", script)
    expect(run(start(), "one", b"x" * 8 * 1024 * 1024), 3)


# How it ends

@pytest.mark.parametrize("status", [0, 1, 65, 75, 126, 127, 255])
def test_exit_statuses(hooks, start, status):
    hooks.add("one", f"exit {status}")
    expect(run(start(), "one"), status)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE, signal.SIGHUP])
def test_signals(hooks, start, number):
    hooks.add("one", f"kill -{int(number)} $$")
    expect(run(start(), "one"), -1, number)


def test_output_of_both_kinds(hooks, start):
    hooks.add("one", r"printf 'out\n'; printf 'err\000\377' >&2; printf 'out'")
    outcome = run(start(), "one")
    expect(outcome)
    assert outcome[1] == b"out\nerr\0\xffout"


@pytest.mark.parametrize("size", [0, 1, OUTPUT_MAX - 1, OUTPUT_MAX, OUTPUT_MAX + 1, 3 * OUTPUT_MAX + 7, 65536, 1000003])
def test_the_last_bytes_of_output(hooks, start, size):
    hooks.add("echo", "exec cat")
    document = os.urandom(size)
    assert run(start(), "echo", document)[1] == document[-OUTPUT_MAX:]


def peak_memory(runner):
    status = pathlib.Path(f"/proc/{runner.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_a_flood_of_output_is_drained(hooks, start):
    hooks.add("quiet", "exit 0")
    hooks.add("flood", "head -c 100000000 /dev/zero; printf end")
    runner = start()
    run(runner, "quiet")
    before = peak_memory(runner)
    outcome = run(runner, "flood")
    expect(outcome)
    assert outcome[1] == b"\0" * (OUTPUT_MAX - 3) + b"end"
    assert peak_memory(runner) - before < 4 * 1024 * 1024


def test_floods_do_not_hold_up_others(hooks, start):
    hooks.add("flood", "exec yes", timeout="1d")
    hooks.add("quick", "exit 7")
    runner = start()
    for number in range(16):
        runner.send({"id": 1000 + number, "hook": "flood", "env": []})
    for number in range(100):
        expect(run(runner, "quick", number=number), 7)


# What cannot be started

def prepare_missing(path):
    path.unlink()


def prepare_not_executable(path):
    path.chmod(0o644)


def prepare_no_interpreter(path):
    path.write_text("exit 0\n")


def prepare_empty(path):
    path.write_text("")


def prepare_missing_interpreter(path):
    path.write_text("#!/nowhere/sh\n")


def prepare_directory(path):
    path.unlink()
    path.mkdir(0o755)


def prepare_group_may_write(path):
    path.chmod(0o775)


def prepare_others_may_write(path):
    path.chmod(0o757)


def prepare_open_directory(path):
    path.parent.chmod(0o777)


def prepare_link_to_open_directory(path):
    other = path.parent / "open"
    other.mkdir()
    other.chmod(0o777)
    path.rename(other / "program")
    path.symlink_to(other / "program")


def prepare_link_in_open_directory(path):
    """The program itself is where nobody else may write."""
    real = path.parent / "real"
    real.mkdir(0o755)
    path.rename(real / "program")
    path.symlink_to(real / "program")
    path.parent.chmod(0o777)


def prepare_dangling_link(path):
    path.unlink()
    path.symlink_to("nowhere")


def prepare_loop_of_links(path):
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize("prepare,words", [
    (prepare_missing, "No such file"), (prepare_not_executable, "not executable"), (prepare_no_interpreter, "neither a binary"),
    (prepare_empty, "neither a binary"), (prepare_missing_interpreter, "interpreter in its first line is not there"),
    (prepare_directory, "not a regular file"), (prepare_group_may_write, "may be written by others"),
    (prepare_others_may_write, "may be written by others"), (prepare_open_directory, "could replace the program"),
    (prepare_link_to_open_directory, "could replace the program"), (prepare_link_in_open_directory, "could replace the program"),
    (prepare_dangling_link, "No such file"), (prepare_loop_of_links, "Too many levels"),
])
def test_programs_that_cannot_be_started(hooks, start, tmp_path, prepare, words):
    path = hooks.add("one", "exit 0")
    hooks.add_command("other", "/bin/true")
    runner = start()
    expect(run(runner, "one"))
    prepare(path)
    outcome = run(runner, "one")
    expect_refusal(outcome, words)
    assert str(tmp_path) in outcome[0]["error"]
    expect(run(runner, "other"))


def test_a_program_that_is_being_written(hooks, start, tmp_path):
    program = tmp_path / "program"
    program.write_bytes(pathlib.Path("/bin/true").read_bytes())
    program.chmod(0o755)
    hooks.add_command("one", str(program))
    runner = start()
    with open(program, "r+b"):
        expect_refusal(run(runner, "one"), "busy")
    expect(run(runner, "one"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
@pytest.mark.parametrize("what", ["program", "directory"])
def test_programs_of_others(hooks, start, what):
    path = hooks.add("one", "exit 0")
    os.chown(path if what == "program" else path.parent, 65534, 65534)
    expect_refusal(run(start(), "one"), "belongs to another user")


def test_a_directory_with_the_sticky_bit(hooks, start):
    path = hooks.add("one", "exit 0")
    path.parent.chmod(0o1777)
    expect(run(start(), "one"))


def test_arguments_that_are_too_long(hooks, start):
    hooks.add("one", "exit 0")
    runner = start()
    expect_refusal(run(runner, "one", env=["PRONTO_A=" + "x" * 200000]), "too long")
    expect(run(runner, "one"))


def test_hooks_that_are_not_configured(hooks, start):
    hooks.add("one", "exit 0")
    runner = start()
    expect_refusal(run(runner, "other"), "no such hook")
    expect(run(runner, "one"))


# Time-outs

def test_timeout_ends_the_group(hooks, start):
    """The hook itself does not end by SIGTERM; it ends as its child does, which the signal must reach."""
    hooks.add("one", "trap : TERM; (trap 'exit 9' TERM; while :; do sleep 1000 & wait; done) & child=$!; wait $child; wait $child; exit $?",
              timeout="200ms", kill_after="10m")
    expect(run(start(), "one"), 9, timed_out=True)


def test_timeout_and_a_hook_that_says_goodbye(hooks, start):
    hooks.add("one", "trap 'echo bye; exit 0' TERM; while :; do sleep 1000 & wait; done", timeout="200ms", kill_after="10m")
    outcome = run(start(), "one")
    expect(outcome, 0, timed_out=True)
    assert outcome[1] == b"bye\n"


def test_timeout_and_a_hook_that_does_not_listen(hooks, start):
    hooks.add("one", "trap '' TERM; while :; do sleep 1000; done", timeout="100ms", kill_after="100ms")
    expect(run(start(), "one"), -1, signal.SIGKILL, timed_out=True)


def test_timeout_and_a_hook_that_stopped_itself(hooks, start):
    hooks.add("one", "kill -STOP $$", timeout="200ms", kill_after="10m")
    expect(run(start(), "one"), -1, signal.SIGTERM, timed_out=True)


def test_timeout_and_a_hook_that_stops_for_ever(hooks, start):
    hooks.add("one", "trap 'kill -STOP $$' TERM; while :; do sleep 1000 & wait; done", timeout="200ms", kill_after="100ms")
    expect(run(start(), "one"), -1, signal.SIGKILL, timed_out=True)


# What a hook leaves behind

@pytest.mark.parametrize("script", [
    "sleep 1000 & echo $!",
    "(trap '' TERM HUP INT; exec sleep 1000) & echo $!",
    "setsid sleep 1000 & echo $!",
    "(setsid sleep 1000 & echo $!) & wait",
    "#!/bin/bash\nset -m; sleep 1000 & echo $!",
    "setsid sh -c 'echo $$; trap \"\" TERM; sleep 1000 & sleep 1000' & sleep 0",
])
def test_nothing_is_left(hooks, start, script):
    hooks.add("one", f"{script}\nexit 4")
    runner = start()
    outcome = run(runner, "one")
    expect(outcome, 4)
    for pid in outcome[1].split():
        assert not exists(int(pid))
    assert not children(runner)


def test_a_daemon_that_keeps_the_output(hooks, start):
    """The end is the end of the hook, not that of its output."""
    started = hooks.fifo("started")
    hooks.add("one", f"setsid sh -c 'echo $$ >{started}; while :; do echo still there; done' & exec cat {started}")
    runner = start()
    outcome = run(runner, "one")
    expect(outcome)
    assert not children(runner)


CHAIN = """#!/usr/bin/python3 -I
import os, signal
read, write = os.pipe()
for depth in range(150):
    if os.fork():
        if depth > 0:
            signal.pause()
        os.read(read, 1)
        os._exit(9)
    os.setsid()
os.write(write, b"x")
signal.pause()
"""


def test_a_chain_of_sessions(hooks, start):
    """Each process is found only when the one that started it has ended."""
    hooks.add("one", CHAIN)
    runner = start()
    expect(run(runner, "one"), 9)
    assert not children(runner)


def test_helpers_of_a_hook_that_runs(hooks, start):
    """Its parent is gone, so it is a child of the runner; but the hook that started it goes on."""
    started, go = hooks.fifo("started"), hooks.fifo("go")
    hooks.add("long", f"(sleep 1000 & echo $! >{started}); read x <{go}", timeout="1d")
    hooks.add("short", "exit 5")
    runner = start()
    runner.send({"id": 1, "hook": "long", "env": []})
    helper = int(read_line(started))
    expect(run(runner, "short", number=2), 5)
    assert exists(helper)
    go.write_text("x\n")
    head, _ = runner.receive()
    assert head["id"] == 1
    assert not exists(helper)


def test_orphans_that_ended_are_reaped(hooks, start):
    """Also while no hook ends."""
    started, go = hooks.fifo("started"), hooks.fifo("go")
    hooks.add("long", f"for i in 1 2 3 4 5 6 7 8; do (setsid sh -c 'exec 2>&-' &); done; echo >{started}; read x <{go}", timeout="1d")
    runner = start()
    runner.send({"id": 1, "hook": "long", "env": []})
    read_line(started)
    for _ in range(100000):  # each barrier is a turn of its loop
        barrier(runner)
        if len(children(runner)) == 1:
            break
    assert len(children(runner)) == 1
    go.write_text("x\n")
    expect(runner.receive())


# Many

def test_more_than_may_run(hooks, start):
    gate = hooks.fifo("gate")
    hooks.add("one", f": <{gate}", timeout="1d")
    runner = start()
    for number in range(RUNNING_MAX + 50):
        runner.send({"id": number, "hook": "one", "env": []}, b"x" * 10000)
    barrier(runner)
    assert len(children(runner)) == RUNNING_MAX
    fd = os.open(gate, os.O_RDWR)
    outcomes = [runner.receive() for _ in range(RUNNING_MAX + 50)]
    os.close(fd)
    assert {head["id"] for head, _ in outcomes} == set(range(RUNNING_MAX + 50))
    for outcome in outcomes:
        expect(outcome)
    assert not children(runner)


@pytest.mark.skipif(os.geteuid() != 0, reason="its descriptors are not for others to look at")
def test_no_descriptor_is_lost(hooks, start):
    hooks.add("good", "cat")
    hooks.add("bad", "#!/nowhere\n")
    runner = start()
    run(runner, "good")
    run(runner, "bad")
    barrier(runner)
    before = len(os.listdir(f"/proc/{runner.process.pid}/fd"))
    for number in range(100):
        run(runner, "good" if number % 2 else "bad", b"x" * 1000)
    barrier(runner)
    assert len(os.listdir(f"/proc/{runner.process.pid}/fd")) == before


# The end of the runner, of the link, and reloads

def test_sigterm_stops_hooks(hooks, start):
    started = hooks.fifo("started")
    hooks.add("one", f"trap 'echo bye; exit 0' TERM; echo >{started}; while :; do sleep 1000 & wait; done", timeout="1d")
    runner = start()
    runner.send({"id": 1, "hook": "one", "env": []})
    read_line(started)
    runner.process.send_signal(signal.SIGTERM)
    outcome = runner.receive()
    expect(outcome, 0, interrupted=True)
    assert outcome[1] == b"bye\n"
    with pytest.raises(EOFError):
        runner.receive()
    assert runner.process.wait(PATIENCE) == 0


def test_sigterm_kills_hooks_that_do_not_listen(hooks, start):
    started = hooks.fifo("started")
    hooks.add("one", f"trap '' TERM; echo >{started}; while :; do sleep 1000; done", timeout="1d", kill_after="100ms")
    runner = start()
    runner.send({"id": 1, "hook": "one", "env": []})
    read_line(started)
    runner.process.send_signal(signal.SIGTERM)
    expect(runner.receive(), -1, signal.SIGKILL, interrupted=True)
    assert runner.process.wait(PATIENCE) == 0


def test_sigterm_and_jobs_that_come_late(hooks, start):
    started, stopping, go = hooks.fifo("started"), hooks.fifo("stopping"), hooks.fifo("go")
    hooks.add("one", f"trap 'echo >{stopping}; read x <{go}; exit 6' TERM; echo >{started}; while :; do sleep 1000 & wait; done",
              timeout="1d", kill_after="10m")
    hooks.add("other", "exit 0")
    runner = start()
    runner.send({"id": 1, "hook": "one", "env": []})
    read_line(started)
    runner.process.send_signal(signal.SIGTERM)
    read_line(stopping)
    runner.send({"id": 2, "hook": "other", "env": []})
    head, _ = runner.receive()
    assert (head["id"], head["exit_code"], head["interrupted"], head["not_started"]) == (2, -1, True, False)
    go.write_text("x\n")
    expect(runner.receive(), 6, interrupted=True)
    assert runner.process.wait(PATIENCE) == 0


def test_sigterm_and_jobs_that_wait(hooks, start):
    gate = hooks.fifo("gate")
    hooks.add("one", f": <{gate}", timeout="1d")
    runner = start()
    for number in range(RUNNING_MAX + 20):
        runner.send({"id": number, "hook": "one", "env": []})
    barrier(runner)
    runner.process.send_signal(signal.SIGTERM)
    outcomes = [runner.receive()[0] for _ in range(RUNNING_MAX + 20)]
    assert {head["id"] for head in outcomes} == set(range(RUNNING_MAX + 20))
    assert all(head["interrupted"] and not head["not_started"] for head in outcomes)
    assert runner.process.wait(PATIENCE) == 0


def test_sigterm_and_a_hook_that_timed_out(hooks, start):
    """It did not end by the stop, so it is not run again for nothing."""
    timed_out, stopped, go = hooks.fifo("timed_out"), hooks.fifo("stopped"), hooks.fifo("go")
    hooks.add("one", f"trap 'echo >{timed_out}; read x <{go}; exit 6' TERM; while :; do sleep 1000 & wait; done", timeout="100ms",
              kill_after="10m")
    hooks.add("other", f"trap 'echo >{stopped}; exit 0' TERM; while :; do sleep 1000 & wait; done", timeout="1d")
    runner = start()
    runner.send({"id": 1, "hook": "one", "env": []})
    runner.send({"id": 2, "hook": "other", "env": []})
    read_line(timed_out)
    runner.process.send_signal(signal.SIGTERM)
    read_line(stopped)
    expect(runner.receive(), 0, interrupted=True)
    go.write_text("x\n")
    expect(runner.receive(), 6, timed_out=True)
    assert runner.process.wait(PATIENCE) == 0


def test_sigterm_without_hooks(start):
    runner = start()
    runner.process.send_signal(signal.SIGTERM)
    assert runner.process.wait(PATIENCE) == 0


def test_the_end_of_the_link_kills_hooks(hooks, start):
    started = hooks.fifo("started")
    hooks.add("one", f"trap '' TERM; setsid sh -c 'echo $$; exec sleep 1000' >{started} & exec sleep 1000", timeout="1d", kill_after="10m")
    runner = start()
    runner.send({"id": 1, "hook": "one", "env": []})
    helper = int(read_line(started))
    leader = int(children(runner)[0])
    assert runner.end() == 0
    assert not exists(leader) and not exists(helper)


def test_garbage_on_the_link_ends_the_program(start):
    runner = start()
    runner.link.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert runner.process.wait(PATIENCE) == 0


def test_frames_that_are_no_job(hooks, start):
    hooks.add("one", "exit 0")
    runner = start()
    for head in ({}, {"id": 1}, {"id": "1", "hook": "one", "env": []}, {"id": 1, "hook": "one"}, {"id": 1, "hook": "one", "env": {}},
                 {"id": 1, "hook": 1, "env": []}, {"id": 1, "hook": "one", "env": [1]}, {"id": 1, "hook": "one", "env": ["A"]},
                 {"id": 1, "hook": "one", "env": ["PRONTO_A=x\0y"]}, {"control": "dance"}, {"control": 1}):
        runner.send(head, b"x")
    expect(run(runner, "one", number=-7))


def test_reload(hooks, start):
    hooks.add("one", "exit 1")
    runner = start()
    expect(run(runner, "one"), 1)
    hooks.add("two", "exit 2")
    hooks.add_command("one", f"{hooks.folder / 'two.hook'}")
    expect(run(runner, "one"), 1)
    barrier(runner)
    expect(run(runner, "one"), 2)
    hooks.config.write_text("[hook two]\ncommand = relative\non = finished\n")
    runner.send({"control": "reload"})
    ready = runner.ready()
    assert ready["state"] == "old_configuration" and f"{hooks.config}:2: " in ready["detail"]
    expect(run(runner, "one"), 2)
    hooks.write()
    runner.process.send_signal(signal.SIGHUP)
    assert runner.ready()["state"] == "ok"


def test_a_reload_while_a_hook_runs(hooks, start):
    started, go = hooks.fifo("started"), hooks.fifo("go")
    hooks.add("one", f"echo >{started}; read x <{go}; exit 8", timeout="1d")
    runner = start()
    runner.send({"id": 1, "hook": "one", "env": []})
    read_line(started)
    del hooks.sections["one"]
    hooks.write()
    barrier(runner)
    go.write_text("x\n")
    expect(runner.receive(), 8)


# As a service

@pytest.fixture(name="service")
def make_service(tmp_path, hooks):
    del hooks
    one = worker.Service(PROGRAM, tmp_path)
    yield one
    one.end()


def test_as_a_service(hooks, service):
    hooks.add("one", "exit 1")
    assert service.notices.recv(100) == b"READY=1"
    first = service.connect()
    assert first.ready()["state"] == "ok"
    barrier(first)
    expect(run(first, "one"), 1)
    service.process.send_signal(signal.SIGTERM)
    assert service.notices.recv(100) == b"STOPPING=1"
    assert service.process.wait(PATIENCE) == 0


def test_a_service_keeps_links_apart(hooks, service):
    """What was under way on a link that is gone is killed, and not told over the next one: prontod gives it again, with its number."""
    started, gate = hooks.fifo("started"), hooks.fifo("gate")
    hooks.add("old", f"trap '' TERM; echo $$ >{started}; : <{gate}", timeout="1d", kill_after="10m")
    hooks.add("late", "exit 2")
    hooks.add("new", "exit 3")
    pids = os.fdopen(os.open(started, os.O_RDWR))  # stays open, so that no line falls between two readers
    first = service.connect()
    first.ready()
    barrier(first)
    for number in range(RUNNING_MAX + 20):
        first.send({"id": number, "hook": "old" if number < RUNNING_MAX else "late", "env": []})
    running = [int(pids.readline()) for _ in range(RUNNING_MAX)]
    barrier(first)
    second = service.connect()
    first.link.close()
    second.ready()
    for number in range(20):
        second.send({"id": number, "hook": "new", "env": []})
    for _ in range(20):
        expect(second.receive(), 3)
    for pid in running:
        wait_end(pid)
    barrier(second)
    pids.close()


# By hand

def test_by_hand(tmp_path):
    done = worker.run(PROGRAM, "--config", Hooks(tmp_path).config)
    assert done.returncode == 1
    assert "is started by prontod or by systemd" in done.stderr
    assert worker.run(PROGRAM, "--help").stdout.startswith("Usage: prontod-runner")
    assert worker.run(PROGRAM, "--version").stdout.startswith("prontod-runner ")
    assert worker.run(PROGRAM, "--what").returncode == 2
    assert worker.run(PROGRAM, "what").returncode == 2


def test_a_broken_configuration(tmp_path):
    config = tmp_path / "prontod.conf"
    config.write_text("[hook one]\ncommand = relative\n")
    done = worker.run(PROGRAM, "--config", config)
    assert done.returncode == 1
    assert f"{config}:2: " in done.stderr


def test_a_descriptor_that_is_no_link(tmp_path):
    assert worker.run(PROGRAM, "--config", Hooks(tmp_path).config, PRONTOD_LINK_FD="873").returncode == 1


def test_it_cannot_be_looked_into(start):
    """Another process of the user of hooks cannot read its memory: what it passes on is not for them."""
    runner = start()
    status = os.stat(f"/proc/{runner.process.pid}/mem")
    assert status.st_uid == 0 and stat.S_IMODE(status.st_mode) == 0o600
