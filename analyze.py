"""Map the geometry of every layer of an encoder over a corpus, before and after removals.

python analyze.py                                       every layer of the packaged encoder over the packaged news
python analyze.py encoder=local encoder.path=FOLDER corpus=FILE removal=[none,all_but_the_top]
python analyze.py encoder=glove                         the rows of a static table
python analyze.py --help                                every group and key
"""

import hydra
from omegaconf import DictConfig

from uncone.commands.schema import refuse_experiments_of_others, register

register()


@hydra.main(version_base="1.3", config_path="conf", config_name="analyze")
def main(config: DictConfig) -> None:
    """Hand the config to `uncone.commands.analyze`."""
    from uncone.commands.analyze import analyze
    from uncone.commands.main import run

    run(analyze, config)


if __name__ == "__main__":
    refuse_experiments_of_others("analyze")
    main()
