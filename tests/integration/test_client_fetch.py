"""verify = fetch: a callback is only a signal; what counts is what Pronto answers to a GET."""

import json

import pytest

import harness
from harness import wait_until
from pronto_side import NEVER_POLLED, ask, check_each_once, documents, person, polls, submit_all, submit_array, submitted_by_others, wait_all

SECRET = "secret-of-other-software"
FORGED = "forged-by-somebody"  # in every member that a forger would like to see delivered
UNKNOWN = "123e4567-e89b-12d3-a456-426614174000"


def fetching(sim, new_prontod, **pronto):
    """A daemon, not yet started, that trusts no callback; it would poll after an hour."""
    return new_prontod(sim.url, secrets=[SECRET], config={"ingress": {"verify": "fetch"}, "pronto": NEVER_POLLED | pronto})


def forged(enrichment_id, **fields):
    return harness.result(enrichment_id, email=f"{FORGED}@example.com", email_status=FORGED, phone=[FORGED], note=FORGED, **fields)


def check_nothing_forged(prontod, *hooks):
    for hook in hooks:
        for run in hook.runs():
            assert FORGED.encode() not in run.stdin
            assert FORGED not in json.dumps(run.environ)
    for one in prontod.items("/v1/requests"):
        assert FORGED not in json.dumps(prontod.request(one["id"])["result"])


def test_an_honest_callback_leads_to_a_fetched_result(sim, new_prontod):
    prontod = fetching(sim, new_prontod)
    crm = prontod.hook("crm", concurrency=8)
    prontod.start()
    ids = submit_all(prontod, map(person, range(20)))
    check_each_once(prontod, ids)
    told = documents(crm, 20)
    for one in ids:
        found = prontod.request(one)
        assert found["source"] == told[one]["source"] == "fetch"
        assert [callback["state"] for callback in found["callbacks"]] == ["matched"]
    asked = {one["path"].rsplit("/", 1)[1] for one in polls(sim)}
    assert asked == {prontod.request(one)["enrichment_id"] for one in ids}
    assert told[ids[0]]["raw"] == ask(sim, prontod.request(ids[0])["enrichment_id"])


def test_forged_data_on_the_right_token_is_not_believed(sim, new_prontod):
    sim.behave(lose=1)
    prontod = fetching(sim, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    found, token = prontod.submit(sim)
    assert prontod.call_back(token, forged(found["enrichment_id"])) == "matched"
    after = prontod.wait_state(found["id"], "finished")
    assert after["source"] == "fetch" and after["result"]["email"] == "ada.lovelace@example.com"
    assert crm.wait()[0].document["raw"] == ask(sim, found["enrichment_id"])
    check_nothing_forged(prontod, crm)
    assert len(prontod.items("/v1/deliveries")) == 1


def test_a_forged_callback_before_the_result_is_there_changes_nothing(sim, new_prontod):
    sim.behave(delay="1h")
    prontod = fetching(sim, new_prontod)
    crm = prontod.hook("crm", on="finished failed expired")
    prontod.start()
    found, token = prontod.submit(sim)
    prontod.call_back(token, forged(found["enrichment_id"]))
    sim.wait(polls=1)
    assert prontod.request(found["id"])["state"] == "pending"
    sim.flush()  # the honest one
    after = prontod.wait_state(found["id"], "finished")
    assert after["source"] == "fetch" and after["result"]["email"] == "ada.lovelace@example.com"
    crm.wait()
    check_nothing_forged(prontod, crm)
    assert len(prontod.items("/v1/deliveries")) == 1


@pytest.mark.parametrize("change", [
    {"custom": {"row": FORGED}}, {"enrichment_id": UNKNOWN}, {"status": "pending"}, {"first_name": FORGED}], ids=json.dumps)
def test_whatever_else_is_forged_never_reaches_a_hook(sim, new_prontod, change):
    sim.behave(lose=1)
    prontod = fetching(sim, new_prontod)
    crm = prontod.hook("crm", on="finished unmatched")
    prontod.start()
    found, token = prontod.submit(sim, custom={"row": 1})
    body = forged(found["enrichment_id"], custom={"row": 1}) | change
    assert prontod.callback(token, body).status == 200
    prontod.call_back(token, harness.result(found["enrichment_id"], custom={"row": 1}))
    after = prontod.wait_state(found["id"], "finished")
    assert after["result"]["email"] == "ada.lovelace@example.com" and after["result"]["custom"] == {"row": 1}
    crm.wait()
    check_nothing_forged(prontod, crm)


@pytest.mark.parametrize("fault", [
    {"poll_status": 500, "poll_status_count": 2}, {"poll_status": 429, "poll_status_count": 1, "poll_retry_after": "1"},
    {"poll_close": True, "poll_fault_count": 2}, {"poll_hang": "true", "poll_fault_count": 1},
    {"poll_garbage_answer": True, "poll_fault_count": 1}, {"poll_huge_answer": "chunked", "poll_fault_count": 1}], ids=json.dumps)
def test_a_fetch_that_fails_is_made_again_by_itself(sim, new_prontod, fault):
    sim.behave(**fault)
    prontod = fetching(sim, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.post("/v1/requests", person(1))
    assert prontod.wait_state(request["id"], "finished")["source"] == "fetch"
    assert len(polls(sim)) >= 2
    crm.wait()
    sim.wait(idle="true")
    assert len(prontod.items("/v1/deliveries")) == 1
    assert sim.log()["counts"]["submissions"] == 1


def test_a_callback_is_acknowledged_although_the_fetch_hangs(silent, new_prontod):
    silent.behave(poll_hang="true")
    prontod = fetching(silent, new_prontod, timeout="2s")
    prontod.hook("crm")
    prontod.start()
    found, token = prontod.submit(silent)
    assert prontod.call_back(token, harness.result(found["enrichment_id"])) == "matched"
    wait_until(lambda: polls(silent) or silent.log()["concurrent"], "the fetch")
    assert prontod.request(found["id"])["state"] == "pending"
    assert prontod.items("/v1/deliveries") == []
    silent.behave(poll_hang="false")
    assert prontod.wait_state(found["id"], "finished")["source"] == "fetch"


def test_a_callback_before_the_submit_answer_is_fetched_when_the_answer_is_there(sim, new_prontod):
    sim.behave(early=1)
    prontod = fetching(sim, new_prontod)
    prontod.hook("crm", concurrency=8)
    prontod.start()
    ids = submit_all(prontod, map(person, range(10)))
    check_each_once(prontod, ids)
    assert {prontod.request(one)["source"] for one in ids} == {"fetch"}


def test_signals_that_repeat_have_one_result(silent, new_prontod):
    silent.behave(poll_answer_delay="300ms")
    prontod = fetching(silent, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    found, token = prontod.submit(silent)
    body = harness.result(found["enrichment_id"])
    states = harness.parallel(lambda _: prontod.call_back(token, body), range(8))
    assert set(states) <= {"matched", "duplicate"} and "matched" in states
    assert prontod.wait_state(found["id"], "finished")["source"] == "fetch"
    assert prontod.call_back(token, body) == "duplicate"
    crm.wait()
    silent.wait(idle="true")
    assert len(prontod.items("/v1/deliveries")) == 1
    assert len(polls(silent)) <= 9


def test_callbacks_of_a_batch_are_believed_by_their_token(sim, new_prontod):
    prontod = fetching(sim, new_prontod)
    crm = prontod.hook("crm", concurrency=8)
    prontod.start()
    ids = submit_array(prontod, [person(row) for row in range(5)])
    check_each_once(prontod, ids)
    assert {document["source"] for document in documents(crm, 5).values()} == {"callback"}
    assert polls(sim) == []


def test_a_registered_request_is_fetched(sim, new_prontod):
    enrichment_id = submitted_by_others(sim)
    prontod = fetching(sim, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    request = prontod.register(enrichment_id)
    assert prontod.call_back(SECRET, forged(enrichment_id)) == "matched"
    after = prontod.wait_state(request["id"], "finished")
    assert after["source"] == "fetch" and after["result"]["email"] == "ada.lovelace@example.com"
    crm.wait()
    check_nothing_forged(prontod, crm)


def test_a_callback_that_waited_for_its_request_is_a_signal_too(sim, new_prontod):
    enrichment_id = submitted_by_others(sim)
    prontod = fetching(sim, new_prontod)
    crm = prontod.hook("crm")
    prontod.start()
    assert prontod.call_back(SECRET, forged(enrichment_id)) == "unmatched"
    request = prontod.register(enrichment_id)
    assert prontod.wait_state(request["id"], "finished")["source"] == "fetch"
    crm.wait()
    check_nothing_forged(prontod, crm)


def test_the_document_of_an_unmatched_callback_has_nothing_of_its_body(sim, new_prontod):
    prontod = fetching(sim, new_prontod)
    waiting = prontod.hook("waiting", on="unmatched")
    prontod.start()
    assert prontod.call_back(SECRET, forged(UNKNOWN, custom={"key": FORGED})) == "unmatched"
    assert waiting.wait()[0].document["event"] == "unmatched"
    check_nothing_forged(prontod, waiting)
    stored = prontod.items("/v1/callbacks")[0]["id"]
    assert FORGED in prontod.get(f"/v1/callbacks/{stored}")["body"], "the operator can look at it"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_signal_survives_a_restart(silent, new_prontod, end):
    silent.behave(poll_status=503)
    prontod = fetching(silent, new_prontod)
    prontod.hook("crm", concurrency=8)
    prontod.start()
    ids = submit_all(prontod, map(person, range(5)))
    for found in wait_all(prontod, ids, "pending"):
        token = prontod.token_of(silent, found["enrichment_id"])
        assert prontod.call_back(token, harness.result(found["enrichment_id"], custom=found["custom"])) == "matched"
    silent.wait(calls=6)
    getattr(prontod, end)()
    silent.behave(poll_status=0)
    prontod.start()
    check_each_once(prontod, ids)
    assert {prontod.request(one)["source"] for one in ids} == {"fetch"}


def test_a_result_that_pronto_does_not_know_is_no_result(silent, new_prontod):
    silent.behave(poll_status=404)
    prontod = fetching(silent, new_prontod, deadline="3s")
    crm = prontod.hook("crm", on="finished expired")
    prontod.start()
    found, token = prontod.submit(silent)
    prontod.call_back(token, forged(found["enrichment_id"]))
    assert prontod.wait_state(found["id"], "expired")["result"] is None
    assert crm.wait()[0].document["event"] == "expired"
    check_nothing_forged(prontod, crm)


def test_without_a_key_callbacks_are_kept_and_nothing_is_believed(new_prontod):
    prontod = new_prontod(secrets=[SECRET], config={"ingress": {"verify": "fetch"}, "pronto": {"deadline": "2s", "poll_after": "1s"}})
    crm = prontod.hook("crm", on="finished expired")
    status = prontod.launch() and prontod.notifications.wait("READY=1", prontod.process, harness.PATIENCE)
    if not status:  # it may also refuse to start, since nothing could ever be verified
        assert "key" in prontod.log() and prontod.wait_end() == 1
        return
    prontod.workers()
    request = prontod.register(UNKNOWN)
    assert prontod.callback(SECRET, forged(UNKNOWN)).status == 200
    prontod.wait_state(request["id"], "expired")
    crm.wait()
    check_nothing_forged(prontod, crm)


def test_only_a_request_that_is_signalled_is_fetched(sim, new_prontod):
    sim.behave(lose=0.5)
    prontod = fetching(sim, new_prontod).start()
    ids = submit_all(prontod, map(person, range(20)))
    sim.wait(finished=20, idle="true")
    called = {one["enrichment_id"] for one in sim.log()["callbacks"]}
    assert 0 < len(called) < 20
    wait_until(lambda: sum(prontod.request(one)["state"] == "finished" for one in ids) == len(called), "the signalled ones")
    assert {one["path"].rsplit("/", 1)[1] for one in polls(sim)} == called
    assert len(prontod.items("/v1/requests?state=pending")) == 20 - len(called)
