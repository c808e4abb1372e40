"""The API key and the tokens of callbacks are told to nobody: searched for in everything that prontod and its workers show."""

import json
import os
import pwd

import pytest

import clients
import harness
import simulator
from harness import contact, wait_until
from pronto_side import LINKEDIN, NEVER_POLLED, QUICK, person, submit_all, submit_array

SECRET = "secret-of-other-software-" + os.urandom(8).hex()


def debug():
    return {"PRONTOD_LOG_LEVEL": "debug"}


def first_lines(prontod, path, seconds=1):
    """What a stream says until it is silent."""
    connection = clients.UnixConnection(str(prontod.socket), seconds)
    connection.request("GET", path)
    answer = connection.getresponse()
    said = b""
    try:
        while piece := answer.readline():
            said += piece
    except TimeoutError:
        pass
    connection.close()
    return said


def everything_shown(prontod):
    """The answers of all routes that only look, by path."""
    shown = {path: prontod.query("GET", path).body for path in
             ("/v1/status", "/metrics", "/v1/hooks", "/v1/credits", "/v1/requests?limit=1000", "/v1/callbacks?limit=1000",
              "/v1/deliveries?limit=1000", "/nothing", "/v1/requests?nothing=1")}
    shown["/v1/events"] = first_lines(prontod, "/v1/events?since=0")
    for kind in ("requests", "callbacks", "deliveries"):
        for one in prontod.items(f"/v1/{kind}"):
            shown[f"/v1/{kind}/{one['id']}"] = prontod.query("GET", f"/v1/{kind}/{one['id']}").body
    return shown


def everything_of_its_processes(prontod):
    found = {}
    for pid in [prontod.process.pid, *prontod.workers().values()]:
        for name in ("cmdline", "environ", "comm", "status", "maps"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                found[f"/proc/{pid}/{name}"] = file.read()
    return found


def forms(secret):
    """How a secret may be written."""
    yield secret.encode()
    yield "".join(f"%{ord(c):02X}" for c in secret).encode()
    yield secret.encode().hex().encode()


def check_absent(secrets, places):
    for place, content in places.items():
        for secret in secrets:
            for form in forms(secret):
                assert form not in content, f"a secret is in {place}"


def exercise(prontod, sim):
    """All kinds of calls, answered well and badly, with the key repeated in every error."""
    sim.behave(echo_key_in_error=True, refuse_name="Unwanted", repeat=1)
    ids = submit_all(prontod, map(person, range(5)))
    ids += submit_array(prontod, [person(row, firstname="Unwanted" if row == 6 else "Grace") for row in range(5, 8)])
    for one in ids:
        prontod.wait_state(one, "finished", "failed")
    for status in (401, 403, 422, 429, 500):
        sim.behave(submit_status=status, submit_status_count=1, poll_status=status, account_status=status, lose=1)
        request = prontod.post("/v1/requests", contact(custom={"status": status}))
        wait_until(lambda request=request: prontod.request(request["id"])["error"], "an error")
        prontod.query("POST", f"/v1/requests/{request['id']}/poll")
        prontod.query("GET", "/v1/credits")
        prontod.ctl("credits", status=None)
        sim.behave(submit_status=0, poll_status=0, account_status=0)
        prontod.reload()
        wait_until(lambda request=request: prontod.request(request["id"])["state"] != "queued", "its turn", 150)
    sim.behave(lose=0)
    prontod.register("one-of-others", custom={"row": 1})
    prontod.call_back(SECRET, harness.result("one-of-others", custom={"row": 1}))
    prontod.call_back(SECRET, harness.result("unknown"))
    prontod.callback(SECRET, "nonsense")
    prontod.callback(SECRET[:-1] + "x", "{}")


@pytest.fixture
def used(sim, new_prontod):
    prontod = new_prontod(sim.url, secrets=[SECRET], environment=debug(), config={"pronto": QUICK | {"daily_credits": 100000}})
    prontod.hook("crm", on="finished failed expired unmatched dead", concurrency=8)
    prontod.start()
    exercise(prontod, sim)
    return prontod


def tokens(sim):
    return [one["webhook_url"].rsplit("/", 1)[1] for one in sim.submissions() if one["webhook_url"]]


def test_no_secret_is_shown_logged_or_left_anywhere(sim, used):
    found = tokens(sim)
    assert len(found) >= 6
    used.private += found  # close() looks for these in the log, with the key and the shared secret
    secrets = [used.api_key, SECRET, *found]
    check_absent(secrets, everything_shown(used))
    check_absent(secrets, everything_of_its_processes(used))
    check_absent(secrets, {"the log": used.errors.read_bytes()})
    for hook in used.hooks.values():
        hook.wait(10)
        check_absent(secrets, {str(path): path.read_bytes() for path in hook.records.glob("*.run/*")})
    files = {str(path): path.read_bytes() for path in used.database.parent.iterdir() if path.is_file()}
    assert files
    check_absent([used.api_key, SECRET], files)
    assert used.stop() == 0
    files = {str(path): path.read_bytes() for path in used.database.parent.iterdir() if path.is_file()}
    check_absent([used.api_key, SECRET], files)


def test_prontoctl_tells_no_secret(sim, used):
    secrets = [used.api_key, SECRET, *tokens(sim)]
    used.private += tokens(sim)
    for command in (["status"], ["list", "--all"], ["callbacks", "--all"], ["deliveries", "--all"], ["hooks"], ["credits"]):
        for form in ("json", "table", "csv"):
            run = used.ctl("--format", form, *command, status=None)
            check_absent(secrets, {" ".join(command): (run.stdout + run.stderr).encode()})
    for one in used.items("/v1/requests"):
        check_absent(secrets, {"show": used.ctl("show", one["id"]).stdout.encode()})


@pytest.mark.parametrize("form", ["error", "message", "errors", "html"])
def test_a_key_repeated_by_pronto_is_masked_in_whatever_form(sim, new_prontod, form):
    sim.behave(echo_key_in_error=True, error_form=form, consent=False, poll_status=500, account_status=500)
    prontod = new_prontod(sim.url, environment=debug(), config={"pronto": NEVER_POLLED})
    failed = prontod.hook("failed", on="failed")
    prontod.start()
    fields = {"enrichment_type": "personal_email", "linkedin_url": LINKEDIN + "ada"}
    request = prontod.post("/v1/requests", contact(**fields))
    prontod.wait_state(request["id"], "failed")
    failed.wait()
    check_absent([prontod.api_key], everything_shown(prontod))
    check_absent([prontod.api_key], {run.environ["PRONTO_DELIVERY_ID"]: run.stdin for run in failed.runs()})


def test_only_egress_ever_opens_the_key(silent, new_prontod):
    """prontod itself does not even have it in its memory."""
    prontod = new_prontod(silent.url, config={"pronto": NEVER_POLLED}).start()
    prontod.submit(silent)
    key = prontod.api_key.encode()
    for name, pid in {"prontod": prontod.process.pid, **prontod.workers()}.items():
        if name != "prontod-egress":
            assert key not in memory(pid), name


def memory(pid):
    """All that a process has written in its memory."""
    content = b""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            area, rights = line.split()[:2]
            start, end = (int(one, 16) for one in area.split("-"))
            if "w" not in rights or end - start > 256 * 1024 * 1024:
                continue  # the shadow of a sanitizer
            try:
                mem.seek(start)
                content += mem.read(end - start)
            except (OSError, OverflowError, ValueError):
                continue
    return content


@pytest.mark.skipif(os.geteuid() != 0, reason="starting it as another user needs root")
def test_no_process_can_be_dumped(silent, new_prontod):
    """What /proc says of a process that may not be dumped belongs to root, whoever runs it."""
    user = pwd.getpwnam("games")
    prontod = new_prontod(silent.url)
    script = f'chmod 777 "$NOTIFY_SOCKET"; exec setpriv --reuid={user.pw_uid} --regid={user.pw_gid} --clear-groups "$@"'
    prontod.wrapper = ["sh", "-c", script, "sh"]
    prontod.directory.chmod(0o777)
    for path in (prontod.database.parent, prontod.directory / "api-key"):
        os.chown(path, user.pw_uid, user.pw_gid)
    prontod.start()
    pids = {"prontod": prontod.process.pid, **prontod.workers()}
    assert set(pids) == {"prontod", "prontod-egress", "prontod-runner"}
    for name, pid in pids.items():
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            uid = next(line.split()[2] for line in file if line.startswith("Uid:"))
        assert int(uid) == user.pw_uid, name
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0, f"{name} can be dumped"


def test_a_key_file_that_others_may_read_is_a_fault(sim, new_prontod):
    prontod = new_prontod(sim.url)
    (prontod.directory / "api-key").chmod(0o644)
    status, said = prontod.fail_to_start()
    assert status == 1 and "api_key_file" in said and prontod.api_key not in said


def test_a_server_that_answers_with_our_headers_gets_them_masked(new_prontod):
    """As the simulator does in its own words; here the key is all of the text."""
    sim = simulator.Simulator(harness.PRONTO_SIM)
    try:
        sim.behave(submit_status=422, echo_key_in_error=True)
        prontod = new_prontod(sim.url, config={"pronto": NEVER_POLLED}).start()
        request = prontod.post("/v1/requests", contact())
        found = prontod.wait_state(request["id"], "failed")
        assert "X-API-KEY" in json.dumps(found["error"]) and prontod.api_key not in json.dumps(found)
    finally:
        sim.close()
