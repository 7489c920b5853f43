"""Learn how much of each dominant component to remove from a frozen encoder.

python train.py                                  the packaged encoder and word pairs
python train.py encoder.layers=[3]               a contextual layer
python train.py encoder=local encoder.path=FOLDER data.sets=[my_pairs.tsv]
python train.py --help                           every group and key
"""

import hydra
from omegaconf import DictConfig

from uncone.commands.schema import refuse_experiments_of_others, register

register()


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> float | None:
    """Hand the config to `uncone.commands.train`."""
    from uncone.commands.main import run
    from uncone.commands.train import train

    return run(train, config)


if __name__ == "__main__":
    refuse_experiments_of_others("train")
    main()
