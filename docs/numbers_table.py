"""The table of geometry measures in docs/numbers.md, from their registry.

python docs/numbers_table.py
"""

from pathlib import Path

from filling import fill

from uncone.geometry.atlas.sampled import SampledSettings
from uncone.geometry.measures import MEASURES, definitions


def table() -> str:
    """A line for each measure: its name, what it is, its unit, and which way isotropy lies."""
    arrows = {"lower": "↓", "higher": "↑", None: ""}
    told = definitions(SampledSettings(), sample=80_000)
    lines = [f"| `{name}` | {told[name]} | {each.unit} | {arrows[each.direction]} |" for name, each in MEASURES.items()]
    return "\n".join(["| name | definition | unit | isotropic |", "| --- | --- | --- | :---: |", *lines])


if __name__ == "__main__":
    fill(Path(__file__).with_name("numbers.md"), "python docs/numbers_table.py", table())
