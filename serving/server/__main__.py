"""`python -m serving.server`: the program `labline-model-server`."""

from __future__ import annotations

import sys

from serving.server.program import main

if __name__ == "__main__":
    sys.exit(main())
