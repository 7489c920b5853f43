"""mteb: its STS and classification tasks, run by mteb itself on an encoder and a removal.

    result = evaluate(encoder, removal, tasks=["STSBenchmark", "Banking77Classification.v2"], results_dir="results")

gives mteb's own results, and writes them there in mteb's own layout; `Mteb` is one such task with rows and intervals as
all tasks have them. Where the data come from is told in `uncone.tasks.mteb_data`. Install mteb with
`pip install 'uncone[mteb]'`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from uncone.encoder.store import FeatureStore
from uncone.removal.vectors import Vectors as EncoderVectors
from uncone.tasks.base import Average, Prediction, Vectors, paired_cosine
from uncone.tasks.mteb_data import STS, STS_SETS, import_mteb, load_task
from uncone.tasks.statistics import point

if TYPE_CHECKING:
    from uncone.encoder import Encoder
    from uncone.removal import Correction

_ENCODE = {"batch_size": 1024, "show_progress_bar": False}  # of mteb's loader; texts are encoded all at once
_TOLERANCE = 1e-6


class MtebEncoder:
    """Vectors as a model that mteb can evaluate: `mteb.evaluate(MtebEncoder(vectors), tasks)`.

    Its name says which encoder, layers, pooling and method these are. Its revision is a digest of everything that the
    vectors depend on, down to the weights of encoder and removal, so that mteb never takes one local model for another.

    Args:
        vectors: of an encoder, with a removal or without. Other systems can be evaluated too, but have no identity.

    Example:
        >>> from uncone.encoder import Encoder
        >>> encoder = Encoder.from_pretrained("minilm", layers="static")
        >>> MtebEncoder(EncoderVectors(encoder)).name
        'uncone/minilm-static-mean'
    """

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    @property
    def name(self) -> str:
        """What mteb calls the model."""
        if not isinstance(self.vectors, EncoderVectors):
            return "uncone/vectors"
        encoder, removal = self.vectors.encoder, self.vectors.removal
        parts = [Path(encoder.name).name, encoder.layers, encoder.pooling, *([removal.method] if removal else [])]
        return "uncone/" + "-".join(re.sub(r"[^\w.+]+", "_", part) for part in parts)

    @property
    def revision(self) -> str | None:
        """Digest of encoder, layers, pooling and removal, 40 hex digits; None for vectors of no encoder."""
        if not isinstance(self.vectors, EncoderVectors):
            return None
        identity: dict[str, Any] = dict(self.vectors.encoder.settings)
        if self.vectors.removal is not None:
            identity["removal"] = _digest(self.vectors.removal)
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:40]

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb writes about the model; what it was trained on is unknown."""
        models = import_mteb("mteb.models.model_meta")
        about = {
            "name": self.name,
            "revision": self.revision,
            "languages": None,
            "framework": ["PyTorch"],
            "similarity_fn_name": models.ScoringFunction.COSINE,
            "use_instructions": False,
        }
        return models.ModelMeta.create_empty({key: value for key, value in about.items() if value is not None})

    def encode(self, inputs: Any, **kwargs: Any) -> np.ndarray:
        """Vectors (n, d) of the texts of mteb's loader, float64, so that mteb's cosines are as exact as ours.

        Args:
            inputs: yields batches with the key "text".
            **kwargs: what mteb says of the task; no vector depends on it.
        """
        texts = [text for batch in inputs for text in batch["text"]]
        return np.asarray(self.vectors.sentences(texts), dtype=np.float64)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> torch.Tensor:
        """Cosines (n, m) of all pairs."""
        first, second = (torch.nn.functional.normalize(_double(x), dim=-1) for x in (embeddings1, embeddings2))
        return first @ second.T

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> torch.Tensor:
        """Cosines (n,) of paired rows."""
        first, second = np.asarray(embeddings1), np.asarray(embeddings2)
        rows = np.arange(len(first))
        return torch.from_numpy(paired_cosine(np.concatenate([first, second]), rows, rows + len(first)))


class Mteb:
    """One STS or classification task of mteb, run by mteb, with the rows and intervals of all tasks.

    mteb's evaluator gives what it predicts for each item: a cosine, or the labels from each of its classifiers. The
    figures computed from these are checked against mteb's own. STS has Spearman and Pearson correlations;
    classification has "mean_accuracy", over the classifiers that mteb fits (ten, on eight examples of each label). Its
    interval is over test items; the choice of the few examples is not resampled.

    Args:
        task: what mteb calls it, such as "STSBenchmark" or "Banking77Classification.v2".
        name: in the results; None takes "mteb_" and the task in lower case.
        data_dir: the data folder; see `uncone.tasks.mteb_data`.
        languages: of a multilingual task, those to evaluate.

    Attributes:
        shares_pairs: whether its pairs may stand in other STS sets, too; mteb scores them nevertheless.

    Raises:
        DataUnavailable: in `predict`, if mteb is not installed, or its data can neither be read nor downloaded.
        ValueError: in `predict`, if mteb has no such task, or it is of another kind.

    Example:
        >>> Mteb("STSBenchmark").name
        'mteb_stsbenchmark'
    """

    def __init__(
        self,
        task: str,
        name: str | None = None,
        data_dir: str | Path | None = None,
        languages: Sequence[str] = ("eng",),
    ) -> None:
        self.name = name or f"mteb_{task.lower()}"
        self.shares_pairs = task in STS_SETS
        self._task_name = task
        self._data_dir = data_dir
        self._languages = list(languages)

    @cached_property
    def task(self) -> Any:
        """The task of mteb with its data, read at first use."""
        return load_task(self._task_name, self._data_dir, self._languages)

    def predict(self, vectors: Vectors) -> list[Prediction]:
        """Evaluate with mteb, split by split, "test" first; of a multilingual task, language by language."""
        task = self.task
        if getattr(task, "is_cross_validation", False):
            raise ValueError(
                f"mteb cross-validates {self._task_name}, so that no item has one prediction: "
                "evaluate it with uncone.tasks.mteb.evaluate"
            )
        splits = sorted(task.eval_splits, key=lambda split: split != "test")
        with TemporaryDirectory() as folder:
            scores = {
                split: task.evaluate(MtebEncoder(vectors), split, encode_kwargs=_ENCODE, prediction_folder=Path(folder))
                for split in splits
            }
            predicted = json.loads((Path(folder) / task.prediction_file_name).read_text())
        return [
            self._prediction(split, language, predicted[language][split], scores[split][language])
            for split in splits
            for language in scores[split]
        ]

    def averages(self) -> tuple[Average, ...]:
        """None: mteb's figures are reported as they are."""
        return ()

    def _prediction(self, split: str, language: str, predicted: Any, scores: Mapping[str, Any]) -> Prediction:
        data = self.task.dataset.get(language, self.task.dataset)  # of one language, mteb holds the splits alone
        subset = split if len(self.task.hf_subsets) == 1 else f"{split}/{language}"
        if self.task.metadata.type == STS:
            gold = np.array(data[split]["score"], dtype=np.float64)
            prediction = Prediction(subset, gold, np.array(predicted["cosine_scores"]), ("spearman", "pearson"))
            theirs = {"spearman": scores["cosine_spearman"], "pearson": scores["cosine_pearson"]}
        else:
            gold = np.array(data[split][self.task.label_column_name])
            right = (np.array(predicted) == gold).mean(axis=0)  # (n,) share of the classifiers that are right
            prediction = Prediction(subset, np.zeros(len(gold)), right, ("mean_accuracy",))
            theirs = {"mean_accuracy": scores["accuracy"]}
        for metric, expected in theirs.items():
            found = point(metric, prediction.gold, prediction.predicted)
            if not abs(found - expected) < _TOLERANCE:
                raise ValueError(
                    f"mteb gives {self._task_name} a {metric} of {expected}, but its predictions have {found}: "
                    "this version of mteb is not understood"
                )
        return prediction


def evaluate(
    encoder: Encoder,
    removal: Correction | None = None,
    tasks: Sequence[str] = ("STSBenchmark",),
    data_dir: str | Path | None = None,
    results_dir: str | Path | None = None,
    languages: Sequence[str] = ("eng",),
    store: FeatureStore | None = None,
) -> Any:
    """Run tasks of mteb on an encoder with a removal.

    Args:
        encoder: frozen.
        removal: applied to its vectors; None evaluates them raw.
        tasks: names of STS and classification tasks of mteb.
        data_dir: the data folder; see `uncone.tasks.mteb_data`.
        results_dir: where mteb writes its results; None writes none.
        languages: of multilingual tasks, those to evaluate.
        store: keeps raw vectors; None takes the default one.

    Returns:
        An `mteb.results.ModelResult`, one result a task.

    Raises:
        DataUnavailable: if mteb is not installed, or its data can neither be read nor downloaded.
        ValueError: if mteb has no such task, it is of another kind, or the removal belongs to another encoder.
    """
    mteb = import_mteb()
    return mteb.evaluate(
        MtebEncoder(EncoderVectors(encoder, store or FeatureStore(), removal=removal)),
        [load_task(name, data_dir, languages) for name in tasks],
        encode_kwargs=dict(_ENCODE),
        cache=None if results_dir is None else mteb.ResultCache(results_dir),
        overwrite_strategy="always",
        show_progress_bar=False,
        co2_tracker=False,
    )


def _digest(removal: Correction) -> str:
    """Hex digest of a removal as it is saved."""
    digest = hashlib.sha256()
    with TemporaryDirectory() as folder:
        for path in sorted(removal.save(folder).iterdir()):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _double(x: Any) -> torch.Tensor:
    return torch.as_tensor(x, dtype=torch.float64)
