"""The usual script: load, drop experts in memory, and `generate` in batches of 16, one pruned model after the other.

usage: generate.py MODEL REQUEST ANSWER DTYPE
REQUEST: {"prompts": [[token]], "newTokens", "plans": {name: {"kept": [[expert] per layer]} or null}}.
ANSWER: {"seconds": processor time, "rows": {"name/prompt": tokens separated by spaces}}. Greedy, cached, padded on the
left, prompts of similar length together, end tokens ignored, one thread.
"""

import json
import sys
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

BATCH = 16
model_folder, request_file, answer_file, dtype = sys.argv[1:5]
torch.set_num_threads(1)
request = json.loads(Path(request_file).read_text())
prompts, new_tokens = request["prompts"], request["newTokens"]


def load():
    return AutoModelForCausalLM.from_pretrained(
        model_folder, dtype=getattr(torch, dtype), experts_implementation="eager"
    ).eval()


def prune(model, kept):
    for layer, keep in zip(model.model.layers, kept):
        moe = layer.mlp
        moe.gate.weight = torch.nn.Parameter(moe.gate.weight[keep])
        moe.experts.gate_up_proj = torch.nn.Parameter(moe.experts.gate_up_proj[keep])
        moe.experts.down_proj = torch.nn.Parameter(moe.experts.down_proj[keep])
        for part in (moe, moe.gate, moe.experts):
            if hasattr(part, "num_experts"):
                part.num_experts = len(keep)
    model.config.num_local_experts = len(kept[0])
    return model


def write(model, name, rows):
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
    for first in range(0, len(order), BATCH):
        members = order[first : first + BATCH]
        longest = max(len(prompts[index]) for index in members)
        padding = [longest - len(prompts[index]) for index in members]
        tokens = torch.tensor([[0] * pad + prompts[index] for pad, index in zip(padding, members)])
        mask = torch.tensor([[0] * pad + [1] * len(prompts[index]) for pad, index in zip(padding, members)])
        with torch.inference_mode():
            written = model.generate(
                input_ids=tokens,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=new_tokens,
                eos_token_id=None,
                pad_token_id=0,
            )
        for row, index in zip(written[:, longest:].tolist(), members):
            rows[f"{name}/{index}"] = " ".join(map(str, row))


rows = {}
for name, plan in request["plans"].items():
    model = load()
    write(model if plan is None else prune(model, plan["kept"]), name, rows)
Path(answer_file).write_text(json.dumps({"seconds": time.process_time(), "rows": rows}))
