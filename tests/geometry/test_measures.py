"""The registry names every number that is measured, and says what it means."""

from uncone.geometry import probe
from uncone.geometry.atlas.sampled import SampledSettings
from uncone.geometry.measures import MEASURES, definitions


def test_all_numbers_of_the_probe_are_defined():
    assert set(probe.MEASURES) <= MEASURES.keys()


def test_definitions_state_the_settings():
    settings = SampledSettings(neighbours=7, squared=True, signs="as_computed", cluster_weights="equal")
    said = definitions(settings, sample=80_000)
    assert said.keys() == MEASURES.keys()
    assert "squared Euclidean distances to the k = 7 nearest of (at most) 80 000 sampled vectors" in said["lid"]
    assert "signs as LAPACK returns them" in said["isotropy"]
    assert "unweighted" in said["s_inter_clustered"]
    assert not any("{" in sentence for sentence in said.values())


def test_what_is_drawn_over_depth_has_words():
    drawn = [measure for measure in MEASURES.values() if measure.over_depth]
    assert len(drawn) > 10
    assert all(measure.text for measure in drawn)
    assert {measure.direction for measure in MEASURES.values()} == {"lower", "higher", None}
