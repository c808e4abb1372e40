"""prontod or prontod-egress is killed at random moments while it submits and polls: everything finishes, nothing is paid twice.

PRONTO_KILLS sets the number of kills, PRONTO_SEED repeats a run.
"""

import http.client
import os
import random
import signal
import threading

import pytest

import harness
from harness import wait_until
from pronto_side import person, rows

KILLS = int(os.environ.get("PRONTO_KILLS", "50")) // 5
SEED = int(os.environ.get("PRONTO_SEED", random.SystemRandom().randrange(1_000_000)))
BROKEN = (OSError, http.client.HTTPException)
CLIENTS = 4
LONG = 150  # seconds until a test gives up that waits for resend_after
# Callbacks are on their way for 0.3 s, and as long as prontod is down; then resend_after is far from over.
CONFIG = {"timeout": "2s", "poll_after": "1s", "resend_after": "10s", "deadline": "1h", "rate": "200"}
CALLBACKS = {"delay": "0-300ms", "reorder": "100ms", "early": 0.1, "retry": 1000, "retry_delay": "20-50ms"}


class Clients:
    """Submit contacts with idempotency keys until each is acknowledged, whatever happens to prontod meanwhile."""

    def __init__(self, prontod, number, array=1):
        self.prontod = prontod
        self.ids = {}
        self.failures = []
        work = [range(start, start + array) for start in range(0, number, array)]
        self.threads = [threading.Thread(target=self.work, args=(work[client::CLIENTS],)) for client in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def work(self, parts):
        try:
            for part in parts:
                self.submit(part)
        except Exception as failure:  # shown by end()
            self.failures.append(repr(failure))

    def submit(self, part):
        people = [person(row) for row in part]
        body = people if len(people) > 1 else people[0]

        def answered():
            try:
                answer = self.prontod.query("POST", "/v1/requests", body, {"Idempotency-Key": f"row-{part[0]}"})
            except BROKEN:
                return None
            assert answer.status in (200, 202, 503), answer
            return answer.json() if answer.status != 503 else None

        found = wait_until(answered, f"an answer for row {part[0]}", LONG)
        items = harness.batch_items(found) if len(people) > 1 else [found]
        self.ids.update(zip(part, (one["id"] for one in items)))

    def working(self):
        return any(thread.is_alive() for thread in self.threads)

    def end(self):
        for thread in self.threads:
            thread.join(LONG)
        assert not self.failures, self.failures[:3]
        return self.ids


def kill_prontod(prontod):
    prontod.kill()


def kill_egress(prontod):
    """prontod ends when a worker dies."""
    os.kill(prontod.workers()["prontod-egress"], signal.SIGKILL)
    assert prontod.wait_end() != 0


def kill_all(prontod):
    workers = prontod.workers().values()
    prontod.process.kill()
    for pid in workers:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    prontod.wait_end()


def kill_repeatedly(prontod, kill, chance, number=KILLS):
    for _ in range(number):
        threading.Event().wait(chance.uniform(0.005, 0.3))  # the random moment, not a wait for something
        kill(prontod)
        prontod.start()


def finished(prontod):
    return len(prontod.items("/v1/requests?state=finished"))


def check_all_finished(prontod, ids, number):
    assert sorted(ids) == list(range(number)) and len(set(ids.values())) == number
    wait_until(lambda: finished(prontod) == number, "all results", LONG)
    assert len(prontod.items("/v1/requests")) == number, "a submission was stored twice"
    for row, one in ids.items():
        found = prontod.request(one)
        assert found["custom"] == found["result"]["custom"] == {"row": row}
        assert found["result"]["email"] == f"ada{row}.lovelace@example.com"
        assert [delivery["hook"] for delivery in found["deliveries"]] == ["crm"]
    wait_until(lambda: len(prontod.items("/v1/deliveries?state=succeeded")) == number, "all deliveries", LONG)


@pytest.mark.parametrize("kill", [kill_prontod, kill_egress, kill_all])
@pytest.mark.parametrize("batch, array", [(1, 1), (10, 1), (1, 5)], ids=["single", "sent-together", "arrays"])
def test_killed_while_submitting_nothing_is_sent_twice(sim, new_prontod, kill, batch, array):
    print(f"PRONTO_SEED={SEED}")
    chance = random.Random(SEED)
    sim.behave(answer_delay="0-30ms", **CALLBACKS)
    prontod = new_prontod(sim.url, config={"pronto": CONFIG | {"batch": batch, "batch_delay": "50ms"}})
    prontod.hook("crm", concurrency=8, backoff="100ms 1s")
    prontod.start()
    number = 20 * KILLS
    clients = Clients(prontod, number, array)
    kill_repeatedly(prontod, kill, chance)
    check_all_finished(prontod, clients.end(), number)
    counts = sim.log()["counts"]
    assert counts["repeat_while_waiting"] == 0, f"sent again while its callback was on its way, seed {SEED}"
    assert counts["repeats"] == 0 and rows(sim) == list(range(number)), f"sent again although its callback came, seed {SEED}"


@pytest.mark.parametrize("kill", [kill_prontod, kill_egress])
def test_killed_while_callbacks_are_lost_doubled_and_polled(sim, new_prontod, kill):
    print(f"PRONTO_SEED={SEED}")
    chance = random.Random(SEED + 1)
    sim.behave(answer_delay="0-30ms", poll_answer_delay="0-50ms", lose=0.2, repeat=1, repeat_share=0.2, **CALLBACKS)
    prontod = new_prontod(sim.url, config={"pronto": CONFIG | {"poll_after": "300ms", "resend_after": "6s"}})
    prontod.hook("crm", concurrency=8, backoff="100ms 1s")
    prontod.start()
    number = 20 * KILLS
    clients = Clients(prontod, number)
    kill_repeatedly(prontod, kill, chance, KILLS + 5)
    check_all_finished(prontod, clients.end(), number)
    counts = sim.log()["counts"]
    # One whose callback is lost and whose call was cut off can only be sent again, after resend_after.
    assert counts["repeat_while_waiting"] == 0, f"sent again while its callback was on its way, seed {SEED}"
    assert counts["repeats"] <= counts["lost"]
    assert set(rows(sim)) == set(range(number))


def test_killed_while_results_are_fetched(sim, new_prontod):
    print(f"PRONTO_SEED={SEED}")
    chance = random.Random(SEED + 2)
    sim.behave(poll_answer_delay="0-100ms", poll_status=500, poll_status_share=0.2, **CALLBACKS)
    prontod = new_prontod(sim.url, config={"ingress": {"verify": "fetch"}, "pronto": CONFIG | {"poll_after": "1h"}})
    prontod.hook("crm", concurrency=8, backoff="100ms 1s")
    prontod.start()
    number = 10 * KILLS
    clients = Clients(prontod, number)
    kill_repeatedly(prontod, kill_prontod, chance)
    check_all_finished(prontod, clients.end(), number)
    assert {one["source"] for one in prontod.items("/v1/requests")} == {"fetch"}
    assert sim.log()["counts"]["repeats"] == 0


def test_killed_while_a_refused_batch_is_split(sim, new_prontod):
    print(f"PRONTO_SEED={SEED}")
    chance = random.Random(SEED + 3)
    sim.behave(refuse_name="Unwanted", answer_delay="10-50ms", **CALLBACKS)
    prontod = new_prontod(sim.url, config={"pronto": CONFIG | {"resend_after": "3s"}})
    prontod.hook("crm", on="finished failed", concurrency=8, backoff="100ms 1s")
    prontod.start()
    bad = {7, 8, 23, 40}
    answer = prontod.post("/v1/requests", [person(row, firstname="Unwanted") if row in bad else person(row) for row in range(50)])
    kill_repeatedly(prontod, kill_prontod, chance)
    ids = [one["id"] for one in harness.batch_items(answer)]
    for row, one in enumerate(ids):
        found = wait_until(lambda one=one: (found := prontod.request(one))["state"] in ("finished", "failed") and found, "the end", LONG)
        assert found["state"] == ("failed" if row in bad else "finished")
        assert len(found["deliveries"]) == 1
    assert rows(sim) == [row for row in range(50) if row not in bad]
    assert sim.log()["counts"]["repeat_while_waiting"] == 0


def test_killed_while_the_budget_is_short(sim, new_prontod):
    print(f"PRONTO_SEED={SEED}")
    chance = random.Random(SEED + 4)
    sim.behave(empty_share=0.3, answer_delay="0-30ms", **CALLBACKS)
    prontod = new_prontod(sim.url, config={"pronto": CONFIG | {"daily_credits": 60, "resend_after": "5s"}})
    prontod.hook("crm", concurrency=8, backoff="100ms 1s")
    prontod.start()
    clients = Clients(prontod, 80)
    kill_repeatedly(prontod, kill_prontod, chance)
    clients.end()
    wait_until(lambda: prontod.get("/v1/status")["submitting"]["state"] == "out_of_budget"
               and finished(prontod) == len(rows(sim)), "the end of the budget", LONG)
    # What may have been sent stays reserved, although it was not: there is no room left to send it again today.
    credits = prontod.get("/v1/status")["credits"]
    assert sim.log()["credits_spent"] <= credits["spent"] + credits["reserved"] <= 60
    assert sim.log()["counts"]["repeats"] == 0
    assert finished(prontod) == len(rows(sim))


def test_a_kill_between_pronto_and_its_answer(sim, new_prontod):
    """Pronto has the contact and prontod does not know it: after the start it waits for the callback, and says so."""
    sim.behave(answer_delay="1h", delay="1h")
    prontod = new_prontod(sim.url, config={"pronto": CONFIG | {"timeout": "10m", "resend_after": "1h"}})
    prontod.hook("crm")
    prontod.start()
    ids = [prontod.post("/v1/requests", person(row))["id"] for row in range(3)]
    sim.wait(contacts=3)
    prontod.kill()
    sim.behave(answer_delay=0)
    prontod.start()
    for one in ids:
        found = wait_until(lambda one=one: (found := prontod.request(one))["maybe_sent"] and found, "maybe_sent")
        assert (found["state"], found["tries"]) == ("queued", 1) and found["next_try_at"]
    other = prontod.post("/v1/requests", person(3))["id"]
    prontod.wait_state(other, "pending")
    assert rows(sim) == [0, 1, 2, 3], "it was sent again"
    sim.flush()
    check_all_finished(prontod, dict(enumerate([*ids, other])), 4)
    assert sim.log()["counts"]["repeats"] == 0


def test_a_kill_before_the_call_arrives(new_prontod):
    """Nothing listens there: whatever was noted before the call, the request goes out when resend_after is over."""
    port = harness.Port()
    prontod = new_prontod(f"http://127.0.0.1:{port.number}/api/v2", config={"pronto": CONFIG | {"resend_after": "2s"}})
    prontod.hook("crm")
    sim = None
    prontod.start()
    try:
        ids = [prontod.post("/v1/requests", person(row))["id"] for row in range(5)]
        for _ in range(3):
            prontod.kill()
            prontod.start()
        sim = harness.simulator.Simulator(harness.PRONTO_SIM, listen=f"127.0.0.1:{port.number}")
        check_all_finished(prontod, dict(enumerate(ids)), 5)
        assert rows(sim) == list(range(5))
    finally:
        if sim:
            sim.close()
        port.release()
