import pytest
import tiny_models

from uncone.encoder.pieces import piece_names, unknown_piece, word_prefix

WORD_PIECE = tiny_models.word_piece_tokenizer
SENTENCEPIECE = tiny_models.sentencepiece_tokenizer


def byte_level():
    return tiny_models.byte_level_tokenizer(["<|endoftext|>"])


@pytest.mark.parametrize(
    ("make", "prefix", "unknown"),
    [(WORD_PIECE, "", 1), (byte_level, " ", None), (SENTENCEPIECE, "", 0), (tiny_models.llama_tokenizer, "", 0)],
)
def test_prefix_and_unknown_piece(make, prefix, unknown):
    tokenizer = make()
    assert word_prefix(tokenizer) == prefix
    assert unknown_piece(tokenizer) == unknown
    alone, inside = tokenizer.tokenize(prefix + "cat"), tokenizer.tokenize("the cat")
    assert inside[-len(alone) :] == alone


def test_word_pieces_keep_their_names():
    tokenizer = WORD_PIECE()
    assert piece_names(tokenizer) == tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))


def test_byte_level_pieces_are_named_by_their_letters():
    tokenizer = byte_level()
    names = piece_names(tokenizer)
    (cafe,) = tokenizer.encode(" café")
    assert tokenizer.convert_ids_to_tokens(cafe) == "ĠcafÃ©"
    assert names[cafe] == "café"
    assert names[tokenizer.convert_tokens_to_ids("c")] == "##c"
    assert names[0] == "<|endoftext|>"
    assert names[tokenizer.convert_tokens_to_ids("Ã")] == "Ã"  # half a letter


def test_sentencepieces_lose_their_mark():
    names = piece_names(SENTENCEPIECE())
    assert names[:6] == ["<unk>", "▁", "cat", "the", "a", "##s"]
