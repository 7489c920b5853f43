"""Does removal help this encoder, on which layers, and which should be used: `uncone advise` in a checkout."""

from uncone.commands.cli import start

if __name__ == "__main__":
    start("advise")
