"""What sound files of each kind hold."""

from typing import Any

import numpy as np

from uncone.tasks import Row

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
WORDS = ["the", "Cat", ".", "caf\u00e9", "42"]
GLOVE = "\n".join(f"{word} {' '.join(f'{x:.4f}' for x in row)}" for word, row in zip(WORDS, X, strict=False)) + "\n"
PAIRS = "word1\tnote\tword2\tscore\ncup\tx\tmug\t9.5\nsun\t\tstar\t5\nnull\tNA\tnan\t0.25\nking\ty\tqueen\t7\n"
STS = PAIRS.replace("word", "sentence").replace("cup", 'A "cup" is here.').replace("star", "A café's star, far away.")
MARKED = "context1\tcontext2\tscore\nthe <b>cat</b> sat\ta <b> dog </b>\t3\nthe <b>sun</b>\tof <b>stars</b> x\t7.5\n"
VERBS = "context\tlemma\tmeaning\ttense\nhe <b>ran</b> off\trun\tmove\tpast\nit <b>runs</b>\trun\twork\tpresent\n"
GROUPS = "text\tgroup\nA cat sat.\tone\nA dog ran.\tone\nWhy?\ttwo\n"
QUESTIONS = "category\ta\tb\tc\td\nfamily\tman\twoman\tking\tqueen\ngram1\tgo\twent\tsee\tsaw\n"
SECTIONS = ": capitals\nparis france rome italy\nberlin germany madrid spain\n: gram1-x\ngo went see saw\n"
LABELLED = "split\tlabel\ttext\ntrain\t0\tA cup.\ntrain\t1\tA mug.\ntrain\t1\tthe sun\ntest\t0\tking\ntest\t1\tqueen\n"
CORPUS = "id\ttext\n1\tA cup.\n2\tnull\n3\tA 'mug' of tea\n4\t\u00e9t\u00e9\n"
LINES = "A cup.\n\nA mug is here.\nNA\n\u00e9t\u00e9\n"
SETTINGS = (
    "seed: 0\nencoder:\n  path: tiny\n  layers: [1, 2]\n  name: null\nrecipe:\n  pull: 0.1\n  optimizer: {keep: best}\n"
    "methods:\n  none: {_target_: uncone.removal.none}\n"
)
CURVE = "epoch,train/loss,val/spearman\n0,1.5,\n0,,0.25\n1,1.25,\n1,,0.5\n2,,0.4375\n"
ROW: dict[str, Any] = {"encoder": "tiny", "layers": "1", "pooling": "mean", "task": "lee", "subset": "all"}
ROW |= {"metric": "spearman", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9, "seed": 0}
ROWS = [Row(removal="none", **ROW), Row(removal="learned", candidate={"D": 3}, **ROW)]
ENTRY = "b9fefdf2be509771a0d7384fcf8ad4ca"  # of the store, for its key
WIC = "split\tlabel\tsentence1\tindex1\tsentence2\tindex2\n" + "".join(
    f"{kind}\tthe cat sat\t1\ta dog ran\t0\n" for kind in ("train\tT", "train\tF", "test\tT")
)
