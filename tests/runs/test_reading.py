"""Reading runs back, whole, cut off and damaged."""

import json
import struct
import zlib

import pytest
from wandb.proto.wandb_internal_pb2 import Record

from uncone.runs.reading import read_offline_run, read_results

BLOCK = 32_768


def record(step: int, padding: int = 0) -> bytes:
    message = Record()
    for key, value in {"epoch": step, "val/spearman": 0.1 * step, "note": "x" * padding}.items():
        item = message.history.item.add()
        item.nested_key.append(key)
        item.value_json = json.dumps(value)
    return message.SerializeToString()


def log_file(records: list[bytes]) -> bytes:
    """LevelDB's log format, written from its description: headers, blocks, records split over blocks."""
    data = b":W&B" + bytes(3)
    for body in records:
        first = True
        while first or body:
            left = BLOCK - len(data) % BLOCK
            if left < 7:
                data += bytes(left)
                continue
            part, body = body[: left - 7], body[left - 7 :]
            kind = (1 if not body else 2) if first else (4 if not body else 3)
            data += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            first = False
    return data


@pytest.fixture
def run_file(tmp_path):
    path = tmp_path / "run-x.wandb"
    path.write_bytes(log_file([record(step, padding=20_000) for step in range(8)]))
    return path


def test_records_that_cross_blocks_are_joined(run_file):
    run = read_offline_run(run_file.parent)
    assert [row["epoch"] for row in run.history] == list(range(8))
    assert run.best("val/spearman") == (pytest.approx(0.7), 7)
    assert run.best("val/spearman", "min") == (0, 0)


def test_a_record_cut_off_by_a_killed_process_is_left_out(run_file):
    run_file.write_bytes(run_file.read_bytes()[:-100])
    assert len(read_offline_run(run_file).history) == 7


def test_damage_is_said(run_file):
    data = bytearray(run_file.read_bytes())
    data[50_000] ^= 1
    run_file.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged .wandb file: a record at byte"):
        read_offline_run(run_file)


def test_other_files_and_folders_are_refused(tmp_path):
    (tmp_path / "a.wandb").write_bytes(b"something else")
    with pytest.raises(ValueError, match="first bytes"):
        read_offline_run(tmp_path)
    (tmp_path / "b.wandb").write_bytes(b"")
    with pytest.raises(ValueError, match=r"expected one .wandb file .* found 2"):
        read_offline_run(tmp_path)


def test_an_unfinished_run_has_no_results(tmp_path):
    with pytest.raises(ValueError, match="has not finished"):
        read_results(tmp_path)
