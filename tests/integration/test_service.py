"""What prontod tells a service manager, and what a stop means for those who are connected."""

import signal
import socket
import time
import uuid

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex


def notices(prontod, name):
    """The values of `name` in the order in which they were told."""
    return [message.split("=", 1)[1] for message in list(prontod.notifications.messages) if message.startswith(name + "=")]


def until_told(prontod, name, value):
    wait_until(lambda: value in notices(prontod, name), f"{name}={value}")


def post(number):
    body = b'{"id": "service-%d", "status": "finished"}' % number
    head = f"POST /callback/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return head, body


def connections(prontod):
    return prontod.get("/v1/status")["callback_listener"]["connections"]


def connect(prontod, data):
    before = connections(prontod)
    peer = socket.create_connection(("127.0.0.1", prontod.port.number), timeout=harness.PATIENCE)
    peer.sendall(data)
    wait_until(lambda: connections(prontod) > before, "the connection")
    return peer


def test_the_state_in_words(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    words = notices(prontod, "STATUS")[-1]
    assert words.startswith("Serving; requests: 0 queued, 0 pending; deliveries: 0 waiting, 0 running, 0 dead"), words
    assert words.endswith("; calls to Pronto: no_key"), words
    assert prontod.stop() == 0
    assert notices(prontod, "STATUS")[-1].startswith("Finishing what was accepted; ")
    assert notices(prontod, "STOPPING") == ["1"]


def test_a_reload_is_told_with_its_time_and_ended_with_ready(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    before = time.monotonic_ns() // 1000
    prontod.reload()
    wait_until(lambda: notices(prontod, "READY") == ["1", "1"], "the end of the reload")
    after = time.monotonic_ns() // 1000
    assert notices(prontod, "RELOADING") == ["1"]
    assert len(notices(prontod, "MONOTONIC_USEC")) == 1
    assert before <= int(notices(prontod, "MONOTONIC_USEC")[0]) <= after


def test_a_reload_ends_when_the_workers_have_it(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    runner = prontod.workers()["prontod-runner"]
    harness.os.kill(runner, signal.SIGSTOP)
    prontod.reload()
    until_told(prontod, "RELOADING", "1")
    wait_until(lambda: "configuration reloaded" in prontod.log(), "prontod's own part")
    assert notices(prontod, "READY") == ["1"]
    harness.os.kill(runner, signal.SIGCONT)
    wait_until(lambda: notices(prontod, "READY") == ["1", "1"], "the end of the reload")


def test_a_failed_reload_shows_until_a_good_one(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    prontod.write_config("nonsense\n")
    prontod.signal(signal.SIGHUP)
    wait_until(lambda: notices(prontod, "READY") == ["1", "1"], "the end of the reload")
    assert notices(prontod, "STATUS")[-1].endswith("; reload failed, the configuration is that from before")
    assert prontod.call_back(SECRET, harness.result("x")) == "unmatched"
    prontod.reload()
    wait_until(lambda: notices(prontod, "READY") == ["1", "1", "1"], "the end of the reload")
    assert "reload failed" not in notices(prontod, "STATUS")[-1]


def test_a_stop_answers_who_has_begun_and_closes_who_waits(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    head, body = post(1)
    waiting = connect(prontod, head + body)
    assert waiting.recv(4096).startswith(b"HTTP/1.1 200 ")
    in_header = connect(prontod, head[:40])
    head_of_other, body_of_other = post(2)
    in_body = connect(prontod, head_of_other + body_of_other[:5])
    prontod.signal(signal.SIGTERM)
    assert waiting.recv(4096) == b"", "it waited for nothing and is closed"
    in_header.sendall(head[40:] + body)
    assert in_header.recv(4096).startswith(b"HTTP/1.1 200 ")
    in_body.sendall(body_of_other[5:])
    assert in_body.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert prontod.wait_end() == 0


def test_what_people_alert_on_is_said_when_it_begins_and_when_it_is_over(new_prontod):
    prontod = new_prontod(secrets=[SECRET])
    prontod.config["store"]["max_unmatched"] = 1
    prontod.start()
    assert prontod.call_back(SECRET, harness.result("a")) == "unmatched"
    for number in range(20):
        assert prontod.callback(SECRET, harness.result(f"b-{number}")).status == 503
    wait_until(lambda: "callbacks with 503: " in prontod.log(), "the word of it")
    assert prontod.log().count("callbacks with 503: ") == 1, "at most once a minute"
