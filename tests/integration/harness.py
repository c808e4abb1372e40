"""What the tests share: the programs, a prontod with everything in one temporary directory, and waiting for a condition.

Nothing here waits for a fixed time. wait_until() is the only place that polls, and a test fails when a deadline passes.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import clients
import hooks
import simulator
from machine import Notifications, Port, alive, processes  # alive() is for the tests

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PRONTO_BUILD", TOP / "build")).absolute()
PRONTOD = BUILD / "daemon" / "prontod"
EGRESS = BUILD / "daemon" / "prontod-egress"
RUNNER = BUILD / "daemon" / "prontod-runner"
PRONTOCTL = BUILD / "ctl" / "prontoctl"
PRONTO_SIM = simulator.program(BUILD)
PATIENCE = 40  # seconds until a test gives up; never how long it takes
# What must never be in a log line: all people and data that the tests invent, and Pronto's example.
PRIVATE = ["Lovelace", "Hopper", "Mathieu", "Brun-Picard", "4447901", "@example.", "2015550", "+3319900", "custom-value",
           "linkedin.example"]
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:|Assertion .* failed")
NOT_INHERITED = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "JOURNAL_STREAM", "INVOCATION_ID",
                 "PRONTOD_SOCKET", "PRONTOD_LOG_LEVEL", "PRONTOD_EGRESS_SOCKET", "PRONTOD_RUNNER_SOCKET",
                 "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC", "WATCHDOG_PID")


def wait_until(predicate, what="the condition", timeout=PATIENCE):
    """Polls until `predicate` is true and returns its value; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        assert time.monotonic() < deadline, f"{what} was not reached within {timeout} s"
        time.sleep(0.01)
    return value


class Prontod:
    """The daemon with its configuration, store, sockets and hooks in a directory of its own."""

    def __init__(self, api_url=None, config=None, secrets=(), environment=None, wrapper=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pt-"))
        self.directory.chmod(0o755)
        self.port = Port()
        self.socket = self.directory / "query.sock"
        self.database = self.directory / "store" / "prontod.db"
        self.database.parent.mkdir(mode=0o700)
        self.file = self.directory / "prontod.conf"
        self.errors = self.directory / "stderr.log"
        self.errors.touch()
        self.api_key = "key-" + os.urandom(12).hex()
        self.secrets = list(secrets)
        self.environment = environment or {}
        self.wrapper = list(wrapper)
        self.process = self.notifications = None
        self.hooks = {}
        self.private = [*PRIVATE, self.api_key, *self.secrets]
        self.runs = itertools.count(1)
        self.workers_seen = set()
        self.config = {
            "ingress": {"listen": f"127.0.0.1:{self.port.number}", "public_url": f"http://127.0.0.1:{self.port.number}"},
            "query": {"socket": self.socket},
            "store": {"url": f"sqlite:{self.database}", "min_free": "1M"},
            "pronto": {}, "match": {}}
        if api_url:
            self.config["pronto"] = {"api_url": api_url, "api_key_file": self.secret_file("api-key", self.api_key)}
        if self.secrets:
            self.config["ingress"]["secret_file"] = self.secret_file("secrets", *self.secrets)
        for section, keys in (config or {}).items():
            self.config.setdefault(section, {}).update(keys)

    # Configuration

    def secret_file(self, name, *lines):
        path = self.directory / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        return path

    def hook(self, name, then="", **settings):
        """A hook that records each run and then does `then` (shell). `settings` are the keys of its section."""
        self.hooks[name] = hook = hooks.Hook(self.directory, name, wait_until, then)
        self.config[f"hook {name}"] = {"command": hook.path} | settings
        return hook

    def write_config(self, more=""):
        lines = []
        for section, keys in self.config.items():
            lines += [f"[{section}]"] + [f"{key} = {value}" for key, value in keys.items() if value is not None]
        self.file.write_text("\n".join(lines) + "\n" + more)

    # Life

    def launch(self, more=""):
        """Starts it without waiting."""
        self.write_config(more)
        self.notifications = Notifications(self.directory / f"notify-{next(self.runs)}")
        environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        environment |= {"NOTIFY_SOCKET": self.notifications.path, "PRONTO_TEST_LEAK": "must not reach a hook"}
        environment |= self.environment
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen([*self.wrapper, PRONTOD, "--config", self.file], stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors, env=environment, cwd="/")
        return self

    def start(self, more=""):
        """Starts it and waits until it says that it is ready."""
        self.launch(more)
        ready = self.notifications.wait("READY=1", self.process, PATIENCE)
        assert ready, f"prontod ended with {self.process.returncode}:\n{self.log()}"
        self.workers()
        return self

    def fail_to_start(self):
        """Starts it; it must end by itself. Returns its exit status and what it said."""
        before = len(self.log())
        self.launch()
        assert not self.notifications.wait("READY=1", self.process, PATIENCE), "it started"
        status = self.process.returncode
        self._ended()
        return status, self.log()[before:]

    def _ended(self):
        self.process = None
        self.notifications.close()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait_end(self, timeout=PATIENCE):
        status = self.process.wait(timeout)
        self._ended()
        return status

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait_end()

    def kill(self):
        self.workers()
        self.process.kill()
        self.wait_end()

    def restart(self):
        assert self.stop() == 0, self.log()
        return self.start()

    def reload(self):
        self.write_config()
        self.signal(signal.SIGHUP)

    def workers(self):
        """The pids of the two workers by name."""
        found = {}
        for pid, parent, command in processes():
            if parent == self.process.pid:
                self.workers_seen.add(pid)
                for name in ("prontod-egress", "prontod-runner"):
                    if name in command.split("\0")[0]:
                        found[name] = pid
        return found

    def log(self):
        return self.errors.read_text(errors="replace")

    def close(self):
        """Ends it, removes everything, and checks what it logged."""
        status = 0
        try:
            if self.running():
                status = self.stop()
            elif self.process is not None:
                status = self.wait_end()
        finally:
            if self.process is not None:
                self.process.kill()
                self.wait_end()
            self._sweep()
            log = self.log()
            shutil.rmtree(self.directory, ignore_errors=True)
            self.port.release()
        found = [word for word in self.private if word and word in log]
        assert not found, "in the log: " + "\n".join(line for line in log.splitlines() if any(word in line for word in found))
        report = SANITIZER.search(log)
        assert report is None, log[max(0, report.start() - 200):][:6000]
        assert status == 0, f"it ended with {status}:\n{log[-6000:]}"

    def _sweep(self):
        """Ends workers and hooks that a killed daemon may have left."""
        for pid, _, command in list(processes()):
            left = pid in self.workers_seen and "prontod-" in command
            if left or (str(self.directory) in command and pid != os.getpid()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    # Clients

    def query(self, method, path, body=None, headers=None, timeout=PATIENCE):
        text = body if isinstance(body, (bytes, str, type(None))) else json.dumps(body)
        return clients.request(clients.UnixConnection(str(self.socket), timeout), method, path, text, headers)

    def get(self, path, status=200, **keys):
        answer = self.query("GET", path, **keys)
        assert answer.status == status, answer
        return answer.json()

    def post(self, path, body=None, status=None, **keys):
        answer = self.query("POST", path, body, **keys)
        if status is None:
            assert 200 <= answer.status < 300, answer
        else:
            assert answer.status == status, answer
        return answer.json() if answer.body else None

    def items(self, path):
        """The whole of a list, walked by its cursors."""
        mark = "&" if "?" in path else "?"
        answer = self.get(f"{path}{mark}limit=1000")
        found = answer["items"]
        while answer["next"] is not None:
            answer = self.get(f"{path}{mark}limit=1000&after={answer['next']}")
            found += answer["items"]
        return found

    def http(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """A call of the callback listener."""
        connection = clients.TcpConnection("127.0.0.1", self.port.number, timeout)
        return clients.request(connection, method, path, body, headers)

    def callback(self, token, body, headers=None):
        text = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return self.http("POST", f"/callback/{token}", text, {"Content-Type": "application/json"} | (headers or {}))

    def call_back(self, token, body):
        """Sends a callback that must be stored; the state it got."""
        answer = self.callback(token, body)
        assert answer.status == 200, answer
        assert list(answer.json()) == ["status"]
        return answer.json()["status"]

    def raw(self, data, timeout=5):
        return clients.raw(("127.0.0.1", self.port.number), data, timeout)

    def ctl(self, *arguments, status=0, **keys):
        """Runs prontoctl; `status` None accepts every exit status."""
        run = subprocess.run([PRONTOCTL, "--socket", self.socket, *map(str, arguments)], capture_output=True, text=True,
                             timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False, **keys)
        assert status is None or run.returncode == status, (run.returncode, run.stdout, run.stderr)
        assert not SANITIZER.search(run.stderr), run.stderr
        return run

    def ctl_json(self, *arguments, **keys):
        return json.loads(self.ctl(*arguments, **keys).stdout)

    # What most tests do

    def request(self, request_id):
        return self.get(f"/v1/requests/{request_id}")

    def wait_state(self, request_id, *states):
        return wait_until(lambda: (found := self.request(request_id))["state"] in states and found, f"the state {states}")

    def wait_delivery(self, delivery_id, *states):
        return wait_until(lambda: (found := self.get(f"/v1/deliveries/{delivery_id}"))["state"] in states and found,
                          f"the state {states}")

    def submit(self, sim, **fields):
        """A request that Pronto has accepted, and the token of its callback. The simulator should not call back."""
        answer = self.post("/v1/requests", contact(**fields), status=202)
        found = self.wait_state(answer["id"], "pending", "finished")
        return found, self.token_of(sim, found["enrichment_id"])

    def submit_batch(self, sim, contacts):
        answer = self.post("/v1/requests", contacts, status=202)
        ids = [item["id"] for item in batch_items(answer)]
        found = [self.wait_state(one, "pending", "finished") for one in ids]
        return found, self.token_of(sim, found[0]["enrichment_id"])

    def token_of(self, sim, enrichment_id):
        token = sim.webhook_url(enrichment_id).rsplit("/", 1)[1]
        self.private.append(token)
        return token

    def register(self, enrichment_id, status=201, **fields):
        body = {"enrichment_id": enrichment_id, "enrichment_type": "email"} | fields
        return self.post("/v1/requests/register", body, status=status)


def batch_items(answer):
    """The requests in the answer to an array: an array as well, or a list."""
    return answer if isinstance(answer, list) else answer["items"]


def contact(**fields):
    """A valid submission; None leaves a field out."""
    whole = {"firstname": "Ada", "lastname": "Lovelace", "domain": "example.com", "enrichment_type": "email"} | fields
    return {name: value for name, value in whole.items() if value is not None}


def result(enrichment_id, **fields):
    """A callback's body with a result for contact(); None leaves a field out."""
    whole = {"enrichment_id": enrichment_id, "first_name": "Ada", "last_name": "Lovelace", "status": "finished",
             "email": "ada@example.com", "email_status": "deliverable"} | fields
    return {name: value for name, value in whole.items() if value is not None}


def parallel(function, arguments):
    """The values of a function called with each argument at the same time."""
    arguments = list(arguments)
    with concurrent.futures.ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(function, arguments))
