"""Trains one member of a family and writes it as a checkpoint.

    python train.py --family uncurl --experts 16 --seed 0 --corpus BUILD/corpus.json --out DIR

Takes ten to fifteen minutes on one core. Prints and writes `training-log.jsonl`: loss, rate and
seconds as it goes, seed and steps at the end. `measure.py` scores the model then.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from batches import draw_batches
from checkpoint import write_checkpoint
from families import FAMILIES, Family
from model import Model
from tokenizer import build_vocabulary

PEAK_RATE = 2e-3
FINAL_SHARE_OF_RATE = 0.05
WARM_UP_STEPS = 150
BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.05
LARGEST_GRADIENT = 1.0
Z_WEIGHT = 0.001
STEPS_PER_LOG_LINE = 100


def rate_at(step: int, steps: int) -> float:
    """Returns the learning rate: a linear rise, then half a cosine down."""
    if step < WARM_UP_STEPS:
        return PEAK_RATE * (step + 1) / WARM_UP_STEPS
    progress = (step - WARM_UP_STEPS) / (steps - WARM_UP_STEPS)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return PEAK_RATE * (FINAL_SHARE_OF_RATE + (1 - FINAL_SHARE_OF_RATE) * cosine)


def answer_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Returns the weighted mean cross-entropy of logits [B, T, V]; the weights are [B, T]."""
    losses = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return (losses * weights.flatten()).sum() / weights.sum()


def router_loss(
    router_logits: list[Tensor], experts_per_token: int, balance_weight: float
) -> Tensor:
    """Returns the weighted balancing loss and z-loss of logits [N, E], averaged over layers.

    Balancing (Switch Transformer, equation 4): E times the sum over experts of the share of routes
    times the mean probability. The z-loss (ST-MoE, equation 5) keeps logits small.
    """
    total = torch.zeros(())
    for logits in router_logits:
        experts = logits.shape[-1]
        chosen = torch.topk(logits, experts_per_token, dim=-1).indices.flatten()
        routes = torch.bincount(chosen, minlength=experts) / len(chosen)
        probabilities = functional.softmax(logits, dim=-1).mean(0)
        balance = experts * (routes * probabilities).sum()
        z = torch.logsumexp(logits, dim=-1).square().mean()
        total = total + balance_weight * balance + Z_WEIGHT * z
    return total / len(router_logits)


def make_optimizer(model: Model) -> torch.optim.AdamW:
    """Decays matrices and leaves the norms alone."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    norms = [p for p in model.parameters() if p.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": norms, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=PEAK_RATE, betas=BETAS)


def train(
    model: Model, family: Family, corpus: dict, vocabulary: dict[str, int], seed: int
) -> list[dict]:
    """Runs all steps and returns a log line for every hundred."""
    log: list[dict] = []
    optimizer = make_optimizer(model)
    batches = draw_batches(corpus, vocabulary, family.batch, model.shape.positions, seed)
    started = time.monotonic()
    recent: list[float] = []
    for step in range(family.steps):
        inputs, targets, weights = next(batches)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, family.steps)
        output = model(inputs)
        loss = answer_loss(output.logits, targets, weights)
        top = model.shape.experts_per_token
        routing = router_loss(output.router_logits, top, family.balance_weight)
        recent.append(loss.item())
        optimizer.zero_grad()
        (loss + routing).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        if (step + 1) % STEPS_PER_LOG_LINE == 0:
            line = {
                "step": step + 1,
                "loss": round(sum(recent) / len(recent), 4),
                "lr": round(rate_at(step, family.steps), 7),
                "seconds": round(time.monotonic() - started, 1),
            }
            log.append(line)
            print(json.dumps(line), flush=True)
            recent.clear()
    return log


@torch.no_grad()
def round_to_half(model: Model) -> None:
    """Gives the weights the precision of the file, so that scores are the file's."""
    for parameter in model.parameters():
        parameter.copy_(parameter.half())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", choices=FAMILIES, required=True)
    parser.add_argument("--experts", type=int, required=True, help="experts a layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, required=True, help="from prepare_tasks.py")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    family = FAMILIES[arguments.family]
    corpus = json.loads(arguments.corpus.read_text(encoding="utf-8"))
    texts = [context + answer for pairs in corpus.values() for context, answer in pairs]
    vocabulary = build_vocabulary(texts)
    model = Model(family.shape(len(vocabulary), arguments.experts))
    log = train(model, family, corpus, vocabulary, arguments.seed)
    round_to_half(model)
    write_checkpoint(model, family, vocabulary, arguments.out)
    result = {"step": family.steps, "experts": arguments.experts, "seed": arguments.seed}
    log.append(result | {"seconds": log[-1]["seconds"]})
    print(json.dumps(log[-1]), flush=True)
    lines = "".join(json.dumps(line) + "\n" for line in log)
    (arguments.out / "training-log.jsonl").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
