"""POST /v1/requests/{id}/poll and `prontoctl poll`: Pronto is asked now."""

import json
import subprocess

import pytest

import harness
import simulator
from harness import contact, wait_until
from pronto_side import NEVER_POLLED, ask, person, polls, submit_array, submitted_by_others

UNKNOWN = "123e4567-e89b-12d3-a456-426614174000"
SECRET = "secret-of-other-software"


@pytest.fixture
def prontod(silent, new_prontod):
    """It polls only when it is told, and no callback comes."""
    return new_prontod(silent.url, secrets=[SECRET], config={"pronto": NEVER_POLLED | {"poll_after": "1h"}})


def poll(prontod, request_id):
    return prontod.query("POST", f"/v1/requests/{request_id}/poll")


def problem(answer, status):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status and found["title"] and found["detail"]
    return found


@pytest.mark.parametrize("by", ["id", "enrichment_id"])
def test_a_result_that_is_there_finishes_the_request_at_once(silent, prontod, by):
    crm = prontod.hook("crm")
    prontod.start()
    found, _ = prontod.submit(silent, custom={"row": 1})
    answer = poll(prontod, found[by])
    assert answer.status == 200
    after = answer.json()
    assert after["id"] == found["id"] and after["state"] == "finished" and after["source"] == "poll"
    assert after["result"]["custom"] == {"row": 1}
    assert crm.wait()[0].document["raw"] == ask(silent, found["enrichment_id"])
    problem(poll(prontod, found[by]), 409)
    assert len(prontod.items("/v1/deliveries")) == 1


def test_a_result_that_is_not_there_yet_changes_nothing(silent, prontod):
    silent.behave(poll_pending=True)
    prontod.start()
    found, _ = prontod.submit(silent)
    for number in (1, 2):
        answer = poll(prontod, found["id"])
        assert (answer.status, answer.json()["state"]) == (200, "pending")
        assert len(polls(silent, found["enrichment_id"])) == number
    silent.behave(poll_pending=False)
    assert poll(prontod, found["id"]).json()["state"] == "finished"


def test_a_registered_request(silent, prontod):
    prontod.start()
    enrichment_id = submitted_by_others(silent)
    request = prontod.register(enrichment_id)
    answer = poll(prontod, request["id"]).json()
    assert (answer["state"], answer["source"], answer["enrichment_id"]) == ("finished", "poll", enrichment_id)


def test_an_expired_request_may_still_be_asked_for(silent, new_prontod):
    prontod = new_prontod(silent.url, config={"pronto": {"poll_after": "1h", "deadline": "500ms"}})
    crm = prontod.hook("crm", on="expired finished")
    prontod.start()
    found, _ = prontod.submit(silent)
    prontod.wait_state(found["id"], "expired")
    assert poll(prontod, found["id"]).json()["state"] == "finished"
    assert [run.environ["PRONTO_EVENT"] for run in crm.wait(2)] == ["expired", "finished"]


def test_an_unknown_request_is_404(prontod, silent):
    prontod.start()
    problem(poll(prontod, UNKNOWN), 404)
    assert polls(silent) == []
    prontod.ctl("poll", UNKNOWN, status=6)


def test_a_queued_request_is_409(silent, prontod):
    silent.behave(submit_status=503)
    prontod.start()
    request = prontod.post("/v1/requests", contact())
    problem(poll(prontod, request["id"]), 409)
    run = prontod.ctl("poll", request["id"], status=None)
    assert run.returncode in (1, 2) and run.stderr.count("\n") == 1
    assert polls(silent) == []


def test_a_failed_request_is_409(silent, prontod):
    silent.behave(submit_status=422)
    prontod.start()
    request = prontod.post("/v1/requests", contact())
    prontod.wait_state(request["id"], "failed")
    problem(poll(prontod, request["id"]), 409)


def test_a_request_of_a_batch_is_409_and_says_why(silent, prontod):
    prontod.start()
    for one in submit_array(prontod, [person(row) for row in range(2)]):
        prontod.wait_state(one, "pending")
        assert "batch" in problem(poll(prontod, one), 409)["detail"]
    assert polls(silent) == []


def test_without_a_key_it_is_503(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    request = prontod.register(UNKNOWN)
    assert "key" in problem(poll(prontod, request["id"]), 503)["detail"].lower()
    assert prontod.ctl("poll", request["id"], status=None).returncode != 0


@pytest.mark.parametrize("fault", [
    {"poll_status": 500}, {"poll_status": 503}, {"poll_status": 404}, {"poll_status": 200}, {"poll_garbage_answer": True},
    {"poll_close": True}, {"poll_hang": "true"}, {"poll_hang": "headers"}, {"poll_huge_answer": "true"},
    {"poll_drip": "200ms"}, {"wrong_id": True}], ids=json.dumps)
def test_when_pronto_does_not_answer_properly_it_is_502_and_nothing_changes(silent, prontod, fault):
    prontod.hook("crm")
    prontod.start()
    found, _ = prontod.submit(silent)
    silent.behave(**fault)
    problem(poll(prontod, found["id"]), 502)
    assert prontod.request(found["id"])["state"] == "pending"
    run = prontod.ctl("poll", found["id"], status=1)
    assert run.stderr.count("\n") == 1 and not run.stdout
    silent.control("DELETE", "behaviour")
    # Repeated failures may have paused all calls for a while.
    after = wait_until(lambda: (answer := poll(prontod, found["id"])).status == 200 and answer.json(), "an answer")
    assert after["state"] == "finished"
    assert len(prontod.items("/v1/deliveries")) == 1


def test_a_redirect_is_502_and_not_followed(silent, prontod):
    other = simulator.Simulator(harness.PRONTO_SIM, seed=2)
    try:
        prontod.start()
        found, _ = prontod.submit(silent)
        silent.behave(poll_redirect=f"{other.url}/contacts/{found['enrichment_id']}")
        problem(poll(prontod, found["id"]), 502)
        assert other.log()["calls"] == []
    finally:
        other.close()


@pytest.mark.parametrize("status, kind, code", [(401, "authentication", 3), (403, "authentication", 3), (429, "rate_limit", 4)])
@pytest.mark.parametrize("by", ["http", "prontoctl"])
def test_a_refusal_has_its_kind_and_prontoctl_its_exit_status(silent, prontod, status, kind, code, by):
    prontod.start()
    found, _ = prontod.submit(silent)
    silent.behave(poll_status=status, poll_retry_after="2" if status == 429 else "", echo_key_in_error=True)
    if by == "http":
        answer = poll(prontod, found["id"])
        assert answer.status >= 400 and answer.json()["kind"] == kind
        assert prontod.api_key.encode() not in answer.body
    else:
        run = prontod.ctl("poll", found["id"], status=code)
        assert run.stderr.count("\n") == 1 and prontod.api_key not in run.stderr
    assert prontod.request(found["id"])["state"] == "pending"


def test_prontoctl_poll_shows_the_request(silent, prontod):
    prontod.start()
    found, _ = prontod.submit(silent)
    silent.behave(poll_pending=True)
    assert prontod.ctl_json("poll", found["id"])["state"] == "pending"
    silent.behave(poll_pending=False)
    shown = prontod.ctl_json("poll", found["id"])
    assert shown["state"] == "finished" and shown["source"] == "poll"
    assert shown["result"]["email"] == "ada.lovelace@example.com"


def test_prontoctl_poll_needs_an_id(prontod):
    run = subprocess.run([harness.PRONTOCTL, "poll"], capture_output=True, text=True, check=False, timeout=harness.PATIENCE)
    assert run.returncode == 2 and run.stderr


def test_polls_by_hand_at_the_same_time_have_one_result(silent, prontod):
    silent.behave(poll_answer_delay="200ms")
    prontod.hook("crm")
    prontod.start()
    found, _ = prontod.submit(silent)
    answers = harness.parallel(lambda _: poll(prontod, found["id"]), range(8))
    assert {answer.status for answer in answers} <= {200, 409}
    assert prontod.wait_state(found["id"], "finished")["source"] == "poll"
    assert len(prontod.items("/v1/deliveries")) == 1


def test_a_client_that_goes_away_while_it_waits_does_no_harm(silent, prontod):
    silent.behave(poll_answer_delay="300ms")
    prontod.start()
    found, _ = prontod.submit(silent)
    with pytest.raises(TimeoutError):
        prontod.query("POST", f"/v1/requests/{found['id']}/poll", timeout=0.1)
    silent.wait(polls=1)
    assert prontod.wait_state(found["id"], "finished")["source"] == "poll"
    assert prontod.get("/v1/status")["ready"]
