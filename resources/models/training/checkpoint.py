"""Writes and reads members in the Hugging Face layout, float16, one tensor an expert."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from families import FAMILIES, Family
from model import Model
from tokenizer import END, write_json, write_tokenizer


def write_checkpoint(
    model: Model, family: Family, vocabulary: dict[str, int], folder: Path
) -> None:
    """Writes configuration, weights and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    end = vocabulary[END]
    config = family.config_of(model.shape, end, family.balance_weight)
    write_json(config, folder / "config.json")
    write_json({"bos_token_id": end, "eos_token_id": end}, folder / "generation_config.json")
    tensors = family.named_tensors(model)
    weights = {name: tensor.half().contiguous() for name, tensor in tensors.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    write_tokenizer(vocabulary, model.shape.positions, folder)


@torch.no_grad()
def read_checkpoint(folder: Path) -> tuple[Family, Model, dict[str, int]]:
    """Returns what `write_checkpoint` was given; refuses any other checkpoint."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    weights = load_file(folder / "model.safetensors")
    for family in FAMILIES.values():
        experts = config.get("num_experts", config.get("num_local_experts"))
        model = Model(family.shape(len(vocabulary), experts))
        written = family.config_of(model.shape, vocabulary[END], family.balance_weight)
        if written != config:
            continue
        tensors = family.named_tensors(model)
        if tensors.keys() != weights.keys():
            raise ValueError(f"{folder} holds other tensors than its configuration names")
        for name, tensor in tensors.items():
            tensor.copy_(weights[name])
        return family, model, vocabulary
    raise ValueError(f"{folder} is not a member of the bundled families")
