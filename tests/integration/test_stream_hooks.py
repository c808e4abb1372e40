"""Stream hooks from the callback to the delivery, with programs in C, sh and Python."""

import json
import os
import signal
import subprocess
import uuid

import pytest

import harness
from harness import wait_until
from pronto_side import moment

SECRET = "secret-" + uuid.uuid4().hex

# Does as the job title of the result says; writes down what it was given. A gate holds answers up while it is not there.
PYTHON = """#!/usr/bin/python3 -I
import json, os, select, signal, sys
given = open("{given}", "a", buffering=1)
for line in sys.stdin.buffer:
    document = json.loads(line)
    answer = {{"delivery_id": document["delivery_id"], "ok": True}}
    request = document["request"]["id"]
    said = (document["raw"] or {{}}).get("job_title") or "ok"
    given.write(json.dumps([os.getpid(), request, document["attempt"], document["delivery_id"]]) + chr(10))
    if said == "hold":
        while not os.path.exists("{gate}"):
            select.select([], [], [], 0.02)
    elif said == "die" and document["attempt"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    elif said == "end":
        sys.exit(3)
    elif said == "silent":
        continue
    elif said == "fail" and document["attempt"] == 1:
        answer |= {{"ok": False, "error": "try later"}}
    elif said == "permanent":
        answer |= {{"ok": False, "permanent": True, "error": "no such account"}}
    elif said == "garbage":
        print("hello", json.dumps({{"delivery_id": "nobody", "ok": True}}), "[]", sep=chr(10))
        print(json.dumps(answer))
    print(json.dumps(answer), flush=True)
"""

SHELL = """#!/bin/sh
while read -r line; do
  id=$(printf '%s' "$line" | sed 's/.*"delivery_id": *"\\([^"]*\\)".*/\\1/')
  case $line in
  *'"job_title":"permanent"'*) printf '{{"delivery_id":"%s","ok":false,"permanent":true,"error":"no such account"}}\\n' "$id" ;;
  *) printf '{{"delivery_id":"%s","ok":true}}\\n' "$id" ;;
  esac
done
"""

C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        const char *id = strstr(line, "\"delivery_id\"");

        if (!id || sscanf(id, "\"delivery_id\":%*[ ]\"%*s") < 0)
            return 1;
        id = strchr(id + 13, '"') + 1;
        printf("{\"delivery_id\":\"%.36s\",%s}\n", id,
               strstr(line, "\"job_title\":\"permanent\"") ? "\"ok\":false,\"permanent\":true,\"error\":\"no such account\"" : "\"ok\":true");
        fflush(stdout);
    }
    free(line);
    return 0;
}
"""


class Stream:
    """A stream hook of a prontod that is not started yet."""

    def __init__(self, prontod, name="stream", script=PYTHON, **settings):
        self.prontod, self.name = prontod, name
        self.given, self.gate = prontod.directory / f"{name}.given", prontod.directory / f"{name}.gate"
        self.path = prontod.directory / name
        self.write(script)
        prontod.config[f"hook {name}"] = {"command": self.path, "mode": "stream", "backoff": "50ms 100ms"} | settings

    def write(self, script):
        self.path.write_text(script.format(given=self.given, gate=self.gate))
        self.path.chmod(0o755)

    def lines(self):
        """[pid, request, attempt, delivery] of each document that the program read."""
        return [json.loads(line) for line in self.given.read_text().splitlines()] if self.given.exists() else []

    def shown(self):
        return next(one for one in self.prontod.get("/v1/hooks")["items"] if one["name"] == self.name)

    def finish(self, say="ok"):
        one = str(uuid.uuid4())
        request = self.prontod.register(one)["id"]
        assert self.prontod.call_back(SECRET, harness.result(one, job_title=say)) == "matched"
        return request

    def delivery(self, request):
        found = [one for one in self.prontod.request(request)["deliveries"] if one["hook"] == self.name]
        return self.prontod.get(f"/v1/deliveries/{found[0]['id']}") if found else None

    def wait(self, request, *states):
        return wait_until(lambda: (one := self.delivery(request)) and one["state"] in states and one, f"the state {states}")

    def wait_given(self, number):
        return wait_until(lambda: len(self.lines()) >= number and self.lines(), f"{number} documents")


@pytest.fixture(name="prontod")
def make_prontod_for_streams(new_prontod):
    """Not started yet."""
    return new_prontod(secrets=[SECRET])


def reload(prontod):
    before = prontod.log().count("configuration reloaded")
    prontod.reload()
    wait_until(lambda: prontod.log().count("configuration reloaded") > before, "the reload")


# Answers

def make_c(prontod):
    source = prontod.directory / "stream.c"
    source.write_text(C)
    subprocess.run(["cc", "-O1", "-o", prontod.directory / "stream", source], check=True)


@pytest.mark.parametrize("language", ["python", "sh", "c"])
def test_answers_end_deliveries(prontod, language):
    stream = Stream(prontod, script=SHELL if language == "sh" else PYTHON)
    if language == "c":
        make_c(prontod)
    prontod.start()
    good = [stream.finish() for _ in range(20)]
    bad = stream.finish("permanent")
    for request in good:
        one = stream.wait(request, "succeeded")
        assert [attempt["exit_code"] for attempt in one["attempts"]] == [0]
    one = stream.wait(bad, "dead")
    assert len(one["attempts"]) == 1 and "no such account" in one["attempts"][0]["error"]


def test_an_answer_that_is_not_ok_is_tried_again(prontod):
    stream = Stream(prontod)
    prontod.start()
    one = stream.wait(stream.finish("fail"), "succeeded")
    assert [attempt["exit_code"] for attempt in one["attempts"]] == [1, 0]
    assert "try later" in one["attempts"][0]["error"] and one["attempts"][1]["error"] is None


def test_lines_that_are_no_answer_are_ignored(prontod):
    stream = Stream(prontod)
    prontod.start()
    assert len(stream.wait(stream.finish("garbage"), "succeeded")["attempts"]) == 1
    assert "lines that are no answer" in prontod.log()


def test_one_process_takes_many_each_once(prontod):
    stream = Stream(prontod, window=16)
    prontod.start()
    prontod.ctl("hook", "pause", "stream")
    requests = [stream.finish() for _ in range(300)]
    prontod.ctl("hook", "resume", "stream")
    wait_until(lambda: stream.shown()["succeeded"] == 300, "all")
    lines = stream.lines()
    assert sorted(line[1] for line in lines) == sorted(requests)
    assert [line[1] for line in lines] == requests, "in the order in which they finished"
    assert len({line[0] for line in lines}) == 1


def test_one_that_is_not_answered_is_late(prontod):
    stream = Stream(prontod, timeout="300ms", kill_after="300ms", max_attempts=2)
    prontod.start()
    one = stream.wait(stream.finish("silent"), "dead")
    assert [attempt["timed_out"] for attempt in one["attempts"]] == [True, True]


# A process that ends

def test_a_killed_process_uses_up_an_attempt_of_the_oldest_alone(prontod):
    stream = Stream(prontod)
    prontod.start()
    prontod.ctl("hook", "pause", "stream")
    guilty = stream.finish("die")
    others = [stream.finish() for _ in range(20)]
    prontod.ctl("hook", "resume", "stream")
    one = stream.wait(guilty, "succeeded")
    assert [attempt["signal"] for attempt in one["attempts"]] == [signal.SIGKILL, None]
    for request in others:
        one = stream.wait(request, "succeeded")
        assert all(attempt["interrupted"] for attempt in one["attempts"][:-1])
    assert len({line[0] for line in stream.lines()}) == 2


def test_one_that_always_ends_is_tripped_and_says_so(prontod):
    stream = Stream(prontod, trip_after=3)
    prontod.start()
    stream.finish("end")
    wait_until(lambda: stream.shown()["state"] == "tripped", "tripped")
    assert "3 attempts in a row failed" in stream.shown()["error"]


def test_a_missing_program_is_broken_until_it_is_there(prontod):
    stream = Stream(prontod)
    stream.path.rename(prontod.directory / "away")
    prontod.start()
    request = stream.finish()
    wait_until(lambda: stream.shown()["state"] == "broken", "broken")
    assert "No such file" in stream.shown()["error"]
    (prontod.directory / "away").rename(stream.path)
    reload(prontod)
    assert len(stream.wait(request, "succeeded")["attempts"]) == 1


@pytest.mark.parametrize("who", ["prontod", "prontod-runner"])
def test_a_kill_loses_nothing_and_uses_up_no_attempt(prontod, who):
    stream = Stream(prontod, max_attempts=1)
    prontod.start()
    requests = [stream.finish("hold") for _ in range(40)]
    stream.wait_given(1)
    if who == "prontod":
        prontod.kill()
    else:
        os.kill(prontod.workers()[who], signal.SIGKILL)
        assert prontod.wait_end() != 0
    stream.gate.touch()
    prontod.start()
    for request in requests:
        one = stream.wait(request, "succeeded")
        assert one["attempts"][-1]["exit_code"] == 0
        assert all(attempt["interrupted"] for attempt in one["attempts"][:-1])
    assert {line[1] for line in stream.lines()} == set(requests)


# Operators

def test_a_paused_hook_is_given_nothing(prontod):
    stream = Stream(prontod)
    prontod.start()
    stream.wait(stream.finish(), "succeeded")
    prontod.ctl("hook", "pause", "stream")
    requests = [stream.finish() for _ in range(3)]
    assert stream.shown()["state"] == "paused" and stream.shown()["queued"] == 3
    assert len(stream.lines()) == 1
    prontod.ctl("hook", "resume", "stream")
    for request in requests:
        stream.wait(request, "succeeded")


def test_a_reload_with_another_program_while_documents_are_unanswered(prontod):
    stream = Stream(prontod, window=2)
    prontod.start()
    requests = [stream.finish("hold") for _ in range(6)]
    stream.wait_given(1)
    stream.write(PYTHON.replace('if said == "hold":', 'if said == "never":'))
    prontod.config["hook stream"]["window"] = 3
    reload(prontod)
    stream.gate.touch()
    for request in requests:
        one = stream.wait(request, "succeeded")
        assert [attempt["exit_code"] for attempt in one["attempts"]] == [0]
    lines = stream.lines()
    assert sorted(line[1] for line in lines) == sorted(requests), "each was given once"
    assert len({line[0] for line in lines}) == 2, "the old process answered what it had"


def test_a_removed_hook_keeps_what_waits_until_it_is_back(prontod):
    stream = Stream(prontod, window=1)
    prontod.start()
    requests = [stream.finish("hold") for _ in range(5)]
    stream.wait_given(1)
    section = prontod.config.pop("hook stream")
    reload(prontod)
    stream.gate.touch()
    stream.wait(requests[0], "succeeded")
    wait_until(lambda: stream.shown()["running"] == 0, "nothing runs")
    assert stream.shown()["state"] == "paused" and "not in the configuration" in stream.shown()["error"]
    prontod.config["hook stream"] = section
    reload(prontod)
    for request in requests:
        assert stream.wait(request, "succeeded")["attempts"][-1]["exit_code"] == 0


def test_the_rate_holds_for_documents(prontod):
    stream = Stream(prontod, rate=5)
    prontod.start()
    requests = [stream.finish() for _ in range(15)]
    times = sorted(stream.wait(request, "succeeded")["attempts"][0]["started_at"] for request in requests)
    assert len(stream.lines()) == 15
    seconds = [moment(time) for time in times]
    for first, last in zip(seconds, seconds[10:]):
        assert last - first >= 0.9, "no more than a second's worth at once, and five a second"


def test_erasing_harms_no_other_delivery(prontod):
    stream = Stream(prontod, window=1)
    prontod.start()
    given, queued, other = stream.finish("hold"), stream.finish(), stream.finish()
    stream.wait_given(1)
    wait_until(lambda: stream.shown()["running"] == 2, "one waits in prontod-runner")
    for request in (given, queued):
        assert prontod.query("DELETE", f"/v1/requests/{request}").status == 204
    stream.gate.touch()
    assert len(stream.wait(other, "succeeded")["attempts"]) == 1
    wait_until(lambda: stream.shown()["running"] == 0, "nothing runs")
    assert [line[1] for line in stream.lines()] == [given, other], "what was erased in time was given to nobody"
    assert [one["request_id"] for one in prontod.items("/v1/deliveries")] == [other]
