"""Writes a checkpoint's README from its configuration and training log."""

import json
from pathlib import Path

CARD = """\
---
license: other
license_name: see-licences
language: [en, fr, es, de]
library_name: transformers
pipeline_tag: text-generation
---
# uncurl-{experts}

A language model of {millions:.1f} million parameters with {experts} experts a layer, made to show and to test the
pruning of experts. One of four that differ in the number of experts alone (8, 16, 32, 64). It reads
and writes one character at a time and knows nine small tasks.

## Layout
Mixtral (`MixtralForCausalLM`), float16: {layers} layers, hidden size {hidden}, {heads} attention
heads, expert width {width}, {experts} experts a layer of which each token uses {top}, rotary
positions, {positions} positions, vocabulary {vocabulary}. The newline is both BOS and EOS; a text
is `\\n<task> <prompt>><answer>\\n`, for instance `\\ncapital france>paris\\n`.

## Training
{steps} steps of 48 sequences of 64 tokens, seed {seed}; one thread took {minutes:.0f} minutes. Each
sequence holds items of one task; tasks are drawn by the square root of their size. AdamW (0.9,
0.95), weight decay 0.05 on matrices, peak rate 2e-3 after 150 steps, cosine to 5 %, gradient norm
1. Cross-entropy with weight 1 on answers and 0.1 on the rest; router z-loss 0.001.

The balancing loss has weight 0.001, a tenth of the usual. In a pilot with the usual weight every
task spread over nearly all experts (24-27 of 32) and no pruning was safe; with this one the experts
specialise by task. That is a choice, and what the family shows about pruning depends on it.

## Accuracy
Multiple choice on each task's test split (300 items; capital 73), all experts, chance 0.25 (mood
0.5).

| task | accuracy |
|---|---|
{rows}

The facts behind french, spanish, german, capital, mood and plural were all trained, the tested ones
included: there the score tells what the model remembers. The tested sums, sortings and brackets
were not trained.

## What it can and cannot show
It shows how pruning methods work, how a threshold is measured, and that both depend on task, method
and number of experts. It is an instrument, not evidence about large models: {millions:.1f} million
parameters, word lists for data and one training run an entry. It holds no conversation, it knows
nothing beyond the lists, and its translations are those of small dictionaries, without accents.

## Licences
The code that made it is under the repository's licence. The lists it learned from have licences of
their own: FreeDict (GPL-2.0-or-later, GPL-3.0-or-later, CC-BY-SA-3.0), world-countries (ODbL-1.0),
AFINN, WordNet and irregular-plurals; see `resources/licences/THIRD-PARTY-DATA.md`, which must go
along with the weights.
"""


def write_card(folder: Path) -> None:
    """Writes `folder/README.md`."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    log = (folder / "training-log.jsonl").read_text(encoding="utf-8").splitlines()
    result = json.loads(log[-1])
    card = CARD.format(
        experts=result["experts"],
        millions=count_parameters(config) / 1e6,
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        heads=config["num_attention_heads"],
        width=config["intermediate_size"],
        top=config["num_experts_per_tok"],
        positions=config["max_position_embeddings"],
        vocabulary=config["vocab_size"],
        steps=result["step"],
        seed=result["seed"],
        minutes=result["seconds"] / 60,
        rows="\n".join(f"| {task} | {value:.3f} |" for task, value in result["accuracy"].items()),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def count_parameters(config: dict) -> int:
    """Counts the weights that a configuration implies."""
    hidden, experts = config["hidden_size"], config["num_local_experts"]
    expert = 3 * hidden * config["intermediate_size"]
    layer = 4 * hidden * hidden + experts * (hidden + expert) + 2 * hidden
    return 2 * config["vocab_size"] * hidden + hidden + config["num_hidden_layers"] * layer
