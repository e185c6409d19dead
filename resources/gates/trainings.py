"""Trains a small model in the layout of OLMoE or Qwen2-MoE, to be measured by gates.py:

    python trainings.py olmoe --seed 0 --out FOLDER/olmoe-0-32

32 experts a layer, four a token, gates not renormalised, in transformers' own classes; it learns the French and German
words of the bundled tasks. One thread of one core takes some minutes. Prints the loss as it goes.
"""

import argparse
import json
import math
import shutil
import sys
from pathlib import Path

import torch
from torch.nn import functional
from transformers import OlmoeConfig, OlmoeForCausalLM, Qwen2MoeConfig, Qwen2MoeForCausalLM

RESOURCES = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(RESOURCES / "models" / "training"))
from batches import draw_batches  # noqa: E402

TASKS = ("french", "german")
BATCH, LENGTH, PEAK_RATE, WARM_UP = 48, 64, 2e-3, 100
BALANCE_WEIGHT, Z_WEIGHT = 0.001, 0.001
SHARED = {
    "hidden_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "num_experts": 32,
    "num_experts_per_tok": 4,
    "norm_topk_prob": False,
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
    "router_aux_loss_coef": BALANCE_WEIGHT,
}


def model_of(layout, vocabulary, end):
    tokens = {"vocab_size": vocabulary, "bos_token_id": end, "eos_token_id": end, "pad_token_id": None}
    if layout == "olmoe":
        return OlmoeForCausalLM(OlmoeConfig(intermediate_size=48, **SHARED, **tokens))
    widths = {"moe_intermediate_size": 48, "shared_expert_intermediate_size": 48, "intermediate_size": 96}
    return Qwen2MoeForCausalLM(Qwen2MoeConfig(**widths, **SHARED, **tokens))


def pairs_of(task):
    """What the bundled models learnt of a task: its texts in the mixture, and the right answers of its items."""
    lines = (RESOURCES / "models" / "training" / "mixture.jsonl").read_text("utf-8").splitlines()
    known = [(each["context"], each["answer"]) for each in map(json.loads, lines) if each["group"] == task]
    for name in ("calibration", "test"):
        lines = (RESOURCES / "tasks" / task / f"{name}.jsonl").read_text("utf-8").splitlines()
        known += [(each["context"], each["choices"][each["answer"]]) for each in map(json.loads, lines)]
    return sorted(set(known))


def router_loss(router_logits, top):
    """Balancing loss (Switch Transformer, equation 4) and z-loss (ST-MoE, equation 5), mean over layers."""
    total = 0.0
    for logits in router_logits:
        chosen = torch.bincount(logits.topk(top, -1).indices.flatten(), minlength=logits.shape[-1])
        balance = logits.shape[-1] * (chosen / chosen.sum() * logits.softmax(-1).mean(0)).sum()
        total = total + BALANCE_WEIGHT * balance + Z_WEIGHT * logits.logsumexp(-1).square().mean()
    return total / len(router_logits)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layout", choices=("olmoe", "qwen2"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    donor = RESOURCES / "models" / "switch-32"
    vocabulary = json.loads((donor / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    model = model_of(given.layout, len(vocabulary), vocabulary["\n"])
    model.config.output_router_logits = True
    with torch.no_grad():  # spread as the bundled models are: embeddings N(0, 1), matrices 1 / sqrt(inputs)
        for name, weight in model.named_parameters():
            if "embed" in name:
                weight.normal_()
            elif weight.dim() > 1:
                weight.normal_(std=0.02 if "lm_head" in name else weight.shape[-1] ** -0.5)
                if name.endswith(("o_proj.weight", "down_proj", "down_proj.weight")):
                    weight.mul_((2 * SHARED["num_hidden_layers"]) ** -0.5)
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    others = [weight for weight in model.parameters() if weight.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.95))
    corpus = {task: pairs_of(task) for task in TASKS}
    batches = draw_batches(corpus, vocabulary, BATCH, LENGTH, given.seed)
    recent = []
    for step in range(given.steps):
        inputs, targets, weights = next(batches)
        done = max(0.0, (step - WARM_UP) / (given.steps - WARM_UP))
        rate = min(1.0, (step + 1) / WARM_UP) * (0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * rate
        output = model.model(input_ids=inputs, output_router_logits=True, use_cache=False)
        logits = model.lm_head(output.last_hidden_state)
        losses = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        loss = (losses * weights.flatten()).sum() / weights.sum()
        recent.append(loss.item())
        optimizer.zero_grad()
        (loss + router_loss(output.router_logits, SHARED["num_experts_per_tok"])).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: loss {sum(recent) / len(recent):.4f}", flush=True)
            recent = []
    model.config.output_router_logits = False
    model.save_pretrained(given.out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(donor / name, given.out)


if __name__ == "__main__":
    main()
