#!/bin/sh
# Install what the desktop build is made of for the interpreter $1. $2: a package index with another
# build of torch, or "" for the usual one. $3: requirements that replace constraints.txt's torch and
# torchvision, or "".
set -eu
python=$1
index=$2
torch=$3
constraints=constraints.txt
if [ -n "$torch" ]; then
    constraints=$(mktemp)
    trap 'rm -f "$constraints"' EXIT
    grep -vE '^(torch|torchvision|triton|cuda-|nvidia-)' constraints.txt >"$constraints"
fi
# Of two builds of one version pip takes the one with a local label, such as 2.14.1+cpu.
# shellcheck disable=SC2086 # words of $torch are requirements
"$python" -m pip install --disable-pip-version-check -c "$constraints" \
    ${index:+--extra-index-url "$index"} $torch -e ".[package]"
