"""Watch the cone while a model is trained: the geometry of a small BERT that learns to fill in words, epoch by epoch.

    python examples/watch_geometry.py [--model FOLDER_OR_NAME] [--texts 100] [--epochs 4]

Without --model, a BERT of two blocks at random weights, with the vocabulary of the packaged encoder, learns from
packaged news, in a minute. `uncone.TrainerWatch` does the same with the Trainer of transformers or
sentence-transformers: trainer.add_callback(uncone.TrainerWatch(watch, trainer.log)).
"""

import argparse
import csv
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertConfig, BertForMaskedLM

import uncone
from uncone.data.corpora import load_texts, split_sentences
from uncone.encoder.packages import packaged

SHOWN = ("s_inter", "s_intra", "log10_isotropy", "lid", "frequency_pc1")
MASKED = 0.15  # share of the tokens


class FillIn(pl.LightningModule):
    """Masked language modelling."""

    def __init__(self, model, mask_token: int):
        super().__init__()
        self.model, self.mask_token = model, mask_token

    def training_step(self, batch):
        """Loss on the tokens that are masked."""
        masked = (torch.rand(batch["input_ids"].shape, device=self.device) < MASKED) & (batch["attention_mask"] == 1)
        asked = batch | {"input_ids": batch["input_ids"].masked_fill(masked, self.mask_token)}
        return self.model(**asked, labels=batch["input_ids"].masked_fill(~masked, -100)).loss

    def configure_optimizers(self):
        """AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=5e-4)


def main(arguments: list[str] | None = None) -> list[dict[str, str]]:
    """Train, and print a line for each epoch; returns them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder or a name on the Hugging Face hub")
    parser.add_argument("--texts", type=int, default=100, help="news documents")
    parser.add_argument("--epochs", type=int, default=4)
    asked = parser.parse_args(arguments)

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pl.seed_everything(0, verbose=False)
    tokenizer = AutoTokenizer.from_pretrained(asked.model or packaged("minilm"))
    small = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    model = (
        AutoModelForMaskedLM.from_pretrained(asked.model)
        if asked.model
        else BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), **small))
    )
    sentences = [sentence for text in load_texts("lee_background")[: asked.texts] for sentence in split_sentences(text)]

    def collate(texts):
        return dict(tokenizer(texts, padding=True, truncation=True, max_length=32, return_tensors="pt"))

    watch = uncone.GeometryWatch(sentences[:200], tokenizer)
    loader = torch.utils.data.DataLoader(sentences, batch_size=16, shuffle=True, collate_fn=collate)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on worker processes
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=asked.epochs,
            logger=CSVLogger(folder),
            callbacks=[uncone.LightningWatch(watch, lambda module: module.model)],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(FillIn(model, tokenizer.mask_token_id), loader)
        lines = list(csv.DictReader((Path(trainer.logger.log_dir) / "metrics.csv").open()))
    measured = [line for line in lines if line.get("geometry/s_inter")]
    print("epoch   ", *(f"{name:>15}" for name in SHOWN))
    for epoch, line in enumerate(measured):
        print(f"{epoch:<8}", *(f"{float(line[f'geometry/{name}']):15.3f}" for name in SHOWN))
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
