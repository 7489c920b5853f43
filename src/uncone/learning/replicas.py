"""How Lightning trains in several processes: in each the same."""

from __future__ import annotations

import os
from typing import Any

from pytorch_lightning.strategies import DDPStrategy

from uncone.support import distributed


class Replicas(DDPStrategy):
    """Every process trains the same weights on the same batches (see `uncone.support.distributed` for why).

    Lightning's `ddp` without its wrapper, which would average equal gradients in every step: the first process logs and
    saves, and all stop together.
    """

    def configure_ddp(self) -> None:
        """Leave the module as it is."""


def trainer_options(shared: bool) -> dict[str, Any]:
    """What a trainer's settings cannot know: how many processes there are.

    Args:
        shared: whether the settings are for several, of which this may be the only one.
    """
    if distributed.processes() > 1:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = distributed.processes() // here
        return {"strategy": Replicas(), "devices": here, "num_nodes": nodes, "use_distributed_sampler": False}
    return {"strategy": "auto", "devices": 1} if shared else {}
