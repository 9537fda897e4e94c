#!/bin/sh
# Create the virtual environment $2 with the interpreter $1, or say in one sentence what is missing.
set -eu
python=$1
venv=$2
if ! "$python" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Saliscope needs Python 3.11 or newer; name one with: make demo PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if [ ! -x "$venv/bin/python" ]; then
    if ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt-get install python3-venv" >&2
        exit 1
    fi
fi
