"""Readers as simple as can be, against which ours are held; they may raise what they like."""

import gzip
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml


def text_of(path: Path) -> str:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode("utf-8-sig")


def lines_of(path: Path) -> list[str]:
    return re.split("\r\n|\r|\n", text_of(path))


def columns(*names: str) -> Callable[[Path], list[list[str]]]:
    """A simple reader of tables: the texts of some columns, without blanks around them."""

    def read(path: Path) -> list[list[str]]:
        header, *rows = (line.split("\t") for line in lines_of(path) if line)
        assert all(len(row) == len(header) for row in rows)
        return [[row[header.index(name)].strip() for row in rows] for name in names]

    return read


def labelled(path: Path) -> list[list[str]]:
    """A table of texts with labels, whose splits may be left out."""
    has_splits = "split" in lines_of(path)[0].split("\t")
    *splits, label, text = columns(*["split"] * has_splits, "label", "text")(path)
    return [*(splits or [["all"] * len(text)]), label, text]


def scored(*names: str) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        *texts, score = columns(*names, "score")(path)
        return [*texts, [float(number) for number in score]]

    return read


def vectors(path: Path) -> Any:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = re.split("[\r\n]+", data.decode("utf-8-sig", errors="replace"))
    rows = [line.replace("\t", " ").split(" ") for line in lines if line.strip(" \t")]
    rows = [[field for field in row if field] for row in rows]
    rows = rows[1:] if len(rows) > 1 and len(rows[0]) == 2 and len(rows[1]) != 2 else rows
    ends = [re.fullmatch(r".*?((?: [-+.\d][\d.e+-]*)+)", " ".join(row)) for row in rows]
    widths = [len(end[1].split(" ")) - 1 if end else 0 for end in ends]
    d = max(widths, key=lambda width: (widths.count(width), width))
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(" ".join(row[:-d]), np.array(row[-d:], dtype=np.float32).tolist())
    return found


def binary_vectors(path: Path) -> Any:
    """Words and numbers, byte by byte."""
    header, _, rest = path.read_bytes().partition(b"\n")
    count, d = map(int, header.split())
    found: dict[str, list[float]] = {}
    for _ in range(count):
        word, _, rest = rest.partition(b" ")
        numbers, rest = struct.unpack(f"<{d}f", rest[: 4 * d]), rest[4 * d :]
        found.setdefault(word.lstrip(b"\n").decode(errors="replace"), list(numbers))
    return found


def sections(path: Path) -> Any:
    rows, category = [], ""
    for line in lines_of(path):
        if line.startswith(":"):
            category = line[1:].strip()
        elif line.strip():
            a, b, c, d = line.split()
            rows.append([category, a, b, c, d])
    return [list(column) for column in zip(*rows, strict=True)]


def results(path: Path) -> Any:
    """What rows say, without what they leave open."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def curve(path: Path) -> Any:
    lines = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    header, *rows = (line.split(",") for line in lines or [""] if line or not lines)
    epochs = {}
    for row in rows:
        told = dict(zip(header, row, strict=False))
        try:
            epochs[int(told["epoch"])] = float(told["val/spearman"])
        except (KeyError, ValueError):
            continue
    return sorted(epochs.items())


def texts(path: Path) -> list[str]:
    return [line.strip() for line in lines_of(path) if line.strip()]


def settings(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
