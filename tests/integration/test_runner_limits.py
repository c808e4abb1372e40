"""What the keys of a hook's section allow and give it, on the real prontod-runner: limits, user, directory, environment."""

import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

import worker
from runner import (PROGRAM, Hooks, barrier, children, exists, expect, expect_refusal, make_hooks, make_start, read_line,  # noqa: F401
                    run)

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
MIB = 1024 * 1024
SECRET = "word-that-no-log-may-have"
UID = 100000 + os.getpid() * 2  # nobody else's, since some limits count all processes of a user


def wait_children(runner, number):
    """What was killed may take a moment until it is reaped."""
    for _ in range(100000):  # each barrier is a turn of its loop
        if len(children(runner)) == number:
            break
        barrier(runner)
    assert len(children(runner)) == number


@pytest.fixture(name="compile_hook")
def make_compile_hook(hooks):
    """A hook that is a program in C."""
    def compile_hook(name, source, arguments="", **settings):
        program, text = hooks.folder / name, hooks.folder / f"{name}.c"
        text.write_text(source)
        subprocess.run(["cc", "-O1", "-o", program, text], check=True)
        program.chmod(0o755)
        hooks.add_command(name, f"{program} {arguments}", **settings)
    return compile_hook


# memory

TAKE_MEMORY = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    size_t size = (size_t)atoi(argv[1]) << 20;
    char *volatile text = malloc(size);
    if (!text) {
        puts("refused");
        if (argc > 2)
            abort();
        return 3;
    }
    memset(text, 1, size);
    puts("given");
    return 0;
}
"""


def test_memory_within_the_limit(start, compile_hook):
    compile_hook("one", TAKE_MEMORY, "20", memory="64M")
    outcome = run(start(), "one")
    expect(outcome)
    assert outcome[1] == b"given\n" and outcome[0]["error"] is None


def test_memory_that_is_refused(start, compile_hook):
    """It hears of it, and may end as it likes."""
    compile_hook("one", TAKE_MEMORY, "100", memory="64M")
    outcome = run(start(), "one")
    expect(outcome, 3)
    assert outcome[1] == b"refused\n"


def test_memory_and_a_hook_that_cannot_do_without(start, compile_hook):
    compile_hook("one", TAKE_MEMORY, "100 abort", memory="64M")
    outcome = run(start(), "one")
    expect(outcome, -1, signal.SIGABRT)
    assert "memory = in its section" in outcome[0]["error"]


def test_memory_of_what_a_script_starts(hooks, start):
    """The limit is inherited."""
    hooks.add("one", "python3 -c 'len(bytearray(200 << 20))'", memory="128M")
    outcome = run(start(), "one")
    expect(outcome, 1)
    assert outcome[1].endswith(b"MemoryError\n")


def test_memory_that_is_too_little_to_start(hooks, start):
    hooks.add("one", "exit 0", memory="1M")
    hooks.add("other", "exit 0")
    runner = start()
    head, output = run(runner, "one")
    assert (head["exit_code"], head["signal"]) != (0, 0)
    assert b"error while loading shared libraries" in output or "memory = in its section" in head["error"]
    expect(run(runner, "other"))


def test_other_ends_do_not_name_a_limit(hooks, start):
    hooks.add("one", "kill -ABRT $$")
    hooks.add("two", "kill -USR1 $$", memory="1G", cpu="1h")
    hooks.add("three", "exit 152")
    runner = start()
    for name in ("one", "two", "three"):
        assert run(runner, name)[0]["error"] is None


# cpu

SPIN = "int main(void) { for (;;) __asm__ volatile(\"\"); }"


def test_cpu(start, compile_hook):
    compile_hook("one", SPIN, cpu="1s", timeout="1d")
    outcome = run(start(), "one")
    expect(outcome, -1, signal.SIGXCPU)
    assert "cpu = in its section" in outcome[0]["error"]
    assert outcome[0]["cpu_ms"] > 0


def test_cpu_and_a_hook_that_does_not_listen(hooks, start):
    hooks.add("one", "#!/usr/bin/python3 -I\nimport signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
              cpu="1s", timeout="1d")
    outcome = run(start(), "one")
    expect(outcome, -1, signal.SIGKILL)
    assert "cpu = in its section" in outcome[0]["error"]


def test_cpu_of_what_a_script_starts(hooks, start):
    """The shell ends as usual when a program that it ran was killed."""
    hooks.add("one", "sh -c 'while :; do :; done'\nexit $?", cpu="1s", timeout="1d")
    outcome = run(start(), "one")
    expect(outcome, 128 + signal.SIGXCPU)
    assert "cpu = in its section" in outcome[0]["error"]


def test_cpu_is_not_the_time_that_it_waits(hooks, start):
    go = hooks.fifo("go")
    hooks.add("one", f"read x <{go}; exit 4", cpu="1s", timeout="1d")
    hooks.add("burner", "while :; do :; done", cpu="1s", timeout="1d")
    runner = start()
    runner.send({"id": 1, "hook": "one", "env": []})
    expect(run(runner, "burner", number=2), -1, signal.SIGXCPU)
    go.write_text("x\n")
    expect(runner.receive(), 4)


# files

OPEN_MANY = """#!/usr/bin/python3 -I
import os
n = 0
try:
    while True:
        os.dup(0)
        n += 1
except OSError as error:
    print(error.errno, n + 3, flush=True)
os._exit(5)
"""


@pytest.mark.parametrize("files", [16, 40])
def test_files(hooks, start, files):
    hooks.add("one", OPEN_MANY, files=files)
    outcome = run(start(), "one")
    expect(outcome, 5)
    assert outcome[1].split() == [b"%d" % errno.EMFILE, b"%d" % files]


def test_all_limits_arrive(hooks, start):
    hooks.add("one", "ulimit -Sn; ulimit -Hn; ulimit -Sv; ulimit -Hv; ulimit -St; ulimit -Ht; grep -i processes /proc/self/limits",
              files=50, memory="200M", cpu="1500ms", processes=77)
    words = run(start(), "one")[1].split()
    assert words[:6] == [b"50", b"50", b"204800", b"204800", b"2", b"7"]
    assert words[8:10] == [b"77", b"77"]


def test_no_limits_unless_they_are_asked_for(hooks, start):
    hooks.add("one", "ulimit -Sn; ulimit -v; ulimit -t")
    assert run(start(), "one")[1].split() == [b"1024", b"unlimited", b"unlimited"]


# Another user

@pytest.fixture(name="open_hooks")
def make_open_hooks():
    """In a folder that everybody may look into."""
    with tempfile.TemporaryDirectory(prefix="prontod-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Hooks(pathlib.Path(folder))


@pytest.fixture(name="start_open")
def make_start_open(open_hooks):
    """Starts the program in that folder; `before` are words of a command that executes it."""
    started = []

    def start(before=(), **environment):
        program = open_hooks.folder / "prontod-runner"
        if not program.exists():
            shutil.copy(PROGRAM, program)
        one = worker.Worker(program, open_hooks.folder, environment, before=before)
        started.append(one)
        assert one.ready()["state"] == "ok"
        return one

    yield start
    for runner in started:
        assert runner.end() == 0, runner.logged()
        assert "Sanitizer" not in runner.logged() and "runtime error" not in runner.logged()
        assert SECRET not in runner.logged()


@pytest.fixture(name="with_user")
def make_with_user(open_hooks):
    """A command that executes another where there is the user prontohook of two groups."""
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("needs a mount namespace")
    home = open_hooks.folder / "home"
    home.mkdir()
    os.chown(home, UID, UID)
    mounts = []
    for name, line in (("passwd", f"prontohook:x:{UID}:{UID}::{home}:/usr/sbin/nologin"),
                       ("group", f"prontohook:x:{UID}:\nprontogroup:x:{UID + 1}:prontohook")):
        path = open_hooks.folder / name
        path.write_text(pathlib.Path("/etc", name).read_text() + line + "\n")
        mounts.append(f"mount --bind '{path}' /etc/{name}")
    return ["unshare", "--mount", "sh", "-c", " && ".join([*mounts, 'exec "$@"']), "sh"]


AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@ROOT
def test_user(open_hooks, start_open, with_user):
    private = open_hooks.folder / "private"
    private.write_text("x")
    private.chmod(0o600)
    open_hooks.add("one", f"id -u; id -g; id -G; echo $HOME; cat {private} 2>/dev/null && echo read; exit 0", user="prontohook")
    outcome = run(start_open(with_user), "one")
    expect(outcome)
    assert outcome[1].decode().split() == [str(UID), str(UID), str(UID), str(UID + 1), str(open_hooks.folder / "home")]


# What prontod-runner(8) asks for.
RIGHTS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+setuid,+setgid,+kill,+sys_ptrace,+dac_read_search"]


@ROOT
@pytest.mark.parametrize("rights", [[], RIGHTS], ids=["root", "few rights"])
def test_user_and_daemons_while_others_run(open_hooks, start_open, with_user, rights):
    """A daemon is told from those of others by its environment."""
    started, go = open_hooks.fifo("started"), open_hooks.fifo("go")
    for path in (started, go):
        path.chmod(0o666)
    open_hooks.add("long", f"echo >{started}; read x <{go}; exit 5", timeout="1d", user="prontohook")
    open_hooks.add("one", "(setsid sh -c 'trap \"\" TERM; echo $$; exec >&- 2>&-; sleep 1000 & wait' &) | { read pid; echo $pid; exit 4; }",
                   user="prontohook")
    runner = start_open([*with_user, *rights])
    runner.send({"id": 1, "hook": "long", "env": ["PRONTO_DELIVERY_ID=1"]})
    read_line(started)
    outcome = run(runner, "one", env=["PRONTO_DELIVERY_ID=2"], number=2)
    expect(outcome, 4)
    assert not exists(int(outcome[1]))
    wait_children(runner, 1)
    go.write_text("x\n")
    expect(runner.receive(), 5)


@ROOT
def test_user_has_no_right_of_root(open_hooks, start_open, with_user):
    open_hooks.add("one", "exec cat /proc/self/status", user="prontohook")
    seen = dict(line.split(":\t", 1) for line in run(start_open(with_user), "one")[1].decode().splitlines())
    assert [seen[name] for name in ("Uid", "Gid")] == ["\t".join([str(UID)] * 4)] * 2
    assert {int(seen[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
    assert seen["NoNewPrivs"] == "1"


@ROOT
@pytest.mark.parametrize("end", ["exit 4", "kill -9 $$"])
def test_user_and_what_it_leaves_behind(open_hooks, start_open, with_user, end):
    open_hooks.add("one", f"setsid sleep 1000 & echo $!; trap '' TERM; sleep 1000 & echo $!; {end}", user="prontohook")
    runner = start_open(with_user)
    head, output = run(runner, "one")
    assert (head["exit_code"], head["signal"]) in ((4, 0), (-1, 9))
    assert len(output.split()) == 2
    assert not any(exists(int(pid)) for pid in output.split())
    wait_children(runner, 0)


@ROOT
def test_user_and_a_program_that_it_may_not_execute(open_hooks, start_open, with_user):
    path = open_hooks.add("one", "exit 0", user="prontohook")
    path.chmod(0o700)
    expect_refusal(run(start_open(with_user), "one"), "not executable by the user that hooks run as")


@ROOT
def test_user_and_processes(open_hooks, start_open, with_user):
    """A fork bomb has the limit to itself; the next one of root, and the runner, do not notice it."""
    ready = open_hooks.fifo("ready")
    ready.chmod(0o666)
    open_hooks.add("bomb", f"""#!/usr/bin/python3 -I
import os
try:
    while True:
        if os.fork() == 0:
            os.setsid()
except OSError as error:
    with open("{ready}", "w") as file:
        file.write(f"{{error.errno}}\\n")
while True:
    try:
        os.fork()
    except OSError:
        pass
""", user="prontohook", processes=40, timeout="1d")
    open_hooks.add("other", "exit 6")
    runner = start_open(with_user)
    with os.fdopen(os.open(ready, os.O_RDWR)) as lines:  # stays open: all of them write
        runner.send({"id": 1, "hook": "bomb", "env": []})
        assert int(lines.readline()) == errno.EAGAIN
        for number in range(2, 12):
            expect(run(runner, "other", number=number), 6)
        runner.send({"control": "cancel", "id": 1})
        expect(runner.receive(), -1, signal.SIGTERM, interrupted=True)
    wait_children(runner, 0)


@ROOT
def test_user_that_has_no_process_left(open_hooks, start_open, with_user):
    """The kernel looks at those that were there before."""
    started, go = open_hooks.fifo("started"), open_hooks.fifo("go")
    for path in (started, go):
        path.chmod(0o666)
    open_hooks.add("one", f"echo x >{started}; read x <{go}; exit 4", user="prontohook", processes=1, timeout="1d")
    open_hooks.add("other", "exit 6")
    runner = start_open(with_user)
    with os.fdopen(os.open(started, os.O_RDWR)) as lines:
        for number in (1, 2):
            runner.send({"id": number, "hook": "one", "env": []})
            lines.readline()
    expect_refusal(run(runner, "one", number=3), "processes: prontohook has more processes than it allows")
    expect(run(runner, "other", number=4), 6)
    with os.fdopen(os.open(go, os.O_RDWR), "w") as lines:
        lines.write("x\nx\n")
        lines.flush()
        for _ in (1, 2):
            expect(runner.receive(), 4)
    expect(run(runner, "other", number=5), 6)


def test_user_that_is_not_there(hooks, start):
    hooks.add("one", "exit 0", user="nobody-of-that-name")
    hooks.add("other", "exit 0")
    runner = start()
    expect_refusal(run(runner, "one"), "user: nobody-of-that-name cannot be found: there is no such user")
    expect(run(runner, "other"))


@ROOT
def test_user_needs_root(open_hooks, start_open):
    open_hooks.add("one", "exit 0", user="daemon")
    open_hooks.add("same", "id -u", user="nobody")
    runner = start_open(AS_NOBODY)
    expect_refusal(run(runner, "one"), "user: prontod-runner may not become daemon")
    outcome = run(runner, "same")
    expect(outcome)
    assert outcome[1] == b"65534\n"


@ROOT
def test_processes_without_root(open_hooks, start_open):
    """The shell cannot start a program, and says so."""
    open_hooks.add("one", "/bin/true & /bin/true & wait\nexit 0", processes=1)
    open_hooks.add("other", "/bin/true\nexit 6")
    runner = start_open([word.replace("65534", str(UID)) for word in AS_NOBODY])
    head, output = run(runner, "one")
    assert head["exit_code"] > 0 and b"annot fork" in output
    expect(run(runner, "other"), 6)


@ROOT
def test_limits_cannot_be_raised(open_hooks, start_open):
    open_hooks.add("one", "ulimit -Hn 100 && exit 1; ulimit -Hv 1000000 && exit 2; ulimit -Ht 100 && exit 3; exit 0", files=50,
                   memory="200M", cpu="10s")
    expect(run(start_open(AS_NOBODY), "one"))


WITHOUT_CLONE3 = """
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof(code) / sizeof(*code), code};
    if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        return 99;
    execv(argv[1], argv + 1);
    return 98;
}
"""


@pytest.fixture(name="without_clone3")
def make_without_clone3(tmp_path):
    """A command that executes another as a service that may make no namespaces (RestrictNamespaces= of systemd.exec(5))."""
    program = tmp_path / "without-clone3"
    subprocess.run(["cc", "-x", "c", "-o", program, "-"], input=WITHOUT_CLONE3, text=True, check=True)
    return [str(program)]


@ROOT
def test_user_in_a_service_without_namespaces(open_hooks, start_open, with_user, without_clone3):
    open_hooks.add("one", "id -u", user="prontohook")
    outcome = run(start_open([*with_user, *without_clone3]), "one")
    expect(outcome)
    assert int(outcome[1]) == UID


# Control groups

def hierarchy():
    """Where that of version 2 is mounted."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        place, kind = line.split(" - ")
        if kind.startswith("cgroup2 "):
            return pathlib.Path(place.split()[4])
    return None


@pytest.fixture(name="group")
def make_group():
    """A group that is given away, as Delegate= of systemd.resource-control(5) does."""
    path = (hierarchy() or pathlib.Path("/nowhere")) / f"prontod-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError:
        pytest.skip("needs a hierarchy of control groups, version 2, to write to")
    try:
        os.setxattr(path, "user.delegate", b"1")
        yield path
    finally:
        for one in [*path.glob("*/"), path]:
            one.rmdir()


def in_group(group):
    return ["sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh"]


DAEMON = """#!/usr/bin/python3 -I
# A daemon that keeps nothing by which it could be told whose it is.
import os, signal, sys
if len(sys.argv) == 1 or sys.argv[1] != "daemon":
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve(sys.argv[0], [sys.argv[0], "daemon"], {})
        os._exit(0)
    os.wait()
    print(open("{fifo}").read())
    sys.exit(4)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for fd in range(3):
    os.close(fd)
with open("{fifo}", "w") as file:
    file.write(str(os.getpid()))
while True:
    signal.pause()
"""


@ROOT
@pytest.mark.parametrize("clone3", [True, False])
def test_a_group_of_its_own(hooks, group, start, without_clone3, clone3):
    """With one it is known for sure what belongs to a hook, also while others run that may have started it."""
    started, go, pid = hooks.fifo("started"), hooks.fifo("go"), hooks.fifo("pid")
    hooks.add("other", f"echo >{started}; read x <{go}; exit 5", timeout="1d")
    hooks.add("one", DAEMON.replace("{fifo}", str(pid)))
    hooks.add("where", "cat /proc/self/cgroup")
    runner = start(before=[*in_group(group), *([] if clone3 else without_clone3)])
    assert "each hook runs in a control group of its own" in runner.logged()
    assert f"/{group.name}/hook-" in run(runner, "where")[1].decode()
    runner.send({"id": 1, "hook": "other", "env": ["PRONTO_DELIVERY_ID=1"]})
    read_line(started)
    outcome = run(runner, "one", env=["PRONTO_DELIVERY_ID=2"], number=2)
    expect(outcome, 4)
    assert not exists(int(outcome[1]))
    wait_children(runner, 1)
    assert len(list(group.glob("hook-*"))) == 1
    go.write_text("x\n")
    expect(runner.receive(), 5)
    assert not list(group.glob("hook-*"))


@ROOT
def test_memory_of_a_group(group, start, compile_hook):
    if "memory" not in (group / "cgroup.controllers").read_text().split():
        pytest.skip("the hierarchy of version 2 does not limit memory here")
    compile_hook("one", TAKE_MEMORY, "100", memory="64M")
    outcome = run(start(before=in_group(group)), "one")
    expect(outcome, -1, signal.SIGKILL)
    assert "it needed more memory than it may have; see memory = in its section" in outcome[0]["error"]
    assert 0 < outcome[0]["memory_bytes"] <= 64 * MIB


@ROOT
def test_processes_of_a_group(hooks, group, start):
    """Binds root as well."""
    if "pids" not in (group / "cgroup.controllers").read_text().split():
        pytest.skip("the hierarchy of version 2 does not limit processes here")
    hooks.add("one", "/bin/true & /bin/true & wait\nexit 0", processes=1)
    head, output = run(start(before=in_group(group)), "one")
    assert head["exit_code"] > 0 and b"annot fork" in output


# What ends with the hook

LEAVE = """#!/usr/bin/python3 -I
import os, signal
def leave():
    os.close(read)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(write, b"%d\\n" % os.getpid())
    if {stops}:
        os.kill(os.getpid(), signal.SIGSTOP)
    while True:
        signal.pause()
read, write = os.pipe()
for leaves_session in (False, True):
    if os.fork() == 0:
        if leaves_session:
            os.setsid()
            if os.fork():
                os._exit(0)
        leave()
os.close(write)
text = b""
while text.count(b"\\n") < 2:
    text += os.read(read, 100)
os.write(1, text)
{end}
"""


@pytest.mark.parametrize("stops", [True, False])
@pytest.mark.parametrize("end,ended", [("os._exit(0)", (0, 0, False)), ("os.kill(os.getpid(), signal.SIGSEGV)", (-1, 11, False)),
                                       ("signal.pause()", (-1, 15, True))])
def test_what_listens_to_nothing_ends_with_it(hooks, start, stops, end, ended):
    """Also after a success, and at the time-out."""
    hooks.add("one", LEAVE.replace("{stops}", str(stops)).replace("{end}", end), kill_after="100ms",
              timeout="1s" if "pause" in end else "1d")
    runner = start()
    head, output = run(runner, "one", env=["PRONTO_DELIVERY_ID=1"])
    assert (head["exit_code"], head["signal"], head["timed_out"]) == ended
    assert len(output.split()) == 2
    assert not any(exists(int(pid)) for pid in output.split())
    wait_children(runner, 0)


def test_what_executes_itself_for_ever(hooks, start, compile_hook):
    """In the midst of execve(2) a process has no environment by which it could be told whose it is."""
    started, go, pid = hooks.fifo("started"), hooks.fifo("go"), hooks.fifo("pid")
    compile_hook("again", "#include <unistd.h>\nint main(int argc, char **argv) { (void)argc; execv(argv[0], argv); return 1; }\n")
    hooks.add("long", f"echo >{started}; read x <{go}; exit 5", timeout="1d")
    hooks.add("one", f"setsid sh -c 'echo $$ >{pid}; exec {hooks.folder}/again' & read x <{pid}; echo $x; exit 4")
    runner = start()
    runner.send({"id": 1, "hook": "long", "env": ["PRONTO_DELIVERY_ID=1"]})
    read_line(started)
    for number in range(2, 52):
        outcome = run(runner, "one", env=[f"PRONTO_DELIVERY_ID={number}"], number=number)
        expect(outcome, 4)
        assert not exists(int(outcome[1]))
    go.write_text("x\n")
    expect(runner.receive(), 5)


# working_directory

def test_working_directory(hooks, start, tmp_path):
    hooks.add("one", "pwd -P", working_directory=tmp_path)
    assert run(start(), "one")[1].decode() == f"{tmp_path}\n"


@pytest.mark.parametrize("what,words", [("missing", "No such file"), ("file", "Not a directory"), ("loop", "Too many levels")])
def test_working_directory_that_cannot_be_used(hooks, start, tmp_path, what, words):
    path = tmp_path / what
    if what == "file":
        path.write_text("")
    elif what == "loop":
        path.symlink_to(path)
    hooks.add("one", "exit 0", working_directory=path)
    runner = start()
    outcome = run(runner, "one")
    expect_refusal(outcome, words)
    assert outcome[0]["error"].startswith(f"working_directory: {path}: ")
    path.unlink(missing_ok=True)
    path.mkdir()
    expect(run(runner, "one"))


@ROOT
def test_working_directory_is_entered_as_the_user(open_hooks, start_open, with_user):
    private = open_hooks.folder / "private"
    private.mkdir(0o700)
    open_hooks.add("one", "pwd", user="prontohook", working_directory=private)
    runner = start_open(with_user)
    expect_refusal(run(runner, "one"), f"working_directory: {private}: Permission denied")
    os.chown(private, UID, UID)
    assert run(runner, "one")[1].decode() == f"{private}\n"


# environment and environment_file

SHOW = """#!/usr/bin/python3 -I
import json, os
print(json.dumps(dict(os.environ)))
"""


def environ_of(runner, hook="one", env=("PRONTO_EVENT=finished",), number=1):
    outcome = run(runner, hook, env=env, number=number)
    expect(outcome)
    return {name: value for name, value in json.loads(outcome[1]).items() if name != "LC_CTYPE"}


def test_environment(hooks, start):
    hooks.add("one", SHOW, environment='CRM_URL=https://crm.example.org/?a=b "NOTE=two words" HOME=/srv EMPTY=')
    assert environ_of(start(LANG="C.UTF-8")) == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/srv", "LANG": "C.UTF-8",
        "CRM_URL": "https://crm.example.org/?a=b", "NOTE": "two words", "EMPTY": "", "PRONTO_EVENT": "finished"}


def test_environment_cannot_have_our_names(hooks, tmp_path):
    hooks.add("one", "exit 0", environment=f"PRONTO_EVENT={SECRET}")
    done = worker.run(PROGRAM, "--config", tmp_path / "prontod.conf")
    assert done.returncode == 1
    assert f"{hooks.config}:6: " in done.stderr and "PRONTO_" in done.stderr
    assert SECRET not in done.stderr


def write_variables(folder, text, mode=0o600):
    path = folder / "variables"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_environment_file(hooks, start, tmp_path):
    path = write_variables(tmp_path, f"# of the CRM\n\nCRM_TOKEN={SECRET}\nNOTE=\"kept as it is\" \r\nSHARED=file")
    hooks.add("one", SHOW, environment="SHARED=key OTHER=key", environment_file=path)
    runner = start()
    seen = environ_of(runner)
    assert (seen["CRM_TOKEN"], seen["NOTE"], seen["SHARED"], seen["OTHER"]) == (SECRET, '"kept as it is" ', "file", "key")
    path.write_text("CRM_TOKEN=new\n")
    assert environ_of(runner)["CRM_TOKEN"] == "new"
    assert SECRET not in runner.logged()


@pytest.mark.parametrize("line", [SECRET, f"={SECRET}", f"1A={SECRET}", f"A B={SECRET}", f"PRONTO_EVENT={SECRET}", f"A={SECRET}\0"])
def test_environment_file_with_a_wrong_line(hooks, start, tmp_path, line):
    path = write_variables(tmp_path, f"FIRST={SECRET}\n\n{line}\nLAST=1\n")
    hooks.add("one", "exit 0", environment_file=path)
    runner = start()
    outcome = run(runner, "one")
    expect_refusal(outcome, f"environment_file: {path} has a wrong line 3: ")
    assert SECRET not in outcome[0]["error"] and SECRET not in runner.logged()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_environment_file_that_others_may_use(hooks, start, tmp_path, mode):
    path = write_variables(tmp_path, f"A={SECRET}\n", mode)
    hooks.add("one", "exit 0", environment_file=path)
    runner = start()
    outcome = run(runner, "one")
    expect_refusal(outcome, f"environment_file: {path} must belong to root")
    assert SECRET not in outcome[0]["error"] and SECRET not in runner.logged()
    path.chmod(0o600)
    expect(run(runner, "one"))


@pytest.mark.parametrize("what,words", [("missing", "No such file"), ("directory", "")])
def test_environment_file_that_is_none(hooks, start, tmp_path, what, words):
    path = tmp_path / "variables"
    if what == "directory":
        path.mkdir()
    hooks.add("one", "exit 0", environment_file=path)
    expect_refusal(run(start(), "one"), f"environment_file: {path} cannot be read: {words}")


@ROOT
def test_environment_file_of_another_user(hooks, start, tmp_path):
    path = write_variables(tmp_path, f"A={SECRET}\n")
    os.chown(path, 65534, 65534)
    hooks.add("one", "exit 0", environment_file=path)
    expect_refusal(run(start(), "one"), "must belong to root")


def test_environment_file_as_a_credential(hooks, start, tmp_path):
    """Whoever keeps credentials guards their directory; what modes they have is not for us to say."""
    directory = tmp_path / "credentials"
    directory.mkdir(0o700)
    (directory / "crm-token").write_text(f"CRM_TOKEN={SECRET}\n")
    (directory / "crm-token").chmod(0o440)
    hooks.add("one", SHOW, environment_file="crm-token")
    hooks.add("other", SHOW, environment_file="of-nobody")
    runner = start(CREDENTIALS_DIRECTORY=str(directory))
    seen = environ_of(runner)
    assert seen["CRM_TOKEN"] == SECRET and "CREDENTIALS_DIRECTORY" not in seen
    expect_refusal(run(runner, "other"), "of-nobody is no credential of prontod-runner; give it with LoadCredential=")
    assert SECRET not in runner.logged()


def test_environment_file_without_credentials(hooks, start):
    hooks.add("one", "exit 0", environment_file="crm-token")
    expect_refusal(run(start(), "one"), "crm-token is no credential of prontod-runner")


@ROOT
def test_environment_file_is_read_for_a_user_that_cannot(open_hooks, start_open, with_user):
    path = write_variables(open_hooks.folder, "CRM_TOKEN=1\nHOME=/srv\n")
    open_hooks.add("one", f"echo $CRM_TOKEN $HOME; cat {path} 2>/dev/null; exit 0", user="prontohook", environment_file=path)
    assert run(start_open(with_user), "one")[1] == b"1 /srv\n"


# What it used

BURN = """#!/usr/bin/python3 -I
import time
text = b"x" * (400 << 20)
while time.process_time() < 0.3:
    pass
"""


def test_figures(hooks, start):
    hooks.add("one", BURN)
    hooks.add("quick", "exit 0")
    runner = start()
    head, _ = run(runner, "one")
    assert head["exit_code"] == 0
    assert head["cpu_ms"] > 0
    assert head["memory_bytes"] >= 400 * MIB
    head, _ = run(runner, "quick")
    assert head["cpu_ms"] >= 0 and head["memory_bytes"] < 400 * MIB


def test_figures_of_what_it_waited_for(hooks, start):
    """And not of what it left behind."""
    path = hooks.folder / "burn"
    path.write_text(BURN)
    path.chmod(0o755)
    hooks.add("one", f"{path}; exit 3")
    head, _ = run(start(), "one")
    assert head["exit_code"] == 3
    assert head["cpu_ms"] > 0 and head["memory_bytes"] >= 400 * MIB
