"""The family's tokenizer: one token a character.

It is written as a BPE model without merges, so that every common library reads it. The newline
begins and ends each text (BOS and EOS) and is a special token with the same id; a character that
the tasks never use becomes the unknown token.
"""

import json
from pathlib import Path

END = "\n"
UNKNOWN = "<unk>"


def build_vocabulary(texts: list[str]) -> dict[str, int]:
    """Numbers the characters that occur: newline 0, unknown 1, the others in code-point order."""
    characters = sorted(set("".join(texts)) - {END})
    return {token: number for number, token in enumerate([END, UNKNOWN, *characters])}


def write_tokenizer(vocabulary: dict[str, int], positions: int, folder: Path) -> None:
    """Writes `tokenizer.json` and `tokenizer_config.json`."""
    specials = [special_token(token, vocabulary[token]) for token in (END, UNKNOWN)]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": specials,
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": UNKNOWN,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [],
        },
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "unk_token": UNKNOWN,
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": positions,
    }
    write_json(tokenizer, folder / "tokenizer.json")
    write_json(config, folder / "tokenizer_config.json")


def special_token(content: str, identifier: int) -> dict:
    """Describes a token that text may contain literally and that decoding can leave out."""
    return {
        "id": identifier,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def write_json(value: dict, path: Path) -> None:
    """Writes indented JSON that ends with a newline."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
