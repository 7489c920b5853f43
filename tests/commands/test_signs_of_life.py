"""What someone sees who waits at a terminal: something moves at once, and as long as a command runs."""

import os
import pty
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from tiny_runs import TRAIN

ROOT = Path(__file__).parents[2]
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|[\r\n ]")
FIRST, SILENT = 2.0, 5.0  # seconds, at most


def seen(command: list[str], folder: Path) -> tuple[list[float], str]:
    """When a command, on a terminal, shows something that was not there before; and all of it."""
    ours, its = pty.openpty()
    began, times, shown, before = time.monotonic(), [0.0], b"", b""
    with subprocess.Popen(command, stdout=its, stderr=its, stdin=its, cwd=folder, close_fds=True):
        os.close(its)
        while True:
            try:
                found = os.read(ours, 1 << 16)
            except OSError:  # it has ended
                break
            shown += found
            if (text := CONTROL.sub(b"", found)) and text != before:
                times.append(time.monotonic() - began)
                before = text
    os.close(ours)
    return times, shown.decode(errors="replace")


@pytest.mark.slow
def test_a_command_is_never_silent_for_long(tmp_path):
    model = ("encoder.layers=static", "encoder.device=cpu")
    command = [sys.executable, str(ROOT / "train.py"), *TRAIN, *model, f"output_dir={tmp_path}/run", "threads=1"]
    times, shown = seen(command, tmp_path)
    assert times[1] < FIRST
    assert max(after - before for before, after in pairwise(times)) < SILENT
    for told in ("Loading PyTorch", "Loading the encoder", "Took ", "load "):
        assert told in shown
