"""Ten thousand damaged, odd and foreign files: read as a simple reader reads them, or refused in one line naming them.

A failure tells the case and the number of the mutation; the same number gives the same file again.
"""

import logging
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustness.cases import CASES, SOUND, Case
from robustness.mutations import mutated

A_FEW = 10  # for every run of the tests, of files of text


def same(one: Any, other: Any) -> bool:
    """Equal, to the last bit; NaN is NaN."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, float) and isinstance(other, (int, float)):
        return one == other or (math.isnan(one) and math.isnan(other))
    if hasattr(one, "shape"):
        return np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True)
    return one == other


def sound(case: Case, folder: Path) -> tuple[Path, bytes]:
    """A sound file of a case, and its content."""
    path = folder / case.file
    path.parent.mkdir(parents=True, exist_ok=True)
    if callable(case.content):
        case.content(path)
    else:
        path.write_text(case.content, encoding="utf-8")
    return path, path.read_bytes()


def check(case: Case, path: Path, whole: bytes, undamaged: Any, seed: int) -> str | None:
    """What is wrong with how one mutation is read, if anything is."""
    data = mutated(whole, random.Random(seed), case.mutations)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    try:
        found = case.read(path)
    except ValueError as error:
        if not case.refuses:
            return f"{error!r}, where nothing should be raised"
        if "\n" in str(error) or str(path.parent) not in str(error):
            return f"a refusal in several lines, or of nobody knows what: {error}"
        return None
    except Exception as error:
        return repr(error)
    if case.expect is None:
        return None
    try:
        expected = undamaged if case.expect == SOUND else case.expect(path)
    except Exception as error:
        return f"read as {found}, where a simple reader has {error!r}"
    return None if same(found, expected) else f"read as {found} instead of {expected}"


def check_all(name: str, count: int, folder: Path) -> None:
    case = CASES[name]
    path, whole = sound(case, folder)
    undamaged = case.read(path)
    for seed in range(count):
        wrong = check(case, path, whole, undamaged, seed)
        assert wrong is None, f"{name}, mutation {seed}: {wrong}"


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_mutations(name, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    check_all(name, CASES[name].count, tmp_path)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if isinstance(case.content, str)])
def test_a_few_mutations(name, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    check_all(name, A_FEW, tmp_path)


def test_there_are_enough():
    assert sum(case.count for case in CASES.values()) >= 10_000
