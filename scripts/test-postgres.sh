#!/bin/sh
# Starts (once) a private PostgreSQL for the tests on a free port and prints its URL.
# It lives in a folder of its own, is thrown away by `scripts/test-postgres.sh stop`, and does not
# sync to disk: durability is what the fault tests look at, on a server of their own.
set -eu
dir="${HUTONG_PG_DIR:-${TMPDIR:-/tmp}/hutong-test-postgres}"
find_bin() {
  if [ -n "${PG_BIN:-}" ]; then echo "$PG_BIN"; return; fi
  for candidate in /usr/lib/postgresql/*/bin /usr/local/bin /usr/bin; do
    if [ -x "$candidate/initdb" ] && [ -x "$candidate/pg_ctl" ]; then echo "$candidate"; return; fi
  done
}
# PostgreSQL refuses to run as root.
as_owner() {
  if [ "$(id -u)" = 0 ]; then runuser -u "$owner" -- "$@"; else "$@"; fi
}
bin=$(find_bin)
[ -n "$bin" ] || { echo "no PostgreSQL server programs found: run scripts/install-tools.sh" >&2; exit 1; }
if [ "${1:-start}" = bin ]; then echo "$bin"; exit 0; fi
owner=postgres
if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then useradd --system --no-create-home postgres; fi
if [ "${1:-start}" = stop ]; then
  [ -d "$dir/data" ] && as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
  exit 0
fi
if [ -f "$dir/url" ] && as_owner "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then cat "$dir/url"; exit 0; fi
# HUTONG_PG_SYNC=on: as an installation runs it, for measurements and faults.
if [ "${HUTONG_PG_SYNC:-off}" = on ]; then durable="-c fsync=on -c synchronous_commit=on -c max_wal_size=4GB"; else durable="-c fsync=off -c synchronous_commit=off -c full_page_writes=off"; fi
rm -rf "$dir"; mkdir -p "$dir"
[ "$(id -u)" = 0 ] && chown "$owner" "$dir"
as_owner "$bin/initdb" -D "$dir/data" -U hutong --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null 2>&1 \
  || as_owner "$bin/initdb" -D "$dir/data" -U hutong --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' 2>/dev/null || echo 54329)
as_owner "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir $durable -c max_connections=300 -c shared_buffers=${HUTONG_PG_BUFFERS:-64MB}" start >/dev/null
echo "postgres://hutong@127.0.0.1:$port/postgres" > "$dir/url"
cat "$dir/url"
