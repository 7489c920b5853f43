"""Does removal help this encoder, on which layers, and which should be used?

python advise.py                                 the packaged encoder, on packaged word pairs and documents
python advise.py encoder=local encoder.path=FOLDER
python advise.py sentences=[lee,stsb_dev] data_dir=FOLDER
python advise.py output_dir=SAME_FOLDER          continue a study that was interrupted
python advise.py --help                          every group and key
"""

import hydra
from omegaconf import DictConfig

from uncone.commands.schema import refuse_experiments_of_others, register

register()


@hydra.main(version_base="1.3", config_path="conf", config_name="advise")
def main(config: DictConfig) -> float | None:
    """Hand the config to `uncone.commands.advise`."""
    from uncone.commands.advise import advise
    from uncone.commands.main import run

    return run(advise, config)


if __name__ == "__main__":
    refuse_experiments_of_others("advise")
    main()
