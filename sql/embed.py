#!/usr/bin/env python3
"""Embeds the SQL texts: sql/sqlite/query/do-this.sql becomes SQL_DO_THIS in an enum and a row in sql_queries[], the numbered files of
sql/sqlite/schema become sql_schemas[]. Usage: embed.py SQLITE_DIR OUT.h OUT.c"""
import pathlib
import re
import sys


def c_string(text):
    """The statements without comments and blank lines, as C string literals of one line each."""
    lines = []
    for line in text.splitlines():
        line = re.sub(r"(^|\s)--\s.*$", "", line).rstrip()
        if line:
            lines.append('    "%s\\n"' % line.replace("\\", "\\\\").replace('"', '\\"'))
    if not lines:
        sys.exit("empty SQL text")
    return "\n".join(lines)


def main():
    root, header, source = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    queries = sorted((root / "query").glob("*.sql"))
    schemas = sorted((root / "schema").glob("*.sql"))
    for number, path in enumerate(schemas, 1):
        if not re.match(r"%04d-[a-z0-9-]+\.sql$" % number, path.name):
            sys.exit(f"{path}: schema steps are numbered 0001, 0002, ... without a gap")
    names = ["SQL_" + path.stem.upper().replace("-", "_") for path in queries]

    header.write_text(
        "/* Made from sql/sqlite by sql/embed.py. */\n#pragma once\n\n#include <stdbool.h>\n\n"
        "enum sql_query {\n" + "".join(f"    {name},\n" for name in names) + "    SQL_QUERY_MAX_,\n};\n\n"
        "struct sql_text {\n    const char *name;\n    const char *text;\n"
        "    bool reader; /* read-*.sql: prepared by readers; the rest by the writer */\n};\n"
        "extern const struct sql_text sql_queries[SQL_QUERY_MAX_ + 1];\n\n"
        f"#define SQL_SCHEMA_VERSION {len(schemas)}\n"
        "extern const struct sql_text sql_schemas[SQL_SCHEMA_VERSION];\n")

    def row(path):
        reader = "true" if path.name.startswith("read-") else "false"
        return f'    {{"{path.stem}",\n{c_string(path.read_text())},\n    {reader}}},\n'

    source.write_text(
        f'#include "{header.name}"\n\n'
        "const struct sql_text sql_queries[SQL_QUERY_MAX_ + 1] = {\n" + "".join(map(row, queries)) + "    {0}};\n\n"
        "const struct sql_text sql_schemas[SQL_SCHEMA_VERSION] = {\n" + "".join(map(row, schemas)) + "};\n")


main()
