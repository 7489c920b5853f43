"""Training, validation and test pairs, made again from what a removal says it was trained on."""

import pytest

from uncone.data.pair_sets import seen_pairs, split_pairs

WORDS = {"kind": "words", "sets": ["ws353", "simlex999"], "fractions": [0.6, 0.2, 0.2], "seed": 3}
SPLIT = {**WORDS, "validation_sets": None, "test_sets": None}


def keys(pairs):
    return {frozenset((a.lower(), b.lower())) for a, b in zip(pairs.text1, pairs.text2, strict=True)}


def test_parts_share_no_pair_and_make_up_the_whole():
    parts = split_pairs(SPLIT)
    assert sum(map(len, parts)) == 353 + 999
    for i, part in enumerate(parts):
        for other in parts[i + 1 :]:
            assert not keys(part) & keys(other)


def test_what_was_seen_is_all_but_the_test_part():
    train, validation, test = split_pairs(SPLIT)
    assert keys(seen_pairs(SPLIT)) == keys(train) | keys(validation)
    assert not keys(seen_pairs(SPLIT)) & keys(test)


def sentence_file(folder, name, pairs):
    lines = ["sentence1\tsentence2\tscore", *(f"{a}\t{b}\t{i}" for i, (a, b) in enumerate(pairs))]
    (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return [str(folder / f"{name}.tsv")]


def test_sets_of_their_own_lose_what_stands_elsewhere(tmp_path):
    tested = [("c d", "a b"), ("k l", "i j"), ("new", "pair"), ("more", "of it")]
    description = {
        "kind": "sentences",
        "sets": sentence_file(tmp_path, "train", [("a b", "c d"), ("e f", "g h")]),
        "validation_sets": sentence_file(tmp_path, "dev", [("i j", "k l"), ("m n", "o p")]),
        "test_sets": sentence_file(tmp_path, "test", tested),
        "fractions": [1.0],
        "seed": 0,
    }
    train, validation, test = split_pairs(description)
    assert (len(train), len(validation), test.text1) == (2, 2, ("new", "more"))
    assert len(seen_pairs(description)) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fractions": [0.5, 0.5]}, r"needs 3 numbers \(train, validation, test\), got \[0.5, 0.5\]"),
        ({"test_sets": ["ws353"], "fractions": [0.5, 0.3, 0.2]}, r"needs 2 numbers \(train, validation\)"),
        ({"kind": "letters"}, "unknown data.kind 'letters'"),
    ],
)
def test_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        split_pairs({**SPLIT, **change})
