"""A command that goes wrong in one of two processes, for tests/commands/test_processes.py."""

from uncone.support import distributed


def fail(config):
    """In the second process, while the first waits for it."""
    if distributed.rank() == 1:
        raise ValueError("the second cannot go on")
    distributed.gather("never said")
