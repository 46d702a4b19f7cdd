"""Files and locks: nobody meets half a file, and a lock ends with the process that holds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pipeline.disk import locked, replace_text, replacing


def test_a_file_that_fails_half_way_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "config"
    replace_text(target, "old")
    with pytest.raises(ZeroDivisionError), replacing(target) as file:
        file.write(b"half of the ne")
        raise ZeroDivisionError
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("config", "old")]
    replace_text(target, "größer")
    assert target.read_text("utf-8") == "größer"


def test_who_waits_for_a_lock_is_told_who_holds_it_and_gets_it_when_that_is_killed(tmp_path: Path) -> None:
    program = """
        import sys, time
        from pathlib import Path
        from pipeline.disk import locked
        with locked(Path(sys.argv[1])):
            print("in", flush=True)
            time.sleep(60)
    """
    lock, told = tmp_path / "lock", []
    command = [sys.executable, "-c", textwrap.dedent(program), str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "in\n"

        def waiting(process: str) -> None:
            told.append(int(process))
            holder.send_signal(signal.SIGKILL)

        with locked(lock, waiting):
            assert told == [holder.pid]
            assert lock.read_text() == str(os.getpid())


def test_a_lock_that_nobody_holds_makes_nobody_wait(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "lock", waiting=lambda _: pytest.fail("nobody holds it")):
            pass
