#!/bin/sh
# Measures both databases: a release build, a private PostgreSQL that does sync, one table.
#   scripts/bench.sh [quick] [options of hutong-bench]
set -eu
cd "$(dirname "$0")/.."
quick=
if [ "${1:-}" = quick ]; then quick=--quick; shift; fi
cargo build --quiet --release --locked --package bench --package server --bins
# Ten thousand streams need as many descriptors, on both sides.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"
HUTONG_PG_DIR="${HUTONG_PG_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/hutong-bench-pg.XXXXXX")}"
HUTONG_PG_SYNC=on
export HUTONG_PG_DIR HUTONG_PG_SYNC
chmod 755 "$HUTONG_PG_DIR"
url=$(sh scripts/test-postgres.sh)
trap 'sh scripts/test-postgres.sh stop' EXIT INT TERM
target/release/hutong-bench $quick --database-url "$url" --database-pid "$(head -n 1 "$HUTONG_PG_DIR/data/postmaster.pid")" "$@"
