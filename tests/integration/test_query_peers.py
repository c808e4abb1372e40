"""Who may speak to the query socket: decided by the user and groups of the peer."""

import grp
import json
import os
import pwd
import shutil
import subprocess

import pytest

import harness

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
# Users and groups that every Debian has, each user with the group of the same name as its own.
READER, ADMIN, STRANGER = "games", "news", "mail"


@pytest.fixture(scope="module", name="daemon")
def make_daemon():
    config = {"query": {"admin_group": grp.getgrgid(pwd.getpwnam(ADMIN).pw_gid).gr_name,
                        "read_group": grp.getgrgid(pwd.getpwnam(READER).pw_gid).gr_name}}
    one = harness.Prontod(config=config)
    yield one.start()
    one.close()


def ask(daemon, user, method, path, body=None):
    """The status that a client of another user gets, with real curl."""
    who = pwd.getpwnam(user)
    command = ["curl", "-sS", "--max-time", "20", "--unix-socket", daemon.socket, "-X", method, "-o", "-", "-w", "\n%{http_code}"]
    command += ["--data-binary", json.dumps(body)] if body is not None else []
    run = subprocess.run([*command, "http://localhost" + path], user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd="/",
                         capture_output=True, text=True, check=False, timeout=harness.PATIENCE)
    text, _, status = run.stdout.rpartition("\n")
    assert status.isdigit() and status != "000", run.stderr
    return int(status), text


def registration(number):
    return {"enrichment_id": f"123e4567-e89b-12d3-a456-{number:012}", "enrichment_type": "email"}


def test_root_may_do_all(daemon):
    assert ask(daemon, "root", "GET", "/v1/status")[0] == 200
    assert ask(daemon, "root", "POST", "/v1/requests/register", registration(1))[0] == 201


def test_the_admin_group_may_do_all(daemon):
    assert ask(daemon, ADMIN, "GET", "/v1/status")[0] == 200
    assert ask(daemon, ADMIN, "POST", "/v1/requests/register", registration(2))[0] == 201


def test_the_read_group_may_only_get(daemon):
    for path in ("/v1/status", "/v1/requests", "/v1/callbacks", "/v1/deliveries", "/v1/hooks"):
        assert ask(daemon, READER, "GET", path)[0] == 200
    before = len(daemon.items("/v1/requests"))
    for method, path, body in (("POST", "/v1/requests/register", registration(3)), ("POST", "/v1/requests", harness.contact()),
                               ("POST", "/v1/deliveries/x/retry", None)):
        status, text = ask(daemon, READER, method, path, body)
        assert status == 403 and json.loads(text)["status"] == 403
    assert len(daemon.items("/v1/requests")) == before


def test_others_get_403(daemon):
    before = len(daemon.items("/v1/requests"))
    for method, path, body in (("GET", "/v1/status", None), ("GET", "/v1/requests", None), ("GET", "/v1/nothing", None),
                               ("POST", "/v1/requests/register", registration(4))):
        assert ask(daemon, STRANGER, method, path, body)[0] == 403
    assert len(daemon.items("/v1/requests")) == before


def test_without_groups_only_root_may(new_prontod):
    prontod = new_prontod(config={"query": {"admin_group": "", "read_group": ""}}).start()
    assert ask(prontod, "root", "GET", "/v1/status")[0] == 200
    for user in (ADMIN, READER, STRANGER):
        assert ask(prontod, user, "GET", "/v1/status")[0] == 403


def test_the_user_nobody_is_in_no_group(new_prontod):
    """With user namespaces, 65534 is every user that is not mapped."""
    nobody = pwd.getpwuid(65534)
    group = grp.getgrgid(nobody.pw_gid).gr_name
    prontod = new_prontod(config={"query": {"admin_group": group, "read_group": group}}).start()
    assert ask(prontod, nobody.pw_name, "GET", "/v1/status")[0] == 403


def test_prontoctl_of_a_stranger_ends_with_3(daemon):
    who = pwd.getpwnam(STRANGER)
    program = shutil.copy(harness.PRONTOCTL, daemon.directory)  # the build may lie where others cannot go
    run = subprocess.run([program, "--socket", daemon.socket, "status"], user=who.pw_uid, group=who.pw_gid, extra_groups=[],
                         cwd="/", capture_output=True, text=True, check=False, timeout=harness.PATIENCE)
    assert run.returncode == 3 and run.stderr.count("\n") == 1
