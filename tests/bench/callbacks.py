"""Rates and times to the answer of callbacks over connections, and over the number of pending requests."""

import os
import statistics
import time

from common import say, spread, table
from contestants import BASE, DURABLE, STORELESS, memory

TIMES = (("p50_ms", "p50"), ("p99_ms", "p99"), ("p999_ms", "p99.9"))
ORDERS = ("in order", "random")
GROWTH_CONNECTIONS = 64
REPEATS_MAX = 20


def disk(folder, seconds):
    """Appends of 4 KiB, each with fdatasync(2), in a second."""
    n, end = 0, time.monotonic() + seconds
    fd = os.open(folder / "disk", os.O_CREAT | os.O_WRONLY, 0o600)
    while time.monotonic() < end:
        os.write(fd, b"x" * 4096)
        os.fdatasync(fd)
        n += 1
    os.close(fd)
    return n / seconds


class Rates:
    """What each contestant did in each round with each number of connections."""

    def __init__(self, contestants, names, connections, rounds, size):
        self.contestants, self.names, self.connections, self.size = contestants, names, connections, size
        self.found, self.most, self.syncs = {}, {}, []
        for number in range(rounds):
            say(f"callbacks, round {number + 1} of {rounds}")
            self.measure()

    def measure(self):
        self.syncs.append(disk(self.contestants.folder, self.contestants.seconds))
        for one in self.connections:
            for name in self.names:
                with self.contestants.named(name, self.size) as (process, load):
                    self.found.setdefault((name, one), []).append(load(one))
                    self.most[name] = max(self.most.get(name, 0), memory(process))

    def values(self, name, one, key="rate"):
        return [run[key] for run in self.found[name, one]]

    def ratios(self, name, one, key="rate", base=BASE):
        """In each round; None when one of them was not measured."""
        if (name, one) not in self.found or (base, one) not in self.found:
            return None
        return [mine / other for mine, other in zip(self.values(name, one, key), self.values(base, one, key)) if other] or None

    def tables(self):
        header = ["", *(f"{one} conn." for one in self.connections)]
        yield table(f"Callbacks a second, as ratio to {BASE}", header,
                    [[name, *(spread(self.ratios(name, one)) for one in self.connections)] for name in self.names])
        for key, word in TIMES:
            yield table(f"Time to the answer, {word}: ratio to {BASE}, and milliseconds", header,
                        [[name, *(self.time_cell(name, one, key) for one in self.connections)] for name in self.names])
        yield table("Resident memory at most, with its children", ["", "MiB"], [[name, f"{self.most[name] / 1024:.1f}"] for name in self.names])

    def time_cell(self, name, one, key):
        ratios = self.ratios(name, one, key)
        return (spread(ratios) + "; " if ratios else "") + f"{statistics.median(self.values(name, one, key)):.2f} ms"

    def notes(self):
        stored = [mine / syncs for mine, syncs in zip(self.values(DURABLE, GROWTH_CONNECTIONS), self.syncs)]
        left = ", ".join(f"{spread(self.ratios(DURABLE, one, base=STORELESS))} at {one} connections" for one in self.connections)
        yield f"{DURABLE}, has {self.size:,} pending requests."
        yield (f"The disk alone: {statistics.median(self.syncs):,.0f} appends with fdatasync a second; prontod stores {spread(stored, 1)} times "
               f"as many callbacks at {GROWTH_CONNECTIONS} connections.")
        yield f"{DURABLE}, as ratio to {STORELESS}, which reads and answers by the same path and stores nothing: {left}."


class Growth:
    """Rates with more and more pending requests."""

    def __init__(self, contestants, sizes, rounds):
        self.contestants, self.sizes, self.found = contestants, sizes, {}
        for number in range(rounds):
            say(f"growth, round {number + 1} of {rounds}")
            for order in ORDERS:
                for size in sizes:
                    self.found.setdefault((order, size), []).append(self.measure(order, size))

    def measure(self, order, size):
        """A small database is used up at once: as many fresh ones follow as make up half the time."""
        answers, seconds = 0, 0
        for _ in range(REPEATS_MAX):
            with self.contestants.prontod(size, order == "random") as (_, load):
                run = load(GROWTH_CONNECTIONS)
            answers, seconds = answers + run["answers"], seconds + run["seconds"]
            if seconds >= self.contestants.seconds / 2:
                break
        return answers / seconds

    def ratios(self, order, size):
        return [mine / base for mine, base in zip(self.found[order, size], self.found[ORDERS[0], self.sizes[0]])]

    def tables(self):
        yield table(f"Growth: rate at {GROWTH_CONNECTIONS} connections with more pending requests, as ratio to the fewest in order",
                    ["", *(f"{size:,}" for size in self.sizes)],
                    [[order, *(spread(self.ratios(order, size)) for size in self.sizes)] for order in ORDERS])
