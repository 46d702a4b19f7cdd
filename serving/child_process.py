"""`python -m serving.child_process PID COMMAND...` becomes COMMAND, which gets SIGTERM when process PID ends.

However that process ends. For servers that are not ours: a run that is killed leaves none behind.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; the setting outlives exec


def main(parent: int, command: list[str]) -> None:
    """Ask the kernel for the signal, and become the command unless the parent is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:  # it may have ended before the kernel was asked
        os.execvp(command[0], command)


def bind_to_this_process(command: list[str]) -> list[str]:
    """Return the command line that runs `command` no longer than this process."""
    return [sys.executable, "-m", "serving.child_process", str(os.getpid()), *command]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
