#!/bin/sh
# Imports go one way only (ARCHITECTURE.md): a room may name only rooms before it in the list, the
# pure crates name no outside world, and only platform/database names the database drivers.
set -eu
cd "$(dirname "$0")/.."
bad=0
say() { echo "import direction: $1" >&2; bad=1; }
rooms="platform geography directory access knowledge entities measures forms ledgers tasks channels applications"
for room in $rooms; do
  later=
  found=
  for other in $rooms; do
    if [ "$found" ]; then later="$later $other"; fi
    if [ "$other" = "$room" ]; then found=yes; fi
  done
  # ledgers, tasks and channels stand beside each other.
  case $room in
    ledgers) later="tasks channels applications" ;;
    tasks) later="ledgers channels applications" ;;
    channels) later="ledgers tasks applications" ;;
  esac
  for other in $later; do
    hits=$(grep -rnE "(crate|super::super)::$other\b" "server/src/$room" --include='*.rs' 2>/dev/null | grep -v '^\S*:[0-9]*:\s*//' || true)
    [ -z "$hits" ] || say "$room must not know $other:
$hits"
  done
done
hits=$(grep -rnE '\b(axum|sqlx|tokio|std::fs|std::net|SystemTime|Instant::now)\b' rule-engine/src form-runtime/src --include='*.rs' | grep -vE ':[0-9]+:\s*//' || true)
[ -z "$hits" ] || say "a pure crate names the outside world:
$hits"
hits=$(grep -rnE '\bsqlx::(query|sqlite|postgres|Pg|Sqlite)' server/src --include='*.rs' | grep -v 'server/src/platform/database/' | grep -vE ':[0-9]+:\s*//' || true)
[ -z "$hits" ] || say "only platform/database names the drivers:
$hits"
hits=$(grep -rnE '\bserver::' web/src form-runtime/src rule-engine/src --include='*.rs' | grep -vE ':[0-9]+:\s*//' || true)
[ -z "$hits" ] || say "a lower crate names the server:
$hits"
[ "$bad" = 0 ] && echo "imports go one way"
exit "$bad"
