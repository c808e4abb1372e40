"""What prontod makes of Pronto's answers to a submission: accepted, refused, later."""

import json

import pytest

import harness
import simulator
from harness import contact, wait_until


def calls(sim):
    return sim.log()["calls"]


def submissions_of(sim):
    return sim.log()["counts"]["submissions"]


@pytest.mark.parametrize("form", ["error", "message", "errors"])
def test_422_fails_the_request_with_prontos_words(sim, new_prontod, form):
    sim.behave(consent=False, error_form=form)
    prontod = new_prontod(sim.url)
    failed = prontod.hook("failed", on="failed")
    crm = prontod.hook("crm")
    prontod.start()
    fields = {"enrichment_type": "personal_email", "linkedin_url": "https://linkedin.example/in/ada"}
    request = prontod.post("/v1/requests", contact(**fields))
    found = prontod.wait_state(request["id"], "failed")
    assert "without consenting with our terms of use" in json.dumps(found["error"])
    run = failed.wait()[0]
    assert (run.document["event"], run.environ["PRONTO_EVENT"]) == ("failed", "failed")
    assert run.document["request"]["id"] == request["id"]
    assert "without consenting" in run.stdin.decode()
    prontod.wait_delivery(found["deliveries"][0]["id"] if found["deliveries"] else
                          prontod.items("/v1/deliveries")[0]["id"], "succeeded")
    assert crm.count() == 0
    assert len(calls(sim)) == 1


def test_422_fails_every_request_of_a_batch(sim, new_prontod):
    sim.behave(submit_status=422)
    prontod = new_prontod(sim.url).start()
    answer = prontod.post("/v1/requests", [contact(), contact(firstname="Grace", lastname="Hopper")])
    for one in harness.batch_items(answer):
        assert prontod.wait_state(one["id"], "failed")["error"]


def test_a_key_that_pronto_repeats_in_an_error_is_masked(sim, new_prontod):
    sim.behave(consent=False, echo_key_in_error=True)
    prontod = new_prontod(sim.url)
    failed = prontod.hook("failed", on="failed")
    prontod.start()
    fields = {"enrichment_type": "personal_email", "linkedin_url": "https://linkedin.example/in/ada"}
    request = prontod.post("/v1/requests", contact(**fields))
    found = prontod.wait_state(request["id"], "failed")
    assert found["error"]
    assert prontod.api_key not in json.dumps(found)
    assert prontod.api_key.encode() not in failed.wait()[0].stdin
    assert prontod.stop() == 0
    assert prontod.api_key.encode() not in prontod.database.read_bytes()


@pytest.mark.parametrize("fault", [
    {"submit_status": 429, "submit_status_count": 2, "retry_after": "0"},
    {"submit_status": 429, "submit_status_count": 1},
    {"submit_status": 429, "submit_status_count": 1, "retry_after": "nonsense"},
    {"submit_status": 500, "submit_status_count": 2},
    {"submit_status": 503, "submit_status_count": 2},
    {"close": True, "fault_count": 1},
    {"garbage_answer": True, "fault_count": 1},
    {"huge_answer": "true", "fault_count": 1},
    {"huge_answer": "chunked", "fault_count": 1},
    {"hang": "true", "fault_count": 1},
    {"hang": "headers", "fault_count": 1},
    {"drip": "200ms", "fault_count": 1}], ids=json.dumps)
def test_what_goes_wrong_is_tried_again_later(sim, new_prontod, fault):
    sim.behave(**fault)
    prontod = new_prontod(sim.url, config={"pronto": {"timeout": "1s", "poll_after": "1s"}})
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.post("/v1/requests", contact())
    assert prontod.wait_state(request["id"], "finished")["error"] is None
    assert crm.wait()[0].environ["PRONTO_REQUEST_ID"] == request["id"]
    assert len(calls(sim)) >= 2 or "drip" in fault  # whose submission was accepted, and called back
    assert len(prontod.request(request["id"])["deliveries"]) == 1


def test_pronto_that_cannot_be_reached_is_tried_again_later(new_prontod):
    port = harness.Port()
    sim = None
    prontod = new_prontod(f"http://127.0.0.1:{port.number}/api/v2", config={"pronto": {"poll_after": "1s"}}).start()
    try:
        request = prontod.post("/v1/requests", contact())
        wait_until(lambda: prontod.request(request["id"])["error"], "a noted failure")
        assert prontod.request(request["id"])["state"] == "queued"
        sim = simulator.Simulator(harness.PRONTO_SIM, listen=f"127.0.0.1:{port.number}")
        prontod.wait_state(request["id"], "finished")
    finally:
        if sim:
            sim.close()
        port.release()


def test_a_result_counts_although_the_submit_call_was_never_answered(sim, new_prontod):
    sim.behave(hang="true", accept_anyway=True)
    prontod = new_prontod(sim.url, config={"pronto": {"timeout": "500ms"}}).start()
    request = prontod.post("/v1/requests", contact(custom={"row": 1}))
    found = prontod.wait_state(request["id"], "finished")
    assert found["enrichment_id"] == sim.submissions()[0]["enrichment_id"]
    assert submissions_of(sim) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_leaves_requests_queued_with_the_error(sim, new_prontod, status):
    sim.behave(submit_status=status)
    prontod = new_prontod(sim.url).start()
    request = prontod.post("/v1/requests", contact())
    wait_until(lambda: prontod.request(request["id"])["error"], "the error")
    assert prontod.request(request["id"])["state"] == "queued"
    assert prontod.http("GET", "/readyz").status == 200
    sim.behave(submit_status=0)
    prontod.reload()
    prontod.wait_state(request["id"], "finished")


@pytest.mark.parametrize("key", ["out_of_credits", "plan_limit"])
def test_want_of_credits_leaves_requests_queued_with_the_error(sim, new_prontod, key):
    sim.behave(**{key: True})
    prontod = new_prontod(sim.url)
    failed = prontod.hook("failed", on="failed")
    prontod.start()
    request = prontod.post("/v1/requests", contact())
    wait_until(lambda: prontod.request(request["id"])["error"], "the error")
    assert prontod.request(request["id"])["state"] == "queued"
    assert failed.count() == 0
    sim.behave(**{key: False})
    prontod.reload()
    prontod.wait_state(request["id"], "finished")


def test_redirects_are_not_followed(sim, new_prontod):
    other = simulator.Simulator(harness.PRONTO_SIM, seed=2)
    try:
        sim.behave(redirect=other.url + "/contacts/single_enrich", fault_count=1)
        prontod = new_prontod(sim.url, config={"pronto": {"poll_after": "1s"}}).start()
        request = prontod.post("/v1/requests", contact())
        prontod.wait_state(request["id"], "finished", "failed")
        assert calls(other) == [], "the API key went to another server"
    finally:
        other.close()


def test_without_an_api_key_submitting_is_503_and_the_rest_works(new_prontod):
    secret = "secret-without-key"
    prontod = new_prontod(secrets=[secret]).start()
    answer = prontod.query("POST", "/v1/requests", contact())
    assert answer.status == 503
    assert "key" in answer.json()["detail"].lower()
    assert prontod.items("/v1/requests") == []
    prontod.register("123e4567-e89b-12d3-a456-426614174000")
    assert prontod.call_back(secret, harness.result("123e4567-e89b-12d3-a456-426614174000")) == "matched"
    run = prontod.ctl("submit", "--firstname", "Ada", "--lastname", "Lovelace", "--type", "email", "--domain",
                      "example.com", status=1)
    assert run.stderr.count("\n") == 1


def test_no_more_calls_at_a_time_than_concurrency(sim, new_prontod):
    sim.behave(answer_delay="50ms")
    prontod = new_prontod(sim.url, config={"pronto": {"concurrency": "2"}}).start()
    ids = [prontod.post("/v1/requests", contact())["id"] for _ in range(10)]
    for one in ids:
        prontod.wait_state(one, "finished")
    assert sim.log()["max_concurrent"] <= 2


def test_many_submissions_are_each_sent_once(sim, new_prontod):
    prontod = new_prontod(sim.url).start()
    ids = harness.parallel(lambda row: prontod.post("/v1/requests", contact(custom={"row": row}))["id"], range(40))
    for row, one in enumerate(ids):
        assert prontod.wait_state(one, "finished")["custom"] == {"row": row}
    sent = [one["contacts"][0]["custom"]["row"] for one in sim.submissions()]
    assert sorted(sent) == list(range(40))
