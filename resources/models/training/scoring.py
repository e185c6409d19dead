"""Accuracy of chosen answers (the largest sum of log-probabilities wins) and of written ones."""

import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from model import Model

SEQUENCES_AT_ONCE = 256


def score_tasks(model: Model, vocabulary: dict[str, int], tasks: Path) -> dict[str, dict]:
    """Returns task -> its number of items, accuracy on its test split, and without the question."""
    scores = {}
    for folder in sorted(tasks.iterdir()):
        items = test_items(folder)
        if not items or "choices" not in items[0]:
            continue
        scores[folder.name] = {
            "items": len(items),
            "accuracy": accuracy(model, vocabulary, items),
            "withoutQuestion": accuracy(model, vocabulary, exchange_questions(items)),
        }
    return scores


def score_written(model: Model, vocabulary: dict[str, int], tasks: Path) -> dict[str, dict]:
    """Returns task -> its number of items and how many answers the model writes right, token by token.

    An answer is right if each of its tokens, its newline included, is the likeliest one after the
    right ones before it: then, and only then, greedy decoding writes it.
    """
    scores = {}
    for folder in sorted(tasks.iterdir()):
        items = test_items(folder)
        if items and isinstance(items[0]["answer"], str):
            texts = [(item["context"], item["answer"] + "\n") for item in items]
            right = sum(are_likeliest(model, vocabulary, texts))
            scores[folder.name] = {"items": len(items), "accuracy": right / len(items)}
    return scores


def test_items(folder: Path) -> list[dict]:
    """Returns the test items of a task folder; none where it has no items of its own."""
    file = folder / "test.jsonl"
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@torch.no_grad()
def are_likeliest(
    model: Model, vocabulary: dict[str, int], texts: list[tuple[str, str]]
) -> list[bool]:
    """Returns for each (context, continuation) whether all of its tokens have the largest logits."""
    found: list[bool] = []
    for start in range(0, len(texts), SEQUENCES_AT_ONCE):
        ids, counted = pad(texts[start : start + SEQUENCES_AT_ONCE], vocabulary)
        likeliest = model(ids[:, :-1]).logits.argmax(-1)
        found += ((likeliest == ids[:, 1:]) | (counted[:, 1:] == 0)).all(-1).tolist()
    return found


def exchange_questions(items: list[dict]) -> list[dict]:
    """Puts the next item's question before each item's choices, the first one's before the last's.

    What a model still gets right then, the choices gave away.
    """
    following = [*items[1:], items[0]]
    return [
        item | {"context": other["context"]}
        for item, other in zip(items, following, strict=True)
    ]


def accuracy(model: Model, vocabulary: dict[str, int], items: list[dict]) -> float:
    """Returns the share of items whose right choice scores best."""
    texts = [(item["context"], choice) for item in items for choice in item["choices"]]
    scores = iter(log_probabilities(model, vocabulary, texts))
    right = 0
    for item in items:
        of_choices = [next(scores) for _ in item["choices"]]
        right += of_choices.index(max(of_choices)) == item["answer"]
    return right / len(items)


@torch.no_grad()
def log_probabilities(
    model: Model, vocabulary: dict[str, int], texts: list[tuple[str, str]]
) -> list[float]:
    """Returns for each (context, continuation) the continuation's log-probability."""
    sums: list[float] = []
    for start in range(0, len(texts), SEQUENCES_AT_ONCE):
        part = texts[start : start + SEQUENCES_AT_ONCE]
        ids, counted = pad(part, vocabulary)
        logits = model(ids[:, :-1]).logits
        each = functional.log_softmax(logits, dim=-1).gather(-1, ids[:, 1:, None])[..., 0]
        sums += (each * counted[:, 1:]).double().sum(-1).tolist()
    return sums


def pad(texts: list[tuple[str, str]], vocabulary: dict[str, int]) -> tuple[Tensor, Tensor]:
    """Returns ids [B, T], filled up on the right, and 1 where a continuation's token stands."""
    longest = max(len(context) + len(continuation) for context, continuation in texts)
    ids = torch.zeros(len(texts), longest, dtype=torch.long)
    counted = torch.zeros(len(texts), longest)
    for row, (context, continuation) in enumerate(texts):
        whole = [vocabulary[character] for character in context + continuation]
        ids[row, : len(whole)] = torch.tensor(whole)
        counted[row, len(context) : len(whole)] = 1
    return ids, counted
