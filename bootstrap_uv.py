"""Fetches uv, the installer, from PyPI into one file: `python bootstrap_uv.py TARGET`. Needs nothing but the standard library."""

import hashlib
import io
import json
import sys
import urllib.request
import zipfile
from pathlib import Path

VERSION = "0.13.8"
PLATFORM = "manylinux_2_17_x86_64"


def main(target: Path) -> None:
    """Write uv's program to `target`, its checksum compared with the index's."""
    with urllib.request.urlopen(f"https://pypi.org/pypi/uv/{VERSION}/json", timeout=60) as answer:
        files = json.load(answer)["urls"]
    wheel = next(file for file in files if file["filename"].endswith(".whl") and PLATFORM in file["filename"])
    with urllib.request.urlopen(wheel["url"], timeout=600) as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        sys.exit(f"{wheel['url']} does not have the checksum that the index names")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = next(name for name in archive.namelist() if name.endswith("scripts/uv"))
        target.write_bytes(archive.read(member))
    target.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
