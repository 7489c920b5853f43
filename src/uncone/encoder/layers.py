"""Hidden states of chosen layers, from a model cut off above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn

Layers = int | str | Sequence[int]
TOLERANCE = 1e-4  # of states in float32, in units of the largest


def resolve_layers(choice: Layers, depth: int) -> list[int]:
    """Turn a choice of layers into sorted, distinct indices of hidden states, 0 to `depth`.

    Args:
        choice: one index, a list of indices, "first_last", "last" or "all". Index 0 is the embedding layer, `i` the
            output of block i, negative indices count from the last block.

    Example:
        >>> resolve_layers("first_last", 6), resolve_layers(-1, 6), resolve_layers([3, 1], 6)
        ([1, 6], [6], [1, 3])
    """
    named = {"last": [depth], "first_last": [1, depth], "all": range(depth + 1)}
    chosen: Any = named.get(choice, []) if isinstance(choice, str) else choice
    indices = list(chosen) if isinstance(chosen, Sequence) else [chosen]
    if not indices or not all(isinstance(i, int) and -depth <= i <= depth for i in indices):
        raise ValueError(
            f"unknown layers {choice!r}: this model has {depth} blocks; choose an index from 0 (the embedding layer) "
            f'to {depth}, a list of them, "first_last", "last", "all" or "static" (the input table)'
        )
    return sorted({i if i >= 0 else depth + 1 + i for i in indices})


def find_blocks(model: nn.Module, depth: int) -> nn.ModuleList:
    """The list of transformer blocks inside a model: its first ModuleList as long as the model is deep.

    There is none in ALBERT, for example, whose blocks share one set of weights: a ValueError.
    """
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return module
    raise ValueError(
        f"{type(model).__name__} has no list of {depth} blocks, so its layers cannot be told apart; uncone reads "
        "models that stack distinct blocks (BERT, DistilBERT, RoBERTa, MPNet, ELECTRA, GPT-2, Llama and the like)"
    )


class LayerStates(nn.Module):
    """A model cut off above the highest chosen layer, giving the hidden states of the chosen ones.

    States are those of `output_hidden_states=True`: 0 is the input of the first block, i the output of block i, and the
    last one the model's own output (after the final normalisation of decoders). `reads_by_blocks` sees to it.

    Args:
        model: from `AutoModel`; its blocks above the highest chosen layer are deleted.
        depth: of the whole model, where `model` is already cut off; None if it is whole.
        by_blocks: take the states from the blocks; else from the outputs of the whole model.

    Attributes:
        indices: the layers, as indices of hidden states.

    Raises:
        ValueError: for a layer that there is not, or that was cut off.
    """

    def __init__(self, model: nn.Module, layers: Layers, depth: int | None = None, by_blocks: bool = True):
        super().__init__()
        config: Any = model.config
        left: int = config.num_hidden_layers
        self.depth = depth or left
        self.indices = resolve_layers(layers, self.depth)
        if self.indices[-1] > left:
            raise ValueError(f"layer {self.indices[-1]} was cut off: load the model with layers up to it")
        config.use_cache = False  # decoders would keep keys and values for a next token that never comes
        self.model, self.by_blocks = model, by_blocks
        self._blocks: list[nn.Module] = []
        if by_blocks:
            blocks = find_blocks(model, left)
            del blocks[max(1, self.indices[-1]) :]  # the embedding layer is seen on its way into the first block
            config.num_hidden_layers = len(blocks)
            self._blocks = list(blocks)  # a plain list: a second name for the blocks, not a second registration
        self._takes_output = self.depth in self.indices

    def at(self, layers: Layers) -> LayerStates:
        """Other layers of the same weights, which are shared."""
        shared = {id(tensor): tensor for tensor in (*self.model.parameters(), *self.model.buffers())}
        return LayerStates(deepcopy(self.model, shared), layers, self.depth, self.by_blocks)

    def forward(self, ids: Tensor, attention: Tensor | None) -> dict[int, Tensor]:
        """States (n, m, d) of each chosen layer, by its index and in this order.

        `ids` (n, m) are padded on the right, where `attention` is 0; it is None if nothing is padded.
        """
        states = (self._of_blocks if self.by_blocks else self._of_outputs)(ids, attention)
        # some models pad texts to a multiple of what their attention sees at once
        return {i: states[i][:, : ids.shape[1]] for i in self.indices}

    def _of_outputs(self, ids: Tensor, attention: Tensor | None) -> dict[int, Tensor]:
        output = self.model(input_ids=ids, attention_mask=attention, output_hidden_states=True)
        return dict(enumerate((*output.hidden_states[: self.depth], output.last_hidden_state)))

    def _of_blocks(self, ids: Tensor, attention: Tensor | None) -> dict[int, Tensor]:
        states: dict[int, Tensor] = {}

        def keep_input(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> None:
            states[0] = args[0] if args else kwargs["hidden_states"]

        def keep_output_of(index: int) -> Any:
            def keep_output(_: nn.Module, __: Any, output: Any) -> None:
                states[index] = output[0] if isinstance(output, tuple) else output

            return keep_output

        hooks = [self._blocks[i - 1].register_forward_hook(keep_output_of(i)) for i in self.indices if i > 0]
        if self.indices[0] == 0:
            hooks.append(self._blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True))
        try:
            output = self.model(input_ids=ids, attention_mask=attention).last_hidden_state
        finally:
            for hook in hooks:
                hook.remove()
        if self._takes_output:
            states[self.indices[-1]] = output
        return states

    @torch.no_grad()
    def width(self) -> int:
        """Dimensions of the states; a ValueError if they differ from layer to layer."""
        states = self(torch.zeros(1, 2, dtype=torch.long, device=next(self.parameters()).device), None)
        widths = {i: state.shape[-1] for i, state in states.items()}
        if len(set(widths.values())) > 1:
            raise ValueError(f"layers of {widths} dimensions cannot be averaged: choose layers of one width")
        return widths[self.indices[0]]


@torch.no_grad()
def reads_by_blocks(model: nn.Module, rows: Sequence[Sequence[int]]) -> bool:
    """Whether the blocks of a model hand on its hidden states; False if only its own outputs hold them.

    Both ways are compared with what the model says of each of two texts alone when it reads them together: a block may
    hand on something else, and a model may let a text see what stands beside it.

    Args:
        model: whole.
        rows: token types of two texts of unequal length.

    Raises:
        ValueError: if neither way gives every layer of every text.
    """
    lengths = [len(row) for row in rows]
    inside = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids = torch.zeros(inside.shape, dtype=torch.long)
    ids[inside] = torch.tensor([i for row in rows for i in row])
    depth = cast(Any, model.config).num_hidden_layers
    alone = []
    for row in rows:
        output = model(input_ids=torch.tensor([row]), output_hidden_states=True)
        alone.append([state[0, : len(row)] for state in (*output.hidden_states[:depth], output.last_hidden_state)])
    reasons = []
    for by_blocks in (True, False):
        try:
            states = LayerStates(model, "all", by_blocks=by_blocks)(ids, inside.long())
            wrong = [
                i
                for i, state in states.items()
                for text, n in enumerate(lengths)
                if not _equal(state[text, :n], alone[text][i])
            ]
        except (ValueError, TypeError, RuntimeError, LookupError, AttributeError) as error:
            reasons.append(f"{type(error).__name__} {error}".splitlines()[0])
            continue
        if not wrong:
            return by_blocks
        reasons.append(f"layer {wrong[0]} is not what the model says of a text alone")
    ways = f"by its blocks, {reasons[0]}; by its outputs, {reasons[1]}"
    raise ValueError(f"the layers of {type(model).__name__} cannot be read: {ways}")


def _equal(found: Tensor, expected: Tensor) -> bool:
    return found.shape == expected.shape and bool(
        (found - expected).abs().max() <= TOLERANCE * (1 + expected.abs().max())
    )


def average(states: Mapping[int, Tensor]) -> Tensor:
    """Mean of the states of all layers, in their shape."""
    layers = list(states.values())
    return layers[0] if len(layers) == 1 else torch.stack(layers).mean(0)


def position_limit(model: nn.Module) -> int | None:
    """How many tokens a model has positions for; None if it does not say."""
    config: Any = model.config
    positions: int | None = getattr(config, "max_position_embeddings", None)
    for module in model.modules():  # RoBERTa and its kin count positions from padding_idx + 1
        if isinstance(module, nn.Embedding) and module.num_embeddings == positions and module.padding_idx is not None:
            return positions - module.padding_idx - 1
    return positions
