"""Gather every run below a folder into one table: results.csv, results.md and results.html, written there.

python collect.py outputs/sweeps/layers          a multirun does this itself when it ends
python collect.py outputs                        all runs, also unfinished ones and offline W&B runs
"""

import argparse
import sys


def main() -> None:
    """Hand the folder to `uncone.commands.collect`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", help="a folder with output folders of runs below")
    folder = parser.parse_args().folder

    from uncone.commands.collect import collect

    try:
        collect(folder)
    except ValueError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
