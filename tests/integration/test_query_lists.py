"""The lists of the query socket: filters, pages, callbacks, deliveries, hooks."""

import urllib.parse
import uuid

import pytest

import harness
import simulator
from harness import contact

SECRET = "secret-" + uuid.uuid4().hex
LINKEDIN = "https://linkedin.example/in/ada"


@pytest.fixture(scope="module", name="full")
def make_full():
    """A daemon with requests in every state that can be had quickly, callbacks in every state, and deliveries."""
    sim = simulator.Simulator(harness.PRONTO_SIM, "--behaviour", "lose=1")
    one = harness.Prontod(sim.url, secrets=[SECRET])
    one.hook("crm")
    one.hook("picky", then="exit 65", on="finished failed")
    one.start()
    requests = []
    for number in range(13):
        fields = {"custom": {"n": number, "even": number % 2 == 0, "s": f"custom-value {number % 3}"}}
        if number % 4 == 0:
            fields |= {"enrichment_type": "phone", "linkedin_url": LINKEDIN}
        requests.append((*one.submit(sim, **fields), fields["custom"]))
    for found, token, custom in requests[:6]:
        one.call_back(token, harness.result(found["enrichment_id"], custom=custom))
    one.call_back(requests[0][1], harness.result(requests[0][0]["enrichment_id"], custom=requests[0][2]))
    one.call_back(requests[7][1], harness.result(str(uuid.uuid4())))
    one.call_back(requests[8][1], harness.result(requests[8][0]["enrichment_id"], status="pending"))
    for _ in range(4):
        one.call_back(SECRET, harness.result(str(uuid.uuid4())))
    assert one.callback(SECRET, b"no JSON").status == 400
    sim.behave(submit_status=422)
    failed = [one.post("/v1/requests", contact())["id"] for _ in range(2)]
    for request_id in failed:
        one.wait_state(request_id, "failed")
    harness.wait_until(lambda: len([d for d in one.items("/v1/deliveries") if d["state"] in ("succeeded", "dead")]) == 14)
    yield one
    one.close()
    sim.close()


@pytest.mark.parametrize("path", [
    "/v1/requests", "/v1/requests?state=pending", "/v1/requests?enrichment_type=phone", "/v1/requests?custom.even=true",
    "/v1/requests?state=finished&enrichment_type=email&custom.s=custom-value%201", "/v1/callbacks", "/v1/callbacks?state=unmatched",
    "/v1/deliveries", "/v1/deliveries?state=dead", "/v1/deliveries?hook=crm"])
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_give_the_whole_once(full, path, limit):
    whole = [one["id"] for one in full.items(path)]
    assert whole and len(set(whole)) == len(whole)
    mark = "&" if "?" in path else "?"
    walked, cursor = [], ""
    while cursor is not None:
        answer = full.get(f"{path}{mark}limit={limit}{cursor}")
        assert set(answer) == {"items", "next"} and len(answer["items"]) <= limit
        walked += [one["id"] for one in answer["items"]]
        cursor = answer["next"] and "&after=" + urllib.parse.quote(answer["next"])
        assert answer["items"] or cursor is None
    assert walked == whole


def test_pages_while_more_arrives_repeat_nothing_and_miss_nothing_old(full):
    before = {one["id"] for one in full.items("/v1/callbacks")}
    seen, cursor = [], ""
    while cursor is not None:
        answer = full.get(f"/v1/callbacks?limit=3{cursor}")
        seen += [one["id"] for one in answer["items"]]
        cursor = answer["next"] and "&after=" + urllib.parse.quote(answer["next"])
        if len(seen) < 12:
            full.call_back(SECRET, harness.result(str(uuid.uuid4())))
    assert len(set(seen)) == len(seen) and before <= set(seen)


@pytest.mark.parametrize("name, values", [
    ("state", ["queued", "pending", "finished", "failed", "expired"]), ("enrichment_type", ["email", "phone", "personal_email"])])
def test_requests_by_a_filter(full, name, values):
    whole = full.items("/v1/requests")
    for value in values:
        expected = {one["id"] for one in whole if one[name] == value}
        found = full.items(f"/v1/requests?{name}={value}")
        assert {one["id"] for one in found} == expected
    assert len(whole) == 15


@pytest.mark.parametrize("query, predicate", [
    ("custom.n=3", lambda custom: custom.get("n") == 3), ("custom.even=true", lambda custom: custom.get("even") is True),
    ("custom.even=false", lambda custom: custom.get("even") is False),
    ("custom.s=custom-value%201", lambda custom: custom.get("s") == "custom-value 1"),
    ("custom.s=custom-value%201&custom.even=true", lambda custom: custom.get("s") == "custom-value 1" and custom.get("even")),
    ("custom.s=custom-value", lambda custom: False), ("custom.nothing=1", lambda custom: False)])
def test_requests_by_custom(full, query, predicate):
    expected = {one["id"] for one in full.items("/v1/requests") if predicate(one["custom"] or {})}
    assert {one["id"] for one in full.items(f"/v1/requests?{query}")} == expected


def test_requests_by_time(full):
    whole = full.items("/v1/requests")
    middle = sorted(one["created_at"] for one in whole)[7]
    quoted = urllib.parse.quote(middle)
    since = {one["id"] for one in full.items(f"/v1/requests?since={quoted}")}
    until = {one["id"] for one in full.items(f"/v1/requests?until={quoted}")}
    for one in whole:  # whether the very moment is in is not said
        if one["created_at"] != middle:
            assert (one["id"] in since) == (one["created_at"] > middle)
            assert (one["id"] in until) == (one["created_at"] < middle)
    assert full.items("/v1/requests?since=2100-01-01T00:00:00Z") == []
    assert full.items("/v1/requests?until=2001-01-01T00:00:00Z") == []


def test_requests_by_enrichment_id(full):
    one = full.items("/v1/requests?state=pending")[0]
    assert [found["id"] for found in full.items(f"/v1/requests?enrichment_id={one['enrichment_id']}")] == [one["id"]]
    assert full.items(f"/v1/requests?enrichment_id={uuid.uuid4()}") == []


@pytest.mark.parametrize("path", [
    "/v1/requests?limit=0", "/v1/requests?limit=1001", "/v1/requests?limit=-1", "/v1/requests?limit=x", "/v1/requests?limit=1e9",
    "/v1/requests?limit=", "/v1/requests?after=nonsense", "/v1/requests?after=%00", "/v1/requests?state=nonsense",
    "/v1/requests?enrichment_type=fax", "/v1/requests?since=yesterday", "/v1/requests?until=5", "/v1/requests?colour=blue",
    "/v1/callbacks?state=pending", "/v1/callbacks?colour=blue", "/v1/callbacks?after=nonsense", "/v1/callbacks?limit=0",
    "/v1/deliveries?state=finished", "/v1/deliveries?colour=blue", "/v1/deliveries?after=nonsense"])
def test_wrong_filters_are_400(full, path):
    answer = full.query("GET", path)
    assert answer.status == 400
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    assert answer.json()["status"] == 400 and answer.json()["title"] and answer.json()["detail"]


@pytest.mark.parametrize("state", ["matched", "duplicate", "unmatched", "mismatched", "interim", "rejected"])
def test_callbacks_by_state(full, state):
    found = full.items(f"/v1/callbacks?state={state}")
    assert found and {one["state"] for one in found} == {state}
    one = full.get(f"/v1/callbacks/{found[0]['id']}")
    assert set(one) >= {"id", "state", "reason", "differs", "request_id", "enrichment_id", "received_at", "client", "headers"}
    assert "body" in one or "body_base64" in one
    assert (one["request_id"] is not None) == (state in ("matched", "duplicate")) or state in ("mismatched", "interim")
    assert (one["reason"] == "not_json") == (state == "rejected")


def test_deliveries_by_filters(full):
    whole = full.items("/v1/deliveries")
    for state in ("queued", "running", "retrying", "succeeded", "dead"):
        expected = {one["id"] for one in whole if one["state"] == state}
        assert {one["id"] for one in full.items(f"/v1/deliveries?state={state}")} == expected
    for hook in ("crm", "picky"):
        expected = {one["id"] for one in whole if one["hook"] == hook}
        assert {one["id"] for one in full.items(f"/v1/deliveries?hook={hook}")} == expected
    request = whole[0]["request_id"]
    expected = {one["id"] for one in whole if one["request_id"] == request}
    assert {one["id"] for one in full.items(f"/v1/deliveries?request_id={request}")} == expected
    assert full.items(f"/v1/deliveries?request_id={uuid.uuid4()}") == []


def test_one_delivery(full):
    dead = full.items("/v1/deliveries?state=dead")[0]
    one = full.get(f"/v1/deliveries/{dead['id']}")
    assert set(one) >= {"id", "state", "event", "hook", "request_id", "created_at", "next_attempt_at", "gives_up_at",
                        "finished_at", "attempts"}
    assert one["hook"] == "picky" and one["finished_at"]
    attempt = one["attempts"][0]
    assert set(attempt) >= {"number", "started_at", "duration_ms", "exit_code", "signal", "timed_out", "interrupted", "error",
                            "output"}
    assert (attempt["number"], attempt["exit_code"], attempt["timed_out"]) == (1, 65, False)


def test_hooks(full):
    found = {one["name"]: one for one in full.get("/v1/hooks")["items"]}
    assert set(found) == {"crm", "picky"}
    crm = found["crm"]
    assert set(crm) >= {"name", "command", "mode", "on", "state", "queued", "running", "retrying", "succeeded", "dead",
                        "last_success_at", "last_failure", "error"}
    assert crm["state"] == "ok" and crm["mode"] == "exec" and crm["succeeded"] == 6 and crm["dead"] == 0
    assert str(full.hooks["crm"].path) in str(crm["command"])
    assert found["picky"]["dead"] == 8 and found["picky"]["last_failure"]


def test_matching_by_hand_what_cannot_be_matched(full):
    callback = full.items("/v1/callbacks?state=unmatched")[0]
    path = f"/v1/callbacks/{callback['id']}/match"
    for body in (b"", b"[]", {}, {"request_id": 5}, {"request_id": None}):
        assert full.query("POST", path, body).status in (400, 422)
    assert full.query("POST", path, {"request_id": str(uuid.uuid4())}).status in (404, 422)
    rejected = full.items("/v1/callbacks?state=rejected")[0]
    pending = full.items("/v1/requests?state=pending")[0]
    answer = full.query("POST", f"/v1/callbacks/{rejected['id']}/match", {"request_id": pending["id"]})
    assert 400 <= answer.status < 500
    assert full.request(pending["id"])["state"] == "pending"
