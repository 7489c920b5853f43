"""What an analysis concludes in words."""

import math

import pytest

from uncone.report.narrow import about_corpus, conclusion
from uncone.tasks.row import Row

RAW = {
    **{"mean_cosine": 0.02, "s_inter": 0.02, "s_inter_centred": 0.01, "effective_dimension": 90},
    **{"rogue_dimension": 3, "rogue_contribution": 0.01, "frequency_component": 2, "frequency_pearson": 0.1},
}
NARROW = {"mean_cosine": 0.4, "s_inter": 0.3, "s_inter_centred": 0.05}


def rows_of(layers, removal="none"):
    where = {"encoder": "tiny", "removal": removal, "task": "geometry"}
    return [
        Row(**where, subset=layer, metric=metric, value=value)
        for layer, change in layers.items()
        for metric, value in (RAW | change).items()
    ]


@pytest.mark.parametrize(
    ("narrow", "where"),
    [
        ("0123", " in every layer"),
        ("123", " from layer 1 on"),
        ("012", " from layer 0 to layer 2"),
        ("03", " in layers 0 and 3"),
        ("2", " in layer 2"),
    ],
)
def test_says_which_layers_are_narrow(narrow, where):
    told = conclusion(rows_of({layer: NARROW if layer in narrow else {} for layer in "0123"}), "tiny", 384)
    assert told[0] == f"tiny is narrow{where}."


def test_names_what_is_narrow_and_what_would_help():
    layers = {"0": {}, "1": NARROW | {"rogue_contribution": 0.3, "frequency_pearson": 0.7}}
    told = conclusion(rows_of(layers), "tiny", 100)
    assert told[0] == "tiny is narrow in layer 1, and follows word frequency in layer 1."
    assert "a mean cosine of 0.40 in layer 1" in told[1]
    assert told[2] == "A single coordinate, number 3, makes 75 % of that."
    assert told[3].startswith("90 of 100 components hold 80 % of the variance in layer 1; ")
    assert "component 2, |r| = 0.70" in told[4]
    assert "(centre) brings the cosine of different words from 0.30 to 0.05 in layer 1" in told[5]
    assert "(all_but_the_top)" in told[6]
    assert "'removal=[none,centre,all_but_the_top]'" in told[7]


def test_says_what_removals_that_were_measured_change():
    rows = [*rows_of({"0": {}, "1": NARROW}), *rows_of({"0": {}, "1": {}}, "mine")]
    rows += [*rows_of({"0": {}}, "of_another_layer")]
    told = conclusion(
        [*rows, *rows_of({"1": {"mean_cosine": math.nan, "frequency_pearson": math.nan}}, "x")], "tiny", 9
    )
    assert "mine brings the mean cosine from 0.40 to 0.02 and |r| with frequency from 0.10 to 0.10 in layer 1." in told
    assert not any("of_another_layer" in sentence or "nan" in sentence or "centre" in sentence for sentence in told)


def test_a_wide_encoder_needs_no_help():
    told = conclusion(rows_of({"words": {"frequency_pearson": math.nan}}), "tiny", 300)
    assert told[0] == "tiny is not narrow."
    assert not any("removal" in sentence or "layer" in sentence for sentence in told)
    assert "was measured after removals only" in conclusion(rows_of({"1": {}}, "mine"), "tiny", 300)[0]


def test_names_the_corpus_and_its_limit():
    index = {"corpus": {"name": "a.txt", "limit": 1500, "window_words": 64}, "encoders": {"tiny": {"windows": 2000}}}
    assert about_corpus(index) == "Corpus: a.txt, the first 1,500 texts of each; 2,000 windows of at most 64 words."
    assert about_corpus({**index, "encoders": {"glove": {"windows": 0}}}) == ""
