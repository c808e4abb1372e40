"""Deliveries that died: found, counted, alarmed, run again; and hooks that are tried by hand."""

import json
import uuid

import pytest

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex
SAMPLE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(name="prontod")
def make_prontod_for_hooks(new_prontod):
    """Not started yet."""
    return new_prontod(secrets=[SECRET])


def finish(prontod, **fields):
    one = str(uuid.uuid4())
    registered = prontod.register(one)
    assert prontod.call_back(SECRET, harness.result(one) | fields) == "matched"
    return registered["id"]


def wait_state(prontod, request, *states, hook="crm"):
    def look():
        found = [one for one in prontod.request(request)["deliveries"] if one["hook"] == hook]
        return found and found[0]["state"] in states and prontod.get(f"/v1/deliveries/{found[0]['id']}")
    return wait_until(look, f"the state {states}")


def die(prontod):
    """A dead delivery of the hook crm, which exits 65."""
    return wait_state(prontod, finish(prontod), "dead")


def wait_count(prontod, hook, state, number):
    def look():
        return next(one for one in prontod.get("/v1/hooks")["items"] if one["name"] == hook)[state] == number
    wait_until(look, f"{number} {state} of {hook}")


# The alarm

def test_a_death_is_told_once_and_the_death_of_such_news_is_no_news(prontod):
    crm = prontod.hook("crm", then="exit 65")
    alarm = prontod.hook("alarm", on="dead", then="exit 65")
    second = prontod.hook("second", on="dead")
    prontod.start()
    one = die(prontod)
    document = second.wait(1)[0].document
    assert (document["event"], document["dead"]["hook"], document["dead"]["delivery_id"]) == ("dead", "crm", one["id"])
    assert document["dead"]["attempts"] == 1
    wait_count(prontod, "alarm", "dead", 1)
    # Whatever the death of the alarm would have made is there by now: it is made with the death.
    assert len(prontod.items("/v1/deliveries")) == 3
    assert (crm.count(), alarm.count(), second.count()) == (1, 1, 1)
    assert [found["hook"] for found in prontod.items("/v1/deliveries?state=dead&event=dead")] == ["alarm"]


# Run again

def test_by_time_event_and_request(prontod):
    crm = prontod.hook("crm", then="exit 65")
    prontod.start()
    ones = [die(prontod) for _ in range(4)]
    times = [one["finished_at"] for one in ones]
    crm.write()
    assert prontod.ctl_json("retry", "--dead", "--event", "failed")["retried"] == 0
    assert prontod.ctl_json("retry", "--dead", "--until", times[0])["retried"] == 0
    assert prontod.ctl_json("retry", "--dead", "--since", times[3], "--hook", "crm")["retried"] == 1
    wait_state(prontod, ones[3]["request_id"], "succeeded")
    assert prontod.ctl_json("retry", "--dead", "--request", ones[1]["request_id"])["retried"] == 1
    wait_state(prontod, ones[1]["request_id"], "succeeded")
    assert {one["id"] for one in prontod.items("/v1/deliveries?state=dead")} == {ones[0]["id"], ones[2]["id"]}
    answer = prontod.post("/v1/deliveries/retry", {"state": "dead", "event": "finished", "since": times[0], "until": times[1]})
    assert answer == {"retried": 1}
    wait_state(prontod, ones[0]["request_id"], "succeeded")
    assert [one["id"] for one in prontod.items("/v1/deliveries?state=dead")] == [ones[2]["id"]]


@pytest.mark.parametrize("body", [{}, {"state": "queued"}, {"state": "dead", "hooks": "crm"}, {"state": "dead", "since": "soon"},
                                  {"state": "dead", "event": "died"}, {"state": "dead", "hook": None}])
def test_what_is_not_understood_is_refused(prontod, body):
    prontod.hook("crm")
    prontod.start()
    prontod.post("/v1/deliveries/retry", body, status=422)


def test_one_that_has_succeeded_needs_again(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    one = wait_state(prontod, finish(prontod), "succeeded")
    refused = prontod.ctl("retry", one["id"], status=1)
    assert "again" in refused.stderr
    assert crm.count() == 1
    prontod.ctl("retry", one["id"], "--again")
    assert len(wait_state(prontod, one["request_id"], "succeeded")["attempts"]) >= 1
    runs = crm.wait(2)
    assert {run.environ["PRONTO_DELIVERY_ID"] for run in runs} == {one["id"]}
    assert [run.environ["PRONTO_ATTEMPT"] for run in runs] == ["1", "2"]


def test_one_that_is_run_again_gets_its_whole_give_up(prontod):
    crm = prontod.hook("crm", then="exit 1", give_up="1s", backoff="50ms 50ms", trip_after=0)
    prontod.start()
    one = wait_state(prontod, finish(prontod), "dead")
    before = len(one["attempts"])
    # It is older than give_up now: without a new age it would die at its first failure.
    again = prontod.post(f"/v1/deliveries/{one['id']}/retry", status=202)
    assert again["gives_up_at"] > one["finished_at"]
    crm.wait(before + 2)
    one = wait_state(prontod, one["request_id"], "dead")
    assert len(one["attempts"]) >= before + 2


def test_max_attempts_counts_anew(prontod):
    crm = prontod.hook("crm", then="exit 1", max_attempts=2, backoff="10ms 10ms")
    prontod.start()
    one = wait_state(prontod, finish(prontod), "dead")
    prontod.post(f"/v1/deliveries/{one['id']}/retry", status=202)
    crm.wait(4)
    assert len(wait_state(prontod, one["request_id"], "dead")["attempts"]) == 4


# Trying by hand

def test_a_hook_is_tried_on_a_stored_request(prontod):
    crm = prontod.hook("crm")
    prontod.start()
    request = finish(prontod, email="grace@example.com")
    wait_state(prontod, request, "succeeded")
    before = [prontod.items("/v1/deliveries"), prontod.request(request)]
    outcome = prontod.ctl_json("test-hook", "crm", "--request", request, "--show-document")
    assert outcome["exit_code"] == 0
    document = outcome["document"]
    assert (document["event"], document["delivery_id"], document["attempt"]) == ("finished", SAMPLE, 1)
    assert (document["request"]["id"], document["result"]["email"]) == (request, "grace@example.com")
    run = next(run for run in crm.wait(2) if run.environ["PRONTO_DELIVERY_ID"] == SAMPLE)
    assert run.document == document
    assert run.environ["PRONTO_EMAIL"] == "grace@example.com"
    first = next(run for run in crm.runs() if run.environ["PRONTO_DELIVERY_ID"] != SAMPLE)
    assert first.document | {"delivery_id": SAMPLE} == document
    assert [prontod.items("/v1/deliveries"), prontod.request(request)] == before, "nothing is stored"


def test_the_sample_is_shown_as_well(prontod):
    crm = prontod.hook("crm", on="failed")
    prontod.start()
    outcome = prontod.post("/v1/hooks/crm/test", {"show_document": True})
    assert outcome["document"] == crm.wait(1)[0].document
    assert outcome["document"]["event"] == "failed"
    assert "document" not in prontod.post("/v1/hooks/crm/test")
    assert "document" not in json.loads(prontod.ctl("test-hook", "crm").stdout)


def test_a_request_that_does_not_fit_is_refused_with_the_reason(prontod):
    prontod.hook("crm")
    prontod.hook("sorry", on="failed expired")
    prontod.start()
    pending = prontod.register(str(uuid.uuid4()))["id"]
    done = finish(prontod)
    assert "not come to an end" in prontod.post("/v1/hooks/crm/test", {"request_id": pending}, status=409)["detail"]
    assert "not on finished" in prontod.post("/v1/hooks/sorry/test", {"request_id": done}, status=409)["detail"]
    prontod.post("/v1/hooks/crm/test", {"request_id": str(uuid.uuid4())}, status=404)
    prontod.ctl("test-hook", "sorry", "--request", done, status=1)
