"""What a callback writes, counted in the WAL: docs/architecture.md says it, and why so little."""

import pathlib
import shutil
import sqlite3
import struct

import harness

CALLBACKS = 40
HEAD, FRAME_HEAD, PAGE = 32, 24, 4096  # https://sqlite.org/fileformat2.html, 4.1 and 4.2

# The callback itself, the narrow row of its request, how many requests of each state there are among its neighbours, two events, what
# the day's results cost, and the counters. Nothing that a client gave, no index whose order is random, nothing of the submission.
TABLES = {"callback", "request", "class_block", "event", "credit_day", "counter"}
FILE = "sqlite_schema"  # its first page says how long the file is


def commits(wal):
    """The numbers of the pages in each transaction of the WAL."""
    data = wal.read_bytes()
    salt, pages = data[16:24], []
    for at in range(HEAD, len(data) - FRAME_HEAD - PAGE + 1, FRAME_HEAD + PAGE):
        number, length = struct.unpack(">2I", data[at : at + 8])
        if data[at + 8 : at + 16] != salt:
            return  # of an earlier generation
        pages.append(number)
        if length:
            yield pages
            pages = []


def tables(database):
    """{page: name}"""
    with sqlite3.connect(database) as connection:
        return dict(connection.execute("SELECT pageno, name FROM dbstat"))


def what_was_written(prontod, folder):
    """Names of tables and indexes for each transaction since the WAL was empty."""
    prontod.kill()
    database = prontod.database
    found = list(commits(pathlib.Path(f"{database}-wal")))
    for suffix in ("", "-wal"):
        shutil.copy(f"{database}{suffix}", folder / f"copy.db{suffix}")
    names = tables(folder / "copy.db")
    return [[names[page] for page in pages] for pages in found]


def test_a_callback_alone(silent, new_prontod, tmp_path):
    prontod = new_prontod(silent.url).start()
    requests = [prontod.submit(silent, custom={"row": row}) for row in range(CALLBACKS)]
    one = prontod.register("11111111-2222-4333-8444-555555555555")["id"]
    assert prontod.query("DELETE", f"/v1/requests/{one}").status == 204  # ends with an empty WAL
    for row, (found, token) in enumerate(requests):
        assert prontod.call_back(token, harness.result(found["enrichment_id"], custom={"row": row})) == "matched"
    written = what_was_written(prontod, tmp_path)
    assert len(written) == CALLBACKS
    for names in written:
        assert set(names) <= TABLES | {FILE}
        assert TABLES <= set(names)
        assert len(names) <= 2 * len(TABLES)
    pages = sum(map(len, written)) / CALLBACKS
    print(f"{pages:.1f} pages, {pages * (FRAME_HEAD + PAGE):.0f} bytes of the WAL for a callback that comes alone")
    assert pages < len(TABLES) + 1
