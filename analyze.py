"""Map the geometry of every layer over a corpus, before and after removals: `uncone analyze` in a checkout."""

from uncone.commands.cli import start

if __name__ == "__main__":
    start("analyze")
