"""Which heavy packages a command loads."""

from __future__ import annotations

import os
import subprocess
import sys

HEAVY = (
    "tensorflow",
    "keras",
    "tf_keras",
    "apache_beam",
    "tensorflow_data_validation",
    "matplotlib",
    "pandas",
    "numpy",
    "scipy",
    "PIL",
    "requests",
)
PROGRAM = """
import sys
sys.argv = ["labline", *sys.argv[1:]]
from labline.cli.main import main
try:
    main()
finally:
    print(sorted(set(sys.modules) & set(%r)), file=sys.stderr)
"""


def loaded_by(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run a command; return its status, and which heavy packages it loaded."""
    command = [sys.executable, "-c", PROGRAM % (HEAVY,), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    return ended.returncode, ended.stderr.splitlines()[-1]
