"""Two real processes that share the work, by gloo, find what one finds."""

import json
import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import torch
import two_processes as work

from uncone.encoder import Encoder
from uncone.encoder.store import FeatureStore
from uncone.geometry.atlas.store import AtlasStore
from uncone.removal.spectrum import Spectrum
from uncone.runs.reading import read_results
from uncone.support import distributed


@pytest.fixture(scope="module")
def folder(folder_of, tmp_path_factory):
    """What two processes have left."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "model").symlink_to(folder_of("bert"))
    parent = multiprocessing.get_context("fork").Process(target=work.start_two, args=(folder,))
    parent.start()
    parent.join(timeout=120)
    assert parent.exitcode == 0
    return folder


@pytest.fixture(scope="module")
def reports(folder):
    return [json.loads((folder / f"report_{rank}.json").read_text()) for rank in range(2)]


def test_features_are_those_of_one_process_to_the_bit(folder):
    encoder = Encoder.from_pretrained(str(folder / "model"), layers=2, token_budget=64)
    alone = work.features(work.vectors_of(encoder, FeatureStore(folder / "alone")))
    for rank in range(2):
        with np.load(folder / f"features_{rank}.npz") as found:
            assert set(found) == set(alone)
            for name, expected in alone.items():
                np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_each_text_is_encoded_once_and_never_again(folder, reports):
    """For each of three entries, and shared as evenly as batches allow."""
    encoded = [report["encoded"] for report in reports]
    assert sum(encoded) == 3 * len(set(work.TEXTS))
    assert max(encoded) < 2 * min(encoded)
    assert [report["encoded_again"] for report in reports] == [0, 0]
    assert [(report["built"], report["built_again"]) for report in reports] == [(3, 0), (3, 0)]


def test_one_process_reads_what_two_have_stored(folder):
    encoder = Encoder.from_pretrained(str(folder / "model"), layers=2, token_budget=64)
    for name in ("store_0", "store_1", "shared"):
        store = FeatureStore(folder / name)
        work.features(work.vectors_of(encoder, store))
        assert (store.read, store.built) == (3, 0)


@pytest.mark.parametrize("name", ["uniform", "weighted", "few"])
def test_spectra_merge_exactly(folder, name):
    X, weights = work.points()
    expected = {"uniform": Spectrum.fit(X), "weighted": Spectrum.fit(X, weights), "few": Spectrum.fit(X[:3])}[name]
    found = [torch.load(folder / f"spectra_{rank}.pt", weights_only=True)[name] for rank in range(2)]
    for first, second in zip(*found, strict=True):
        assert torch.equal(torch.as_tensor(first), torch.as_tensor(second))
    weight, rows, mean, scatter = found[0]
    merged = Spectrum(len(mean))
    merged.weight, merged.rows, merged.mean, merged.scatter = weight, rows, mean, scatter
    assert weight == pytest.approx(expected.weight, rel=1e-12)
    torch.testing.assert_close(mean, expected.mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(merged.eigenvalues, expected.eigenvalues, rtol=1e-9, atol=1e-12)
    if name == "uniform":
        assert rows == 1000
        torch.testing.assert_close(merged.components, expected.components, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["similarities", "similarities_of_one"])
def test_similarities_come_together(reports, name):
    """Rows shared unevenly or all on one: in the first process they are what they are over all rows in one."""
    assert reports[0][name] == pytest.approx(work.similarities(torch.arange(300)), rel=1e-12)


@pytest.mark.parametrize(("of_two", "encoder"), [("survey_of_two", "transformer"), ("table_of_two", "table")])
def test_a_survey_is_that_of_one_process(folder, reports, of_two, encoder):
    """From the same sample to the bit, and from sums that were added up in another order."""
    asked = work.transformer(folder) if encoder == "transformer" else work.table()
    work.survey(folder, f"{encoder}_of_one", *asked)
    found, expected = (read_results(folder / name) for name in (of_two, f"{encoder}_of_one"))
    assert len(found) == len(expected) > 20
    for row, one in zip(found, expected, strict=True):
        numbers = [np.array([each.value, each.low, each.high], dtype=float) for each in (row, one)]  # None is NaN
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-4, abs=1e-5, nan_ok=True), row
        assert replace(row, value=0, low=0, high=0) == replace(one, value=0, low=0, high=0)
    stores = [AtlasStore(folder / name) for name in (of_two, f"{encoder}_of_one")]
    maps = [list(store.maps()) for store in stores]
    assert maps[0] == maps[1]
    for key in maps[0]:
        np.testing.assert_allclose(*(store.points(*key) for store in stores), atol=1e-4)
        assert stores[0].curves(*key)["cluster"] == stores[1].curves(*key)["cluster"]
    names = [{path.name for path in (folder / name).iterdir()} for name in (of_two, f"{encoder}_of_one")]
    assert names[0] == names[1]
    assert reports[1]["rows"] == 0


def test_messages_arrive_as_they_were_sent(reports):
    said = [{"rank": 0, "value": 0.1, "ä": ""}, {"rank": 1, "value": 1.1, "ä": "é"}]
    assert [report["gathered"] for report in reports] == [said, said]
    assert [report["from_first"] for report in reports] == ["said by 0", "said by 0"]


def test_weights_are_checked_before_they_are_divided(monkeypatch):
    monkeypatch.setattr(distributed, "processes", lambda: 2)
    X, weights = work.points()
    with pytest.raises(ValueError, match="weights must be 1000 finite"):
        Spectrum.fit_divided(X, weights[:-1])
    with pytest.raises(ValueError, match="all weights are 0"):
        Spectrum.fit_divided(X, torch.zeros(len(X)))


def test_several_processes_without_a_meeting_place(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(ValueError, match=r"without .*MASTER_ADDR.*start them with torchrun"), distributed.join():
        pass
