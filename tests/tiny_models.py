"""Tiny models at random weights with real tokenizers, in folders that `AutoModel` and `AutoTokenizer` load."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    GPT2Config,
    MPNetConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

DEPTH = 3
POSITIONS = 40  # tokens that a text may have
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["the", "cat", "sat", "on", "mat", "dog", "barked", "at", "un", "believ", "able"]
CORPUS = ["The cat sat on the mat.", "A dog barked at the cat!", "unbelievable, the dog sat"]

WORD_PIECE_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BYTE_LEVEL_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SIZES = {"hidden_size": 16, "num_hidden_layers": DEPTH, "num_attention_heads": 2, "intermediate_size": 24}


def word_piece_tokenizer() -> PreTrainedTokenizerFast:
    """BERT's kind: lower-cased words and "##" continuations, [CLS] … [SEP]; letters outside a–z are unknown."""
    pieces = [*WORD_PIECE_SPECIALS, *LETTERS, *(f"##{x}" for x in LETTERS), *".,!?'", *WORDS]
    pieces += [f"##{word}" for word in WORDS]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece()
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **dict(zip(names, WORD_PIECE_SPECIALS, strict=True)))


def byte_level_tokenizer(specials: list[str]) -> PreTrainedTokenizerFast:
    """GPT-2's kind, trained on `CORPUS`: "Ġ" marks a word after a space, nothing is unknown; or RoBERTa's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([*CORPUS, "a café, the café"] * 4, trainer)
    if specials == ["<|endoftext|>"]:
        end = specials[0]
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=end, bos_token=end, eos_token=end)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **names, pad_token="<pad>", unk_token="<unk>", mask_token="<mask>"
    )


def sentencepiece_tokenizer() -> PreTrainedTokenizerFast:
    """XLM-RoBERTa's kind: "▁" marks the beginning of every word, the first one too."""
    pieces = ["<unk>", "▁", "▁cat", "▁the", "▁a", "s", *LETTERS.replace("s", "")]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(pieces)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def llama_tokenizer() -> PreTrainedTokenizerFast:
    """Llama's kind: "▁" is put before every text and for every space, and two of them are one piece."""
    pieces = ["<unk>", "▁", "▁▁", "▁c", "▁ca", "▁cat", *LETTERS]
    merges = [("▁", "▁"), ("▁", "c"), ("▁c", "a"), ("▁ca", "t")]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def build(kind: str, folder: Path, seed: int = 0) -> Path:
    """Save a model of one architecture, and its tokenizer, in `folder`.

    Args:
        kind: "bert", "distilbert", "electra", "roberta", "mpnet" or "gpt2".
        folder: where; made if it is not there.
        seed: of the weights.
    """
    if kind == "gpt2":
        tokenizer = byte_level_tokenizer(["<|endoftext|>"])
    elif kind == "roberta":
        tokenizer = byte_level_tokenizer(BYTE_LEVEL_SPECIALS)
    else:
        tokenizer = word_piece_tokenizer()
    size, pad = len(tokenizer), tokenizer.pad_token_id
    shared = {**SIZES, "vocab_size": size, "pad_token_id": pad, "initializer_range": 0.3}
    config = {
        "bert": lambda: BertConfig(**shared, max_position_embeddings=POSITIONS),
        "distilbert": lambda: DistilBertConfig(
            vocab_size=size, dim=16, n_layers=DEPTH, n_heads=2, hidden_dim=24, max_position_embeddings=POSITIONS
        ),
        "electra": lambda: ElectraConfig(**shared, embedding_size=8, max_position_embeddings=POSITIONS),
        "roberta": lambda: RobertaConfig(**shared, max_position_embeddings=POSITIONS + 2),
        "mpnet": lambda: MPNetConfig(**{**shared, "pad_token_id": 1}, max_position_embeddings=POSITIONS + 2),
        "gpt2": lambda: GPT2Config(
            vocab_size=size, n_embd=16, n_layer=DEPTH, n_head=2, n_positions=POSITIONS, initializer_range=0.3
        ),
    }[kind]()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModel.from_config(config)
        for parameter in model.parameters():  # normalisations start at 1 and 0, which would hide a missing one
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
