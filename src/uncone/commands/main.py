"""Running a command for a person: mistakes in the input end in one clear line, not in a traceback."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from typing import Any

from hydra.errors import InstantiationException
from omegaconf import DictConfig

from uncone.commands.jobs import in_sweep, run_job


def run(command: Callable[[DictConfig], Any], config: DictConfig) -> float | None:
    """Run a command; a ValueError is printed as one line and ends the process with exit code 1.

    A job of a sweep is run by `uncone.commands.jobs.run_job`, and its score on validation pairs returned.
    """
    for name in ("pytorch_lightning", "lightning.pytorch", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    if in_sweep():
        return run_job(command, config)
    try:
        command(config)
    except InstantiationException as error:
        cause = error.__cause__
        if not isinstance(cause, (ValueError, TypeError)):
            raise
        sys.exit(f"Error: {cause}")
    except ValueError as error:
        sys.exit(f"Error: {error}")
    return None
