"""mteb: its STS, classification and retrieval tasks, run by mteb itself on the model that an export writes.

    result = mteb.evaluate(named_model(encoder, removal), mteb.get_tasks(["STSBenchmark"]))

gives mteb's own results; `Mteb` is one task of it with rows and intervals as all tasks have them. Where its data come
from is told in `uncone.data.mteb`. Install mteb with `pip install 'uncone[mteb]'`.
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

from uncone.data.files import DataUnavailable
from uncone.data.mteb import CLASSIFICATION, RETRIEVAL, STS, STS_SETS, import_mteb, load_task
from uncone.encoder import Encoder
from uncone.removal import Correction, none
from uncone.removal.vectors import Vectors
from uncone.tasks.base import Prediction, Task
from uncone.tasks.retrieval import METRICS, measure
from uncone.tasks.row import Use
from uncone.tasks.statistics import point

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_QUIET = {"show_progress_bar": False}  # of SentenceTransformer.encode
_TOLERANCE = 1e-5  # mteb rounds some figures to five digits
_USES: dict[str, Use] = {STS: "sentences", CLASSIFICATION: "labels", RETRIEVAL: "search"}
_THEIRS = {"ndcg@10": "ndcg_at_10", "map": "map_at_1000", "recall@100": "recall_at_100", "mrr@10": "mrr_at_10"}


class Mteb(Task):
    """One STS, classification or retrieval task of mteb, run by mteb, with the rows and intervals of all tasks.

    mteb's evaluator gives what it predicts for each item: a cosine, the labels from each of its classifiers, or the
    documents found. The
    figures computed from these are checked against mteb's own. STS has Spearman and Pearson correlations;
    classification has "mean_accuracy", over the classifiers that mteb fits (ten, on eight examples of each label). Its
    interval is over test items; the choice of the few examples is not resampled. Retrieval has the metrics of
    `uncone.tasks.Retrieval`.

    Args:
        task: what mteb calls it, such as "STSBenchmark" or "Banking77Classification.v2".
        name: in the results; None takes "mteb_" and the task in lower case.
        data_dir: see `uncone.data.mteb`.
        languages: of a multilingual task, those to evaluate.

    Raises:
        DataUnavailable: in `predict`, if mteb is not installed, its data can neither be read nor downloaded, or
            sentence-transformers has no modules for the encoder or the removal.
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
        self.shares_pairs = task in STS_SETS  # with other STS sets, perhaps; mteb scores them nevertheless
        self._task_name = task
        self._data_dir = data_dir
        self._languages = list(languages)

    @property
    def use(self) -> Use:  # type: ignore[override]
        """By the type that mteb gives the task."""
        return _USES[self.task.metadata.type]

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
                "give uncone.export.mteb.named_model(encoder, removal) to mteb.evaluate"
            )
        try:
            model = import_mteb("mteb.models").SentenceTransformerEncoderWrapper(
                named_model(vectors.encoder, vectors.removal)
            )
        except ValueError as error:
            raise DataUnavailable(f"mteb runs models of sentence-transformers: {error}") from error
        splits = sorted(task.eval_splits, key=lambda split: split != "test")
        with TemporaryDirectory() as folder:
            scores = {
                split: task.evaluate(model, split, encode_kwargs=dict(_QUIET), prediction_folder=Path(folder))
                for split in splits
            }
            predicted = json.loads((Path(folder) / task.prediction_file_name).read_text())
        return [
            prediction
            for split in splits
            for language in scores[split]
            for prediction in self._predictions(split, language, predicted[language][split], scores[split][language])
        ]

    def _predictions(self, split: str, language: str, predicted: Any, scores: Mapping[str, Any]) -> list[Prediction]:
        data = self.task.dataset.get(language, self.task.dataset)  # of one language, mteb holds the splits alone
        subset = split if len(self.task.hf_subsets) == 1 else f"{split}/{language}"
        if self.task.metadata.type == STS:
            gold = np.array(data[split]["score"], dtype=np.float64)
            predictions = [Prediction(subset, gold, np.array(predicted["cosine_scores"]), ("spearman", "pearson"))]
            theirs = {"spearman": scores["cosine_spearman"], "pearson": scores["cosine_pearson"]}
        elif self.task.metadata.type == RETRIEVAL:
            found = [
                measure([key for key in _ranked(run) if key != query or not self.task.ignore_identical_ids], grades)
                for query, grades in data[split]["relevant_docs"].items()
                for run in [predicted[query]]
            ]
            predictions = [
                Prediction(subset, np.zeros(len(found)), values, (metric,))
                for metric, values in zip(METRICS, np.array(found).T, strict=True)
            ]
            theirs = {metric: scores[name] for metric, name in _THEIRS.items()}
        else:
            gold = np.array(data[split][self.task.label_column_name])
            right = (np.array(predicted) == gold).mean(axis=0)  # (n,) share of the classifiers that are right
            predictions = [Prediction(subset, np.zeros(len(gold)), right, ("mean_accuracy",))]
            theirs = {"mean_accuracy": scores["accuracy"]}
        for prediction, metric in ((each, metric) for each in predictions for metric in each.metrics):
            value = point(metric, prediction.gold, prediction.predicted)
            if not abs(value - theirs[metric]) < _TOLERANCE:
                raise ValueError(
                    f"mteb gives {self._task_name} a {metric} of {theirs[metric]}, but its predictions have {value}: "
                    "this version of mteb is not understood"
                )
        return predictions


def _ranked(run: Mapping[str, float]) -> list[str]:
    """Documents found, best first, as trec_eval orders them."""
    return [key for _, key in sorted(((score, key) for key, score in run.items()), reverse=True)]


def named_model(encoder: Encoder, removal: Correction | None = None) -> SentenceTransformer:
    """The model that an export writes, under a name and a revision by which mteb tells it from others.

    The name says encoder, layers, pooling and method; the revision is a digest of all that the vectors depend on, down
    to the weights of encoder and removal, 40 hex digits.

    Raises:
        ValueError: if the removal belongs to another encoder, or sentence-transformers has no modules for them.

    Example:
        >>> named_model(Encoder.from_pretrained("minilm", layers="static")).model_card_data.model_name
        'uncone/minilm-static-mean'
    """
    from uncone.export.sentence_transformers import sentence_transformer  # slow to import

    if removal is not None:
        removal.check_encoder(encoder)
    parts = [Path(encoder.name).name, encoder.layers, encoder.pooling, *([removal.method] if removal else [])]
    model = sentence_transformer(encoder, removal or none(encoder.dimension))
    model.model_card_data.model_name = "uncone/" + "-".join(re.sub(r"[^\w.+]+", "_", part) for part in parts)
    model.model_card_data.base_model_revision = _revision(encoder, removal)
    return model


def _revision(encoder: Encoder, removal: Correction | None) -> str:
    digest = hashlib.sha256(json.dumps(dict(encoder.settings), sort_keys=True).encode())
    if removal is not None:
        with TemporaryDirectory() as folder:
            for path in sorted(removal.save(folder).iterdir()):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:40]
