"""Make the pictures of docs/geometry.md from a run.

python analyze.py removal=[none,all_but_the_top] output_dir=RUN && python docs/geometry.py RUN
"""

import argparse
from pathlib import Path

from PIL import Image

PICTURES = {"depth": "depth", "cloud_*": "cloud", "variance": "variance"}  # of a run with one encoder: here


def shrink(picture: Path, target: Path) -> None:
    """Save a drawing with the few colours it has, which takes a third of the size."""
    Image.open(picture).convert("RGB").quantize(48, dither=Image.Dither.NONE).save(target, optimize=True)


def main() -> None:
    """Rewrite the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="output folder of analyze.py")
    run = parser.parse_args().run
    for name, here in PICTURES.items():
        (picture,) = (run / "figures").glob(f"{name}.png")
        shrink(picture, Path(__file__).with_name(f"atlas_{here}.png"))


if __name__ == "__main__":
    main()
