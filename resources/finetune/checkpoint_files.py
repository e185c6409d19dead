"""Writes a model's weights under the names, shapes, number types and shards of its source."""

import json
import shutil
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


class NotAsSource(Exception):
    """The library would write the model otherwise than its source is written."""


def shards_of(folder: Path) -> list[str]:
    """Names the weight files of a checkpoint."""
    index = folder / INDEX
    if not index.exists():
        return [SINGLE]
    return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))


def write_like_source(model: torch.nn.Module, source: Path, out: Path, scratch: Path) -> int:
    """Writes the tuned weights to `out`, and returns how many tensors differ from the source's.

    The library gives the weights the names of published checkpoints again; whether these are the
    source's is checked tensor by tensor, and anything else raises `NotAsSource`.
    """
    written = scratch / "written"
    shutil.rmtree(written, ignore_errors=True)
    model.save_pretrained(written, max_shard_size="100GB")
    tuned = load_file(written / SINGLE)
    known: set[str] = set()
    changed = 0
    for shard in shards_of(source):
        tensors = {}
        with safe_open(source / shard, framework="pt") as file:
            for name in file.keys():
                old = file.get_tensor(name)
                known.add(name)
                if name not in tuned:
                    raise NotAsSource(f"{name} of the source is not among what transformers writes.")
                new = tuned[name]
                if new.shape != old.shape:
                    raise NotAsSource(f"{name} is {list(new.shape)}, in the source {list(old.shape)}.")
                if not old.dtype.is_floating_point or old.element_size() < 2:
                    raise NotAsSource(f"{name} is stored as {old.dtype}, which cannot be tuned.")
                tensors[name] = new.to(old.dtype).contiguous()
                changed += not torch.equal(tensors[name], old)
            metadata = file.metadata()
        save_file(tensors, out / shard, metadata=metadata)
        shutil.copymode(source / shard, out / shard)
    surplus = sorted(tuned.keys() - known)
    if surplus:
        raise NotAsSource(f"transformers writes {surplus[0]}, which the source does not have.")
    if (source / INDEX).exists():
        shutil.copyfile(source / INDEX, out / INDEX)
    shutil.rmtree(written)
    return changed
