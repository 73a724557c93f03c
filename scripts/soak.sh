#!/bin/sh
# A long random life of tasks on both databases, then many cuts of the power: `sh scripts/soak.sh [STEPS] [SEED]`. The seed is printed: it
# gives the same steps again (ids differ, so among equals another one may be taken).
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:$PWD/.tools/nextest/bin"; export PATH
HUTONG_STEPS="${1:-10000}" HUTONG_SEED="${2:-$(date +%s)}"
HUTONG_PG_DIR="${HUTONG_PG_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/hutong-pg.XXXXXX")}"
export HUTONG_STEPS HUTONG_SEED HUTONG_PG_DIR
chmod 755 "$HUTONG_PG_DIR"
HUTONG_TEST_POSTGRES=$(sh scripts/test-postgres.sh)
export HUTONG_TEST_POSTGRES
trap 'sh scripts/test-postgres.sh stop' EXIT INT TERM
echo "seed $HUTONG_SEED, $HUTONG_STEPS steps"
cargo nextest run --package server --locked --profile soak --no-capture --test conserved whatever_happens
# The same with crashes in it; then the real program: 200 kills on each database, a minute of flood, many kills of one dispatch.
HUTONG_CRASH_STEPS="$HUTONG_STEPS"; export HUTONG_CRASH_STEPS
cargo nextest run --package server --locked --profile soak --no-capture --test conserved whatever_crashes
HUTONG_TEST_SEED="$HUTONG_SEED" HUTONG_TEST_ROUNDS="${ROUNDS:-200}" HUTONG_TEST_FLOOD_SECONDS="${FLOOD:-60}" \
  HUTONG_TEST_DISPATCH_ROWS=20000 HUTONG_TEST_DISPATCH_KILLS=8 \
  cargo nextest run --package server --locked --profile soak --no-capture --test crash
# Two processes on one PostgreSQL: a minute of work on the same items, one frozen for a minute in the middle of a dispatch.
HUTONG_TEST_SEED="$HUTONG_SEED" HUTONG_TEST_FREEZE="${FREEZE:-60}" HUTONG_TEST_LOAD=60000 HUTONG_TEST_DISPATCH_ROWS=20000 \
  cargo nextest run --package server --locked --profile soak --no-capture --features fault-hooks --test peers
# The power goes at many moments, locks are held for half a minute (docs/testing.md).
HUTONG_DISK_ROUNDS="${HUTONG_DISK_ROUNDS:-60}"; export HUTONG_DISK_ROUNDS
HUTONG_TEST_SEED="$HUTONG_SEED" cargo nextest run --package server --locked --profile soak --no-capture --test disk
