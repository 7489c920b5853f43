"""Score removals, constructed or saved, on tasks: `uncone evaluate` in a checkout."""

from uncone.commands.cli import start

if __name__ == "__main__":
    start("evaluate")
