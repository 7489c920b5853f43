"""The commands on one GPU, on tiny models: they run there, and find what the CPU finds."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tiny_runs import CONF, TRAIN, composed, layer_of, train_undrawn

from uncone.commands.analyze import analyze
from uncone.commands.evaluate import evaluate
from uncone.commands.export import export
from uncone.encoder import Encoder
from uncone.learning.bank import RemovalBank, members
from uncone.learning.basis import Basis, TrainingBatch
from uncone.learning.batches import PairDataModule
from uncone.learning.fit import quiet_trainer
from uncone.learning.module import RemovalModule
from uncone.learning.recipe import Recipe
from uncone.removal import Removal
from uncone.removal.spectrum import Spectrum
from uncone.runs.reading import read_results

DEVICE = "cuda"
ON_GPU = ("trainer=gpu", f"encoder.device={DEVICE}", "recipe.strength=1")
TEXTS = ["the cat", "dog", "the dog barked at the mat", "a cat sat on the mat, the dog barked!"]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU here"),
    pytest.mark.usefixtures("undrawn"),
]


@pytest.fixture(scope="module")
def model(folder_of):
    return layer_of(folder_of("bert"))


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    """A finished run of four epochs."""
    folder = tmp_path_factory.mktemp("run") / "monday"
    train_undrawn(composed("train", f"output_dir={folder}", *TRAIN, *model, *ON_GPU, "recipe.optimizer.max_epochs=4"))
    return folder


def test_vectors_are_those_of_the_cpu(folder_of):
    """Gathered and fetched together; in half precision nearly so."""
    expected = Encoder.from_pretrained(folder_of("bert"), device="cpu").encode(TEXTS)
    found = Encoder.from_pretrained(folder_of("bert"), device=DEVICE, token_budget=20).encode(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    half = Encoder.from_pretrained(folder_of("bert"), device=DEVICE, dtype="bfloat16").encode(TEXTS)
    cosines = (half * expected).sum(1) / np.linalg.norm(half, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.99


def test_training_leaves_a_removal_and_results(run):
    assert Removal.load(run).describe()
    assert {row.method for row in read_results(run)} >= {"none", "learned"}
    assert json.loads((run / "environment.json").read_text())["device"]


def test_resuming_equals_never_having_stopped(model, run, tmp_path, command_line):
    train_undrawn(composed("train", f"output_dir={tmp_path}", *TRAIN, *model, *ON_GPU, "recipe.optimizer.max_epochs=2"))
    train_undrawn(composed("train", *command_line(f"resume={tmp_path}", "recipe.optimizer.max_epochs=4")))
    resumed, whole = Removal.load(tmp_path), Removal.load(run)
    assert torch.equal(resumed.gains, whole.gains)
    assert torch.equal(resumed.centre, whole.centre)


def test_evaluate_finds_what_the_cpu_finds(model, run, tmp_path):
    asked = (*model, "task=[lee]", f"removal=[none,{run}]", "resamples=50", f"cache_dir={tmp_path}/${{encoder.device}}")
    found, expected = (
        evaluate(composed("evaluate", *asked, f"output_dir={tmp_path}/run_{device}", f"encoder.device={device}"))
        for device in (DEVICE, "cpu")
    )
    assert [row.value for row in found] == pytest.approx([row.value for row in expected], abs=1e-3)


def test_analyze_surveys_every_layer(folder_of, tmp_path):
    small = ("corpus=lee_background", "corpus_limit=20", "sample=300", "measures.neighbours=10", "measures.queries=50")
    where = ("encoder=local", f"encoder.path={folder_of('bert')}", f"encoder.device={DEVICE}", f"output_dir={tmp_path}")
    rows = analyze(composed("analyze", *small, *where, "measures.clusters=[2]", "resamples=10"))
    assert {row.subset for row in rows} == {"0", "1", "2", "3"}


def test_an_export_gives_corrected_vectors(folder_of, run, tmp_path):
    export(composed("export", f"removal={run}", f"output_dir={tmp_path / 'model'}", "task=[lee]", "resamples=50"))
    encoder = Encoder.from_pretrained(folder_of("bert"), layers=1, device="cpu")
    exported = SentenceTransformer(str(tmp_path / "model"), device=DEVICE)
    np.testing.assert_allclose(exported.encode(TEXTS), Removal.load(run).apply(encoder.encode(TEXTS)), atol=1e-4)


def test_torchrun_starts_a_run_with_nccl(model, tmp_path):
    processes = ("trainer=ddp", "trainer.accelerator=gpu", "trainer.devices=1")
    asked = (*TRAIN, *model, *processes, "recipe.strength=1", f"output_dir={tmp_path / 'run'}")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1"]
    done = subprocess.run([*torchrun, CONF.parent / "train.py", *asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "removal" / "removal.safetensors").is_file()


@pytest.mark.parametrize("rates", [[0.01], [0.01, 0.02]], ids=["adam", "row_adam"])
def test_steps_that_were_recorded_are_those_taken_one_by_one(rates, monkeypatch):
    found = []
    for warm_up in (1, 10**9):
        monkeypatch.setattr("uncone.learning.graphs.WARM_UP", warm_up)
        found.append(learned(rates, "gpu"))
    torch.testing.assert_close(*found)
    torch.testing.assert_close(found[0], learned(rates, "cpu"), rtol=1e-3, atol=1e-4)


def learned(rates, accelerator):
    """Gains (M, k) of a bank that learns from pairs of random vectors for three epochs of four steps."""
    generator = torch.Generator().manual_seed(0)
    first, noise = torch.randn(2, 200, 12, generator=generator)
    second = 0.5 * first + noise
    scores = torch.nn.functional.cosine_similarity(first[:, 2:], second[:, 2:])
    basis = Basis.of(Spectrum.fit(first), 8, centred=True)
    pairs = basis.pairs(first, second, scores, torch.zeros(200, dtype=torch.long))
    data = PairDataModule(TrainingBatch(pairs, None), None, batch_size=60)
    bank = RemovalBank(basis, members([4, 8], learning_rates=rates))
    module = RemovalModule(bank, Recipe.named("pairs").but(optimizer={"name": "adam", "batch_size": 60}))
    quiet_trainer(max_epochs=3, accelerator=accelerator).fit(module, data)
    return bank.gains().detach().cpu()
