"""What a hook may use, who it runs as and what it finds around it: [hook] memory, cpu, files, processes, user, working_directory,
environment and environment_file, run by the real prontod-runner."""

import os
import pwd
import subprocess

import pytest

from runner import PROGRAM, expect, expect_refusal, make_hooks, make_start, run  # noqa: F401

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = pwd.getpwnam("nobody")
AS_NOBODY = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]

HUNGRY = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    size_t size = (size_t)atoi(argc > 1 ? argv[1] : "96") << 20;
    char *memory = malloc(size);

    if (!memory) {
        puts("no memory");
        return 9;
    }
    memset(memory, 1, size);
    printf("%d\n", memory[size / 2]);
    return 0;
}
"""

FORKS = r"""
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    for (int n = 0; n < 4000; n++) {
        pid_t pid = fork();

        if (pid == 0)
            for (;;)
                pause();
        if (pid < 0) {
            printf("%d %s\n", n, strerror(errno));
            return 7;
        }
    }
    return 0;
}
"""


@pytest.fixture(name="compile_c")
def make_compile_c(tmp_path):
    def compile_c(name, text):
        source = tmp_path / f"{name}.c"
        source.write_text(text)
        subprocess.run(["cc", "-O1", "-o", tmp_path / name, source], check=True)
        return tmp_path / name
    return compile_c


@pytest.fixture(name="opened")
def open_folder(tmp_path):
    """A folder that other users can reach."""
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.getuid() and len(folder.parts) > 2:
            folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


# Limits

def test_memory(hooks, start, compile_c):
    """Whether malloc() is refused or the program is killed depends on there being a control group."""
    program = compile_c("hungry", HUNGRY)
    hooks.add_command("free", str(program))
    hooks.add_command("tight", str(program), memory="64M")
    runner = start()
    expect(run(runner, "free"), 0)
    head, output = run(runner, "tight", number=2)
    assert (head["exit_code"], output) == (9, b"no memory\n") or "memory = in its section" in head["error"]


def test_processor_time(hooks, start):
    hooks.add("one", "while :; do :; done", cpu="1s", timeout="1h")
    head, _ = run(start(), "one")
    assert head["exit_code"] == -1 and head["signal"] != 0
    assert "cpu = in its section" in head["error"]
    assert head["cpu_ms"] >= 500


def test_processor_time_of_one_that_ignores_the_warning(hooks, start):
    hooks.add("one", "#!/usr/bin/python3 -I\nimport signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass\n",
              cpu="1s", timeout="1h")
    head, _ = run(start(), "one")
    assert head["signal"] == 9 and "cpu = in its section" in head["error"]


def test_files(hooks, start):
    hooks.add("one", "#!/usr/bin/python3 -I\nimport os\nn = 0\ntry:\n while True:\n  os.dup(0); n += 1\nexcept OSError as error:\n"
              " print(n + 3, error.strerror)\n", files=40)
    head, output = run(start(), "one")
    assert head["exit_code"] == 0 and output.split(b" ", 1) == [b"40", b"Too many open files\n"]


@ROOT
def test_processes_of_one_that_forks_and_forks(hooks, start, compile_c, opened):
    program = compile_c("forks", FORKS)
    hooks.add_command("forks", str(program), processes=30, user="nobody")
    hooks.add("other", "exit 3")
    runner = start()
    head, output = run(runner, "forks")
    assert head["exit_code"] == 7 and b"Resource temporarily unavailable" in output
    assert int(output.split()[0]) <= 30
    expect(run(runner, "other", number=2), 3)
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and runs(pid, program)], "nothing is left of it"
    assert opened.is_dir()


def runs(pid, program):
    try:
        return os.readlink(f"/proc/{pid}/exe") == str(program)
    except OSError:
        return False


def test_what_it_used_is_told(hooks, start, compile_c):
    hooks.add_command("hungry", f"{compile_c('hungry', HUNGRY)} 400")  # a peak below that of prontod-runner itself is not known
    hooks.add("busy", "#!/usr/bin/python3 -I\nimport time\nwhile time.process_time() < 0.3: pass\n")
    runner = start()
    assert run(runner, "hungry")[0]["memory_bytes"] >= 400 << 20
    assert run(runner, "busy", number=2)[0]["cpu_ms"] >= 300


# The user

@ROOT
def test_another_user(hooks, start, opened):
    secret = opened / "secret"
    secret.write_text("for root alone")
    secret.chmod(0o600)
    hooks.add("one", f"id -u; id -g; id -G; echo $HOME; cat {secret} 2>&1", user="nobody", environment="HOME=/other")
    head, output = run(start(), "one")
    lines = output.decode().splitlines()
    assert head["exit_code"] == 1
    assert lines[:2] == [str(NOBODY.pw_uid), str(NOBODY.pw_gid)] and "0" not in lines[2].split()
    assert "Permission denied" in lines[-1]


@ROOT
def test_the_home_of_another_user(hooks, start, opened):
    hooks.add("one", "echo $HOME", user="nobody")
    assert run(start(), "one")[1].decode() == NOBODY.pw_dir + "\n"
    assert opened.is_dir()


def test_a_user_who_does_not_exist(hooks, start):
    hooks.add("one", "exit 0", user="no-such-user-here")
    expect_refusal(run(start(), "one"), "no-such-user-here")


@ROOT
@pytest.mark.skipif(os.geteuid() != 0 or subprocess.run([*AS_NOBODY, "test", "-x", PROGRAM], check=False).returncode != 0,
                    reason="other users cannot reach the program")
def test_a_runner_that_is_not_root_cannot_switch(hooks, start, opened):
    hooks.add("one", "exit 0", user="root")
    runner = start(before=AS_NOBODY)
    outcome = run(runner, "one")
    expect_refusal(outcome, "user:")
    assert "root" in outcome[0]["error"]
    assert opened.is_dir()


# Around it

def test_working_directory(hooks, start, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    hooks.add("one", "pwd", working_directory=place)
    hooks.add("usual", "pwd")
    runner = start()
    assert run(runner, "one")[1].decode() == f"{place}\n"
    assert run(runner, "usual", number=2)[1] == b"/\n"


@pytest.mark.parametrize("what, words", [("missing", "No such file or directory"), ("file", "Not a directory")])
def test_a_working_directory_that_is_none(hooks, start, tmp_path, what, words):
    (tmp_path / "file").touch()
    hooks.add("one", "exit 0", working_directory=tmp_path / what)
    outcome = run(start(), "one")
    expect_refusal(outcome, "working_directory")
    assert words in outcome[0]["error"]


def test_environment(hooks, start, tmp_path):
    file = tmp_path / "secrets"
    file.write_text("# of the CRM\n\nCRM_KEY=key with blanks\nA=file\n")
    file.chmod(0o600)
    hooks.add("one", "env", environment='A=1 "B=two words" LANG=de_DE.UTF-8', environment_file=file)
    _, output = run(start(), "one", env=["PRONTO_HOOK=one"])
    found = set(output.decode().splitlines())
    assert {"B=two words", "LANG=de_DE.UTF-8", "CRM_KEY=key with blanks", "A=file", "PRONTO_HOOK=one"} <= found


@pytest.mark.parametrize("text, mode, words", [
    ("CRM_KEY=hush\n", 0o644, "must belong to root"),
    ("GOOD=1\nno equals hush\n", 0o600, "line 2"),
    ("PRONTO_HOOK=hush\n", 0o600, "line 1"),
    (None, 0o600, "cannot be read"),
])
def test_an_environment_file_that_is_refused(hooks, start, tmp_path, text, mode, words):
    """Its content is in no message."""
    file = tmp_path / "secrets"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    hooks.add("one", "exit 0", environment_file=file)
    runner = start()
    outcome = run(runner, "one")
    expect_refusal(outcome, "environment_file")
    assert words in outcome[0]["error"] and "hush" not in outcome[0]["error"]
    assert "hush" not in runner.logged()


def test_an_environment_file_from_a_credential(hooks, start, tmp_path):
    (tmp_path / "credentials").mkdir()
    credential = tmp_path / "credentials" / "crm"
    credential.write_text("CRM_KEY=from systemd\n")
    credential.chmod(0o400)
    hooks.add("one", "echo $CRM_KEY", environment_file="crm")
    assert run(start(CREDENTIALS_DIRECTORY=str(tmp_path / "credentials")), "one")[1] == b"from systemd\n"
