#!/bin/sh
# The SQLite migrations are the PostgreSQL ones with the type names of STRICT tables:
# one text is written by hand, the other derived, and a test compares the two.
set -eu
cd "$(dirname "$0")/.."
for f in migrations/postgres/*.sql; do
  sed -E 's/\bbigint\b/integer/g; s/\bboolean\b/integer/g; s/\buuid\b/blob/g; s/\bbytea\b/blob/g; s/double precision/real/g; /^create (unique )?index/!s/\);$/) strict;/' "$f" \
    > "migrations/sqlite/$(basename "$f")"
done
