"""docs/openapi.yaml says what the query socket does: its routes, their parameters, bodies, rights and answers."""

import copy
import json
import re
import subprocess
import uuid

import jsonschema
import pytest

import harness
import openapi
from harness import contact, result, wait_until

FILE = harness.TOP / "docs" / "openapi.yaml"
PRINT_ROUTES = harness.BUILD / "tests" / "unit" / "query" / "print-routes"
SECRET = "secret-" + uuid.uuid4().hex
NOBODY = "123e4567-e89b-42d3-a456-426614174000"
LINKEDIN = "https://linkedin.example/in/ada"


@pytest.fixture(scope="module", name="description")
def read_description():
    return openapi.Description(FILE)


def routes():
    """{(method, path): (right, body, parameters)} of the program's own table."""
    lines = subprocess.run([PRINT_ROUTES], check=True, capture_output=True, text=True).stdout.splitlines()
    rows = (line.split("\t") for line in lines)
    return {(method, path): (right, body, set(filter(None, names.split(",")))) for method, path, right, body, names in rows}


# The file itself

def test_every_schema_is_one_and_every_reference_leads_somewhere(description):
    for name, schema in description.components["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name)
    for reference in re.findall(r"\$ref: '([^']+)'", FILE.read_text(encoding="utf-8")):
        assert description.follow({"$ref": reference}), reference


def test_every_schema_is_used(description):
    text = FILE.read_text(encoding="utf-8")
    assert [name for name in description.components["schemas"] if f"'#/components/schemas/{name}'" not in text] == []


def test_the_version_is_that_of_the_program(description):
    run = subprocess.run([harness.PRONTOD, "--version"], check=True, capture_output=True, text=True)
    assert description.document["info"]["version"] in run.stdout.split()


def test_operations_have_names_of_their_own_and_examples_that_fit(description):
    names = [one["operationId"] for one in description.operations.values()]
    assert len(names) == len(set(names))
    for key, operation in description.operations.items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for example in content.get("examples", {}).values():
                assert description.body_faults(key, json.dumps(example["value"])) == [], key


def test_objects_are_closed(description):
    """An object with members says which are required or that none is, and lets no other in; alone, or as a part of others."""
    def walk(name, schema, part):
        if isinstance(schema, list):
            for one in schema:
                walk(name, one, part)
        elif isinstance(schema, dict):
            if isinstance(schema.get("properties"), dict) and "type" in schema and not part:
                assert schema.get("additionalProperties") is False, name
            if "allOf" in schema:
                assert schema.get("unevaluatedProperties") is False, name
            for key, value in schema.items():
                walk(name, value, part and key not in ("properties", "items"))

    for name, schema in description.components["schemas"].items():
        walk(name, schema, name.endswith("Members"))


# Against the table of the program

def test_the_routes_are_those_of_the_table(description):
    assert set(description.operations) == set(routes())


def test_rights_bodies_and_parameters_are_those_of_the_table(description):
    for key, (right, body, names) in routes().items():
        operation = description.operations[key]
        assert operation["x-right"] == right, key
        given = operation.get("requestBody")
        assert body == ("none" if given is None else "required" if given["required"] else "optional"), key
        query = {one["name"] + ("." if one.get("explode") else "") for one in operation["parameters"] if one["in"] == "query"}
        assert query == names, key
        path = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert path == set(re.findall(r"\{(\w+)\}", key[1])), key


# Against the running program

def rejected(prontod):
    """Callbacks that no one can read, one of them no text at all."""
    for body in (b"[1]", b"\xff\xfe", b"{"):
        assert prontod.callback(SECRET, body).status == 400


def fill(prontod, sim):
    """Some of everything: requests and callbacks in their states, deliveries in theirs."""
    found, token = prontod.submit(sim, custom={"row": 1}, phone_country_codes=["FR"], linkedin_url=LINKEDIN)
    assert prontod.call_back(token, result(found["enrichment_id"], custom={"row": 1}, status="in_progress")) == "interim"
    good = result(found["enrichment_id"], custom={"row": 1}, phone=["+12015550123"])
    assert prontod.call_back(token, good) == "matched"
    assert prontod.call_back(token, good | {"email": "lovelace@example.com"}) == "duplicate"
    assert prontod.call_back(token, result(NOBODY)) == "mismatched"
    assert prontod.call_back(SECRET, result(str(uuid.uuid4()))) == "unmatched"
    rejected(prontod)
    sim.behave(submit_status=422)
    failed = prontod.post("/v1/requests", contact(firstname="Grace"), status=202)
    prontod.wait_state(failed["id"], "failed")
    sim.behave(submit_status=0)
    return found["id"], failed["id"], token


@pytest.fixture(name="full")
def make_full(silent, new_prontod, description):
    """A caller of a daemon that has some of everything: (caller, finished, failed, token)."""
    prontod = new_prontod(silent.url, secrets=[SECRET], config={"pronto": {"daily_credits": "1000"}})
    prontod.hook("crm", then="echo done", on="finished failed unmatched")
    prontod.hook("mad", then="echo no >&2; exit 65")
    prontod.hook("late", then="exit 75", backoff="1h 1h", on="finished unmatched")
    prontod.hook("mourner", on="dead")
    prontod.config["hook gone"] = {"command": prontod.directory / "no-such-program", "on": "finished"}
    prontod.start()
    finished, failed, token = fill(prontod, silent)
    for hook, state in (("crm", "succeeded"), ("mad", "dead"), ("late", "retrying"), ("mourner", "succeeded")):
        wait_until(lambda h=hook, s=state: prontod.get(f"/v1/deliveries?hook={h}&state={s}")["items"], f"{hook} is {state}")
    wait_until(lambda: "broken" in [one["state"] for one in prontod.get("/v1/hooks")["items"]], "a broken hook")
    return openapi.Caller(description, prontod), finished, failed, token


def submit(caller):
    accepted = caller.post("/v1/requests", 202, contact(custom={"row": 2}), headers={"Idempotency-Key": "two"})
    caller.post("/v1/requests", 409, contact(custom={"row": 3}), headers={"Idempotency-Key": "two"})
    assert "existing" in caller.post("/v1/requests", 202, contact(custom={"row": 4}, idempotency_key="four"))
    people = [contact(firstname=f"Ada{row}", enrichment_type=["email"], domain=None, company_name="Example") for row in range(2)]
    batch = caller.post("/v1/requests", 202, people)
    caller.post("/v1/requests", 202, contact(enrichment_type="phone", linkedin_url=LINKEDIN, domain=None))
    for wrong in (contact(firstname=None), contact(domain=None), contact(enrichment_type="phone"), contact(webhook_url="x"),
                  contact(enrichment_type="fax"), contact(linkedin_url="x"), contact(phone_country_codes=["France"]), [],
                  contact(custom=[]), contact(idempotency_key=""), contact(firstname=5), [contact()] * 101):
        caller.post("/v1/requests", 422, wrong)
    return accepted["id"], batch[0]["id"]


def register(caller):
    body = {"enrichment_id": str(uuid.uuid4()), "enrichment_type": "email", "custom": {"a": 1}}
    caller.post("/v1/requests/register", 201, body)
    caller.post("/v1/requests/register", 200, body)
    caller.post("/v1/requests/register", 409, body | {"custom": {"a": 2}})
    caller.post("/v1/requests/register", 422, {"enrichment_type": "email"})
    caller.post("/v1/requests/register", 422, body | {"idempotency_key": "x"})


def look(caller):
    """Every read, of everything there is."""
    for path in ("/v1/requests", "/v1/callbacks", "/v1/deliveries"):
        for item in caller.list(path):
            caller.get(f"{path}/{item['id']}")
        caller.get(f"{path}?limit=1")
        caller.get(f"{path}?limit=x", 400)
        caller.get(f"{path}/{NOBODY}", 404)
    caller.get("/v1/requests?state=finished&enrichment_type=email&custom.row=1&since=2020-01-01&until=2100-01-01T00:00:00Z")
    for path in ("/v1/hooks", "/v1/status", "/metrics", "/v1/credits"):
        caller.get(path)
        caller.get(path + "?x=1", 400)
    shown = [caller.get(f"/v1/callbacks/{one['id']}") for one in caller.list("/v1/callbacks")]
    assert {one["state"] for one in shown} == {"matched", "duplicate", "unmatched", "mismatched", "interim", "rejected"}
    assert any("body_base64" in one for one in shown)
    assert {one["state"] for one in caller.list("/v1/hooks")} >= {"ok", "broken"}


def match(caller, finished):
    one = caller.list("/v1/callbacks?state=mismatched")[0]["id"]
    caller.post(f"/v1/callbacks/{one}/match", 422, {})
    caller.post(f"/v1/callbacks/{one}/match", 404, {"request_id": NOBODY})
    other = caller.list("/v1/callbacks?state=matched")[0]["id"]
    caller.post(f"/v1/callbacks/{other}/match", 409, {"request_id": finished})
    pending = caller.post("/v1/requests/register", 201, {"enrichment_id": NOBODY, "enrichment_type": "email"})
    answer = caller.post(f"/v1/callbacks/{one}/match", 200, {"request_id": pending["id"]})
    assert answer["state"] in ("matched", "duplicate")


def retry(caller):
    done = caller.list("/v1/deliveries?state=succeeded&hook=crm")[0]["id"]
    caller.post(f"/v1/deliveries/{done}/retry", 409)
    caller.post(f"/v1/deliveries/{done}/retry", 422, {"again": 1})
    caller.post(f"/v1/deliveries/{done}/retry", 202, {"again": True})
    caller.post(f"/v1/deliveries/{NOBODY}/retry", 404)
    caller.post("/v1/deliveries/retry", 422, {"hook": "mad"})
    caller.post("/v1/deliveries/retry", 422, {"state": "dead", "more": "x"})
    caller.post("/v1/deliveries/retry", 422, {"state": "dead", "since": "yesterday"})
    caller.post("/v1/deliveries/retry", 200, {"state": "dead", "hook": "mad", "event": "finished", "since": "2020-01-01"})


def hooks(caller, finished, failed, pending):
    for name, body in (("crm", None), ("crm", {"show_document": True, "request_id": finished}),
                       ("crm", {"show_document": True, "request_id": failed}), ("mourner", {"show_document": True})):
        assert ("document" in caller.post(f"/v1/hooks/{name}/test", 200, body)) == (body is not None)
    caller.post("/v1/hooks/crm/test", 422, {"request_id": 1})
    caller.post("/v1/hooks/crm/test", 409, {"request_id": pending})
    caller.post("/v1/hooks/nobody/test", 404)
    for action in ("pause", "resume"):
        caller.post(f"/v1/hooks/crm/{action}", 200)
        caller.post(f"/v1/hooks/nobody/{action}", 404)
    caller.post("/v1/hooks/gone/purge", 409)
    caller.post("/v1/hooks/nobody/purge", 404)
    del caller.prontod.config["hook gone"]
    caller.prontod.reload()
    wait_until(lambda: "paused" in [one["state"] for one in caller.prontod.get("/v1/hooks")["items"]], "a hook that left")
    assert None in [one["command"] for one in caller.list("/v1/hooks")]
    assert caller.post("/v1/hooks/gone/purge", 200)["purged"] > 0


def erase(caller, finished, failed):
    caller.post("/v1/requests/" + failed + "/poll", 409)
    caller.call("DELETE", f"/v1/requests/{failed}", 204)
    caller.call("DELETE", f"/v1/requests/{failed}", 404)
    caller.post("/v1/forget", 422, {})
    caller.post("/v1/forget", 422, {"email": "a@example.com", "request_id": finished})
    caller.post("/v1/forget", 200, {"email": "ada@example.com"})


def test_what_prontod_answers_is_described(full, silent):
    caller, finished, failed, _ = full
    pending, _ = submit(caller)
    caller.prontod.wait_state(pending, "pending")
    register(caller)
    look(caller)
    match(caller, finished)
    retry(caller)
    hooks(caller, finished, failed, pending)
    silent.behave(account_status=500)
    assert "today" in caller.get("/v1/credits", 502)
    silent.behave(account_status=0, poll_status=429)
    caller.post(f"/v1/requests/{pending}/poll", 503)
    silent.behave(poll_status=0)
    look_at_events(caller)
    erase(caller, finished, failed)
    good = {(method, path) for method, path, status in caller.seen if status < 300}
    assert set(caller.description.operations) - good == {("POST", "/v1/requests/{id}/poll")}


def test_a_poll_is_described(silent, new_prontod, description):
    caller = openapi.Caller(description, new_prontod(silent.url).start())
    found, _ = caller.prontod.submit(silent)
    assert caller.post(f"/v1/requests/{found['id']}/poll", 200)["source"] == "poll"


def look_at_events(caller):
    """The stream from its beginning up to the purging of a hook."""
    caller.watch("/v1/events?since=0", "delivery.purged")
    for line in ({"event": "heartbeat"}, {"event": "gap"}):
        assert caller.description.schema_faults("EventLine", line) == []
    caller.get("/v1/events?since=x", 400)


def test_without_a_key_submitting_is_503_as_described(new_prontod, description):
    caller = openapi.Caller(description, new_prontod().start())
    caller.post("/v1/requests", 503, contact())
    caller.get("/v1/credits", 503)
    caller.get("/v1/status")


def test_a_member_more_or_less_would_be_noticed(full):
    """The description is strict: each member of real answers is required, and no other may be there."""
    caller, finished, _, _ = full
    request = caller.get(f"/v1/requests/{finished}")
    answers = {"WholeRequest": request, "Callback": caller.get("/v1/callbacks/" + request["callbacks"][0]["id"]),
               "Delivery": request["deliveries"][0], "Attempt": attempt_of(caller), "Hook": caller.list("/v1/hooks")[0],
               "Status": caller.get("/v1/status"), "Credits": caller.get("/v1/credits"), "Problem": caller.get("/v1/requests/x", 404)}
    for name, answer in answers.items():
        assert caller.description.schema_faults(name, answer) == []
        assert caller.description.schema_faults(name, answer | {"more": 1}), name
        for member in answer:
            less = copy.copy(answer)
            del less[member]
            assert caller.description.schema_faults(name, less), (name, member)
    for name, members in caller.get("/v1/status").items():
        if isinstance(members, dict):
            others = [members | {"more": 1}] + [{one: value for one, value in members.items() if one != gone} for gone in members]
            for other in others:
                assert caller.description.schema_faults("Status", answers["Status"] | {name: other}), (name, other)


def attempt_of(caller):
    found = caller.list("/v1/deliveries?hook=mad")[0]["id"]
    return caller.get(f"/v1/deliveries/{found}")["attempts"][0]
