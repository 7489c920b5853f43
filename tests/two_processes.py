"""What each of two processes does in tests/support/test_distributed.py."""

import json
import os
import socket
import sys

import numpy as np
import pytest
import torch
from tiny_runs import composed, draw_nothing

from uncone import geometry
from uncone.commands.analyze import analyze
from uncone.commands.processes import only_the_first_speaks
from uncone.encoder import Encoder
from uncone.encoder.store import FeatureStore
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.support import distributed

TEXTS = tuple(
    f"the {'cat ' * (i % 7)}sat on {'abcdefgh'[i % 8]} mat {i % 3 * 'dog '}at {chr(97 + i % 26)}" for i in range(90)
)
SURVEY = (
    *("window_words=16", "sample=300", "resamples=5", "pilot_windows=64", "methods.all_but_the_top.D=3"),
    *("measures.neighbours=10", "measures.queries=50", "measures.clusters=[2,3]", "measures.cluster_points=200"),
)
WORDS = ("cat", "dog", "mat", "sat")


def points(n=1000, d=24):
    """Vectors far from the origin, and weights, many of them 0."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n, d, generator=generator) * torch.linspace(3, 0.1, d) + 7
    weights = torch.rand(n, generator=generator) * (torch.arange(n) < 0.4 * n)  # none in the second half
    return X, weights


def vectors_of(encoder, store):
    return Vectors(encoder, store, word_vectors="corpus", corpus=TEXTS)


def features(vectors):
    """All that a reader takes from a store and an encoder."""
    tokens = vectors.raw_tokens(TEXTS)
    return {
        "texts": vectors.raw_sentences(TEXTS),
        "tokens": tokens.vectors,
        "types": tokens.types,
        "of": tokens.texts,
        "words": vectors.raw_words(WORDS),
    }


def spectra():
    X, weights = points()
    return {
        "uniform": Spectrum.fit_divided(X),
        "weighted": Spectrum.fit_divided(X, weights),
        "few": Spectrum.fit_divided(X[:3]),
    }


def similarities(rows_of_rank):
    """Similarities of vectors of which each process has seen some, as they come together in the first."""
    X, types = points(300)[0] - 6, torch.arange(300) % 20
    sums = geometry.TypeSums(25, X.shape[1], torch.float64)
    units = torch.nn.functional.normalize(X.double(), dim=1)
    sums.update(units[rows_of_rank], types[rows_of_rank])
    sums.bring_together(0)
    return [sums.s_intra(), sums.s_inter(), sums.mean_cosine()]


def survey(folder, output, *encoder):
    """Run analyze.py's command."""
    where = f"corpus={folder}/corpus.txt", f"output_dir={folder / output}"
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        return analyze(composed("analyze", *SURVEY, *encoder, *where))


def transformer(folder):
    """Three maps, of which the last is alone in its round."""
    return "encoder=local", f"encoder.path={folder}/model", "layers=[2]", "removal=[none,centre,all_but_the_top]"


def table():
    """So few rows that one process has them all; and nothing raw."""
    return "encoder=glove", "encoder.limit=2000", "removal=[all_but_the_top_uncentred]"


class Counting:
    """Counts the texts that pass through the model of an encoder."""

    def __init__(self, encoder):
        self.texts, self._forward = 0, encoder._forward
        encoder._forward = self

    def __call__(self, types, lengths, wanted):
        self.texts += len(lengths)
        return self._forward(types, lengths, wanted)


def main(folder):
    encoder = Encoder.from_pretrained(str(folder / "model"), layers=2, token_budget=64)
    counting = Counting(encoder)
    apart = FeatureStore(folder / f"store_{distributed.rank()}")  # as on two machines
    found = features(vectors_of(encoder, apart))
    report = {"encoded": counting.texts, "built": apart.built}
    again = FeatureStore(folder / f"store_{distributed.rank()}")
    features(vectors_of(encoder, again))
    report |= {"encoded_again": counting.texts - report["encoded"], "built_again": again.built}
    shared = FeatureStore(folder / "shared")  # as on one
    features(vectors_of(encoder, shared))
    np.savez(folder / f"features_{distributed.rank()}.npz", **found)
    made = spectra()
    torch.save(
        {name: (s.weight, s.rows, s.mean, s.scatter) for name, s in made.items()},
        folder / f"spectra_{distributed.rank()}.pt",
    )
    half = torch.arange(300)[:130] if distributed.is_first() else torch.arange(300)[130:]
    report["similarities"] = similarities(half)
    report["similarities_of_one"] = similarities(torch.arange(300)[: 300 if distributed.is_first() else 0])
    report["gathered"] = distributed.gather(
        {"rank": distributed.rank(), "value": 0.1 + distributed.rank(), "ä": "é" * distributed.rank()}
    )
    report["from_first"] = distributed.from_first(f"said by {distributed.rank()}")
    if distributed.is_first():
        lines = [f"cat {i % 7} sat on mat {i % 11}, dog {i % 5} at {chr(97 + i % 26)}" for i in range(1300)]
        (folder / "corpus.txt").write_text("\n".join(lines))
    distributed.gather("the corpus is there")
    with only_the_first_speaks():
        report["rows"] = len(survey(folder, "survey_of_two", *transformer(folder)))
        survey(folder, "table_of_two", *table())
    (folder / f"report_{distributed.rank()}.json").write_text(json.dumps(report))


def start_two(folder):
    """Fork this process, which has imported what takes seconds, into two that find what torchrun tells its own.

    It ends here with the exit code of the one that failed, or 0.
    """
    torch.set_num_threads(1)  # several would be waited for that have not been forked
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    distributed._starter = os.getpid()
    os.environ |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "two"}
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
    started = []
    for rank in "01":
        process = os.fork()
        if not process:
            os.environ |= {"RANK": rank, "LOCAL_RANK": rank}
            with distributed.join():
                main(folder)
            sys.exit()
        started.append(process)
    sys.exit(max(abs(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])) for process in started))
