"""Batches of texts, where there is too little memory for them, and how their results are fetched."""

import logging

import numpy as np
import pytest
import torch

from uncone.encoder.batches import Batching, gather, make_batches

CPU, META = torch.device("cpu"), torch.device("meta")


@pytest.mark.parametrize("budget", [1, 16, 100, 1000])
def test_every_text_once_within_the_budget(budget):
    lengths = np.random.default_rng(0).integers(1, 60, 500).tolist()
    batches = make_batches(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(500))
    for batch in batches:
        assert lengths[batch[0]] == max(lengths[i] for i in batch)
        assert len(batch) == 1 or lengths[batch[0]] * len(batch) <= budget
    firsts = [lengths[batch[0]] for batch in batches]
    assert firsts == sorted(firsts, reverse=True)


def test_batches_of_one_length_are_not_padded():
    lengths = [7] * 100 + [5] * 100
    assert all(len({lengths[i] for i in batch}) == 1 for batch in make_batches(lengths, 70))


def test_small_groups_are_put_together():
    assert len(make_batches(list(range(1, 11)), 1000)) == 1
    lengths = np.random.default_rng(0).poisson(15, 4000).clip(3).tolist()
    padded = sum(lengths[batch[0]] * len(batch) for batch in make_batches(lengths, 1024))
    assert padded < 1.01 * sum(lengths)


def test_nothing_makes_no_batch():
    assert make_batches([], 10) == []


def batches_of(batching, lengths, device, memory=None, divided=False):
    """The batches that are run, by a reader whose device holds so many tokens."""

    def read(rows):
        if memory is not None and max(lengths[i] for i in rows) * len(rows) > memory:
            raise torch.OutOfMemoryError("out of memory\n(a table of what is held)")
        return rows

    return [made for _, made in batching.run(torch.tensor(lengths), device, read, divided)]


@pytest.mark.parametrize(("budget", "device", "first"), [(None, CPU, 2048), (None, META, 65_536), (300, META, 300)])
def test_the_budget_is_that_of_the_device_unless_given(budget, device, first):
    assert len(batches_of(Batching("bert", budget), [1] * 70_000, device)[0]) == first


def test_where_memory_runs_out_the_rest_is_read_in_smaller_batches(caplog):
    batching, lengths = Batching("bert", 64), [2] * 30 + [8] * 10
    with caplog.at_level(logging.WARNING):
        found = batches_of(batching, lengths, CPU, memory=32)
    assert sorted(i for rows in found for i in rows) == list(range(40))
    assert [record.getMessage() for record in caplog.records] == [
        "bert ran out of memory on cpu with 64 tokens at once and goes on with 32: token_budget sets it"
    ]
    caplog.clear()
    batches_of(batching, lengths, CPU, memory=32)
    assert not caplog.records


def test_processes_agree_on_batches_after_one_of_them_ran_out_of_memory(monkeypatch):
    """Shares are of the batches that all would run; a process cuts only its own smaller."""
    monkeypatch.setattr("uncone.support.distributed.processes", lambda: 2)
    batchings, lengths, read = [Batching("bert", 64) for _ in range(2)], [8] * 40, []
    for _ in range(3):
        for rank, memory in enumerate((32, 64)):
            monkeypatch.setattr("uncone.support.distributed.rank", lambda rank=rank: rank)
            found = batches_of(batchings[rank], lengths, CPU, memory, divided=True)
            assert found
            read += [i for rows in found for i in rows]
    assert sorted(read) == sorted([*range(40)] * 3)


def test_processes_take_turns_where_there_is_one_batch_at_a_time(monkeypatch):
    monkeypatch.setattr("uncone.support.distributed.processes", lambda: 2)
    monkeypatch.setattr("uncone.support.distributed.rank", lambda: 1)
    batching = Batching("bert", 64)
    assert [len(batches_of(batching, [8], CPU, divided=True)) for _ in range(4)] == [0, 1, 0, 1]


def test_what_was_read_before_memory_ran_out_is_not_read_again():
    memory, read = [100, 100, 16], []

    def reader(rows):
        if 8 * len(rows) > (memory.pop(0) if len(memory) > 1 else memory[0]):
            raise torch.OutOfMemoryError("out of memory")
        read.extend(rows)
        return rows

    list(Batching("bert", 32).run(torch.full((40,), 8), CPU, reader))
    assert sorted(read) == list(range(40))


def test_too_little_memory_for_one_text_is_said_in_one_line():
    told = r"^bert runs out of memory on cpu with one text of 8 tokens: .*\(out of memory\)$"
    with pytest.raises(ValueError, match=told):
        batches_of(Batching("bert", 64), [2] * 30 + [8] * 10, CPU, memory=7)


@pytest.mark.parametrize("fetched", [1, 12, 1000])
def test_results_fetched_together_find_their_places(fetched, monkeypatch):
    monkeypatch.setattr("uncone.encoder.batches.FETCHED", fetched)
    counts = torch.tensor([2, 1, 3, 2])
    starts = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
    whole = torch.arange(2.0 * 8 * 3).view(2, 8, 3)
    parts = [whole[:, starts[i] : starts[i + 1]] for i in range(4)]
    batches = [([2], parts[2]), ([3, 0], torch.cat([parts[3], parts[0]], 1)), ([1], parts[1])]
    for device in (CPU, torch.device("cuda")):  # of which it is only asked whether each batch is fetched at once
        assert torch.equal(gather(batches, device, 2, 3, starts), whole)
