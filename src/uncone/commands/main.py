"""Running a command for a person: mistakes in the input end in one clear line, not in a traceback."""

from __future__ import annotations

import errno
import logging
import os
import shlex
import signal
import sys
import threading
import time
import warnings
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from torch.distributed.elastic.multiprocessing.api import SignalException
from transformers.utils.logging import disable_progress_bar

from uncone.commands.jobs import in_sweep, run_job
from uncone.commands.processes import Command, ProcessFailed, run_shared
from uncone.runs.reading import last_checkpoint
from uncone.support.distributed import ProcessLost
from uncone.support.wording import typed

NOT_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}  # disk full, read-only
OTHERS_FIRST = 3.0  # seconds
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)  # Ctrl-C; of a system that ends; of SLURM, before time is up


class Interrupted(BaseException):
    """A signal asked this process to end; no library takes it for an error of its own, or for the end of training."""


def _interrupt(number: int, frame: Any) -> NoReturn:
    raise Interrupted(number)


def run(command: Command, config: DictConfig) -> float | None:
    """Run a command; a ValueError is printed as one line and ends the process with exit code 1.

    If the config asks for several processes, or torchrun has started them, they share the work. A job of a sweep is run
    by `uncone.commands.jobs.run_job`, and its score on validation pairs returned. A signal that stops the process says
    how to go on and ends it with exit code 128 + its number.
    """
    for name in ("pytorch_lightning", "lightning.pytorch", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    disable_progress_bar()  # of reading and writing models, beside the bar that there is
    rank = int(os.environ.get("RANK", "0"))
    # one of several processes is ended by what has started it, which says so
    if threading.current_thread() is threading.main_thread() and "WORLD_SIZE" not in os.environ:
        for number in STOPS:
            signal.signal(number, _interrupt)
    try:
        if in_sweep():
            if "WORLD_SIZE" in os.environ:
                raise ValueError("torchrun cannot start a sweep: let each job start trainer.devices=N of its own")
            return run_job(partial(run_shared, command), config)
        run_shared(command, config)
    except InstantiationException as error:
        cause = error.__cause__
        if not isinstance(cause, (ValueError, TypeError)):
            raise
        _fail(cause, wait=rank > 0)
    except ValueError as error:
        _fail(error, wait=rank > 0)
    except OSError as error:
        if error.errno not in NOT_WRITTEN:
            raise
        _fail(ValueError(f"{error.filename or config.output_dir}: {error.strerror}"), wait=rank > 0)
    except ProcessLost as error:
        _fail(error, wait=True)
    except ProcessFailed as error:
        sys.exit(str(error))
    except (Interrupted, SignalException) as stop:
        number = stop.sigval if isinstance(stop, SignalException) else stop.args[0]
        line = f"Interrupted by {signal.Signals(number).name}"
        if last_checkpoint(config.output_dir).is_file():
            line += f"; go on with: {typed('train')} resume={shlex.quote(config.output_dir)}"
        print(line, file=sys.stderr, flush=True)
        sys.exit(128 + number)
    return None


def _fail(error: BaseException, wait: bool) -> NoReturn:
    """End with one line; the end of one process ends the others.

    Args:
        error: what went wrong.
        wait: let another process go first: the one that failed, or the first, if all find the same mistake.
    """
    if wait:
        time.sleep(OTHERS_FIRST)
    sys.exit(f"Error: {error}")


if __name__ == "__main__":  # one of several processes: MODULE:FUNCTION CONFIG COMMAND, the last as the user typed it
    module, function = sys.argv[1].split(":")
    sys.argv[0] = sys.argv[3]
    logging.basicConfig(stream=sys.stdout, format="[%(asctime)s][%(name)s][%(levelname)s] - %(message)s")
    loaded: Any = OmegaConf.load(sys.argv[2])
    OmegaConf.set_struct(loaded, True)
    run(getattr(import_module(module), function), loaded)
