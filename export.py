"""Turn an encoder and its removal into files that work without uncone: `uncone export` in a checkout."""

from uncone.commands.cli import start

if __name__ == "__main__":
    start("export")
