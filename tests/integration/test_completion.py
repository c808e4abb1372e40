"""prontoctl completion: what the shells offer, as they offer it."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

import harness
from harness import wait_until

SHELLS = ("bash", "zsh", "fish")
TRY = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_prontoctl
printf '%s\\n' "${COMPREPLY[@]}"
"""
STATES = ("queued", "pending", "finished", "failed", "expired")


def ctl(*arguments):
    run = subprocess.run([harness.PRONTOCTL, *arguments], capture_output=True, text=True, timeout=harness.PATIENCE, check=False)
    assert not harness.SANITIZER.search(run.stderr), run.stderr
    return run


def commands():
    return re.findall(r"^  ([a-z][a-z-]*) ", ctl("--help").stdout, re.M)


def options(command):
    """The options that the help of a command names, whatever their place in it."""
    return set(re.findall(r"--[a-z][a-z-]*", re.sub(r"\n {10,}.*", "", ctl(command, "--help").stdout)))


@pytest.fixture(scope="module", name="scripts")
def write_scripts(tmp_path_factory):
    """The script of each shell as a file, under the name that it is installed with."""
    directory = tmp_path_factory.mktemp("completion")
    names = {"bash": "prontoctl", "zsh": "_prontoctl", "fish": "prontoctl.fish"}
    for shell, name in names.items():
        (directory / name).write_text(ctl("completion", shell).stdout)
    return {shell: directory / name for shell, name in names.items()}


@pytest.fixture(name="offer")
def make_offer(scripts, tmp_path):
    """What a shell offers for words of which the last is being typed: offer(shell, ...)."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "prontoctl").symlink_to(harness.PRONTOCTL)
    environment = os.environ | {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb",
                                "PRONTOD_SOCKET": str(tmp_path / "no.sock")}

    def offer(shell, *words, directory=tmp_path):
        if shell == "bash":
            command = ["bash", "--norc", "-c", TRY, "try", scripts["bash"], "prontoctl", *words]
        else:
            line = shlex.join(["prontoctl", *words[:-1]]) + " " + words[-1]
            command = ["fish", "-N", "-c", f"source {scripts['fish']}; complete -C {shlex.quote(line)}"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=harness.PATIENCE, check=False, env=environment,
                             cwd=directory, stdin=subprocess.DEVNULL)
        assert run.stderr == "", run.stderr
        return {one.split("\t")[0] for one in run.stdout.splitlines() if one}

    return offer


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_it(scripts, shell):
    subprocess.run([shell, "-n", scripts[shell]], check=True, timeout=harness.PATIENCE)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_build_installs_what_the_program_prints(scripts, shell):
    built = harness.BUILD / "ctl" / "completion" / scripts[shell].name
    assert built.read_text() == scripts[shell].read_text()


def test_zsh_finds_the_function(scripts):
    """Through fpath, as it is installed, and by source."""
    start = 'autoload -U compinit; compinit -D -u; '
    for how in (f"fpath=({scripts['zsh'].parent} $fpath); {start}", f"{start} source {scripts['zsh']}; "):
        run = subprocess.run(["zsh", "-f", "-c", how + "print $_comps[prontoctl]"], capture_output=True, text=True, check=True,
                             timeout=harness.PATIENCE)
        assert (run.stdout.strip(), run.stderr) == ("_prontoctl", "")


# An interactive zsh on a terminal of its own, in which Tab lists and inserts nothing. It edits only behind a prompt, so each is awaited.
ZSH = r"""
zmodload zsh/zpty
zpty one zsh -f -i
zpty -w one "fpath=(${(q)1} \$fpath); autoload -U compinit; compinit -D -u; LISTMAX=0; bindkey '^I' complete-word"
zpty -w one "show() { compstate[insert]=; compstate[list]='list force' }; comppostfuncs=(show); PS1=re''ady; PS2="
zpty -r one found "*ready*"
zpty -w -n one "$2"$'\t'
zpty -w -n one $'\C-u''print th''ird'$'\n'
zpty -r one found "*third*ready*"
print -r -- "$found"
"""


def test_zsh_offers_commands_options_and_values(scripts):
    for line, expected in (("prontoctl ", commands()), ("prontoctl list --", options("list")), ("prontoctl list --state ", STATES),
                           ("prontoctl --format ", {"table", "json", "csv"}), ("prontoctl completion ", SHELLS),
                           ("prontoctl hook ", {"pause", "resume", "purge"})):
        run = subprocess.run(["zsh", "-f", "-c", ZSH, "try", scripts["zsh"].parent, line], capture_output=True, text=True, check=True,
                             timeout=harness.PATIENCE, env=os.environ | {"TERM": "dumb", "COLUMNS": "200", "LINES": "100"})
        assert [one for one in expected if not re.search(rf"(^|\s){re.escape(one)}\s", run.stdout)] == [], (line, run.stdout)


def test_another_shell_is_refused():
    for arguments in (["csh"], [], ["bash", "zsh"], ["--x", "bash"]):
        run = ctl("completion", *arguments)
        assert run.returncode == 2 and run.stdout == "" and run.stderr.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_every_command_and_every_option_of_it_is_offered(offer, shell):
    assert offer(shell, "") == set(commands())
    for command in commands():
        assert offer(shell, command, "--") == options(command) | {"--help"}, command


def test_every_option_that_is_offered_is_taken(offer):
    for command in commands():
        for option in offer("bash", command, "--") - {"--help"}:
            assert "unknown option" not in ctl("--socket", "/no.sock", command, option).stderr, (command, option)


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize("line, offered", [
    ("li", "list"), ("hook", "hook hooks"), ("nothing", ""), ("--form", "--format"), ("--format ", "table json csv"),
    ("--format json sta", "status"), ("list --state ", " ".join(STATES)), ("list --state f", "finished failed"),
    ("--format json list --all --state q", "queued"), ("list --type p", "phone personal_email"),
    ("submit --firstname list --ty", "--type"), ("submit --type ", "email phone personal_email"),
    ("deliveries --event fa", "failed"), ("callbacks --state m", "matched mismatched"), ("export --output ", "csv json ndjson"),
    ("export --state q", "queued"), ("hook ", "pause resume purge"), ("completion ", " ".join(SHELLS)),
    ("retry --dead --ev", "--event"), ("deliveries --hook ", ""), ("test-hook ", "")])
def test_words(offer, shell, line, offered):
    assert offer(shell, *line.split(" ")) == set(offered.split())


def test_bash_cuts_words_at_the_equals_sign(offer):
    assert offer("bash", "list", "--state", "=") == set(STATES)
    assert offer("bash", "list", "--state", "=", "q") == {"queued"}
    assert offer("bash", "list", "--state", "=", "queued", "--ty") == {"--type"}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_files(offer, shell, tmp_path):
    (tmp_path / "people.csv").touch()
    assert "people.csv" in offer(shell, "import", "peo") and "people.csv" in offer(shell, "--socket", "peo")
    assert "people.csv" not in offer(shell, "show", "peo")


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_names_of_hooks_come_from_prontod(offer, new_prontod, shell, tmp_path):
    prontod = new_prontod()
    prontod.hook("crm")
    prontod.hook("crm-two")
    prontod.hook("other")
    prontod.start()
    wait_until(prontod.socket.exists, "the socket")
    for words in (["deliveries", "--hook", ""], ["retry", "--dead", "--hook", ""], ["test-hook", ""], ["hook", "pause", ""]):
        assert offer(shell, "--socket", str(prontod.socket), *words) == {"crm", "crm-two", "other"}, words
    assert offer(shell, "--socket", str(prontod.socket), "test-hook", "cr") == {"crm", "crm-two"}
    shutil.copy(prontod.file, tmp_path / "prontod.conf")
    assert offer(shell, "--socket", str(tmp_path / "prontod.conf"), "test-hook", "") == set()
