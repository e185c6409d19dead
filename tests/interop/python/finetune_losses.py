"""Losses of a fine-tuning in plain PyTorch: Mixtral's layers, the losses and AdamW, written out.

    python finetune_losses.py JOBS.json

Each job names a Mixtral folder and the steps to take; every step sees all sequences at once. With a
`teacher` all steps are those of router distillation.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

torch.set_num_threads(1)


def rotate(x, theta):
    size = x.shape[-1]
    frequencies = theta ** (-torch.arange(0, size, 2) / size)
    angles = torch.outer(torch.arange(x.shape[-2]), frequencies).repeat(1, 2)
    half = torch.cat((-x[..., size // 2 :], x[..., : size // 2]), -1)
    return x * angles.cos() + half * angles.sin()


def norm(x, weight, epsilon):
    return x * (x.square().mean(-1, keepdim=True) + epsilon).rsqrt() * weight


def forward(w, config, ids):
    """Returns logits [B, T, V] and router logits [B * T, E] of each layer."""
    epsilon, heads, experts = config["rms_norm_eps"], config["num_attention_heads"], config["num_local_experts"]
    batch, length = ids.shape
    x = w["model.embed_tokens.weight"][ids]
    causal = torch.full((length, length), float("-inf")).triu(1)
    routers = []
    for layer in range(config["num_hidden_layers"]):
        at = lambda name: w[f"model.layers.{layer}.{name}.weight"]
        y = norm(x, at("input_layernorm"), epsilon)
        query, key, value = (
            (y @ at(f"self_attn.{name}_proj").T).view(batch, length, heads, -1).transpose(1, 2)
            for name in "qkv"
        )
        query, key = rotate(query, config["rope_theta"]), rotate(key, config["rope_theta"])
        mixed = torch.softmax(query @ key.transpose(2, 3) / query.shape[-1] ** 0.5 + causal, -1) @ value
        x = x + mixed.transpose(1, 2).reshape(batch, length, -1) @ at("self_attn.o_proj").T
        y = norm(x, at("post_attention_layernorm"), epsilon).flatten(0, 1)
        logits = y @ at("block_sparse_moe.gate").T
        routers.append(logits)
        shares = torch.softmax(logits, -1)
        top = shares.topk(config["num_experts_per_tok"], -1)
        weights = torch.zeros_like(shares).scatter(1, top.indices, top.values / top.values.sum(-1, keepdim=True))
        total = 0
        for expert in range(experts):
            of = lambda name: at(f"block_sparse_moe.experts.{expert}.{name}")
            out = (torch.nn.functional.silu(y @ of("w1").T) * (y @ of("w3").T)) @ of("w2").T
            total = total + weights[:, expert : expert + 1] * out
        x = x + total.view_as(x)
    return norm(x, w["model.norm.weight"], epsilon) @ w["lm_head.weight"].T, routers


def balancing(routers, mask, top):
    """E times the sum over experts of (routed choices per token x mean probability), over all layers together."""
    real = mask.flatten().bool().repeat(len(routers))
    shares = torch.softmax(torch.cat(routers), -1)[real]
    experts = shares.shape[1]
    routes = torch.zeros_like(shares).scatter(1, shares.topk(top, -1).indices, 1.0)
    return experts * (routes.mean(0) * shares.mean(0)).sum()


def opened(folder):
    """Returns the weights in float32, and the config."""
    config = json.loads((Path(folder) / "config.json").read_text())
    return {name: tensor.float() for name, tensor in load_file(Path(folder) / "model.safetensors").items()}, config


def distilled(p_logits, q_logits, mask, temperature):
    """Mean over followed tokens of the cross-entropy less the entropy, times the square of the temperature."""
    p = torch.softmax(p_logits[:, :-1].double() / temperature, -1)
    q = torch.softmax(q_logits[:, :-1].double() / temperature, -1)
    terms = [
        (p[row, place] * (p[row, place].log() - q[row, place].log())).sum()
        for row, place in mask[:, 1:].nonzero().tolist()
    ]
    return temperature**2 * sum(terms) / len(terms)


def losses(job):
    w, config = opened(job["model"])
    for tensor in w.values():
        tensor.requires_grad_()
    longest = max(len(tokens) for tokens, _ in job["sequences"])
    ids = torch.tensor([tokens + [0] * (longest - len(tokens)) for tokens, _ in job["sequences"]])
    mask = torch.tensor([[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens, _ in job["sequences"]])
    learnt = torch.tensor(
        [[context <= place < len(tokens) for place in range(longest)] for tokens, context in job["sequences"]]
    )
    found = []
    is_router = lambda name: ".gate." in name
    stages = ((job["routerSteps"], is_router), (job["allSteps"], lambda name: True))
    known = None
    if "teacher" in job:
        stages = ((job["distilSteps"], is_router),)
        with torch.no_grad():
            known = forward(*opened(job["teacher"]), ids)[0]
    for steps, is_moving in stages:
        moving = [tensor for name, tensor in w.items() if is_moving(name)]
        optimizer = torch.optim.AdamW(moving, betas=(0.9, 0.95), eps=1e-8, weight_decay=job["decay"])
        for step in range(steps):
            up, down = (step + 1) / max(1, job["warmUp"]), (steps - step) / (steps - job["warmUp"])
            optimizer.param_groups[0]["lr"] = job["rate"] * (up if step < job["warmUp"] else down)
            logits, routers = forward(w, config, ids)
            for tensor in w.values():
                tensor.grad = None
            if known is None:
                scores = torch.log_softmax(logits[:, :-1], -1).gather(-1, ids[:, 1:, None])[..., 0]
                loss = -scores[learnt[:, 1:]].mean()
                (loss + job["balance"] * balancing(routers, mask, config["num_experts_per_tok"])).backward()
            else:
                loss = distilled(known, logits, mask, job["temperature"])
                loss.backward()
            length = sum(tensor.grad.square().sum() for tensor in moving).sqrt()
            for tensor in moving:
                tensor.grad *= min(1.0, job["clip"] / (length.item() + 1e-6))
            optimizer.step()
            found.append(loss.item())
    return found


for job in json.loads(Path(sys.argv[1]).read_text()):
    print(json.dumps({"losses": losses(job)}), flush=True)
