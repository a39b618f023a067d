#!/usr/bin/env bash
# Runs every test on both engines, and installs what they need where it is missing.
#
#   ./test.sh [ARGUMENTS FOR cargo test]
#   ./test.sh --install      only installs
#
# The version before is built from the history of the repository, so a clone needs it (no `git clone --depth 1`).
#
# Works as root too, and on a fresh machine with a Rust toolchain and a package manager.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

has() { command -v "$1" >/dev/null 2>&1; }

# Only ever asked where TEST_DATABASE_URL names no server. The tests look in the same places.
has_postgres() {
    [ -n "${TEST_DATABASE_URL:-}" ] || has initdb && return
    local place
    for place in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
        /usr/local/opt/postgresql*/bin /Applications/Postgres.app/Contents/Versions/*/bin; do
        [ -x "$place/initdb" ] && return
    done
    return 1
}

# A C compiler alone is not enough: it needs the C library's headers too.
has_c() { has cc && printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c - -o /dev/null 2>/dev/null; }
has_browser() { has chromedriver && { has chromium || has chromium-browser || has google-chrome || has_mac_chrome; }; }
has_mac_chrome() { [ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Chromium.app" ]; }
has_python() { has python3 && python3 -c 'import venv, ensurepip' 2>/dev/null; }
# The documented client uses the built-in fetch, which older versions lack. npm installs the verifier of events.
has_node() { has node && has npm && node -e 'process.exit(typeof fetch === "function" ? 0 : 1)' 2>/dev/null; }

# The tests look in the same places.
has_pgbouncer() { has pgbouncer || [ -x /usr/sbin/pgbouncer ]; }

has_promtool() { has promtool; }

missing() {
    has_c || echo c
    has_postgres || echo postgres
    has_pgbouncer || echo pgbouncer
    has_promtool || echo promtool
    has_browser || echo browser
    has_python || echo python
    has_node || echo node
}

apt_packages() {
    local need
    for need in "$@"; do
        case $need in
            c) echo gcc libc6-dev ;;
            postgres) echo postgresql postgresql-contrib ;;
            pgbouncer) echo pgbouncer ;;
            promtool) echo prometheus ;;
            browser) # Debian's names, else Ubuntu's.
                if apt-cache show chromium-driver >/dev/null 2>&1; then
                    echo chromium chromium-driver
                else
                    echo chromium-browser chromium-chromedriver
                fi ;;
            python) echo python3 python3-venv ;;
            node) echo nodejs npm ;;
        esac
    done
}

brew_packages() {
    local need
    for need in "$@"; do
        case $need in
            c) echo "a C compiler is missing: xcode-select --install" >&2 && return 1 ;;
            postgres) echo postgresql@17 ;;
            pgbouncer) echo pgbouncer ;;
            promtool) echo prometheus ;;
            browser) echo google-chrome chromedriver ;;
            python) echo python ;;
            node) echo node ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif has sudo; then sudo "$@"; else
        echo "this must run as root, and there is no sudo: $*" >&2
        return 1
    fi
}

install() {
    local packages
    if has apt-get; then
        as_root apt-get update -q
        packages=$(apt_packages "$@")
        # shellcheck disable=SC2086 # a list of words
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $packages
    elif has brew; then
        packages=$(brew_packages "$@")
        # shellcheck disable=SC2086 # a list of words
        brew install $packages
    fi
}

# The program of the version before, from the commit that tests/it/store/version_before names. The test of an upgrade
# without a stop runs it beside this version.
build_version_before() {
    local commit target place
    commit=$(cat tests/it/store/version_before)
    target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    place=$target/version-before/$commit
    [ -x "$place/holdfast" ] && return
    mkdir -p "$place/source"
    git archive "$commit" | tar -x -C "$place/source"
    # A target directory of its own: cargo gives both versions the same name, and would take one for the other.
    cargo build --locked --manifest-path "$place/source/Cargo.toml" --target-dir "$place/target"
    mv "$place/target/debug/holdfast" "$place/holdfast"
    rm -r "$place/target"
}

if ! has cargo; then
    echo "cargo is missing: install Rust 1.94 or newer, as https://rustup.rs says" >&2
    exit 1
fi
read -r -d '' -a needs < <(missing) || true
if [ "${#needs[@]}" -gt 0 ]; then
    echo "missing: ${needs[*]}" >&2
    install "${needs[@]}" >&2
    read -r -d '' -a needs < <(missing) || true
fi
if [ "${#needs[@]}" -gt 0 ]; then
    echo "still missing: ${needs[*]}" >&2
    echo "needed: a C compiler with its headers; PostgreSQL 14 or newer with contrib (initdb, or TEST_DATABASE_URL); PgBouncer; promtool;" >&2
    echo "Chromium or Chrome with chromedriver on the path; Python 3 with venv and ensurepip; Node.js 18 or newer" >&2
    exit 1
fi
if [ "${1:-}" = --install ]; then
    exit 0
fi
build_version_before
exec cargo test --locked "$@"
