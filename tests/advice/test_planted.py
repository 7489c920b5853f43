"""A study of planted truths: a cone that hides the meaning of words, and none."""

import pytest

from uncone.advice.conclusion import conclude
from uncone.advice.design import CHOSEN, RAW, Design
from uncone.advice.study import LayerStudy, candidates_of, find, keep
from uncone.encoder.store import FeatureStore
from uncone.learning.fit import follow
from uncone.learning.problem import Problem
from uncone.learning.recipe import Recipe
from uncone.removal import all_but_the_top, centre, none, whitening
from uncone.removal.spectra import Spectra
from uncone.removal.vectors import Vectors
from uncone.tasks.row import Row

from .planted import pairs_of, table_encoder

RECIPE = Recipe.named("quick").but(rank=4, uniform_share=1, contrast={"weight": 0}, strength=1)
WHERE = {"encoder": "planted", "pooling": "mean", "seed": 0}


class Scene:
    """One layer, studied."""

    def __init__(self, cone, folder, learned=False):
        encoder = table_encoder(cone)
        self.vectors = Vectors(encoder, FeatureStore(folder))
        self.design = Design(*pairs_of(encoder), folds=4, divisions=2, seed=0)
        spectra = Spectra(lambda: encoder.table)
        self.learned_from = []

        def learn_from(rows):
            self.learned_from.append(rows)
            pairs = self.design.pairs["words"].take(rows)
            return follow(Problem(self.vectors, spectra, lambda: (pairs, pairs, pairs)), RECIPE)

        raw = none(encoder.dimension)
        fixed = [
            ("centre", centre(spectra.uniform)),
            *(("all_but_the_top", all_but_the_top(spectra.uniform, D)) for D in (1, 3)),
            ("whitening", whitening(spectra.uniform, 8)),
        ]
        removals = [(RAW, raw), *([("learned", learn_from)] if learned else fixed)]
        candidates = candidates_of(self.vectors, self.design, removals)
        final = self.design.choose(candidates)
        row = Row(removal=RAW, task="google", subset="total", metric="accuracy", value=0.5)
        self.study = LayerStudy(
            layer="words", candidates=candidates, final=final, rows=[row], not_run=[("lee", "no data")]
        )

    def concluded(self):
        return conclude(self.design, [self.study], WHERE, resamples=1000, seed=0)


@pytest.mark.parametrize("learned", [False, True], ids=["fixed", "learned"])
def test_a_cone_is_opened(tmp_path, learned):
    conclusion = Scene(4.0, tmp_path, learned).concluded()
    assert conclusion.answer == "yes"
    layer = conclusion.layers[0]
    gains = conclusion.gains("words")
    assert all(gains[kind].gain_low > 0.1 for kind in ("words", "sentences", "both"))
    assert layer.final.startswith("learned" if learned else "all_but_the_top")
    assert conclusion.which.outcome == "helped"
    words = gains["words"]
    assert words.value - words.gain < 0.6 < words.value


@pytest.mark.parametrize("learned", [False, True], ids=["fixed", "learned"])
def test_what_has_no_cone_is_left_alone(tmp_path, learned):
    conclusion = Scene(0.0, tmp_path, learned).concluded()
    assert conclusion.answer == "no"
    assert conclusion.layers[0].outcome != "helped"
    assert conclusion.which.outcome != "helped"
    if not learned:  # each method alone: whitening to 8 of 24 dimensions throws meaning away, and is caught
        whitened = {row.task: row for row in conclusion.rows if row.removal == "whitening" and row.subset == "macro"}
        assert all(row.p_value < 0.05 and row.gain < 0 for row in whitened.values())
        assert whitened["both"].p_holm < 0.05


def test_rows_hold_every_system_on_every_kind(tmp_path):
    rows = Scene(4.0, tmp_path).concluded().rows
    of_layer = [row for row in rows if row.layers == "words" and row.subset == "macro"]
    assert len(of_layer) == 3 * len({row.removal for row in of_layer}) == 15
    gain = {(row.removal, row.task): row for row in of_layer}
    raw, chosen = gain[RAW, "both"], gain[CHOSEN, "both"]
    assert chosen.gain == pytest.approx(chosen.value - raw.value)
    assert raw.value == pytest.approx((gain[RAW, "words"].value + gain[RAW, "sentences"].value) / 2)
    assert {row.subset for row in rows if row.task == "words"} == {"macro", "planted words"}
    assert [row for row in rows if row.task == "google"] != []


def test_a_fit_learns_from_its_folds_alone(tmp_path):
    scene = Scene(3.0, tmp_path, learned=True)
    for fit, rows in enumerate(scene.learned_from):
        assert not set(scene.design.folds.fold[rows]) & set(scene.design.fits[fit])
    for kind, pairs in scene.design.pairs.items():
        assert scene.study.candidates[1].predicted[kind].shape == (len(scene.design.fits), len(pairs))
    assert len(scene.learned_from) == len(scene.design.fits) == 6


def test_a_layer_is_kept_and_found_again(tmp_path):
    scene = Scene(4.0, tmp_path / "store")
    folder = tmp_path / "layers" / "words"
    keep(folder, "digest", scene.study, none(24))
    kept = find(folder, "digest")
    assert (kept.layer, kept.final.name, kept.rows) == ("words", scene.study.final.name, scene.study.rows)
    assert [tuple(each) for each in kept.not_run] == [("lee", "no data")]
    for ours, theirs in zip(kept.candidates, scene.study.candidates, strict=True):
        assert ours.name == theirs.name
        assert all((ours.predicted[kind] == theirs.predicted[kind]).all() for kind in theirs.predicted)
    assert find(folder, "another study") is None
    assert find(tmp_path / "nowhere", "digest") is None
    (folder / "study.safetensors").write_bytes(b"damaged")
    assert find(folder, "digest") is None
    keep(folder, "digest", scene.study, none(24))
    assert find(folder, "digest") is not None
