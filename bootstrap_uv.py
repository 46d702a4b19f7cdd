"""Fetches uv, the installer, into one file where there is no pip: `python bootstrap_uv.py TARGET`.

Needs the standard library only.
"""

import hashlib
import io
import os
import re
import sys
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

INDEX = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
WHEEL = re.compile(r'href="([^"]*/uv-0\.13\.8-py3-none-manylinux_2_17_x86_64[^"]*\.whl)#sha256=([0-9a-f]{64})"')


def main(target: Path) -> None:
    """Write uv's program to `target`, its checksum compared with the one that the package index names."""
    page = f"{INDEX}/uv/"
    with urllib.request.urlopen(page, timeout=60) as answer:
        found = WHEEL.search(answer.read().decode())
    if found is None:
        sys.exit(f"{page} has no uv for this machine")
    with urllib.request.urlopen(urllib.parse.urljoin(page, found[1]), timeout=600) as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != found[2]:
        sys.exit(f"{found[1]} does not have the checksum that the index names")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = next(name for name in archive.namelist() if name.endswith("scripts/uv"))
        target.write_bytes(archive.read(member))
    target.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
