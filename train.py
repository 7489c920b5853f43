"""Learn how much of each dominant component to remove from a frozen encoder: `uncone train` in a checkout."""

from uncone.commands.cli import start

if __name__ == "__main__":
    start("train")
