"""What can become of a file: seeded mutations of its bytes, its lines and fields, and of JSON values."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

NUMBER = re.compile(rb"[-+]?\d[\d.]*(?:e[-+]?\d+)?")
ODD = [
    *(b"", b"nan", b"NaN", b"null", b"None", b"inf", b"-Infinity", b"1e400", b"-1", b"0", b"1" * 400, b"1" * 5000),
    *(b"1_0", b"0x10", b"1,5", b"'", b'"', b'""', b"\t", b" ", b",", b"\r", b"\n", b"\0", b"\xff", b"\xed\xa0\x80"),
    *(b"\xef\xbb\xbf", b"[" * 3000, b"{", b"]", b"&a [*a]", b"!!python/object:os.system", b"2020-01-01", b"${x}"),
    *(b"<b>", b"</b>", b": x", b"\\u0000", b"\xe2\x80\xa8", b"\xc2\xa0", b"\x1f\x8b", b"\x80\x04", b"PK\x03\x04"),
]
VALUES: list[Any] = [None, True, -1, 0, 0.5, 1e308, 10**400, "", "x", "\n", [], {}, [None], [[[]]], {"a": {}}]


def _spot(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((0, 1, 2, 5, 20, len(data) // 3)))


def _flip(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    start, _ = _spot(data, rng)
    return data[:start] if rng.random() < 0.7 else data[start:]


def _delete(data: bytes, rng: random.Random) -> bytes:
    start, end = _spot(data, rng)
    return data[:start] + data[end:]


def _duplicate(data: bytes, rng: random.Random) -> bytes:
    start, end = _spot(data, rng)
    return data[:end] + data[start:]


def _insert(data: bytes, rng: random.Random) -> bytes:
    start, end = _spot(data, rng)
    added = rng.choice(ODD) if rng.random() < 0.7 else rng.randbytes(rng.randrange(1, 9))
    return data[:start] + added + data[start if rng.random() < 0.5 else end :]


def _number(data: bytes, rng: random.Random) -> bytes:
    """Something odd for a number."""
    found = list(NUMBER.finditer(data))
    if not found:
        return _insert(data, rng)
    chosen = rng.choice(found)
    return data[: chosen.start()] + rng.choice(ODD) + data[chosen.end() :]


def _lines(data: bytes, rng: random.Random) -> bytes:
    """Lines in another order, left out or there twice."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return _duplicate(data, rng)
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.randrange(3)
    if change == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif change == 1:
        lines.insert(one, lines[other])
    else:
        del lines[one]
    return b"".join(lines)


def _fields(data: bytes, rng: random.Random) -> bytes:
    """A field of a line left out, doubled or odd."""
    lines = data.split(b"\n")
    place, between = rng.randrange(len(lines)), rng.choice((b"\t", b" ", b","))
    fields = lines[place].split(between)
    field = rng.randrange(len(fields))
    fields[field : field + 1] = rng.choice(([], [fields[field]] * 2, [rng.choice(ODD)]))
    lines[place] = between.join(fields)
    return b"\n".join(lines)


def _whole(data: bytes, rng: random.Random) -> bytes:
    """Another encoding, other line ends, other separators, nothing, or much."""
    text = data.decode(errors="replace")
    return rng.choice(
        (
            lambda: text.encode("utf-16"),
            lambda: text.encode("latin-1", errors="replace"),
            lambda: b"\xef\xbb\xbf" + data,
            lambda: data.replace(b"\n", b"\r\n"),
            lambda: data.replace(b"\n", b"\r"),
            lambda: data.replace(b"\t", b" "),
            lambda: data.replace(b" ", b"\t"),
            lambda: data.replace(b"\t", b","),
            lambda: b"",
            lambda: bytes(len(data)),
            lambda: rng.randbytes(200),
            lambda: data * 2,
        )
    )()


BYTES = (_flip, _cut, _delete, _duplicate, _insert)
TEXT = (*BYTES, _number, _lines, _fields, _whole)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in items for found in _paths(inner, (*path, key)))]


def of_json(data: bytes, rng: random.Random) -> bytes:
    """JSON with a value left out, moved or replaced by one of another kind."""
    tree = [json.loads(data)]
    path = (0, *rng.choice(_paths(tree[0])))
    parent = tree
    for key in path[:-1]:
        parent = parent[key]
    key, change = path[-1], rng.randrange(5)
    if change == 0 and len(path) > 1:
        del parent[key]
    elif change == 1 and isinstance(parent, dict):
        parent[str(key) + "x"] = parent.pop(key)
    elif change == 2:
        parent[key] = [parent[key]] * 2
    else:
        parent[key] = rng.choice(VALUES)
    return json.dumps(tree[0] if tree else None).encode()


def mutated(data: bytes, rng: random.Random, mutations: tuple[Callable[[bytes, random.Random], bytes], ...]) -> bytes:
    """One to three mutations, one after another; those of JSON come alone."""
    first = rng.choice(mutations)
    data = first(data, rng)
    for _ in range(rng.choice((0, 0, 1, 2)) if first is not of_json else 0):
        data = rng.choice([each for each in mutations if each is not of_json])(data, rng)
    return data
