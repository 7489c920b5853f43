"""Exports on the Hugging Face hub: what their cards tell it, and the way there."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import EvalResult, HfApi, ModelCard, ModelCardData

from uncone.encoder import Encoder
from uncone.encoder.packages import packaged
from uncone.export.base import MARK
from uncone.support.wording import typed
from uncone.tasks.row import Row

PACKAGED = "sentence-transformers/all-MiniLM-L6-v2"  # what is packaged is a copy of it
TAGS = ["feature-extraction", "sentence-similarity", "uncone"]
CARD = "README.md"


def metadata(encoder: Encoder, removal: str, rows: list[Row], library: str) -> str:
    """The YAML in front of a card: library, tags, name and licence of the encoder on the hub, and figures of tasks.

    A folder of the user's own tells no name on the hub: `push_to_hub` asks for it.
    """
    folder = Path(encoder.source)
    named = PACKAGED if folder == packaged("minilm") else None
    known = ModelCard.load(folder / CARD).data if (folder / CARD).is_file() else ModelCardData()
    if encoder.source and not folder.is_dir():
        named = encoder.source
    results = [
        EvalResult(
            task_type="sentence-similarity",
            dataset_type=row.task,
            dataset_name=f"{row.task} ({row.subset})",
            metric_type=row.metric,
            metric_value=row.value,
        )
        for row in rows
        if row.removal == removal
    ]
    data = ModelCardData(
        library_name=library,
        tags=TAGS,
        base_model=named,
        license=known.get("license"),
        model_name="corrected",
        eval_results=results or None,
    )
    return data.to_yaml()


def push_to_hub(
    folder: str | Path,
    repo_id: str,
    base_model: str | None = None,
    license: str | None = None,
    private: bool = False,
    token: str | None = None,
) -> str:
    """Put an exported folder on the Hugging Face hub, with its card; returns where it is.

    Args:
        folder: that `export.py` has written.
        repo_id: OWNER/NAME, which is made if it is not there.
        base_model: name on the hub of the encoder that is corrected; None for what the card says.
        license: of that encoder, as the hub calls it ("apache-2.0"); None for what the card says.
        private: of a new repository.
        token: of the hub; None for that of `hf auth login`.

    Raises:
        ValueError: if the folder is no export, or neither it nor the call says base model and licence.
    """
    folder = Path(folder)
    if not (folder / MARK).is_file():
        raise ValueError(f"{folder.resolve()} has no {MARK}, so it is no export: make one with {typed('export')}")
    card = ModelCard.load(folder / CARD)
    card.data.base_model = base_model or card.data.base_model
    card.data.license = license or card.data.license
    for key in ("base_model", "license"):
        if not card.data.get(key):
            raise ValueError(f"the card in {folder} does not say {key}: give {key}=…, of the encoder that is corrected")
    card.text = card.text.replace(f'"{folder.name}"', f'"{repo_id}"')
    api = HfApi(token=token)
    where = str(api.create_repo(repo_id, private=private, exist_ok=True))
    api.upload_folder(folder_path=folder, repo_id=repo_id, ignore_patterns=[CARD])
    api.upload_file(path_or_fileobj=str(card).encode(), path_in_repo=CARD, repo_id=repo_id)
    return where
