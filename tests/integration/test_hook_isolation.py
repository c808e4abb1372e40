"""Hooks with limits, secrets and bad manners in the whole of prontod: what operators see, and what others notice."""

import os
import subprocess
import uuid

import pytest

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex
TOKEN = "token-" + uuid.uuid4().hex
ONCE = {"max_attempts": 1, "timeout": "1d"}
MIB = 1024 * 1024


@pytest.fixture(name="prontod")
def make_prontod(new_prontod):
    """Not started yet."""
    return new_prontod(secrets=[SECRET])


def finish(prontod, enrichment_type="email", **more):
    one = str(uuid.uuid4())
    registered = prontod.register(one, enrichment_type=enrichment_type, **more)
    assert prontod.call_back(SECRET, harness.result(one) | more) == "matched"
    return registered["id"]


def wait_delivery(prontod, request_id, hook, *states):
    def look():
        one = next(one for one in prontod.request(request_id)["deliveries"] if one["hook"] == hook)
        return one["state"] in states and prontod.get(f"/v1/deliveries/{one['id']}")
    return wait_until(look, f"the state {states} of {hook}")


def wait_broken(prontod, hook):
    return wait_until(lambda: next((one for one in prontod.get("/v1/hooks")["items"]
                                    if one["name"] == hook and one["state"] == "broken"), None), f"{hook} is broken")


# Figures and limits, as operators see them

PYTHON = "#!/usr/bin/python3 -I\n"
BURN = PYTHON + """import time
text = b"x" * (400 << 20)
while time.process_time() < 0.2:
    pass
"""


def test_figures_are_shown(prontod):
    crm = prontod.hook("crm")
    crm.write(whole=BURN)
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "crm", "succeeded")
    attempt = one["attempts"][0]
    assert attempt["cpu_ms"] > 0 and attempt["memory_bytes"] >= 400 * MIB
    shown = prontod.ctl_json("deliveries", one["id"])["attempts"][0]
    assert (shown["cpu_ms"], shown["memory_bytes"]) == (attempt["cpu_ms"], attempt["memory_bytes"])


def test_a_limit_is_named_in_the_attempt(prontod):
    prontod.hook("crm", **ONCE, cpu="1s").write(whole="#!/bin/sh\nwhile :; do :; done\n")
    prontod.start()
    one = wait_delivery(prontod, finish(prontod), "crm", "dead")
    attempt = one["attempts"][0]
    assert attempt["signal"] == 24 and "cpu = in its section" in attempt["error"]
    assert "cpu = in its section" in prontod.ctl("--format", "json", "deliveries", one["id"]).stdout


# Secrets of a hook

def test_variables_of_a_file_reach_the_hook_alone(prontod):
    path = prontod.secret_file("variables", f"CRM_TOKEN={TOKEN}")
    prontod.private.append(TOKEN)
    crm = prontod.hook("crm", environment="CRM_URL=https://crm.example.org", environment_file=path)
    other = prontod.hook("other")
    prontod.start()
    finish(prontod)
    environ = crm.wait()[0].environ
    assert (environ["CRM_TOKEN"], environ["CRM_URL"], environ["PRONTO_HOOK"]) == (TOKEN, "https://crm.example.org", "crm")
    assert not {"CRM_TOKEN", "CRM_URL"} & set(other.wait()[0].environ)
    for path in ("/v1/hooks", "/v1/status", "/metrics"):
        assert TOKEN.encode() not in prontod.query("GET", path).body


def test_a_wrong_file_of_variables_breaks_the_hook(prontod):
    """Until it is right; no attempt is lost, and nobody is told a value."""
    path = prontod.secret_file("variables", "# the CRM", TOKEN)
    prontod.private.append(TOKEN)
    crm = prontod.hook("crm", environment_file=path)
    prontod.start()
    request = finish(prontod)
    assert "has a wrong line 2: " in wait_broken(prontod, "crm")["error"]
    assert TOKEN not in wait_broken(prontod, "crm")["error"]
    prontod.secret_file("variables", f"CRM_TOKEN={TOKEN}")
    prontod.reload()
    assert len(wait_delivery(prontod, request, "crm", "succeeded")["attempts"]) == 1
    assert crm.runs()[0].environ["CRM_TOKEN"] == TOKEN


@pytest.mark.parametrize("settings,words", [
    ({"working_directory": "/nowhere"}, "working_directory: /nowhere: No such file"),
    ({"environment_file": "crm-token"}, "LoadCredential="),
])
def test_what_cannot_be_given_breaks_the_hook(prontod, settings, words):
    prontod.hook("crm", **settings)
    other = prontod.hook("other")
    prontod.start()
    request = finish(prontod)
    assert words in wait_broken(prontod, "crm")["error"]
    other.wait()
    prontod.config["hook crm"] = {"command": prontod.hooks["crm"].path}
    prontod.reload()
    assert len(wait_delivery(prontod, request, "crm", "succeeded")["attempts"]) == 1


def test_an_unknown_user_is_a_fault_of_the_configuration(prontod):
    prontod.hook("crm", user="nobody-of-that-name")
    status, said = prontod.fail_to_start()
    assert status == 1 and "user: there is no user nobody-of-that-name for hook crm" in said


# Neighbours

SPIN_IN_C = """
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    int pids = open(STARTED, O_WRONLY | O_CREAT | O_APPEND, 0600);
    signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < 20 && fork() > 0; i++)
        setsid();
    dprintf(pids, "%d ", (int)getpid());
    close(0);
    for (;;)
        if (write(1, "0123456789abcdef", 16) < 0)
            return 1;
}
"""
HOSTILE = {
    "prints a gigabyte": "#!/bin/sh\necho $$ >{started}\nhead -c 1000000000 /dev/zero\n: >{started}.done\nexec sleep 100000\n",
    "reads nothing": "#!/bin/sh\necho $$ >{started}\nexec sleep 100000\n",
    "closes its input": "#!/bin/sh\nexec <&-\necho $$ >{started}\nexec sleep 100000\n",
    "forks away": PYTHON + """import os, signal
pids = os.open("{started}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for _ in range(30):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.write(pids, b"%d " % os.getpid())
        while True:
            os.write(1, b"still here")
os.write(pids, b"%d " % os.getpid())
signal.pause()
""",
    "stops itself": "#!/bin/sh\necho $$ >{started}\nkill -STOP $$\n",
    "is a program in C that spins": SPIN_IN_C,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_hook_harms_nobody_else(prontod, what):
    """The other one goes on with its own deliveries meanwhile; all of the hostile one ends when its request is erased."""
    started = prontod.directory / "started"
    hostile = prontod.hook("hostile", enrichment_type="phone", kill_after="100ms", **ONCE)
    if HOSTILE[what] is SPIN_IN_C:
        hostile.path.unlink()
        subprocess.run(["cc", f'-DSTARTED="{started}"', "-x", "c", "-o", hostile.path, "-"], input=SPIN_IN_C, text=True, check=True)
    else:
        hostile.write(whole=HOSTILE[what].replace("{started}", str(started)))
    other = prontod.hook("other")
    prontod.start()
    first = finish(prontod, "phone", custom={"large": "x" * 900000})
    wait_until(lambda: started.exists() and started.read_text(), "the start of the hostile one")
    for request in [finish(prontod) for _ in range(5)]:
        assert wait_delivery(prontod, request, "other", "succeeded")["attempts"][0]["output"] == ""
    assert other.count() == 6
    assert wait_delivery(prontod, first, "hostile", "running")["attempts"] == []
    if "gigabyte" in what:
        wait_until(started.with_suffix(".done").exists, "the end of its output")
    pids = [int(pid) for pid in started.read_text().split()]
    assert any(harness.alive(pid) for pid in pids)
    assert prontod.query("DELETE", f"/v1/requests/{first}").status == 204
    wait_until(lambda: not any(harness.alive(pid) for pid in pids), "the end of the hostile one")


def test_a_fork_bomb_ends_at_its_timeout(prontod):
    """It starts as many as it is let, each in a session of its own."""
    bomb = PYTHON + """import os
while True:
    try:
        if len(os.listdir("{folder}")) < 100 and os.fork() == 0:
            os.setsid()
            open("{folder}/%d" % os.getpid(), "w").close()
    except OSError:
        pass
"""
    folder = prontod.directory / "pids"
    folder.mkdir()
    prontod.hook("bomb", timeout="2s", kill_after="100ms", max_attempts=1).write(whole=bomb.replace("{folder}", str(folder)))
    other = prontod.hook("other")
    prontod.start()
    request = finish(prontod)
    other.wait(1)
    assert wait_delivery(prontod, request, "bomb", "dead")["attempts"][0]["timed_out"]
    finish(prontod)
    other.wait(2)
    left = [name for name in os.listdir(folder) if harness.alive(int(name))]
    assert not left
