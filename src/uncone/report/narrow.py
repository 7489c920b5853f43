"""What an analysis found, in words: what is narrow, from which layer on, and what would help."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from uncone.support.wording import enumerated, typed
from uncone.tasks.row import Row

RAW = "none"
NARROW = 0.1  # mean cosine from which a layer is called narrow; in a wide one it is near 0
FOLLOWS = 0.3  # |r| with log frequency from which a component is said to follow it
ROGUE = 0.5  # share of the mean cosine from which a single coordinate is to blame
HELD = 0.8  # share of the variance that the effective dimension holds

Measures = Mapping[str, float]


def about_corpus(index: Mapping[str, Any]) -> str:
    """Which texts were read, how many at most, and how they were cut; empty if no encoder reads any."""
    corpus, windows = index["corpus"], max(entry["windows"] for entry in index["encoders"].values())
    limit = f", the first {corpus['limit']:,} texts of each" if corpus["limit"] else ""
    cut = f"{windows:,} windows of at most {corpus['window_words']} words"
    return f"Corpus: {corpus['name']}{limit}; {cut}." if windows else ""


def conclusion(rows: Sequence[Row], encoder: str, dimension: int) -> list[str]:
    """What the geometry rows of an analysis say of one encoder of so many dimensions, the most important first.

    That is of its vectors, not of tasks: what is wider need not be better.

    Example:
        >>> where = {"encoder": "minilm", "removal": "none", "task": "geometry", "metric": "mean_cosine"}
        >>> rows = [Row(**where, subset=layer, value=value) for layer, value in (("0", 0.05), ("1", 0.4))]
        >>> conclusion(rows, "minilm", 384)[0]
        'minilm is narrow in layer 1.'
    """
    maps: dict[str, dict[str, dict[str, float]]] = {}  # removal, layer, metric
    for row in rows:
        if row.encoder == encoder and not math.isnan(row.value):
            maps.setdefault(row.removal, {}).setdefault(str(row.subset), {})[row.metric] = row.value
    raw = {layer: of for layer, of in maps.pop(RAW, {}).items() if "mean_cosine" in of}
    if not raw:
        return [f"{encoder} was measured after removals only: what they changed shows with 'removal=[{RAW},…]'."]
    narrow = [layer for layer, of in raw.items() if of["mean_cosine"] >= NARROW]
    follows = [layer for layer, of in raw.items() if of.get("frequency_pearson", 0) >= FOLLOWS]
    worst = max(raw, key=lambda layer: raw[layer]["mean_cosine"])
    if narrow:
        head = f"{encoder} is narrow{_where(narrow, list(raw))}"
    else:
        head = f"{encoder} is not narrow{' in any layer' if len(raw) > 1 else ''}"
    if follows:
        head += f"{', and' if narrow else ', but'} follows word frequency{_where(follows, list(raw))}"
    where = f" in layer {worst}" if len(raw) > 1 else ""
    after = [told for name, of in maps.items() if worst in of and (told := _change(name, raw[worst], of[worst], where))]
    helps = (after or _would_help(raw[worst], where, bool(follows))) if narrow or follows else []
    tasks = f"Whether words, sentences or search are the better for it: {typed('advise')}"
    return [
        f"{head}.",
        *_narrowest(raw[worst], where, dimension),
        *_frequency(raw, follows),
        *helps,
        *([tasks] * bool(helps)),
    ]


def _where(some: Sequence[str], layers: Sequence[str]) -> str:
    """Which of the layers, in words that go on from "is narrow"."""
    if len(some) == len(layers):
        return " in every layer" if len(layers) > 1 else ""
    start = layers.index(some[0])
    if len(some) > 2 and list(some) == list(layers[start : start + len(some)]):
        return f" from layer {some[0]} {'on' if some[-1] == layers[-1] else f'to layer {some[-1]}'}"
    return f" in layer{'s' * (len(some) > 1)} {enumerated(some)}"


def _narrowest(of: Measures, where: str, dimension: int) -> list[str]:
    """The cone of the narrowest layer, and what makes it."""
    most = f"{of['mean_cosine']:.2f}{where}{where and ', the most of all'}"
    told = [
        f"Two vectors drawn at random have a mean cosine of {most}. It is 0 where all directions are used alike, "
        f"and from {NARROW} on called narrow here."
    ]
    if of.get("rogue_contribution", 0) >= max(ROGUE * of["mean_cosine"], ROGUE * NARROW):
        share = of["rogue_contribution"] / of["mean_cosine"]
        told.append(f"A single coordinate, number {of['rogue_dimension']:.0f}, makes {100 * share:.0f} % of that.")
    if "effective_dimension" in of:
        held = (
            f"{of['effective_dimension']:.0f} of {dimension} components hold {100 * HELD:.0f} % of the variance{where}"
        )
        told.append(f"{held}; of components that all hold the same, it would take {HELD * dimension:.0f}.")
    return told


def _frequency(raw: Mapping[str, Measures], follows: Sequence[str]) -> list[str]:
    """Where a component says how common a word is."""
    if not follows:
        return []
    most = max(follows, key=lambda layer: raw[layer]["frequency_pearson"])
    number, r = raw[most]["frequency_component"], raw[most]["frequency_pearson"]
    where = f", most of all in layer {most}" if len(raw) > 1 else ""
    return [f"One leading component tells common from rare words{where}: component {number:.0f}, |r| = {r:.2f}."]


def _change(removal: str, raw: Measures, after: Measures, where: str) -> str:
    """What a removal that was measured makes of a layer; empty if nothing can be compared."""
    shown = {"the mean cosine": "mean_cosine", "|r| with frequency": "frequency_pearson"}
    changes = [
        f"{what} from {raw[metric]:.2f} to {after[metric]:.2f}"
        for what, metric in shown.items()
        if metric in raw and metric in after
    ]
    return f"{removal} brings {enumerated(changes)}{where}." if changes else ""


def _would_help(raw: Measures, where: str, follows: bool) -> list[str]:
    """What would help, by what subtracting the mean does to the cosine of different words, which is known."""
    told = []
    if raw.get("s_inter", 0) >= NARROW and "s_inter_centred" in raw:
        change = f"from {raw['s_inter']:.2f} to {raw['s_inter_centred']:.2f}"
        told.append(f"Subtracting the mean alone (centre) brings the cosine of different words {change}{where}.")
    if follows:
        told.append("To take out what follows frequency, leading components have to go (all_but_the_top).")
    return [*told, f"See it before and after: {typed('analyze')} 'removal=[{RAW},centre,all_but_the_top]'"]
