#!/bin/sh
# Makes .venv with the tested packages and labline itself. Looks for what is missing before it installs anything.
#   sh bootstrap.sh [EXTRAS]      EXTRAS: a comma list of dev, detection, gpu, heic, tfds; default dev
set -eu
cd "$(dirname "$0")"
extras="${1:-dev}"

stop() { printf 'setup: %s\n' "$1" >&2; exit 1; }

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || stop "TensorFlow Data Validation has packages for Linux on x86-64 only; this is $(uname -s) on $(uname -m). Use the Dockerfile."

python=""
for name in ${PYTHON:-} python3.11 python3.10 python3 python; do
    if version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then
        case "$version" in 3.11|3.10) python="$name"; break;; esac
    fi
done
[ -n "$python" ] || stop "Python 3.11 or 3.10 is missing: install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv), or name it with PYTHON=/path/to/python3.11."
if [ "$version" = 3.10 ]; then
    # pyfarmhash has a wheel for 3.11 only
    { command -v gcc && command -v g++; } >/dev/null 2>&1 || stop "A C++ compiler is missing, which Python 3.10 needs to build pyfarmhash: install it (Debian, Ubuntu: apt-get install g++), or use Python 3.11."
    "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' ||
        stop "Python.h is missing, which Python 3.10 needs to build pyfarmhash: install it (Debian, Ubuntu: apt-get install python3.10-dev), or use Python 3.11."
fi
stamp=".venv/.labline-$(cat setup.py requirements.lock overrides.txt serving/server/rest/_numbers.c | cksum | cut -d' ' -f1)-$extras"
[ -f "$stamp" ] && exit 0
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
[ "$free" -ge 5 ] || stop "About 5 GB of free disk space are needed here; there are $free GB."

echo "setup: installing into .venv (about 1 GB to download the first time)" >&2
if [ ! -x .venv/bin/uv ]; then
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv .venv
        .venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
    else
        # Debian and Ubuntu keep pip in a package of its own; uv does without
        "$python" -m venv --without-pip .venv || stop "The venv module of $python does not work: install it (Debian, Ubuntu: apt-get install python$version-venv)."
        .venv/bin/python bootstrap_uv.py .venv/bin/uv || stop "Without pip, uv could not be fetched either: check the network and the certificates (Debian, Ubuntu: apt-get install python$version-venv ca-certificates)."
    fi
fi
.venv/bin/uv pip install --quiet --python .venv/bin/python --override overrides.txt --constraint requirements.lock --editable ".[$extras]"
touch "$stamp"
