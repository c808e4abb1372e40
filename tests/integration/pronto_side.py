"""What the tests of prontod's Pronto client share: people to enrich, and what the simulator saw of them."""

import datetime
import json

import clients
from harness import PATIENCE, batch_items, contact, parallel, wait_until

QUICK = {"timeout": "1s", "poll_after": "300ms", "deadline": "60s"}
NEVER_POLLED = {"timeout": "1s", "poll_after": "1h", "deadline": "2h", "resend_after": "1h"}
LINKEDIN = "https://linkedin.example/in/"


def person(row, **fields):
    """A contact that is told apart from all others by its name and its custom data."""
    return contact(**{"firstname": f"Ada{row}", "custom": {"row": row}} | fields)


def phone(row, **fields):
    return person(row, **{"enrichment_type": "phone", "linkedin_url": f"{LINKEDIN}{row}"} | fields)


def submit_all(prontod, people):
    """Submits each at the same time; their ids in the same order."""
    return parallel(lambda one: prontod.post("/v1/requests", one, status=202)["id"], people)


def submit_array(prontod, people):
    return [one["id"] for one in batch_items(prontod.post("/v1/requests", people, status=202))]


def wait_all(prontod, ids, *states):
    return [prontod.wait_state(one, *states) for one in ids]


def calls(sim, method=None, part=""):
    """Calls of the API in the simulator's log, by method and by a part of their path."""
    return [one for one in sim.log()["calls"] if method in (None, one["method"]) and part in one["path"]]


def polls(sim, enrichment_id=""):
    return calls(sim, "GET", f"/contacts/{enrichment_id}")


def accepted(sim):
    """The contacts of all accepted submissions, in order."""
    return [one for submission in sim.submissions() for one in submission["contacts"]]


def rows(sim):
    return sorted(one["custom"]["row"] for one in accepted(sim))


def ask(sim, enrichment_id):
    """What Pronto says about a contact. It counts as a poll."""
    connection = clients.TcpConnection("127.0.0.1", sim.port, PATIENCE)
    answer = clients.request(connection, "GET", f"/api/v2/contacts/{enrichment_id}", headers={"X-API-KEY": "another-key"})
    assert answer.status == 200, answer
    return answer.json()


def submitted_by_others(sim, **fields):
    """The enrichment_id of a contact that other software submits; nobody is called back."""
    body = contact(**fields)
    body["enrichment_type"] = [body["enrichment_type"]]
    connection = clients.TcpConnection("127.0.0.1", sim.port, PATIENCE)
    answer = clients.request(connection, "POST", "/api/v2/contacts/single_enrich", json.dumps(body), {"X-API-KEY": "another-key"})
    assert answer.status == 202, answer
    return answer.json()["enrichment_id"]


def moment(text):
    """The seconds since the epoch of an RFC 3339 time."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def submitting(prontod):
    return prontod.get("/v1/status")["submitting"]


def wait_submitting(prontod, state):
    """Until submitting is in this state; what status says of it then."""
    return wait_until(lambda: (found := submitting(prontod))["state"] == state and found, f"submitting is {state}")


def wait_error(prontod, request_id):
    """Until a failed call is noted at the request, which stays queued."""
    found = wait_until(lambda: (one := prontod.request(request_id))["error"] and one, "a noted error")
    assert found["state"] == "queued"
    return found


def documents(hook, number=1):
    """What the hook was given, by request; each request at most once."""
    runs = hook.wait(number)
    found = {run.document["request"]["id"]: run.document for run in runs}
    assert len(found) == len(runs)
    return found


def check_each_once(prontod, ids):
    """Every request has exactly one result that is its own, and each hook one delivery of it that succeeded."""
    for row, one in enumerate(ids):
        found = prontod.wait_state(one, "finished")
        assert found["custom"] == found["result"]["custom"] == {"row": row}
        assert found["result"]["email"] == f"ada{row}.lovelace@example.com"
        assert sorted(delivery["hook"] for delivery in found["deliveries"]) == sorted(prontod.hooks)
        for delivery in found["deliveries"]:
            prontod.wait_delivery(delivery["id"], "succeeded")
