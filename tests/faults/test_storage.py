"""Faults of the store: databases that cannot be used, full disks, a sync that fails, too few descriptors."""

import contextlib
import os
import pathlib
import resource
import socket
import sqlite3
import subprocess
import uuid

import pytest

import harness
from harness import wait_until

SECRET = "secret-" + uuid.uuid4().hex
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def fill(prontod, number=100, size=3000):
    for _ in range(number):
        assert prontod.call_back(SECRET, harness.result(str(uuid.uuid4()), padding="x" * size)) == "unmatched"


def count(prontod):
    return len(prontod.items("/v1/callbacks"))


# At the start

def header(database):
    with open(database, "r+b") as file:
        file.write(os.urandom(100))


def pages(database):
    with open(database, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(os.path.getsize(database) - 4096))


def half(database):
    os.truncate(database, os.path.getsize(database) // 2 // 4096 * 4096)


def text(database):
    pathlib.Path(database).write_text("This is no database.\n" * 500)


def foreign(database):
    os.remove(database)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE other (a)")
        connection.commit()


def newer(database):
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 999")
        connection.commit()


@pytest.mark.parametrize("damage, words", [(header, ""), (pages, ""), (half, ""), (text, ""), (foreign, ""), (newer, "999")],
                         ids=lambda value: getattr(value, "__name__", ""))
def test_a_database_that_cannot_be_used_is_refused_and_left_alone(new_prontod, damage, words):
    prontod = new_prontod(secrets=[SECRET]).start()
    fill(prontod)
    assert prontod.stop() == 0
    for name in ("-wal", "-shm"):
        pathlib.Path(f"{prontod.database}{name}").unlink(missing_ok=True)
    damage(prontod.database)
    before = prontod.database.read_bytes()
    status, said = prontod.fail_to_start()
    assert status == 1
    assert str(prontod.database) in said and words in said, said
    assert prontod.database.read_bytes() == before, "it was changed"


def test_a_directory_in_the_place_of_the_database_is_refused(new_prontod):
    prontod = new_prontod()
    prontod.database.mkdir()
    status, said = prontod.fail_to_start()
    assert status == 1 and str(prontod.database) in said


def test_a_missing_directory_is_refused(new_prontod):
    prontod = new_prontod()
    prontod.database.parent.rmdir()
    status, said = prontod.fail_to_start()
    assert status == 1 and str(prontod.database.parent) in said


def test_garbage_at_the_end_of_the_log_and_a_missing_index_are_recovered(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    fill(prontod, 20)
    prontod.kill()
    log = pathlib.Path(f"{prontod.database}-wal")
    with open(log, "ab") as file:
        file.write(os.urandom(10000))
    pathlib.Path(f"{prontod.database}-shm").unlink()
    prontod.start()
    assert count(prontod) == 20
    assert prontod.call_back(SECRET, harness.result("x")) == "unmatched"


def test_the_database_is_sound_after_a_kill(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    fill(prontod, 20)
    prontod.kill()
    with contextlib.closing(sqlite3.connect(prontod.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA application_id").fetchone()[0] != 0
        assert connection.execute("PRAGMA user_version").fetchone()[0] > 0


# Small file systems

@pytest.fixture(name="small")
def make_small(tmp_path):
    """A file system of 24 MiB; unmounted in the end."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M,mode=0700", "tmpfs", folder], check=False,
                                           capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def on_small(new_prontod, small, **store):
    return new_prontod(secrets=[SECRET], config={"store": {"url": f"sqlite:{small}/prontod.db"} | store})


def occupy(small, leave):
    """Writes a file so that only `leave` bytes stay free."""
    free = os.statvfs(small)
    size = free.f_bavail * free.f_frsize - leave
    with open(small / "occupied", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    return small / "occupied"


def test_a_disk_nearly_full_is_503_and_heals_by_itself(new_prontod, small):
    prontod = on_small(new_prontod, small, min_free="8M").start()
    fill(prontod, 10)
    occupied = occupy(small, 4 << 20)
    wait_until(lambda: prontod.http("GET", "/readyz").status == 503, "not ready")
    answer = wait_until(lambda: (one := prontod.callback(SECRET, harness.result("x"))).status == 503 and one, "503")
    assert int(answer.headers["Retry-After"]) > 0
    assert prontod.http("GET", "/healthz").status == 200
    assert prontod.get("/v1/status") and prontod.running()
    stored = count(prontod)
    occupied.unlink()
    wait_until(lambda: prontod.http("GET", "/readyz").status == 200, "ready again")
    assert prontod.call_back(SECRET, harness.result("y")) == "unmatched"
    assert count(prontod) == stored + 1


def test_a_disk_that_is_really_full_acknowledges_nothing_and_heals_by_itself(new_prontod, small):
    prontod = on_small(new_prontod, small, min_free="0").start()
    fill(prontod, 10)
    occupied = occupy(small, 0)
    acknowledged, refused = 10, None
    for _ in range(1000):
        answer = prontod.callback(SECRET, harness.result(str(uuid.uuid4()), padding="x" * 50000))
        if answer.status != 200:
            refused = answer
            break
        acknowledged += 1
    assert refused is not None and refused.status == 503 and int(refused.headers["Retry-After"]) > 0
    for _ in range(20):
        assert prontod.callback(SECRET, harness.result(str(uuid.uuid4()), padding="x" * 50000)).status in (503, 200)
    assert prontod.http("GET", "/healthz").status == 200 and prontod.running()
    occupied.unlink()
    wait_until(lambda: prontod.callback(SECRET, harness.result("last")).status == 200, "recovery")
    before = count(prontod)
    assert before >= acknowledged + 1
    prontod.restart()
    assert count(prontod) == before


def test_a_read_only_file_system_is_refused_at_the_start(new_prontod, small):
    prontod = on_small(new_prontod, small).start()
    fill(prontod, 5)
    assert prontod.stop() == 0
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    status, said = prontod.fail_to_start()
    assert status == 1 and str(small) in said
    subprocess.run(["mount", "-o", "remount,rw", small], check=True)
    prontod.start()
    assert count(prontod) == 5


# Descriptors

@ROOT
def test_too_few_descriptors_harm_only_while_it_lasts(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    fill(prontod, 3)
    pid = prontod.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 6, hard))
    peers = []
    try:
        for _ in range(40):
            peers.append(socket.create_connection(("127.0.0.1", prontod.port.number), timeout=5))
        wait_until(lambda: max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) >= used + 5, "exhaustion")
        assert prontod.running()
    finally:
        for peer in peers:
            peer.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: prontod.callback(SECRET, harness.result("x")).status == 200, "recovery")
    assert count(prontod) == 4


# The disk, through strace

def traced(new_prontod, **environment):
    options = os.environ.get("ASAN_OPTIONS", "")
    return new_prontod(secrets=[SECRET], environment={"ASAN_OPTIONS": options + ":detect_leaks=0"} | environment).start()


def test_one_failed_sync_is_503_and_heals_by_itself(new_prontod, inject):
    prontod = traced(new_prontod)
    fill(prontod, 5)
    detach = inject(prontod, "error=EIO:when=1")
    acknowledged, refused = [], 0
    for number in range(30):
        answer = prontod.callback(SECRET, harness.result(f"x-{number}"))
        assert answer.status in (200, 503), answer
        if answer.status == 200:
            acknowledged.append(f"x-{number}")
        else:
            refused += 1
            assert int(answer.headers["Retry-After"]) > 0
    assert refused >= 1
    wait_until(lambda: prontod.callback(SECRET, harness.result("healed")).status == 200, "recovery")
    detach()
    for _ in range(2):
        stored = [one["enrichment_id"] for one in prontod.items("/v1/callbacks")]
        assert set(acknowledged) <= set(stored) and len([one for one in stored if one not in set(stored)]) == 0
        prontod.kill()
        prontod.start()


def test_while_every_sync_fails_nothing_is_acknowledged(new_prontod, inject):
    prontod = traced(new_prontod)
    fill(prontod, 5)
    detach = inject(prontod, "error=EIO:when=1+")
    for number in range(10):
        try:
            assert prontod.callback(SECRET, harness.result(f"x-{number}")).status == 503
        except (OSError, harness.clients.http.client.HTTPException):
            wait_until(lambda: not prontod.running(), "its end")  # it may give up, and be restarted
            break
    detach()
    if prontod.running():
        prontod.kill()
    else:
        assert prontod.wait_end() not in (0, -6, -11)
    prontod.start()
    assert count(prontod) >= 5
    assert prontod.call_back(SECRET, harness.result("healed")) == "unmatched"


def test_no_commit_within_5_seconds_is_503(new_prontod, inject):
    prontod = traced(new_prontod)
    fill(prontod, 2)
    detach = inject(prontod, "delay_enter=9000000:when=1")
    answer = prontod.callback(SECRET, harness.result("late"))
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
    assert prontod.http("GET", "/healthz").status == 200
    assert count(prontod) >= 2, "the query socket does not wait behind it"
    wait_until(lambda: prontod.callback(SECRET, harness.result("healed")).status == 200, "recovery")
    detach()


def test_a_slow_disk_acknowledges_late_but_truly(new_prontod, inject):
    prontod = traced(new_prontod)
    detach = inject(prontod, "delay_enter=300000:when=1+")
    states = harness.parallel(lambda number: prontod.call_back(SECRET, harness.result(f"x-{number}")), range(16))
    assert states == ["unmatched"] * 16
    prontod.kill()
    detach()
    prontod.start()
    assert count(prontod) == 16


def pings(prontod):
    return prontod.notifications.messages.count("WATCHDOG=1")


def said(prontod, text):
    return text in prontod.errors.read_text(encoding="utf-8")


def more_pings(prontod):
    before = pings(prontod)
    wait_until(lambda: pings(prontod) > before, "another ping of the watchdog")


def test_a_disk_that_never_answers_silences_the_watchdog(new_prontod, inject):
    prontod = traced(new_prontod, WATCHDOG_USEC="600000")
    more_pings(prontod)
    detach = inject(prontod, "delay_enter=600000000:when=1")
    assert prontod.callback(SECRET, harness.result("late")).status == 503
    wait_until(lambda: said(prontod, "the thread store does not answer"), "the word of it")
    before = pings(prontod)
    assert prontod.callback(SECRET, harness.result("later")).status == 503, "it takes callbacks, and refuses them after 5 s"
    assert prontod.get("/v1/status")
    assert pings(prontod) == before, "the main loop works, but the writer does not"
    detach()
    more_pings(prontod)
    assert said(prontod, "the thread store works again")


def test_a_sync_that_fails_is_said_and_does_not_silence_the_watchdog(new_prontod, inject):
    prontod = traced(new_prontod, WATCHDOG_USEC="600000")
    detach = inject(prontod, "error=ENOSPC:when=1..3")
    assert prontod.callback(SECRET, harness.result("x")).status == 503
    wait_until(lambda: said(prontod, "the database cannot be written: "), "the word of it")
    wait_until(lambda: said(prontod, "the database can be written again"), "the word of its end")
    more_pings(prontod)
    detach()
