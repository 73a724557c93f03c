#!/bin/sh
# Runs the Rust tests with a private PostgreSQL beside SQLite.
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:$PWD/.tools/nextest/bin"; export PATH
HUTONG_PG_DIR="${HUTONG_PG_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/hutong-pg.XXXXXX")}"
export HUTONG_PG_DIR
chmod 755 "$HUTONG_PG_DIR"
HUTONG_TEST_POSTGRES=$(sh scripts/test-postgres.sh)
export HUTONG_TEST_POSTGRES
trap 'sh scripts/test-postgres.sh stop' EXIT INT TERM
cargo nextest run --workspace --locked "$@"
cargo test --workspace --locked --doc --quiet
# Protections are taken out one by one (access predicates, movements, unfolded rows, the sealer, what a crash of the real
# program would undo, the disk): the tests must notice.
cargo nextest run --package server --locked --features fault-hooks \
  --test routes --test conserved --test measures --test audit --test crash --test disk notices
# Each protection of the lanes, and of several processes on one database, is taken out in turn: the check beside it must fail.
cargo nextest run --package server --locked --features fault-hooks --test storms --test peers
# The contract once more where it is hard: hash partitions, serializable, conflicts before and silence after commits.
HUTONG_TEST_HARD="${HUTONG_TEST_SEED:-$(date +%s)}"; export HUTONG_TEST_HARD
echo "HUTONG_TEST_HARD=$HUTONG_TEST_HARD"
cargo nextest run --package server --locked --features fault-hooks \
  --test lanes --test measures --test dispatch --test entities --test jobs --test forms
