#!/bin/sh
# Make the virtual environment $1 with the first Python that is new enough, or say what is missing.
set -eu

for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            exec "$candidate" -m venv --clear "$1"
        fi
        lame=$candidate
    fi
done

if [ -n "${lame:-}" ]; then
    echo "konsens: $lame lacks the modules venv and ensurepip (on Debian: apt install python3-venv)." >&2
else
    echo "konsens needs Python 3.11 or newer; none was found. Name one: make PYTHON=/path/to/python3.12 …" >&2
fi
exit 1
