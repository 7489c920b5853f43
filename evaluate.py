"""Score removals, constructed or saved, on tasks.

python evaluate.py removal=[none,all_but_the_top,zipfian] task=[word_similarity,google,lee]
python evaluate.py removal=[none,outputs/train/RUN] task=stsb data_dir=FOLDER
python evaluate.py --help                        every group and key
"""

import hydra
from omegaconf import DictConfig

from uncone.commands.schema import refuse_experiments_of_others, register

register()


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(config: DictConfig) -> float | None:
    """Hand the config to `uncone.commands.evaluate`."""
    from uncone.commands.evaluate import evaluate
    from uncone.commands.main import run

    return run(evaluate, config)


if __name__ == "__main__":
    refuse_experiments_of_others("evaluate")
    main()
