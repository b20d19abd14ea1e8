#!/bin/sh
# Makes .venv and node_modules what the lock files say. Does nothing when they are already; safe to run twice at once.
#   sh local/setup.sh                 everything
#   sh local/setup.sh --find-python   print the Python 3.13 that would be used
set -eu
cd "$(dirname "$0")/.."

VERSION=3.13
VENV_STAMP=.venv/.requirements-stamp
NODE_STAMP=node_modules/.lock-stamp

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# A pyenv shim of this name can be on PATH and still not run: only an interpreter that answers counts.
is_right_python() {
    "$1" -c "import sys; raise SystemExit('%d.%d' % sys.version_info[:2] != '$VERSION')" >/dev/null 2>&1
}

python_candidates() {
    command -v "python$VERSION" || true
    if command -v pyenv >/dev/null 2>&1; then
        prefix=$(pyenv prefix "$VERSION" 2>/dev/null) && printf '%s\n' "$prefix/bin/python$VERSION"
    fi
    for root in "${PYENV_ROOT:-}" "${HOME:-}/.pyenv"; do
        [ -d "$root/versions" ] || continue
        # Newest patch release first: 3.13.10 after 3.13.9 needs a numeric sort.
        for name in $(ls "$root/versions" | grep "^$VERSION" | sort -t. -k3,3nr); do
            printf '%s\n' "$root/versions/$name/bin/python$VERSION"
        done
    done
    if command -v uv >/dev/null 2>&1; then
        uv python find --no-python-downloads --system "$VERSION" 2>/dev/null || true
    fi
}

find_python() {
    candidates=$(python_candidates)
    old_ifs=$IFS
    IFS='
'
    for candidate in $candidates; do
        if is_right_python "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    IFS=$old_ifs
    say "Python $VERSION was not found on PATH, in pyenv or in uv." \
        "Install it with \"pyenv install $VERSION\" or \"uv python install $VERSION\"."
    return 1
}

python_stamp() { cat requirements.txt requirements-dev.txt | cksum; }
node_stamp() { cat package.json package-lock.json | cksum; }

stamped() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

python_is_ready() { stamped "$VENV_STAMP" "$(python_stamp)" && is_right_python .venv/bin/python; }
node_is_ready() { stamped "$NODE_STAMP" "$(node_stamp)" && [ -x node_modules/.bin/azurite ]; }

check_node() {
    command -v node >/dev/null 2>&1 || fail "Node.js was not found on PATH. Install Node.js 20 or newer (https://nodejs.org)."
    command -v npm >/dev/null 2>&1 || fail "npm was not found on PATH. It comes with Node.js 20 or newer (https://nodejs.org)."
    major=$(node --version | sed 's/^v//; s/\..*//')
    [ "$major" -ge 20 ] || fail "Node.js $(node --version) is too old. Install Node.js 20 or newer (https://nodejs.org)."
}

set_up_python() {
    python_is_ready && return 0
    if ! { is_right_python .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
        rm -rf .venv
        "$1" -m venv .venv
    fi
    say "Installing Python packages (once, about half a minute)..."
    rm -f "$VENV_STAMP"
    .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes \
        -r requirements-dev.txt >&2
    python_stamp >"$VENV_STAMP"
}

set_up_node() {
    node_is_ready && return 0
    say "Installing the storage emulator (once, about half a minute)..."
    rm -f "$NODE_STAMP"
    npm ci --no-audit --no-fund --loglevel=error >/dev/null
    node_stamp >"$NODE_STAMP"
}

case "${1:-}" in
--find-python)
    find_python
    ;;
--locked)
    set_up_python "$2"
    set_up_node
    ;;
"")
    check_node
    if python_is_ready && node_is_ready; then
        exit 0
    fi
    python=$(find_python) || exit 1
    # One set-up at a time. The lock belongs to an open file that the next programs inherit: it ends with the last one.
    mkdir -p build
    exec "$python" -c '
import fcntl, os, sys
lock = os.open("build/setup.lock", os.O_CREAT | os.O_RDWR)
os.set_inheritable(lock, True)
fcntl.flock(lock, fcntl.LOCK_EX)
os.execvp("sh", ["sh", "local/setup.sh", "--locked", sys.argv[1]])
' "$python"
    ;;
*)
    fail "usage: sh local/setup.sh [--find-python]"
    ;;
esac
