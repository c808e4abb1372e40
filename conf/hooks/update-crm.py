#!/usr/bin/python3
"""Writes each result into a database of contacts, which stands for your CRM.

    [hook crm]
    command = /usr/local/bin/update-crm.py /var/lib/prontod-hooks/crm.db
    on = finished
    only = found

prontod delivers at least once: after a crash it runs a hook again with the same delivery_id. So the
delivery_id is stored in the same transaction as the contact, and a second run changes nothing. With a CRM
behind HTTP, send the delivery_id as its idempotency key.

Exit codes: 0 done; 65 this document will never work (dead at once); 75 not now (tried again later).
"""
import json
import sqlite3
import sys

DONE, EX_DATAERR, EX_TEMPFAIL = 0, 65, 75

SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contact (
    id TEXT PRIMARY KEY, firstname TEXT, lastname TEXT, company TEXT,
    email TEXT, email_status TEXT, personal_email TEXT, phone TEXT
) WITHOUT ROWID;
"""


class Unusable(Exception):
    """A document that can never be used."""


def member(document, key, kind):
    """The member of an object; it must be of that kind."""
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise Unusable(f"the document has no usable {key}")
    return value


def contact_of(document):
    """The row of a contact. "crm_id" is what was given as custom when the request was submitted."""
    request, result = member(document, "request", dict), member(document, "result", dict)
    custom = request.get("custom") or {}
    phones = result.get("phones") or [None]
    return (
        str(custom.get("crm_id") or member(request, "id", str)),
        request.get("firstname"), request.get("lastname"),
        request.get("company_name") or request.get("domain"),
        result.get("email"), result.get("email_status"), result.get("personal_email"), phones[0],
    )


def store(path, delivery_id, contact):
    """Returns False when this delivery was stored before."""
    database = sqlite3.connect(path, timeout=10)
    try:
        database.executescript(SCHEMA)
        with database:
            added = database.execute("INSERT OR IGNORE INTO delivery VALUES (?)", (delivery_id,))
            if added.rowcount == 0:
                return False
            # What was not asked for stays as it is: one request asks for one type of data.
            database.execute(
                """INSERT INTO contact VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (id) DO UPDATE SET
                   email = coalesce(excluded.email, email),
                   email_status = coalesce(excluded.email_status, email_status),
                   personal_email = coalesce(excluded.personal_email, personal_email),
                   phone = coalesce(excluded.phone, phone)""", contact)
            return True
    finally:
        database.close()


def main(arguments):
    if len(arguments) != 2:
        print("usage: update-crm.py DATABASE", file=sys.stderr)
        return EX_TEMPFAIL
    try:
        document = json.load(sys.stdin.buffer)
        delivery_id = member(document, "delivery_id", str)
        added = store(arguments[1], delivery_id, contact_of(document))
    except (ValueError, Unusable, sqlite3.InterfaceError, sqlite3.ProgrammingError) as error:
        print(f"unusable: {error}", file=sys.stderr)
        return EX_DATAERR
    except sqlite3.Error as error:
        print(f"not now: {error}", file=sys.stderr)
        return EX_TEMPFAIL
    # Kept by prontod with the attempt; so ids, no names.
    print("stored" if added else "was stored before", "delivery", delivery_id)
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv))
