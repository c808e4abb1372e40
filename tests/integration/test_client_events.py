"""GET /v1/events: live, resumable, with heartbeats, and bounded for readers that are slow."""

import json
import os
import socket

import pytest

import clients
import harness
from harness import wait_until
from pronto_side import person, submit_all, wait_all

SECRET = "secret-for-events"


class Stream:
    """A client of the stream; next() waits for a line that is no heartbeat."""

    def __init__(self, prontod, query="", timeout=harness.PATIENCE):
        self.connection = clients.UnixConnection(str(prontod.socket), timeout)
        self.connection.request("GET", "/v1/events" + query)
        self.answer = self.connection.getresponse()

    def line(self):
        text = self.answer.readline()
        assert text.endswith(b"\n"), text
        return json.loads(text)

    def next(self):
        while (found := self.line())["event"] == "heartbeat":
            pass
        return found

    def take(self, number):
        return [self.next() for _ in range(number)]

    def until(self, event, request_id):
        """All lines up to this one."""
        found = [self.next()]
        while (found[-1]["event"], found[-1]["request_id"]) != (event, request_id):
            found.append(self.next())
        return found

    def close(self):
        self.connection.close()


@pytest.fixture
def stream():
    opened = []

    def make(*arguments, **keys):
        opened.append(Stream(*arguments, **keys))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def prontod(new_prontod):
    return new_prontod(secrets=[SECRET]).start()


def finish(prontod, name):
    """A registered request with its result."""
    request = prontod.register(name)
    assert prontod.call_back(SECRET, harness.result(name)) == "matched"
    return request["id"]


def test_a_stream_shows_what_happens_as_it_happens(prontod, stream):
    events = stream(prontod)
    assert events.answer.status == 200
    assert events.answer.headers["Content-Type"] == "application/x-ndjson"
    for number in range(3):
        request_id = finish(prontod, f"one-{number}")
        for one in events.until("request.finished", request_id):
            assert set(one) >= {"id", "time", "event", "request_id", "enrichment_id", "delivery_id", "hook"}
            assert one["request_id"] == request_id and one["enrichment_id"] == f"one-{number}"


def test_a_stream_without_since_begins_with_what_comes_next(prontod, stream):
    old = finish(prontod, "old")
    events = stream(prontod)
    new = finish(prontod, "new")
    assert old not in {one["request_id"] for one in events.until("request.finished", new)}


def test_every_place_of_a_stream_is_one_to_go_on_from(prontod, stream):
    for number in range(5):
        last = finish(prontod, f"one-{number}")
    whole = stream(prontod, "?since=0").until("request.finished", last)
    assert len({one["id"] for one in whole}) == len(whole)
    for place, one in enumerate(whole[:-1]):
        assert stream(prontod, f"?since={one['id']}").take(len(whole) - place - 1) == whole[place + 1:]


def test_a_client_that_comes_back_misses_nothing(prontod, stream):
    events = stream(prontod, "?since=0")
    seen, ids = [], []
    for number in range(6):
        ids.append(finish(prontod, f"one-{number}"))
        seen += events.until("request.finished", ids[-1])
        events.close()
        ids.append(finish(prontod, f"meanwhile-{number}"))
        events = stream(prontod, f"?since={seen[-1]['id']}")
        seen += events.until("request.finished", ids[-1])
    whole = stream(prontod, "?since=0").take(len(seen))
    assert whole == seen
    assert [one["request_id"] for one in seen if one["event"] == "request.finished"] == ids


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_client_goes_on_after_a_restart(prontod, stream, end):
    first = finish(prontod, "before")
    last = stream(prontod, "?since=0").until("request.finished", first)[-1]["id"]
    getattr(prontod, end)()
    prontod.start()
    after = finish(prontod, "after")
    seen = stream(prontod, f"?since={last}").until("request.finished", after)
    assert {one["request_id"] for one in seen} == {after}


def test_the_whole_life_of_requests(sim, new_prontod, stream):
    sim.behave(refuse_name="Unwanted")
    prontod = new_prontod(sim.url)
    prontod.hook("crm")
    prontod.start()
    events = stream(prontod)
    good, bad = submit_all(prontod, [person(0), person(1, firstname="Unwanted")])
    wait_all(prontod, [good, bad], "finished", "failed")
    delivery = prontod.request(good)["deliveries"][0]["id"]
    prontod.wait_delivery(delivery, "succeeded")
    seen = []
    while not {("delivery.succeeded", good), ("request.failed", bad)} <= {(one["event"], one["request_id"]) for one in seen}:
        seen.append(events.next())
    of_good = [one["event"] for one in seen if one["request_id"] == good]
    for earlier, later in (("request.queued", "request.finished"), ("request.finished", "delivery.succeeded")):
        assert of_good.index(earlier) < of_good.index(later)
    assert "callback.matched" in of_good
    succeeded = next(one for one in seen if one["event"] == "delivery.succeeded")
    assert succeeded["delivery_id"] == delivery and succeeded["hook"] == "crm"


def test_no_event_has_data_of_a_person(prontod, stream):
    last = finish(prontod, "one")
    whole = stream(prontod, "?since=0").until("request.finished", last)
    assert not any(word in json.dumps(whole) for word in harness.PRIVATE + [SECRET])


def test_a_silent_stream_has_a_heartbeat(prontod, stream):
    assert stream(prontod).line() == {"event": "heartbeat"}


@pytest.mark.parametrize("since", ["x", "-1", "1.5", "99999999999999999999", ""])
def test_a_place_that_is_none_is_refused(prontod, since):
    answer = prontod.query("GET", f"/v1/events?since={since}", timeout=5)
    assert answer.status == 400 and answer.headers["Content-Type"] == "application/problem+json"


def memory_of(prontod):
    with open(f"/proc/{prontod.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) * 1024


def test_slow_readers_block_nobody_and_cost_no_memory(new_prontod, stream):
    quarantine = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    prontod = new_prontod(secrets=[SECRET], environment={"ASAN_OPTIONS": quarantine}).start()
    for number in range(50):
        finish(prontod, f"warm-{number}")
    before = memory_of(prontod)
    slow = []
    try:
        for _ in range(60):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(str(prontod.socket))
            one.sendall(b"GET /v1/events?since=0 HTTP/1.1\r\nHost: x\r\n\r\n")
            slow.append(one)
        wait_until(lambda: all(one.recv(1, socket.MSG_PEEK) for one in slow), "the answers")
        quick = stream(prontod)

        def work(worker):
            return [finish(prontod, f"one-{worker}-{number}") for number in range(150)]

        ids = {one for many in harness.parallel(work, range(8)) for one in many}
        seen = set()
        while seen != ids:
            found = quick.next()
            if found["event"] == "request.finished":
                seen.add(found["request_id"])
        assert prontod.get("/v1/status")["ready"]
        grown = memory_of(prontod) - before
        assert grown < 40 * 1024 * 1024, f"{grown >> 20} MiB more with 60 readers that do not read"
    finally:
        for one in slow:
            one.close()


def test_many_readers_all_see_the_same(prontod, stream):
    readers = [stream(prontod) for _ in range(20)]
    last = [finish(prontod, f"one-{number}") for number in range(10)][-1]
    told = [one.until("request.finished", last) for one in readers]
    assert all(one == told[0] for one in told)


def test_a_reader_that_goes_away_frees_its_place(prontod):
    def status():
        connection = clients.UnixConnection(str(prontod.socket), harness.PATIENCE)
        connection.request("GET", "/v1/events?since=0")
        found = connection.getresponse().status
        connection.close()
        return found

    assert {status() for _ in range(200)} <= {200, 503}  # more than may wait at a time
    wait_until(lambda: status() == 200, "a free place")
