"""Turn an encoder and its removal into files that work without uncone.

python export.py removal=outputs/train/RUN                        a folder for sentence-transformers
python export.py removal=outputs/train/RUN format=onnx            tokens in, corrected vectors out
python export.py removal=none encoder.layers=[3]                  an inner layer alone, cut free of the blocks above it
python export.py --help                                           every group and key
"""

import hydra
from omegaconf import DictConfig

from uncone.commands.schema import refuse_experiments_of_others, register

register()


@hydra.main(version_base="1.3", config_path="conf", config_name="export")
def main(config: DictConfig) -> None:
    """Hand the config to `uncone.commands.export`."""
    from uncone.commands.export import export
    from uncone.commands.main import run

    run(export, config)


if __name__ == "__main__":
    refuse_experiments_of_others("export")
    main()
