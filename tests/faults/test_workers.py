"""A worker dies, or a second daemon wants the same store."""

import os
import signal
import uuid

import pytest

import harness
from harness import contact, wait_until

SECRET = "secret-" + uuid.uuid4().hex


@pytest.mark.parametrize("worker", ["prontod-runner", "prontod-egress"])
def test_prontod_ends_with_a_message_when_a_worker_dies_and_a_restart_continues(sim, new_prontod, worker):
    prontod = new_prontod(sim.url, secrets=[SECRET], config={"pronto": {"poll_after": "500ms"}})
    gate = prontod.directory / "gate"
    crm = prontod.hook("crm", then=f'while [ ! -e "{gate}" ]; do sleep 0.02; done', max_attempts=1)
    prontod.start()
    request = prontod.post("/v1/requests", contact())
    first = crm.wait()[0]
    sim.behave(submit_status=503)
    waiting = prontod.post("/v1/requests", contact(firstname="Grace"))
    before = len(prontod.log())
    os.kill(prontod.workers()[worker], signal.SIGKILL)
    if worker == "prontod-egress":
        gate.touch()  # prontod lets running hooks finish
    assert prontod.wait_end() != 0
    assert worker.removeprefix("prontod-") in prontod.log()[before:], prontod.log()[before:]
    gate.touch()
    sim.behave(submit_status=0)
    prontod.start()
    done = prontod.wait_delivery(first.environ["PRONTO_DELIVERY_ID"], "succeeded")
    assert done["request_id"] == request["id"]
    assert {run.environ["PRONTO_DELIVERY_ID"] for run in crm.runs("finished")
            if run.environ["PRONTO_REQUEST_ID"] == request["id"]} == {done["id"]}
    prontod.wait_state(waiting["id"], "finished")


def test_a_worker_that_stands_still_does_not_hold_up_callbacks(sim, new_prontod):
    prontod = new_prontod(sim.url, secrets=[SECRET])
    prontod.hook("crm")
    prontod.start()
    workers = prontod.workers().values()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        request = prontod.post("/v1/requests", contact())
        for number in range(20):
            prontod.register(f"one-{number}")
            assert prontod.call_back(SECRET, harness.result(f"one-{number}")) == "matched"
        assert prontod.http("GET", "/readyz").status == 200
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    prontod.wait_state(request["id"], "finished")
    wait_until(lambda: len(prontod.items("/v1/deliveries?state=succeeded")) == 21)


def test_the_workers_end_when_prontod_is_killed(new_prontod):
    prontod = new_prontod().start()
    workers = prontod.workers()
    prontod.kill()
    wait_until(lambda: not any(harness.alive(pid) for pid in workers.values()), "the end of the workers")


def test_a_second_daemon_on_the_same_store_refuses(new_prontod):
    first = new_prontod(secrets=[SECRET]).start()
    assert first.call_back(SECRET, harness.result("x")) == "unmatched"
    second = new_prontod(secrets=[SECRET], config={"store": {"url": f"sqlite:{first.database}"}})
    status, said = second.fail_to_start()
    assert status == 1 and "in use" in said
    assert first.running() and first.call_back(SECRET, harness.result("y")) == "unmatched"
    first.kill()
    second.start()
    assert len(second.items("/v1/callbacks")) == 2


def test_a_second_daemon_does_not_take_the_query_socket_away(new_prontod):
    first = new_prontod().start()
    second = new_prontod(config={"query": {"socket": first.socket}})
    status, said = second.fail_to_start()
    assert status == 1 and str(first.socket) in said
    assert first.get("/v1/status")


def test_a_port_that_is_taken_is_said(new_prontod):
    first = new_prontod().start()
    second = new_prontod(config={"ingress": {"listen": f"127.0.0.1:{first.port.number}"}})
    status, said = second.fail_to_start()
    assert status == 1 and str(first.port.number) in said
    assert first.http("GET", "/healthz").status == 200


def test_a_socket_that_was_left_behind_is_replaced(new_prontod):
    prontod = new_prontod().start()
    prontod.kill()
    assert prontod.socket.exists()
    prontod.start()
    assert prontod.get("/v1/status")
