"""Distributions after transformers' own logits processors, in the order in which its generation applies them.

Jobs: {"logits": [V], "seen": [tokens], "settings": {...}}. Prints {"probabilities": [V]} for each (softmax in float64).
"""

import json
import sys

import torch
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

with open(sys.argv[1], encoding="utf-8") as file:
    jobs = json.load(file)

# Any model: only its method that lists the processors is used.
vocabulary = max(len(job["logits"]) for job in jobs)
sizes = {"n_layer": 1, "n_head": 1, "n_embd": 8, "n_positions": 8, "vocab_size": vocabulary}
config = GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)
model = GPT2LMHeadModel(config)

for job in jobs:
    # Whole numbers arrive from JSON as int, which transformers refuses for a temperature.
    settings = {
        name: value if name == "top_k" else float(value) for name, value in job["settings"].items() if name != "seed"
    }
    # 0 and 1: transformers' own defaults would filter by top_k = 50.
    generation = GenerationConfig(do_sample=True, **{"top_k": 0, "top_p": 1.0, **settings})
    processors = model._get_logits_processor(generation, input_ids_seq_length=len(job["seen"]), device="cpu")
    scores = processors(torch.tensor([job["seen"]]), torch.tensor([job["logits"]], dtype=torch.float32))
    print(json.dumps({"probabilities": torch.softmax(scores[0].double(), dim=-1).tolist()}))
