"""prontoctl: commands, formats, exit statuses."""

import csv
import io
import json
import os
import pty
import re
import select
import socketserver
import subprocess
import threading
import uuid

import pytest

import harness
import simulator
from harness import contact

SECRET = "secret-" + uuid.uuid4().hex
ADA = ["--firstname", "Ada", "--lastname", "Lovelace", "--domain", "example.com", "--type", "email"]


@pytest.fixture(scope="module", name="module_sim")
def make_module_sim():
    one = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", "lose=1")
    yield one
    one.close()


@pytest.fixture(scope="module", name="daemon")
def make_daemon(module_sim):
    one = harness.Prontod(module_sim.url, secrets=[SECRET])
    one.hook("crm")
    one.start()
    for number in range(3):
        found, token = one.submit(module_sim, custom={"row": f"first {number}", "s": 'custom-value, "quoted"\nand more'})
        one.call_back(token, harness.result(found["enrichment_id"], custom=found["custom"]))
    yield one
    one.close()


# Commands

def test_submit_with_every_option(daemon):
    shown = daemon.ctl_json("submit", "--firstname", "Grace", "--lastname", "Hopper", "--type", "phone", "--domain", "example.org",
                            "--company-name", "Example", "--linkedin-url", "https://linkedin.example/in/grace",
                            "--phone-country", "US", "--phone-country", "GB", "--custom", "crm_id=17", "--custom", "note=a=b",
                            "--idempotency-key", "grace-17")
    assert (shown["firstname"], shown["lastname"], shown["enrichment_type"]) == ("Grace", "Hopper", "phone")
    assert (shown["domain"], shown["company_name"]) == ("example.org", "Example")
    assert shown["phone_country_codes"] == ["US", "GB"] and shown["custom"] == {"crm_id": "17", "note": "a=b"}
    assert daemon.request(shown["id"])["linkedin_url"] == "https://linkedin.example/in/grace"
    again = daemon.ctl_json("submit", "--firstname", "Grace", "--lastname", "Hopper", "--type", "phone", "--domain", "example.org",
                            "--company-name", "Example", "--linkedin-url", "https://linkedin.example/in/grace",
                            "--phone-country", "US", "--phone-country", "GB", "--custom", "crm_id=17", "--custom", "note=a=b",
                            "--idempotency-key", "grace-17")
    assert again["id"] == shown["id"]


def test_submit_with_custom_as_json(daemon):
    custom = {"n": 1, "deep": {"a": [True, None]}}
    assert daemon.ctl_json("submit", *ADA, "--custom-json", json.dumps(custom))["custom"] == custom


def test_a_dry_run_submits_nothing(daemon):
    before = len(daemon.items("/v1/requests"))
    run = daemon.ctl("submit", *ADA, "--custom", "row=1", "--dry-run")
    assert "example.com" in run.stdout
    assert len(daemon.items("/v1/requests")) == before


def test_register_list_show_and_wait(daemon):
    one = str(uuid.uuid4())
    registered = daemon.ctl_json("register", "--enrichment-id", one, "--type", "email", "--firstname", "Ada", "--custom", "row=9x")
    assert registered["enrichment_id"] == one and registered["state"] == "pending"
    listed = daemon.ctl_json("list", "--enrichment-id", one)["items"]
    assert [item["id"] for item in listed] == [registered["id"]]
    assert [item["id"] for item in daemon.ctl_json("list", "--custom", "row=9x")["items"]] == [registered["id"]]
    assert daemon.call_back(SECRET, harness.result(one, custom={"row": "9x"})) == "matched"
    for identifier in (registered["id"], one):
        shown = daemon.ctl_json("show", identifier)
        assert shown["state"] == "finished" and shown["result"]["email"] == "ada@example.com"
        assert daemon.ctl_json("wait", identifier)["id"] == registered["id"]


def test_list_filters(daemon):
    finished = {one["id"] for one in daemon.items("/v1/requests?state=finished")}
    assert {one["id"] for one in daemon.ctl_json("list", "--state", "finished", "--all")["items"]} == finished
    assert len(daemon.ctl_json("list", "--limit", "2")["items"]) == 2
    assert daemon.ctl_json("list", "--type", "personal_email")["items"] == []
    assert daemon.ctl_json("list", "--since", "2100-01-01T00:00:00Z")["items"] == []
    assert daemon.ctl_json("list", "--until", "2001-01-01T00:00:00Z")["items"] == []
    assert len(daemon.ctl_json("list", "--custom", "row=first 1")["items"]) == 1


def test_callbacks_and_match(module_sim, daemon):
    found, token = daemon.submit(module_sim, custom={"row": 1})
    assert daemon.call_back(token, harness.result(found["enrichment_id"], custom={"row": 2})) == "mismatched"
    listed = daemon.ctl_json("callbacks", "--state", "mismatched")["items"]
    mine = [one for one in listed if one["enrichment_id"] == found["enrichment_id"]]
    assert len(mine) == 1
    shown = daemon.ctl_json("callbacks", mine[0]["id"])
    assert json.loads(shown["body"])["custom"] == {"row": 2}
    daemon.ctl("match", mine[0]["id"], found["id"])
    assert daemon.request(found["id"])["state"] == "finished"


def test_deliveries_and_retry(daemon, new_prontod, module_sim):
    prontod = new_prontod(module_sim.url)
    crm = prontod.hook("crm", then="exit 65")
    prontod.start()
    found, token = prontod.submit(module_sim)
    prontod.call_back(token, harness.result(found["enrichment_id"]))
    delivery = prontod.request(found["id"])["deliveries"][0]["id"]
    prontod.wait_delivery(delivery, "dead")
    for options in (["--state", "dead"], ["--hook", "crm"], ["--request", found["id"]], []):
        assert [one["id"] for one in prontod.ctl_json("deliveries", *options)["items"]] == [delivery]
    assert prontod.ctl_json("deliveries", "--state", "succeeded")["items"] == []
    assert prontod.ctl_json("deliveries", delivery)["attempts"][0]["exit_code"] == 65
    prontod.ctl("retry", delivery)
    crm.wait(2)
    prontod.wait_delivery(delivery, "dead")
    crm.write()
    prontod.ctl("retry", "--dead", "--hook", "crm")
    prontod.wait_delivery(delivery, "succeeded")
    assert daemon.running()


def test_hooks_and_status(daemon):
    assert [one["name"] for one in daemon.ctl_json("hooks")["items"]] == ["crm"]
    assert isinstance(daemon.ctl_json("status"), dict)


# Formats

LISTS = ["list", "callbacks", "deliveries", "hooks"]


@pytest.mark.parametrize("command", LISTS)
def test_json_is_one_document(daemon, command):
    for options in ([], ["--format", "json"]):
        answer = json.loads(daemon.ctl(*options, command).stdout)
        assert set(answer) >= {"items"}


@pytest.mark.parametrize("command", LISTS)
def test_csv_has_a_header_and_a_row_for_each(daemon, command):
    rows = list(csv.DictReader(io.StringIO(daemon.ctl("--format", "csv", command).stdout)))
    items = daemon.ctl_json(command)["items"]
    assert len(rows) == len(items)
    column = "name" if command == "hooks" else "id"
    assert [row[column] for row in rows] == [item[column] for item in items]
    assert all(None not in row and None not in row.values() for row in rows)


@pytest.mark.parametrize("command", LISTS)
def test_a_table_has_aligned_lines(daemon, command):
    text = daemon.ctl("--format", "table", command).stdout
    with pytest.raises(ValueError):
        json.loads(text)
    assert len(text.splitlines()) >= 2


def test_one_request_in_every_format(daemon):
    one = daemon.items("/v1/requests?state=finished")[0]["id"]
    assert one in daemon.ctl("--format", "table", "show", one).stdout
    assert json.loads(daemon.ctl("--format", "json", "show", one).stdout)["id"] == one
    assert one in daemon.ctl("--format", "csv", "show", one).stdout


def on_a_terminal(command):
    """What a program writes to a terminal."""
    main, terminal = pty.openpty()
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        data = b""
        while select.select([main], [], [], harness.PATIENCE)[0]:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            data += piece
            if not piece:
                break
    os.close(main)
    return data.decode(), process.returncode


def test_a_table_on_a_terminal_and_json_otherwise(daemon):
    text, status = on_a_terminal([harness.PRONTOCTL, "--socket", daemon.socket, "list"])
    assert status == 0
    with pytest.raises(ValueError):
        json.loads(text)
    assert daemon.items("/v1/requests")[0]["state"] in text
    text, status = on_a_terminal([harness.PRONTOCTL, "--socket", daemon.socket, "--format", "json", "list"])
    assert status == 0 and json.loads(text)["items"]


def test_escape_sequences_do_not_reach_a_terminal(daemon):
    one = str(uuid.uuid4())
    daemon.register(one, firstname="Ada\x1b]0;owned\x07", lastname="Lovelace", custom={"k": "\x1b[31m"})
    for command in (["list", "--enrichment-id", one], ["show", one]):
        text, _ = on_a_terminal([harness.PRONTOCTL, "--socket", daemon.socket, *command])
        assert "\x1b]0" not in text and "\x1b[31m" not in text


# Exit statuses

@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["--nonsense"], ["--format", "xml", "list"], ["list", "--nonsense"], ["list", "--limit", "x"], ["list", "extra"],
    ["list", "--state", "nonsense"], ["show"], ["show", "a", "b"], ["submit", "--custom", "noequals", *ADA],
    ["submit", "--custom-json", "{", *ADA], ["submit", "--custom-json", "[1]", *ADA], ["match", "only-one"], ["retry"], ["register"],
    ["submit", "--firstname"]], ids=" ".join)
def test_wrong_usage_is_2(daemon, arguments):
    run = daemon.ctl(*arguments, status=2)
    assert run.stderr and not run.stdout


def test_invalid_input_is_2_and_names_the_fields(daemon):
    run = daemon.ctl("submit", "--firstname", "Ada", "--type", "phone", status=2)
    assert run.stderr.count("\n") == 1
    assert "lastname" in run.stderr and "linkedin_url" in run.stderr.replace("-", "_")


def test_not_found_is_6(daemon):
    nobody = str(uuid.uuid4())
    for arguments in (["show", nobody], ["wait", nobody], ["retry", nobody], ["callbacks", nobody], ["deliveries", nobody],
                      ["match", nobody, nobody]):
        run = daemon.ctl(*arguments, status=6)
        assert run.stderr.count("\n") == 1 and not run.stdout


def test_not_reached_is_7(tmp_path):
    for path in (tmp_path / "nothing.sock", tmp_path):
        run = subprocess.run([harness.PRONTOCTL, "--socket", path, "status"], capture_output=True, text=True, check=False,
                             timeout=harness.PATIENCE)
        assert run.returncode == 7 and run.stderr.count("\n") == 1


def test_the_socket_from_the_environment(daemon):
    environment = os.environ | {"PRONTOD_SOCKET": str(daemon.socket)}
    run = subprocess.run([harness.PRONTOCTL, "status"], capture_output=True, text=True, check=False, env=environment,
                         timeout=harness.PATIENCE)
    assert run.returncode == 0


@pytest.mark.parametrize("behaviour, status", [({"submit_status": 401}, 3), ({"submit_status": 403}, 3), ({"out_of_credits": True}, 5),
                                               ({"plan_limit": True}, 5)])
def test_submit_with_wait_ends_at_once_when_pronto_refuses_the_account(silent, new_prontod, behaviour, status):
    silent.behave(**behaviour)
    prontod = new_prontod(silent.url).start()
    run = prontod.ctl("submit", *ADA, "--wait", status=status)
    assert run.stderr.count("\n") == 1
    assert [one["state"] for one in prontod.items("/v1/requests")] == ["queued"]


def test_a_request_that_failed_is_1(silent, new_prontod):
    silent.behave(submit_status=422)
    prontod = new_prontod(silent.url).start()
    prontod.ctl("submit", *ADA, "--wait", status=1)


def test_submit_with_wait_gives_up_in_time(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    run = prontod.ctl("submit", *ADA, "--wait=1", status=None)
    assert run.returncode in (0, 1)
    assert len(prontod.items("/v1/requests")) == 1


class StandIn(socketserver.ThreadingUnixStreamServer):
    """Answers every request with the same bytes."""

    daemon_threads = True

    def __init__(self, path, answer):
        self.answer = answer
        super().__init__(str(path), StandInHandler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


class StandInHandler(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        self.wfile.write(self.server.answer)


def http(status, body, kind="application/problem+json"):
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def words(status, **members):
    return json.dumps({"title": "Trouble", "status": status, "detail": f"trouble number {status}"} | members)


@pytest.mark.parametrize("answer, status", [
    (http(500, words(500)), 1), (http(503, words(503)), 1), (http(400, words(400)), 2), (http(422, words(422)), 2), (http(401, words(401)), 3),
    (http(403, words(403)), 3), (http(429, words(429)), 4), (http(402, words(402)), 5), (http(404, words(404)), 6), (http(500, "<html>"), 1),
    (http(503, words(503, kind="authentication")), 3), (http(503, words(503, kind="rate_limit")), 4), (http(502, words(502, kind="credits")), 5),
    (http(404, words(404, kind="of its own")), 6), (http(502, words(502, kind=3)), 1),
    (http(200, "no JSON", "application/json"), 1), (b"nonsense\r\n\r\n", None), (b"", None)],
    ids=range(18))
def test_answers_become_exit_statuses(tmp_path, answer, status):
    server = StandIn(tmp_path / "s", answer)
    try:
        run = subprocess.run([harness.PRONTOCTL, "--socket", tmp_path / "s", "status"], capture_output=True, text=True, check=False,
                             timeout=harness.PATIENCE)
        assert run.returncode == status or (status is None and run.returncode in (1, 7))
        assert run.stderr.count("\n") == 1
        assert "trouble" not in str(answer) or "trouble number" in run.stderr
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("state, status", [("out_of_budget", 5), ("out_of_credits", 5), ("key_refused", 3), ("no_key", 3)])
def test_why_a_request_stays_queued(tmp_path, state, status):
    body = json.dumps({"id": "x", "state": "queued", "submitting": {"state": state, "detail": "all is spent"}})
    server = StandIn(tmp_path / "s", http(200, body, "application/json"))
    try:
        run = subprocess.run([harness.PRONTOCTL, "--socket", tmp_path / "s", "submit", *ADA, "--wait"], capture_output=True, text=True,
                             check=False, timeout=harness.PATIENCE)
        assert run.returncode == status
        assert run.stderr == "prontoctl: the request stays queued: all is spent\n"
    finally:
        server.shutdown()
        server.server_close()


def test_help_of_every_command():
    run = subprocess.run([harness.PRONTOCTL, "--help"], capture_output=True, text=True, check=True, timeout=harness.PATIENCE)
    for command in ("submit", "register", "list", "show", "wait", "callbacks", "match", "deliveries", "retry", "hooks", "status", "credits",
                    "poll"):
        assert re.search(rf"^\s+{command}\b", run.stdout, re.MULTILINE), command
        one = subprocess.run([harness.PRONTOCTL, command, "--help"], capture_output=True, text=True, check=False,
                             timeout=harness.PATIENCE)
        assert one.returncode == 0 and command in one.stdout


def test_a_list_of_more_than_a_page(silent, new_prontod):
    prontod = new_prontod(silent.url).start()
    for _ in range(2):
        prontod.post("/v1/requests", [contact(custom={"row": row}) for row in range(60)])
    assert len(prontod.ctl_json("list")["items"]) == 50
    everything = prontod.ctl_json("list", "--all")["items"]
    assert len({one["id"] for one in everything}) == len(everything) == 120
