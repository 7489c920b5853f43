"""STS-Benchmark and SICK as their authors publish them, beside the layout that `uncone.data.sts` expects of all sets.

`sts-train.csv`, `sts-dev.csv` and `sts-test.csv` are tab separated in spite of their names, have no header, quote
nothing and hold unbalanced quotes: genre, source, year, id, score, two sentences and, in some rows, two fields on
licences. `SICK_train.txt`, `SICK_trial.txt` and `SICK_test_annotated.txt` are tab separated with a header.
"""

from __future__ import annotations

from pathlib import Path

from uncone.data.files import Table, open_text, read_table

_STSB_FIELDS = ("genre", "source", "year", "id", "score", "sentence1", "sentence2")
_SICK_COLUMNS = {"sentence_A": "sentence1", "sentence_B": "sentence2", "relatedness_score": "score"}


def read_original(path: Path) -> Table:
    """Read one of these files, told apart by their suffix.

    Returns:
        A table with the columns sentence1, sentence2 and score.

    Raises:
        ValueError: naming file and line, if a row of STS-B has not 7 or 9 fields, or as `read_table`.
    """
    if path.suffix == ".csv":
        return _read_stsb(path)
    table = read_table(path, tuple(_SICK_COLUMNS))
    return Table(table.origin, {new: table.columns[old] for old, new in _SICK_COLUMNS.items()}, table.lines)


def _read_stsb(path: Path) -> Table:
    rows, lines = [], []
    with open_text(path) as file:
        for line, text in enumerate(file, 1):
            row = text.rstrip("\r\n").split("\t")
            if row == [""]:
                continue
            if len(row) not in (7, 9):
                raise ValueError(
                    f"{path}, line {line}: 7 or 9 tab separated fields expected ({', '.join(_STSB_FIELDS)}, and "
                    f"sometimes two on licences), found {len(row)}"
                )
            rows.append(row)
            lines.append(line)
    return Table(str(path), {name: [row[i] for row in rows] for i, name in enumerate(_STSB_FIELDS)}, lines)
