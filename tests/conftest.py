"""Where tests find data and keep features; and that they leave the network alone."""

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = (
    "1"  # before huggingface_hub is imported: a hub model is not found at once, not after retries
)
os.environ["WANDB_MODE"] = "offline"


@pytest.fixture(scope="session", autouse=True)
def feature_cache(tmp_path_factory):
    """One store for the session, so that what one test encodes another reads."""
    folder = tmp_path_factory.mktemp("features")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNCONE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def data_dir():
    """The folder of evaluation data that the user has, if any."""
    folder = Path(os.environ.get("UNCONE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no evaluation data: name its folder in UNCONE_DATA")
    return folder


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """Folder of a tiny model, by its architecture."""
    import tiny_models

    folders = {}

    def find(kind):
        if kind not in folders:
            folders[kind] = tiny_models.build(kind, tmp_path_factory.mktemp(kind))
        return folders[kind]

    return find
