"""Writes a model with random weights from a released config whose sizes are widened.

usage: widened.py CONFIG FOLDER FACTOR
CONFIG: config.json of a fixture (tests/fixtures/published), whose widths are a few dozen. Each key that is a width is
multiplied by FACTOR; numbers of heads, layers and experts stay. FOLDER gets what save_pretrained writes, in float32.
"""

import json
import re
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM

WIDTH = re.compile(r"(hidden|intermediate|ffn|mlp)\w*_(size|dim)$|head_dim$|_lora_rank$|^d_model$|^expert_dim$|_ranks?$")

source, folder, factor = sys.argv[1], sys.argv[2], int(sys.argv[3])


def widened(key, value):
    if isinstance(value, dict):
        return {name: widened(name, each) for name, each in value.items()}
    if key in ("mrope_section", "short_factor", "long_factor"):
        raise SystemExit(f"{key} lists pairs of a head, which are not widened")
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value * factor if is_number and WIDTH.search(key) else value


config = json.load(open(source))
if "text_config" in config or "vision_config" in config:
    raise SystemExit("the text model of another one is not measured alone")
config.pop("quantization_config", None)
config.pop("auto_map", None)
config = {key: widened(key, value) for key, value in config.items()}
config["vocab_size"] = 2048
for name in ("max_position_embeddings", "max_seq_len"):
    if config.get(name, 1024) < 1024:
        config[name] = 1024
for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
    if name in config:
        config[name] = None if name == "pad_token_id" else 1
json.dump(config, open(f"{folder}/config.json", "w"))
torch.manual_seed(7)
model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32)
for name, weight in model.named_parameters():
    # Routers are not tied, so that experts have shares as in trained models.
    if weight.dim() == 2 and re.search(r"(router|gate)\.weight$", name):
        torch.nn.init.normal_(weight, std=0.2)
model.eval().save_pretrained(folder)
