"""Gather every run below a folder into one table: `uncone collect` in a checkout."""

from uncone.commands.cli import start

if __name__ == "__main__":
    start("collect")
