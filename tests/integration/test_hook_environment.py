"""What a hook is given: its standard input, environment, descriptors, and which events reach it."""

import json
import re
import uuid

import pytest

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex
# Records what the shell cannot see without changing it.
INSPECT = """#!/usr/bin/python3 -I
import json, os, signal, sys
found = {{}}
for name in os.listdir("/proc/self/fd"):
    try:
        found[name] = os.readlink("/proc/self/fd/" + name)
    except OSError:
        pass  # the descriptor of the listing itself
with open("/proc/self/status") as file:
    status = dict(line.rstrip().split(":", 1) for line in file)
document = sys.stdin.buffer.read().decode()
whole = {{"fds": found, "status": status, "cwd": os.getcwd(), "sid": os.getsid(0), "pgid": os.getpgid(0), "pid": os.getpid(),
         "argv": sys.argv, "umask": os.umask(0), "document": document}}
with open("{out}.new", "w") as file:
    json.dump(whole, file)
os.rename("{out}.new", "{out}")
"""


@pytest.fixture(name="prontod")
def make_prontod_for_hooks(new_prontod):
    """Not started yet."""
    return new_prontod(secrets=[SECRET])


def finish(prontod, custom=None, **fields):
    one = str(uuid.uuid4())
    kind = fields.pop("enrichment_type", "email")
    registered = prontod.register(one, custom=custom or {}, enrichment_type=kind)
    assert prontod.call_back(SECRET, harness.result(one, custom=custom) | fields) == "matched"
    return registered["id"]


def test_only_the_named_variables_are_there(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    finish(prontod, phone=["+12015550123", "+12015550124"], personal_email="ada@example.org")
    environ = crm.wait()[0].environ
    allowed = {"PATH", "HOME", "LANG"} | {f"PRONTO_{name}" for name in (
        "EVENT", "HOOK", "DELIVERY_ID", "ATTEMPT", "REQUEST_ID", "ENRICHMENT_ID", "ENRICHMENT_TYPE", "STATUS", "EMAIL",
        "EMAIL_STATUS", "PERSONAL_EMAIL", "PHONE", "OMITTED")}
    assert set(environ) <= allowed
    assert environ["PRONTO_EMAIL"] == "ada@example.com" and environ["PRONTO_EMAIL_STATUS"] == "deliverable"
    assert environ["PRONTO_PERSONAL_EMAIL"] == "ada@example.org" and environ["PRONTO_PHONE"] == "+12015550123"


def test_scalars_of_custom_become_variables(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    custom = {"hubspot_id": "custom-value 17", "n": 12345678901234567890, "yes": True, "no": False, "object": {"a": 1}, "array": [1],
              "a-b": "first", "a_b": "second", "with blank": "x", "-rf": "$(reboot) `reboot`; reboot", "line": "one\ntwo\n", "": "x",
              "BASH_FUNC_echo%%": "() { :; }", "LD_PRELOAD": "/nothing.so", "=": "y", "empty": "", "e": "\u00e9\U0001f600", "*": "star"}
    finish(prontod, custom=custom)
    run = crm.wait()[0]
    environ = run.environ
    expected = {"HUBSPOT_ID": "custom-value 17", "N": "12345678901234567890", "YES": "true", "NO": "false", "A_B": "first",
                "WITH_BLANK": "x", "_RF": "$(reboot) `reboot`; reboot", "LINE": "one\ntwo\n", "BASH_FUNC_ECHO__": "() { :; }",
                "LD_PRELOAD": "/nothing.so", "EMPTY": "", "E": "\u00e9\U0001f600"}
    for name, value in expected.items():
        assert environ["PRONTO_CUSTOM_" + name] == value, name
    assert "PRONTO_CUSTOM_OBJECT" not in environ and "PRONTO_CUSTOM_ARRAY" not in environ
    assert environ["PRONTO_CUSTOM__"] == "y"  # of two keys with one name the first counts
    for name in environ:
        assert re.fullmatch(r"PATH|HOME|LANG|PRONTO_[A-Z0-9_]*", name), name
    assert run.document["request"]["custom"] == custom == run.document["result"]["custom"]
    assert len(run.argv) == 2, "nothing of the document is in argv"


def test_values_too_long_or_with_a_nul_are_left_out_and_named(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    custom = {"big": "x" * 40960, "fits": "y" * 32000, "zero": "a\0b", "small": "custom-value"}
    finish(prontod, custom=custom, email="ada\0@example.com")
    run = crm.wait()[0]
    assert "PRONTO_CUSTOM_BIG" not in run.environ and "PRONTO_CUSTOM_ZERO" not in run.environ and not run.environ.get("PRONTO_EMAIL")
    assert run.environ["PRONTO_CUSTOM_FITS"] == "y" * 32000 and run.environ["PRONTO_CUSTOM_SMALL"] == "custom-value"
    for name in ("PRONTO_CUSTOM_BIG", "PRONTO_CUSTOM_ZERO", "PRONTO_EMAIL"):
        assert name in run.environ["PRONTO_OMITTED"]
    for name in ("FITS", "SMALL", "EMAIL_STATUS"):
        assert name not in run.environ["PRONTO_OMITTED"]
    assert run.document["request"]["custom"] == custom and run.document["result"]["email"] == "ada\0@example.com"


def test_what_goes_past_256_kib_in_all_is_left_out_and_named(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    custom = {f"key{number}": "z" * 30000 for number in range(8)}
    finish(prontod, custom=custom, email="y" * 30000, personal_email="x" * 30000)
    environ = crm.wait()[0].environ
    names = [f"PRONTO_CUSTOM_{name.upper()}" for name in custom] + ["PRONTO_EMAIL", "PRONTO_PERSONAL_EMAIL"]
    given = [name for name in names if environ.get(name)]
    omitted = [name for name in names if name in environ["PRONTO_OMITTED"]]
    assert len(given) in (7, 8) and sorted(given + omitted) == sorted(names)


def test_thousands_of_custom_keys(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    custom = {f"key{number}": number for number in range(10000)}
    finish(prontod, custom=custom)
    run = crm.wait()[0]
    assert run.document["request"]["custom"] == custom
    assert run.environ["PRONTO_CUSTOM_KEY7"] == "7"


def test_descriptors_arguments_signals_and_session(prontod):
    crm = prontod.hook("crm")
    prontod.config["hook crm"]["command"] = f'{crm.path} --from-pronto "two words"'
    out = prontod.directory / "inspection"
    crm.write(whole=INSPECT.format(out=out))
    prontod.start()
    finish(prontod, custom={"k": "custom-value"})
    found = json.loads(wait_until(lambda: out.exists() and out.read_text()))
    assert sorted(found["fds"]) == ["0", "1", "2"], found["fds"]
    assert found["argv"] == [str(crm.path), "--from-pronto", "two words"]
    for name in ("SigBlk", "SigIgn"):
        # Python itself ignores SIGPIPE and SIGXFSZ, and the C library's posix_spawn() leaves its own two signals ignored.
        there = {number for number in range(1, 65) if int(found["status"][name], 16) >> (number - 1) & 1}
        assert there <= {13, 25, 32, 33}, name
    assert found["pid"] == found["pgid"], "it leads a process group of its own"
    assert found["status"]["NoNewPrivs"].strip() in ("0", "1")
    assert json.loads(found["document"])["hook"] == "crm"


def test_the_key_is_not_within_reach_of_a_hook(new_prontod, silent):
    prontod = new_prontod(silent.url)
    crm = prontod.hook("crm")
    prontod.start()
    found, token = prontod.submit(silent)
    prontod.call_back(token, harness.result(found["enrichment_id"]))
    run = crm.wait()[0]
    for text in (run.stdin.decode(), json.dumps(run.environ), " ".join(run.argv)):
        assert prontod.api_key not in text and token not in text and "PRONTO_TEST_LEAK" not in text
    for pid in [prontod.process.pid, *prontod.workers().values()]:
        for name in ("environ", "cmdline"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    text = file.read()
            except PermissionError:
                continue  # even better
            assert prontod.api_key.encode() not in text and token.encode() not in text


# Standard input

def test_a_hook_need_not_read_its_document(prontod):
    crm = prontod.hook("crm")
    crm.write(whole="#!/bin/sh\nexec <&-\nexit 0\n")
    prontod.start()
    request = finish(prontod, padding="x" * 900_000)
    delivery = prontod.request(request)["deliveries"][0]
    assert prontod.wait_delivery(delivery["id"], "succeeded")


def test_a_large_document_arrives_whole(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    finish(prontod, padding="\u00e9\"\\\n" * 60_000)
    assert crm.wait()[0].document["raw"]["padding"] == "\u00e9\"\\\n" * 60_000


def test_a_background_child_that_keeps_the_output_open_does_not_hold_it_up(prontod):
    crm = prontod.hook("crm")
    crm.write(whole="#!/bin/sh\nsleep 40 &\necho done\nexit 0\n")
    prontod.start()
    request = finish(prontod)
    delivery = prontod.request(request)["deliveries"][0]
    done = prontod.wait_delivery(delivery["id"], "succeeded")
    assert "done" in done["attempts"][0]["output"] and done["attempts"][0]["duration_ms"] < 40_000


def test_duplicate_keys_are_read_alike_everywhere(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    one = str(uuid.uuid4())
    prontod.register(one, custom={"k": "custom-value 2"})
    text = f'{{"enrichment_id":"x","enrichment_id":"{one}","status":"pending","status":"finished",' \
           '"email":"first@example.com","email":"last@example.com","custom":{"k":1},"custom":{"k":"a","k":"custom-value 2"}}'
    assert prontod.call_back(SECRET, text) == "matched"
    run = crm.wait()[0]
    assert run.document["result"]["email"] == run.environ["PRONTO_EMAIL"] == "last@example.com"
    pairs = json.loads(run.stdin, object_pairs_hook=list)
    raw = dict(pairs)["raw"]
    assert [value for name, value in raw if name == "email"] == ["last@example.com"], "nobody may see another value"


# Which events reach which hook

def test_only_found_and_only_empty(prontod):
    hooks = {name: prontod.hook(name, only=name) for name in ("found", "empty", "any")}
    prontod.start()
    with_data = finish(prontod)
    without = finish(prontod, email=None, email_status="N/A", phone=[])
    with_phone = finish(prontod, email=None, phone=["+12015550123"])
    expected = {"found": {with_data, with_phone}, "empty": {without}, "any": {with_data, without, with_phone}}
    for name, requests in expected.items():
        runs = hooks[name].wait(len(requests))
        assert {run.environ["PRONTO_REQUEST_ID"] for run in runs} == requests
    assert len(prontod.items("/v1/deliveries")) == 6


def test_enrichment_type_of_a_hook(prontod):
    hooks = {name: prontod.hook(name, enrichment_type=types) for name, types in
             (("mail", "email personal_email"), ("phone", "phone"))}
    prontod.start()
    by_type = {kind: finish(prontod, enrichment_type=kind) for kind in ("email", "phone", "personal_email")}
    assert {run.environ["PRONTO_REQUEST_ID"] for run in hooks["mail"].wait(2)} == {by_type["email"], by_type["personal_email"]}
    assert [run.environ["PRONTO_REQUEST_ID"] for run in hooks["phone"].wait()] == [by_type["phone"]]
    assert hooks["phone"].runs()[0].environ["PRONTO_ENRICHMENT_TYPE"] == "phone"
    assert len(prontod.items("/v1/deliveries")) == 3


def test_one_hook_on_several_events(prontod):
    hook = prontod.hook("all", on="finished unmatched")
    prontod.start()
    assert prontod.call_back(SECRET, harness.result(str(uuid.uuid4()))) == "unmatched"
    finish(prontod)
    assert {run.environ["PRONTO_EVENT"] for run in hook.wait(2)} == {"finished", "unmatched"}


def test_a_dead_delivery_of_a_dead_hook_tells_nobody_of_itself(prontod):
    prontod.hook("crm", then="exit 65")
    alarm = prontod.hook("alarm", on="dead", then="exit 65")
    prontod.start()
    finish(prontod)
    alarm.wait()
    wait_until(lambda: len(prontod.items("/v1/deliveries?state=dead")) == 2)
    assert len(prontod.items("/v1/deliveries")) == 2 and alarm.count() == 1
