#!/bin/sh
# Makes .venv with the locked, hashed dependencies and this tree installed into it.
# Debian ships python3 without ensurepip; where python3 -m venv fails for that reason, the
# python3-venv package is installed if that is allowed, and named otherwise.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

say() { printf 'plomba: %s\n' "$*" >&2; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    { say "expected Python 3.11 or newer, got $("$python" --version 2>&1 || echo none); install it or set PYTHON="; exit 1; }

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    sh tools/apt.sh python3-venv ||
        { say "python3 has no venv; run: sudo apt-get install python3-venv"; exit 1; }
fi

say "setting up .venv (once)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
if ! [ -x .venv/bin/uv ]; then
    # An environment another tool has made may be without pip.
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r requirements/uv.txt
fi
VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip install --quiet --require-hashes -r requirements/dev.txt
VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
touch .venv/plomba-ready
