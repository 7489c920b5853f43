import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir():
    """The folder of evaluation data that the user has, if any."""
    folder = Path(os.environ.get("UNCONE_DATA") or Path(__file__).parents[3] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no evaluation data: name its folder in UNCONE_DATA")
    return folder


@pytest.fixture
def no_data_folder(monkeypatch):
    """As on a machine where only the packages are installed, and offline."""
    monkeypatch.delenv("UNCONE_DATA", raising=False)
