#!/usr/bin/python3 -I
"""A stream hook: one process takes a document a line and answers each, so that thousands a second need no process of their own.

[hook crm]
command = /usr/local/lib/prontod/stream-crm.py
mode = stream
window = 64
"""

import json
import sys


class Refused(Exception):
    """The CRM will never take this one."""


def update(document):
    """Replace this by a call to your CRM. At least once: the same delivery_id may come again."""
    result = document["result"] or {}
    if not result.get("email"):
        return
    if "@" not in result["email"]:
        raise Refused("not an e-mail address")


for line in sys.stdin.buffer:
    document = json.loads(line)
    answer = {"delivery_id": document["delivery_id"], "ok": True}
    try:
        update(document)
    except Refused as why:
        answer |= {"ok": False, "permanent": True, "error": str(why)}  # dead at once
    except OSError as why:
        answer |= {"ok": False, "error": str(why)}  # tried again later
    print(json.dumps(answer), flush=True)
