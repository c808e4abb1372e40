"""The configuration: what is a fault, where it is said to be, and what a reload does. And --help and --version of each program."""

import os
import re
import subprocess
import uuid

import pytest

import clients
import harness
from harness import wait_until

LEAST = "[ingress]\npublic_url = https://hooks.example.com/pronto\n"


@pytest.fixture(name="check")
def make_check(tmp_path):
    """Runs --check-config on a text; gives the exit status and what it said."""

    def check(text, parts=()):
        file = tmp_path / "prontod.conf"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        for name, content in parts:
            (tmp_path / "prontod.conf.d").mkdir(exist_ok=True)
            (tmp_path / "prontod.conf.d" / name).write_text(content)
        run = subprocess.run([harness.PRONTOD, "--config", file, "--check-config"], capture_output=True, text=True, check=False,
                             timeout=harness.PATIENCE)
        assert not harness.SANITIZER.search(run.stderr), run.stderr
        return run.returncode, run.stdout + run.stderr, file

    return check


def faults(output):
    """Path, line and message of each fault."""
    return [re.match(r"(.+?):(\d+): (.+)", line).groups() for line in output.splitlines() if re.match(r".+?:\d+: .", line)]


# Valid ones

@pytest.mark.parametrize("text", [
    LEAST, "; comment\n# comment\n\n" + LEAST, "[ingress]\n  public_url   =   http://127.0.0.1:8080   ; after a value\n",
    "[match]\ncustom = lenient\n[ingress]\ntimeout = 5s # comment\n[match]\n[ingress]\npublic_url = https://hooks.example.com\n",
    LEAST + "listen = [::1]:8480\ntrusted_proxies = 127.0.0.1 ::1 192.0.2.0/24\nmax_body = 512K\nmax_connections = 100\ntimeout = 1500ms\n",
    LEAST + "[store]\nurl = sqlite:/var/lib/prontod/other.db\nretention = 0\nmax_unmatched = 5\nmin_free = 1G\n",
    LEAST + "[pronto]\napi_url = http://127.0.0.1:8481/api/v2\nconcurrency = 1\nrate = 10\ntimeout = 1m\npoll_after = 1h\ndeadline = 2d\n"
            "batch = 100\nbatch_delay = 1s\ndaily_credits = 2500\ncredit_prices = email:1 phone:10 personal_email:1\n",
    LEAST + "[hook a]\ncommand = /bin/true --option \"two words\"\non = finished failed expired unmatched dead\nenrichment_type = email\n"
            "only = found\nmode = exec\ntimeout = 10s\nkill_after = 1s\nconcurrency = 1\nbackoff = 1s 1m\ngive_up = 1d\nmax_attempts = 5\n"
            "[hook b-2]\ncommand = /bin/true\n",
    LEAST + "verify = fetch\n[query]\nsocket = /run/x.sock\nread_group =\n", LEAST.replace("\n", "\r\n")], ids=range(10))
def test_valid_configurations(check, text):
    status, output, _ = check(text)
    assert status == 0, output
    assert output.strip() == "configuration is valid"


def test_the_shipped_configuration_lacks_only_what_must_be_given(check):
    text = (harness.TOP / "conf" / "prontod.conf").read_text()
    status, output, _ = check(text)
    assert status == 1 and "public_url" in output
    status, output, _ = check(text + "\n" + LEAST)
    assert status == 0, output


def test_further_files_are_read_in_order(check):
    status, output, file = check(LEAST, [("a.conf", "[match]\ncustom = wrong\n"), ("b.conf", "\n\n[hook x]\ncolour = blue\n"),
                                         ("ignored.txt", "nonsense")])
    assert status == 1
    found = {(os.path.basename(path), line) for path, line, _ in faults(output)}
    assert ("a.conf", "2") in found and ("b.conf", "4") in found
    assert "ignored" not in output and str(file.parent) in output


# Faults: the line (None: of the file as a whole), the text, and a word of the message

FAULTS = [
    (None, "", "public_url"), (None, "[ingress]\nlisten = 127.0.0.1:80\n", "public_url"),
    (3, LEAST + "[nonsense]\n", "nonsense"), (None, LEAST + "[nonsense]\nkey = 1\n", "nonsense"), (3, LEAST + "colour = blue\n", "colour"),
    (3, LEAST + "Timeout = 5s\n", "Timeout"), (4, LEAST + "[hook a]\ncolour = blue\ncommand = /bin/true\n", "colour"),
    (3, LEAST + "[hook]\ncommand = /bin/true\n", "hook"), (3, LEAST + "[hook a b]\ncommand = /bin/true\n", "hook"),
    (3, LEAST + "timeout = 5\n", "timeout"), (3, LEAST + "timeout = five\n", "timeout"), (3, LEAST + "timeout = -5s\n", "timeout"),
    (3, LEAST + "timeout = 5 s\n", "timeout"), (3, LEAST + "timeout = 5w\n", "timeout"), (3, LEAST + "timeout = 0s\n", "timeout"),
    (3, LEAST + "timeout = 99999999999999999999d\n", "timeout"), (3, LEAST + "max_body = 1X\n", "max_body"),
    (3, LEAST + "max_body = -1\n", "max_body"), (3, LEAST + "max_body = 99999999999G\n", "max_body"), (3, LEAST + "max_body = M\n", "max_body"),
    (3, LEAST + "max_connections = many\n", "max_connections"), (3, LEAST + "max_connections = 0\n", "max_connections"),
    (3, LEAST + "max_connections = 10 000\n", "max_connections"), (3, LEAST + "max_connections = 1e3\n", "max_connections"),
    (3, LEAST + "verify = maybe\n", "verify"), (3, LEAST + "verify = Token\n", "verify"),
    (3, LEAST + "listen = here\n", "listen"), (3, LEAST + "listen = 127.0.0.1:99999\n", "listen"), (3, LEAST + "listen = 127.0.0.1\n", "listen"),
    (3, LEAST + "trusted_proxies = 127.0.0.1 nonsense\n", "trusted_proxies"), (3, LEAST + "secret_file = relative/path\n", "secret_file"),
    (3, LEAST + "secret_file = /nothing/there\n", "secret_file"),
    (2, "[ingress]\npublic_url = ftp://hooks.example.com\n", "public_url"), (2, "[ingress]\npublic_url = hooks.example.com\n", "public_url"),
    (2, "[ingress]\npublic_url = https://hooks.example.com/a?b=c\n", "public_url"),
    (4, LEAST + "[query]\nsocket = relative.sock\n", "socket"), (4, LEAST + "[query]\nsocket = /" + "x" * 200 + "\n", "socket"),
    (4, LEAST + "[store]\nurl = postgresql://x\n", "url"), (4, LEAST + "[store]\nurl = sqlite:relative.db\n", "url"),
    (4, LEAST + "[store]\nretention = forever\n", "retention"), (4, LEAST + "[pronto]\nconcurrency = 0\n", "concurrency"),
    (4, LEAST + "[pronto]\nbatch = 101\n", "batch"), (4, LEAST + "[pronto]\napi_url = http://pronto.example.com\n", "api_url"),
    (4, LEAST + "[pronto]\napi_key_file = /nothing/there\n", "api_key_file"),
    (4, LEAST + "[pronto]\ncredit_prices = email:x\n", "credit_prices"), (4, LEAST + "[match]\ncustom = loose\n", "custom"),
    (None, LEAST + "[hook a]\non = finished\n", "command"), (4, LEAST + "[hook a]\ncommand = true\n", "command"),
    (4, LEAST + "[hook a]\ncommand = ./true\n", "command"), (4, LEAST + "[hook a]\ncommand =\n", "command"),
    (5, LEAST + "[hook a]\ncommand = /bin/true\non = sometimes\n", "on"), (5, LEAST + "[hook a]\ncommand = /bin/true\nonly = some\n", "only"),
    (5, LEAST + "[hook a]\ncommand = /bin/true\nmode = daemon\n", "mode"), (5, LEAST + "[hook a]\ncommand = /bin/true\nbackoff = 10s\n", "backoff"),
    (5, LEAST + "[hook a]\ncommand = /bin/true\nbackoff = 1h 10s\n", "backoff"), (5, LEAST + "[hook a]\ncommand = /bin/true\nconcurrency = 0\n", "concurrency"),
    (5, LEAST + "[hook a]\ncommand = /bin/true\nenrichment_type = fax\n", "enrichment_type"),
    (5, LEAST + "[hook a]\ncommand = /bin/true\nmax_attempts = -1\n", "max_attempts"),
    (3, LEAST + "public_url = https://other.example.com\n", "public_url"), (3, LEAST + "no equals sign\n", ""), (3, LEAST + "[open\n", ""),
    (1, "timeout = 5s\n" + LEAST, "")]


@pytest.mark.parametrize("line, text, word", FAULTS, ids=range(len(FAULTS)))
def test_faults_are_named_with_file_and_line(check, line, text, word):
    status, output, file = check(text)
    assert status == 1, output
    found = faults(output)
    assert found and all(path == str(file) for path, _, _ in found), output
    assert line is None or str(line) in [where for _, where, _ in found], output
    assert any(word in message for _, _, message in found), output
    assert "configuration is valid" not in output


def test_every_fault_is_named(check):
    status, output, _ = check(LEAST + "timeout = x\ncolour = blue\n[store]\nmin_free = x\n[nonsense]\n")
    assert status == 1
    assert [line for line in ("3", "4", "6", "7") if line not in [where for _, where, _ in faults(output)]] == []


def test_secrets_in_the_wrong_place_are_not_repeated(check):
    for text in ("[pronto]\napi_key = key-verysecret\n", "[ingress]\nsecret = key-verysecret\n", "api_key_file = key-verysecret\n"):
        status, output, _ = check(LEAST + text)
        assert status == 1 and "verysecret" not in output


@pytest.mark.parametrize("text", [b"\0" * 50, b"\xff\xfe[\x00i\x00", b"[" * 100000, b"x" * 1_000_000, b"[ingress]\n" + b"a" * 100000 + b" = 1\n"], ids=range(5))
def test_garbage_is_a_fault(check, text):
    status, output, _ = check(text)
    assert status == 1 and faults(output)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing.conf", tmp_path):
        run = subprocess.run([harness.PRONTOD, "--config", path, "--check-config"], capture_output=True, text=True, check=False,
                             timeout=harness.PATIENCE)
        assert run.returncode == 1 and str(path) in run.stdout + run.stderr


@pytest.mark.parametrize("section, key", [("pronto", "api_key_file"), ("ingress", "secret_file")])
@pytest.mark.parametrize("mode, status", [(0o600, 0), (0o644, 1), (0o620, 1)])
def test_secret_files_that_others_may_read_or_write_are_a_fault(check, tmp_path, section, key, mode, status):
    secret = tmp_path / "secret"
    secret.write_text("secret-" + uuid.uuid4().hex + "\n")
    secret.chmod(mode)
    found, output, _ = check(LEAST + f"[{section}]\n{key} = {secret}\n")
    assert found == status, output
    assert secret.read_text().strip() not in output


def test_a_hook_program_that_others_may_write_is_a_fault(check, tmp_path):
    program = tmp_path / "hook"
    program.write_text("#!/bin/sh\n")
    for mode, status in ((0o755, 0), (0o775, 1), (0o757, 1)):
        program.chmod(mode)
        found, output, _ = check(LEAST + f"[hook a]\ncommand = {program}\n")
        assert found == status, output


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_a_hook_program_of_another_user_is_a_fault(check, tmp_path):
    program = tmp_path / "hook"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    os.chown(program, 5, 60)
    status, output, _ = check(LEAST + f"[hook a]\ncommand = {program}\n")
    assert status == 1 and "command" in output or str(program) in output


def test_prontod_does_not_start_with_a_fault(new_prontod):
    prontod = new_prontod(config={"ingress": {"colour": "blue"}})
    status, said = prontod.fail_to_start()
    assert status == 1
    assert re.search(re.escape(str(prontod.file)) + r":\d+: .*colour", said)


# Reload

def test_a_reload_takes_effect_without_dropping_a_connection(new_prontod):
    first, second = ("secret-" + uuid.uuid4().hex for _ in range(2))
    prontod = new_prontod(secrets=[first])
    prontod.start()
    kept = clients.TcpConnection("127.0.0.1", prontod.port.number, harness.PATIENCE)
    assert clients.request(kept, "GET", "/healthz", keep=True).status == 200
    socket = kept.sock
    crm = prontod.hook("crm")
    prontod.secret_file("secrets", second)
    prontod.private.append(second)
    prontod.reload()
    wait_until(lambda: [one["name"] for one in prontod.get("/v1/hooks")["items"]] == ["crm"], "the new hook")
    one = str(uuid.uuid4())
    prontod.register(one)
    path = f"/callback/{second}"
    wait_until(lambda: prontod.callback(second, harness.result("x")).status == 200, "the new secret")
    assert clients.request(kept, "POST", path, b'{"enrichment_id": "y"}', keep=True).status == 200
    assert kept.sock is socket, "the connection was dropped"
    kept.close()
    assert prontod.callback(first, harness.result(one)).status == 404
    assert prontod.call_back(second, harness.result(one)) == "matched"
    assert crm.wait()[0].environ["PRONTO_HOOK"] == "crm"


def test_a_reload_with_a_fault_keeps_the_old_configuration(new_prontod):
    secret = "secret-" + uuid.uuid4().hex
    prontod = new_prontod(secrets=[secret])
    crm = prontod.hook("crm")
    prontod.start()
    prontod.config["hook other"] = {"command": crm.path}
    prontod.write_config("[match]\ncolour = blue\n")
    line = prontod.file.read_text().split("\n").index("colour = blue") + 1
    prontod.signal(1)
    wait_until(lambda: f"{prontod.file}:{line}: " in prontod.log(), "the fault in the log")
    assert prontod.running()
    assert [one["name"] for one in prontod.get("/v1/hooks")["items"]] == ["crm"]
    one = str(uuid.uuid4())
    prontod.register(one)
    assert prontod.call_back(secret, harness.result(one)) == "matched"
    crm.wait()
    prontod.reload()
    wait_until(lambda: len(prontod.get("/v1/hooks")["items"]) == 2, "the corrected configuration")


def test_many_reloads_under_load_lose_nothing(new_prontod):
    secret = "secret-" + uuid.uuid4().hex
    prontod = new_prontod(secrets=[secret])
    crm = prontod.hook("crm", concurrency=8)
    prontod.start()

    def work(worker):
        for number in range(20):
            if worker == 0:
                prontod.reload()
                continue
            one = str(uuid.uuid4())
            prontod.register(one, custom={"n": number})
            assert prontod.call_back(secret, harness.result(one, custom={"n": number})) == "matched"

    harness.parallel(work, range(5))
    crm.wait(80)
    assert prontod.running()


# The programs

@pytest.mark.parametrize("program", [harness.PRONTOD, harness.EGRESS, harness.RUNNER, harness.PRONTOCTL, harness.PRONTO_SIM],
                         ids=lambda path: path.name)
def test_help_version_and_wrong_options(program):
    run = subprocess.run([program, "--help"], capture_output=True, text=True, check=False, timeout=harness.PATIENCE)
    assert run.returncode == 0 and program.name in run.stdout and not run.stderr
    run = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=harness.PATIENCE)
    assert run.returncode == 0 and re.search(r"\d+\.\d+", run.stdout) and not run.stderr
    run = subprocess.run([program, "--nonsense"], capture_output=True, text=True, check=False, timeout=harness.PATIENCE)
    assert run.returncode not in (0, -6, -11) and run.stderr
