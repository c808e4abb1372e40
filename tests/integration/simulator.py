"""pronto-sim, the simulator of Pronto's API, as the tests start and tell it."""

import json
import subprocess

import clients

PATIENCE = 30


def program(build):
    return build / "tests" / "simulator" / "pronto-sim"


class Simulator:
    """The program, and calls of its control interface. By default it calls back at once."""

    def __init__(self, path, *options, listen="127.0.0.1:0", seed=1):
        self.process = subprocess.Popen([path, "--listen", listen, "--seed", str(seed), "--delay", "0", *options],
                                        stdout=subprocess.PIPE, text=True)
        prefix = "pronto-sim: listening on "
        line = self.process.stdout.readline()
        assert line.startswith(prefix), line
        self.url = line[len(prefix):].strip()
        self.port = int(self.url.split(":")[2].split("/")[0])

    def control(self, method, path, body=None):
        connection = clients.TcpConnection("127.0.0.1", self.port, PATIENCE + 10)
        answer = clients.request(connection, method, "/_sim/" + path, json.dumps(body) if body is not None else None)
        assert answer.status == 200, answer
        return answer.json()

    def behave(self, **keys):
        """Changes what it does; see pronto-sim(1)."""
        return self.control("POST", "behaviour", keys)

    def log(self):
        return self.control("GET", "log")

    def submissions(self):
        return self.log()["submissions"]

    def webhook_url(self, enrichment_id):
        return next(one["webhook_url"] for one in self.submissions() if one["enrichment_id"] == enrichment_id)

    def wait(self, **counts):
        query = "&".join(f"{name}={value}" for name, value in counts.items())
        answer = self.control("GET", f"wait?{query}&timeout={PATIENCE}")
        assert answer["reached"], answer
        return answer

    def flush(self):
        return self.control("POST", "flush")

    def send(self, enrichment_id, **fields):
        """Sends a callback now."""
        return self.control("POST", "callback", {"enrichment_id": enrichment_id} | fields)

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
