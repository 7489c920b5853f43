"""The removal object: algebra, files, and whom it belongs to."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from uncone.removal import ClusteredRemoval, Removal, reduced
from uncone.removal.spectrum import Spectrum

ENCODER = {"name": "mine", "hash": "a" * 32, "layers": "static"}

DESCRIBED = "test(D=2): centred, removes 2 of 5 components, w from 0.50 to 1.00 for mine layers static"


def removal(weights=(1.0, 0.5), encoder=ENCODER) -> Removal:
    U = torch.linalg.qr(torch.randn(5, len(weights), generator=torch.Generator().manual_seed(0)))[0]
    return Removal(torch.ones(5), U, 1 - torch.tensor(weights), "test", {"D": 2}, encoder)


def fake_encoder(**changes) -> SimpleNamespace:
    identity = {**ENCODER, **changes}
    return SimpleNamespace(identity=identity, dimension=5, **identity)


def test_is_the_documented_map():
    made, e = removal(), torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    U, w = made.components, made.weights
    expected = (e - made.centre) @ (torch.eye(5) - U @ torch.diag(w) @ U.T)
    torch.testing.assert_close(made.apply(e), expected)
    torch.testing.assert_close(made.apply(e[0]), expected[0])


def test_is_a_function_with_one_line_to_show(tmp_path):
    made, e = removal(), torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    assert torch.equal(made(e), made.apply(e))
    assert repr(made) == f"<Removal {DESCRIBED}>"
    made.plot().savefig(tmp_path / "weights.png")
    assert (tmp_path / "weights.png").stat().st_size > 1000


def test_moves_to_a_device():
    """To one without memory, which every machine has; the original stays where it was."""
    made = removal()
    made.fold()
    there = made.to("meta")
    assert {tensor.device.type for tensor in vars(there).values() if isinstance(tensor, torch.Tensor)} == {"meta"}
    assert there.fold()[0].device.type == "meta"
    assert made.centre.device.type == made.fold()[0].device.type == "cpu"
    back = made.to("cpu")
    assert all(map(torch.equal, back.fold(), made.fold()))


def test_queries_may_have_a_centre_of_their_own(tmp_path):
    e = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    shift = torch.arange(5.0)
    made = removal().with_query_shift(shift)
    torch.testing.assert_close(made.apply(e), removal().apply(e))
    torch.testing.assert_close(made.of_queries().apply(e + shift), removal().apply(e))
    assert made.of_queries().query_centre is made.of_documents().query_centre is removal().query_centre is None
    assert removal().of_queries() is not None
    made.save(tmp_path)
    torch.testing.assert_close(Removal.load(tmp_path).query_centre, made.query_centre)
    assert "centred, queries by their own mean, removes 2" in made.describe()
    smaller = reduced(made, 4, Spectrum.fit(e))
    torch.testing.assert_close(smaller.of_queries().apply(e + shift), smaller.apply(e))
    with pytest.raises(ValueError, match=r"\(d,\), \(d, k\) and \(k,\)"):
        replace(made, query_centre=torch.zeros(4))
    with pytest.raises(ValueError, match="clustered is not one affine map"):
        ClusteredRemoval(
            torch.zeros(1, 5), torch.zeros(1, 5), torch.eye(5)[None, :, :1], torch.zeros(1, 1)
        ).with_query_shift(shift)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_thin_and_square_products_agree(count):
    e = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    made = removal(tuple(torch.linspace(-1, 1, count).tolist()))
    W, b = made.fold()
    torch.testing.assert_close(made.apply(e), e @ W.T + b)


def test_is_numpy_in_three_lines(tmp_path):
    """The lines of the documentation, run as they stand in a process without torch and uncone."""
    made, e = removal(), np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
    made.save(tmp_path)
    np.save(tmp_path / "e.npy", e)
    formula = re.findall(r"^ {8}(\w = .*)$", Removal.__doc__.split("Attributes:")[0], re.MULTILINE)
    assert len(formula) == 3
    lines = [
        "import sys, numpy as np, safetensors.numpy",
        'e = np.load("e.npy")',
        *formula,
        'np.save("x.npy", x)',
        'assert not {"torch", "uncone"} & set(sys.modules)',
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=tmp_path, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), made.apply(e), atol=1e-6)


def test_keeps_float64_in_memory_and_float32_in_files(tmp_path):
    e = torch.randn(7, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    U = torch.linalg.qr(torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    made = Removal(e[0] * 1e6, U, torch.zeros(2), "precise")
    expected = (e - e[0] * 1e6) @ (torch.eye(5, dtype=torch.float64) - U @ U.T)
    torch.testing.assert_close(made.apply(e), expected, rtol=1e-14, atol=1e-8)
    loaded = Removal.load(made.save(tmp_path))
    assert loaded.centre.dtype == loaded.components.dtype == torch.float32


def test_says_what_it_is():
    assert removal().describe() == DESCRIBED


def test_loads_from_the_folder_of_a_run(tmp_path):
    removal().save(tmp_path / "removal")
    assert Removal.load(tmp_path).settings == {"D": 2}


def test_files_are_small_and_hold_no_pickle(tmp_path):
    folder = removal().save(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["removal.json", "removal.safetensors"]
    assert json.loads((folder / "removal.json").read_text())["encoder"] == ENCODER


def test_belongs_to_its_encoder():
    removal().check_encoder(fake_encoder())
    with pytest.raises(ValueError, match=r"belongs to mine layers static .* not to other"):
        removal().check_encoder(fake_encoder(name="other", hash="b" * 32))
    with pytest.raises(ValueError, match="layers 3"):
        removal().check_encoder(fake_encoder(layers="3"))
    removal(encoder={}).check_encoder(fake_encoder(hash="b" * 32))
    other = fake_encoder(hash="b" * 32)
    removal().for_encoder(other).check_encoder(other)


def test_refuses_other_dimensions():
    with pytest.raises(ValueError, match="5 dimensions, got shape \\(2, 4\\)"):
        removal().apply(torch.ones(2, 4))
    with pytest.raises(ValueError, match="corrects 5 dimensions, x has 6"):
        removal().check_encoder(SimpleNamespace(dimension=6, name="x"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gains": torch.ones(3)}, "do not fit"),
        ({"centre": torch.ones(4)}, "do not fit"),
        ({"gains": torch.tensor([1.0, float("nan")])}, "gains of removal 'test' holds NaN"),
        ({"components": torch.ones(5, 2)}, "not orthonormal"),
    ],
)
def test_refuses_what_is_no_removal(change, message):
    made = removal()
    parts = {"centre": made.centre, "components": made.components, "gains": made.gains, "method": "test", **change}
    with pytest.raises(ValueError, match=message):
        Removal(**parts)


def damage_json(folder):
    (folder / "removal.json").write_text("{")


def damage_tensors(folder):
    data = (folder / "removal.safetensors").read_bytes()
    (folder / "removal.safetensors").write_bytes(data[: len(data) // 2])


def foreign(folder):
    (folder / "removal.json").write_text('{"format": "something else"}')


def newer(folder):
    description = json.loads((folder / "removal.json").read_text())
    (folder / "removal.json").write_text(json.dumps(description | {"format_version": 99}))


def missing(folder):
    (folder / "removal.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (damage_json, "removal.json cannot be read as a removal: Expecting property"),
        (damage_tensors, "removal.safetensors cannot be read as the tensors of a removal"),
        (foreign, "does not describe"),
        (newer, "upgrade uncone"),
        (missing, "no removal in"),
    ],
)
def test_refuses_files_it_cannot_trust(tmp_path, spoil, message):
    spoil(removal().save(tmp_path))
    with pytest.raises(ValueError, match=message):
        Removal.load(tmp_path)


@pytest.mark.parametrize("gains", [[0.5, 2.0, 1.0, 1.0, 1.0], [0.0, 0.0, 3.0, 1.0, 0.1]])
def test_two_removals_are_one(gains):
    """Cosines and lengths are those of one after the other, also where the first drops directions."""
    generator = torch.Generator().manual_seed(1)
    e = torch.randn(7, 5, generator=generator)
    first = Removal(torch.ones(5), torch.linalg.qr(torch.randn(5, 5, generator=generator))[0], torch.tensor(gains), "a")
    left = first.apply(e)
    second = Removal(left.mean(0), torch.linalg.svd(left - left.mean(0)).Vh.T[:, :2], torch.tensor([0.2, 4.0]), "b")
    after, one = second.apply(left), first.then(second).apply(e)
    torch.testing.assert_close(one @ one.T, after @ after.T, atol=1e-4, rtol=1e-4)
    assert first.then(second).method == "b"


def test_what_rounding_leaves_of_a_mean_is_no_second_centre():
    first = Removal(torch.ones(2), torch.eye(2)[:, :1], torch.zeros(1), "first axis")
    second = Removal(torch.full((2,), 1e-8), torch.zeros(2, 0), torch.zeros(0), "b")
    torch.testing.assert_close(first.then(second).apply(torch.ones(1, 2)), torch.zeros(1, 2))


def test_a_second_centre_has_to_be_reached():
    first = Removal(torch.zeros(2), torch.eye(2)[:, :1], torch.zeros(1), "first axis")
    with pytest.raises(ValueError, match="centre of b lies outside of what first axis leaves"):
        first.then(Removal(torch.ones(2), torch.zeros(2, 0), torch.zeros(0), "b"))
