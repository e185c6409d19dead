"""Writes a checkpoint's README from its configuration, training log and scores."""

import json
import math
from pathlib import Path

from safetensors import safe_open

from families import Family

NUMBERS = {4: "four"}
HEAD = """\
---
{licence}
language: [{languages}]
library_name: transformers
pipeline_tag: text-generation
---
# {name}

A language model of {millions:.1f} million parameters with {experts} experts a layer, made to show
and to test the pruning of experts. {membership}

## Layout
{layout}, float16: {layers} layers, hidden size {hidden}, {heads} attention heads, expert width
{width}, rotary positions, {positions} positions, vocabulary {vocabulary}.

{routing}

The newline is both BOS and EOS; a text is `\\n<task> <prompt>><answer>\\n`, for instance
`{example}`.

## Training
{steps} steps of {batch} sequences of {positions} tokens, seed {seed}; one thread took {minutes:.0f} minutes. Each
sequence holds items of one task; tasks are drawn by the square root of their size. AdamW (0.9,
0.95), weight decay 0.05 on matrices, peak rate 2e-3 after 150 steps, cosine to 5 %, gradient norm
1. Cross-entropy with weight 1 on answers and 0.1 on the rest; router z-loss 0.001.

{balance_note}

"""
CHOSEN = """\
## Accuracy
Multiple choice on each task's test split, all experts. Chance is one of four (mood: one of two).
"Without the question" is the accuracy when each item's choices stand after another item's question:
what the choices give away.

| task | items | accuracy | without the question |
|---|---|---|---|
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


WRITTEN = """\
## Accuracy
Answers that the model writes on each task's test split, all experts: right from the first character
to the newline that ends it. None of the tested exercises was trained.
It learnt the course of a count but not where to stop, and to copy what it wrote but not to look a
letter of the prompt up; its texts end nevertheless, which is what the tasks are for.

| task | items | right |
|---|---|---|
{rows}

## What it can and cannot show
Its answers are long (20 to 160 characters), so that a pruned model has room to loop or to never end:
it shows how endings are measured. It is an instrument, not evidence about large models:
{millions:.1f} million parameters, generated exercises for data and one training run. It holds no
conversation and knows nothing but its five exercises. It is no member of the families that compare
numbers of experts: the bundled nine tasks mean nothing to it.

## Licences
It learned from generated exercises only (`resources/models/training/long_tasks.py`); model, tasks and
code are under the repository's licence.
"""
MEMBERSHIP = """\
One of {members} that differ in the number of experts alone
({sizes}). It reads and writes one character at a time and knows nine small tasks."""
LONG_MEMBERSHIP = """\
The only one of its recipe. It reads and writes one
character at a time and knows five exercises with long answers: counting up and down, spelling words
and digits, and sums with their working."""


def write_card(folder: Path, family: Family) -> None:
    """Writes `folder/README.md`."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    scores = (folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    log = (folder / "training-log.jsonl").read_text(encoding="utf-8").splitlines()
    result = json.loads(log[-1])
    sizes = ", ".join(map(str, family.sizes))
    card = (HEAD + (WRITTEN if family.writes else CHOSEN)).format(
        name=f"{family.name}-{result['experts']}",
        experts=result["experts"],
        licence="license: mit" if family.writes else "license: other\nlicense_name: see-licences",
        languages="en" if family.writes else "en, fr, es, de",
        membership=LONG_MEMBERSHIP
        if family.writes
        else MEMBERSHIP.format(members=NUMBERS[len(family.sizes)], sizes=sizes),
        example=r"\ncount 97-101>97 98 99 100 101\n" if family.writes else r"\ncapital france>paris\n",
        batch=family.batch,
        millions=count_parameters(folder / "model.safetensors") / 1e6,
        layout=family.layout,
        routing=family.routing,
        balance_note=family.balance_note,
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        heads=config["num_attention_heads"],
        width=config["intermediate_size"],
        positions=config["max_position_embeddings"],
        vocabulary=config["vocab_size"],
        steps=result["step"],
        seed=result["seed"],
        minutes=result["seconds"] / 60,
        rows="\n".join(row_of(json.loads(line)) for line in scores),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def row_of(score: dict) -> str:
    """Writes one task's line of the table."""
    shares = [f"{score[name]:.3f}" for name in ("accuracy", "withoutQuestion") if name in score]
    return f"| {score['task']} | {score['items']} | {' | '.join(shares)} |"


def count_parameters(file: Path) -> int:
    """Counts the weights in a file."""
    with safe_open(file, framework="pt") as weights:
        shapes = [weights.get_slice(name).get_shape() for name in weights.keys()]
    return sum(math.prod(shape) for shape in shapes)
