"""The output folder of a run."""

import pytest
from filelock import FileLock

from uncone.runs.folder import begin, release


def test_a_folder_that_another_process_writes_into_is_refused(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with (
        FileLock(folder / ".lock"),
        pytest.raises(ValueError, match=r"another process is writing into .*choose another"),
    ):
        begin(folder, "seed: 0")
    begin(folder, "seed: 0")
    begin(folder, "seed: 1")  # this one may go on
    assert (folder / "config.yaml").read_text() == "seed: 1"
    release()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "pairs.tsv").touch()
    with pytest.raises(ValueError, match=r"output_dir=.*pairs.tsv is a file: name a folder"):
        begin(tmp_path / "pairs.tsv", "seed: 0")
