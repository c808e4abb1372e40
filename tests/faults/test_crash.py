"""prontod is killed at random moments under load; nothing that it acknowledged may be lost or doubled.

PRONTO_KILLS sets the number of kills, PRONTO_SEED repeats a run.
"""

import collections
import http.client
import os
import random
import signal
import threading
import time
import uuid

import pytest

import clients
import harness
from harness import contact, wait_until

KILLS = int(os.environ.get("PRONTO_KILLS", "50"))
SEED = int(os.environ.get("PRONTO_SEED", random.SystemRandom().randrange(1_000_000)))
WORKERS = 12
A_CYCLE = 12  # callbacks that each worker sends at most between two kills, so that the hooks keep up
CONCURRENCY = 4
BROKEN = (OSError, http.client.HTTPException)


class Load:
    """Workers that register requests and send their callbacks, each over a connection that is kept while it works."""

    def __init__(self, prontod, secret):
        self.prontod = prontod
        self.secret = secret
        self.acknowledged = {}
        self.unknown = set()
        self.stop = threading.Event()
        self.budget = threading.Semaphore(0)
        self.failures = []
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(WORKERS)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def feed(self):
        for _ in range(WORKERS * A_CYCLE):
            self.budget.release()

    def end(self):
        self.stop.set()
        for _ in self.threads:
            self.budget.release()
        for thread in self.threads:
            thread.join(harness.PATIENCE)
        assert not self.failures, self.failures[:3]

    def work(self, number):
        connection = clients.TcpConnection("127.0.0.1", self.prontod.port.number, harness.PATIENCE)
        try:
            count = 0
            while self.budget.acquire() and not self.stop.is_set():
                count += 1
                self.one(connection, number, count)
        except Exception as failure:  # shown by end()
            self.failures.append(repr(failure))
        finally:
            connection.close()

    def one(self, connection, number, count):
        enrichment_id = str(uuid.uuid4())
        custom = {"worker": number, "count": count}
        if count % 3:  # else it is registered after its callback, or never
            if not self.register(enrichment_id, custom):
                return
        body = harness.result(enrichment_id, custom=custom)
        self.unknown.add(enrichment_id)
        try:
            answer = clients.request(connection, "POST", f"/callback/{self.secret}", harness.json.dumps(body), keep=True)
        except BROKEN:
            connection.close()
            return
        if answer.status == 503:
            return
        if answer.status != 200:
            self.failures.append(f"{answer.status} {answer.body!r}")
            return
        self.unknown.discard(enrichment_id)
        self.acknowledged[enrichment_id] = answer.json()["status"]
        if count % 6 == 3:
            self.register(enrichment_id, custom)

    def register(self, enrichment_id, custom):
        """As a client would do it: again until there is an answer."""
        body = {"enrichment_id": enrichment_id, "enrichment_type": "email", "custom": custom}
        while not self.stop.is_set():
            try:
                answer = self.prontod.query("POST", "/v1/requests/register", body)
            except BROKEN:
                self.stop.wait(0.01)
                continue
            assert answer.status in (200, 201), answer
            return True
        return False


def test_killed_at_random_moments_under_load(new_prontod):
    print(f"PRONTO_SEED={SEED}")
    chance = random.Random(SEED)
    secret = "secret-" + uuid.uuid4().hex
    prontod = new_prontod(secrets=[secret])
    journal = prontod.directory / "runs"
    hook = prontod.hook("crm", concurrency=CONCURRENCY, backoff="100ms 1s")
    hook.write(whole=f'#!/bin/sh\necho "$PRONTO_REQUEST_ID $PRONTO_DELIVERY_ID $PRONTO_ENRICHMENT_ID" >>"{journal}"\n')
    prontod.start()
    load = Load(prontod, secret)
    load.start()
    for _ in range(KILLS):
        load.feed()
        pause = chance.uniform(0.005, 0.25)
        threading.Event().wait(pause)  # the random moment, not a wait for something
        prontod.kill()
        prontod.start()
    load.end()

    # What was acknowledged is there once; what was not may be there once.
    stored = collections.Counter(one["enrichment_id"] for one in prontod.items("/v1/callbacks"))
    lost = [one for one in load.acknowledged if stored[one] != 1]
    assert not lost, f"{len(lost)} of {len(load.acknowledged)} acknowledged callbacks are not there once, seed {SEED}"
    assert set(stored) <= set(load.acknowledged) | load.unknown
    assert max(stored.values()) == 1
    assert len(load.acknowledged) > KILLS, "there was hardly any load"

    # Every request that has a result has one delivery, and its hook ran.
    finished = {one["id"]: one["enrichment_id"] for one in prontod.items("/v1/requests?state=finished")}
    pending = {one["enrichment_id"] for one in prontod.items("/v1/requests?state=pending")}
    assert not pending & set(load.acknowledged), "a callback was stored beside its request and not matched"
    wait_until(lambda: len(prontod.items("/v1/deliveries?state=succeeded")) == len(finished), "all deliveries", 120)
    deliveries = prontod.items("/v1/deliveries")
    assert sorted(one["request_id"] for one in deliveries) == sorted(finished)
    runs = [line.split() for line in journal.read_text().splitlines()]
    by_request = collections.defaultdict(list)
    for request_id, delivery_id, enrichment_id in runs:
        assert finished[request_id] == enrichment_id
        by_request[request_id].append(delivery_id)
    assert set(by_request) == set(finished), f"hooks did not run, seed {SEED}"
    assert all(len(set(ids)) == 1 for ids in by_request.values()), "another delivery_id at the second run"
    again = sum(len(ids) - 1 for ids in by_request.values())
    print(f"{len(load.acknowledged)} acknowledged, {len(load.unknown)} unknown, {len(runs)} runs, {again} again")
    assert again <= KILLS * CONCURRENCY, "more ran again than can have been running"


def test_killed_while_submitting(sim, new_prontod):
    """Each contact is submitted with an idempotency key until there is an answer; in the end each has one result."""
    chance = random.Random(SEED)
    sim.behave(delay="0-50ms", early=0.2, retry=100, retry_delay="50ms")
    prontod = new_prontod(sim.url, config={"pronto": {"poll_after": "500ms", "timeout": "2s"}})
    crm = prontod.hook("crm", backoff="100ms 1s")
    prontod.start()
    stop = threading.Event()
    ids = {}

    def submit(row):
        while True:
            try:
                answer = prontod.query("POST", "/v1/requests", contact(custom={"row": row}), {"Idempotency-Key": f"row-{row}"})
            except BROKEN:
                assert not stop.wait(0.02)
                continue
            assert answer.status in (200, 202), answer
            ids[row] = answer.json()["id"]
            return

    threads = [threading.Thread(target=lambda start=start: [submit(row) for row in range(start, 40, 4)]) for start in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        threading.Event().wait(chance.uniform(0.01, 0.15))  # the random moment, not a wait for something
        prontod.kill()
        prontod.start()
    for thread in threads:
        thread.join(harness.PATIENCE)
    assert len(set(ids.values())) == 40
    for row, one in ids.items():
        found = prontod.wait_state(one, "finished")
        assert found["custom"] == found["result"]["custom"] == {"row": row}
        assert len(found["deliveries"]) == 1
    assert len(prontod.items("/v1/requests")) == 40
    crm.wait(40)
    wait_until(lambda: len(prontod.items("/v1/deliveries?state=succeeded")) == 40)


def test_sigterm_under_load_loses_nothing_that_was_accepted(new_prontod):
    secret = "secret-" + uuid.uuid4().hex
    prontod = new_prontod(secrets=[secret])
    hook = prontod.hook("crm", concurrency=8)
    journal = prontod.directory / "runs"
    hook.write(whole=f'#!/bin/sh\necho "$PRONTO_REQUEST_ID" >>"{journal}"\n')
    prontod.start()
    load = Load(prontod, secret)
    load.start()
    for _ in range(5):
        before = len(load.acknowledged)
        load.feed()
        wait_until(lambda before=before: len(load.acknowledged) > before + 10, "some load")
        assert prontod.stop() == 0
        prontod.start()
    load.end()
    stored = collections.Counter(one["enrichment_id"] for one in prontod.items("/v1/callbacks"))
    assert all(stored[one] == 1 for one in load.acknowledged)
    finished = [one["id"] for one in prontod.items("/v1/requests?state=finished")]
    wait_until(lambda: len(prontod.items("/v1/deliveries?state=succeeded")) == len(finished), "all deliveries")
    assert sorted(journal.read_text().split()) == sorted(finished), "after a clean stop nothing runs again"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop(new_prontod, number):
    prontod = new_prontod(secrets=["secret-clean-stop"])
    prontod.start()
    workers = prontod.workers()
    assert set(workers) == {"prontod-egress", "prontod-runner"}
    assert prontod.call_back("secret-clean-stop", harness.result("x")) == "unmatched"
    prontod.signal(number)
    assert prontod.wait_end() == 0
    wait_until(lambda: not any(harness.alive(pid) for pid in workers.values()), "the end of the workers")
    with pytest.raises(ConnectionRefusedError):
        prontod.http("GET", "/healthz")


def test_sigterm_lets_a_running_hook_finish(new_prontod):
    secret = "secret-" + uuid.uuid4().hex
    prontod = new_prontod(secrets=[secret])
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=f'while [ ! -e "{gate}" ]; do sleep 0.02; done')
    prontod.start()
    prontod.register("one")
    prontod.call_back(secret, harness.result("one"))
    crm.wait()
    prontod.signal(signal.SIGTERM)
    wait_until(lambda: "STOPPING=1" in prontod.notifications.messages or not reachable(prontod), "the start of the stop")
    gate.touch()
    assert prontod.wait_end() == 0
    prontod.start()
    wait_until(lambda: [one["state"] for one in prontod.items("/v1/deliveries")] == ["succeeded"])
    assert crm.count() <= 2


def reachable(prontod):
    try:
        return prontod.http("GET", "/healthz").status == 200
    except BROKEN:
        return False


def test_restarts_are_quick_enough_to_be_invisible_to_a_sender(new_prontod):
    """Not a measure of speed: only that a restart needs no recovery by hand and comes up each time."""
    prontod = new_prontod(secrets=["secret-restarts"])
    started = time.monotonic()
    for number in range(10):
        prontod.start()
        assert prontod.call_back("secret-restarts", harness.result(f"x{number}")) == "unmatched"
        prontod.kill()
    prontod.start()
    assert len(prontod.items("/v1/callbacks")) == 10
    print(f"10 kills and starts in {time.monotonic() - started:.1f} s")
