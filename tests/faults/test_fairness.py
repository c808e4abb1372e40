"""Nobody starves: while callbacks pour in, queries, submissions, deliveries and erasures go on, and callbacks go on while they last."""

import concurrent.futures
import csv
import time
import uuid

import harness
from harness import contact, wait_until
from pour import Pour

SECRET = "secret-" + uuid.uuid4().hex
NUMBER = 20
MANY = 2000  # requests: twenty slices of what erases them


def start(new_prontod, sim, hook=False, **config):
    prontod = new_prontod(sim.url, secrets=[SECRET], config={"store": {"max_unmatched": 10_000_000}} | config)
    if hook:
        prontod.hook("crm")
    return prontod.start()


def test_queries_are_answered(silent, new_prontod):
    prontod = start(new_prontod, silent)
    request = prontod.post("/v1/requests", contact())["id"]
    with Pour(prontod, SECRET) as pour:
        for _ in pour.meanwhile(NUMBER):
            assert prontod.get("/v1/status")["ready"] is True
            assert [one["id"] for one in prontod.get("/v1/requests")["items"]] == [request]
            assert len(prontod.get("/v1/callbacks?state=unmatched&limit=5")["items"]) == 5
            assert b"prontod_ready 1" in prontod.query("GET", "/metrics").body


def test_submissions_are_taken_sent_and_get_their_results(sim, new_prontod):
    prontod = start(new_prontod, sim)
    with Pour(prontod, SECRET) as pour:
        ids = [prontod.post("/v1/requests", contact(custom={"row": row}), status=202)["id"] for row in pour.meanwhile(NUMBER)]
        for one in ids:
            prontod.wait_state(one, "finished")
        assert sim.wait(contacts=len(ids))["repeats"] == 0
        pour.grow()


def test_hooks_run(new_prontod, sim):
    prontod = start(new_prontod, sim, hook=True)
    with Pour(prontod, SECRET) as pour:
        for _ in pour.meanwhile(NUMBER):
            one = str(uuid.uuid4())
            request = prontod.register(one)
            assert prontod.call_back(SECRET, harness.result(one)) == "matched"
            wait_until(lambda one=request["id"]: prontod.request(one)["deliveries"][0]["state"] == "succeeded", "its run")


def test_erasures_end(silent, new_prontod):
    """They wait for a moment in which nobody reads from the WAL; and callbacks at a token of their own are read for all the time."""
    prontod = start(new_prontod, silent)
    repeated = []
    for row in range(8):
        found, token = prontod.submit(silent, custom={"row": row})
        repeated.append((token, harness.result(found["enrichment_id"], custom={"row": row})))
    with Pour(prontod, SECRET, repeated) as pour:
        for row in pour.meanwhile(NUMBER):
            request = prontod.register(str(uuid.uuid4()), firstname=f"Adaerased{row}")["id"]
            assert prontod.query("DELETE", f"/v1/requests/{request}").status == 204
            assert prontod.query("GET", f"/v1/requests/{request}").status == 404


def in_slices(prontod, pour, state):
    """Waits until no request of this state is left. Callbacks were answered while some of them were gone and others were not."""
    answered, deadline = [], time.monotonic() + harness.PATIENCE
    while left := prontod.get("/v1/status")["requests"][state]:
        assert time.monotonic() < deadline, f"{left} requests are {state}"
        if left < MANY:
            answered.append(pour.answered)
    assert answered and answered[0] < answered[-1], f"{answered} callbacks were answered when some were gone"


def test_callbacks_are_answered_while_thousands_are_forgotten(silent, new_prontod):
    prontod = start(new_prontod, silent)
    url = "https://www.linkedin.com/in/adaerased"
    for first in range(0, MANY, 100):
        prontod.post("/v1/requests", [contact(linkedin_url=url, custom={"row": first + row}) for row in range(100)], status=202)
    wait_until(lambda: prontod.get("/v1/status")["requests"]["pending"] == MANY)
    with Pour(prontod, SECRET) as pour, concurrent.futures.ThreadPoolExecutor(1) as pool:
        forgotten = pool.submit(prontod.post, "/v1/forget", {"linkedin_url": url})
        in_slices(prontod, pour, "pending")
        assert forgotten.result(harness.PATIENCE) == {"erased": MANY}
    assert prontod.items("/v1/requests") == []


def write_contacts(path):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["firstname", "lastname", "domain", "row"])
        writer.writerows([f"Ada{row}", "Lovelace", "example.com", row] for row in range(MANY))


def test_callbacks_are_answered_while_thousands_are_imported_exported_and_purged(sim, new_prontod, tmp_path):
    prontod = start(new_prontod, sim, pronto={"rate": 1000, "concurrency": 50}, store={"retention": 0, "max_unmatched": 10_000_000})
    source = tmp_path / "contacts.csv"
    write_contacts(source)
    with Pour(prontod, SECRET) as pour:
        with pour.during():
            prontod.ctl("import", source, "--custom-columns", "row", "--batch", "--wait")
        ended = time.time()
        with pour.during():
            exported = prontod.ctl("export", source, "--custom-columns", "row").stdout
        found = list(csv.DictReader(exported.splitlines()))
        assert [one["row"] for one in found] == [str(row) for row in range(MANY)]
        assert {one["state"] for one in found} == {"finished"}
        wait_until(lambda: time.time() > ended + 1.1, "the age at which all go in one run")
        prontod.config["store"]["retention"] = "1s"
        prontod.reload()
        in_slices(prontod, pour, "finished")
