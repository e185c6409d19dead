"""Training batches: each sequence is filled with items of one task."""

import random
from collections.abc import Iterator

import torch
from torch import Tensor

ANSWER_WEIGHT = 1.0
REST_WEIGHT = 0.1

# A context and the answer that follows it, as in corpus.json.
Pair = tuple[str, str]


class TaskStream:
    """Yields a task's encoded items for ever, each once a round, in a new order every round."""

    def __init__(self, pairs: list[Pair], vocabulary: dict[str, int], rng: random.Random) -> None:
        self.items = [encode_pair(pair, vocabulary) for pair in pairs]
        self.rng = rng
        self.left: list[tuple[list[int], list[float]]] = []

    def sequence(self, length: int) -> tuple[list[int], list[float]]:
        """Joins items until `length` + 1 tokens are full; neighbours share the newline between."""
        ids: list[int] = []
        weights: list[float] = []
        while len(ids) <= length:
            if not self.left:
                self.left = self.rng.sample(self.items, len(self.items))
            item_ids, item_weights = self.left.pop()
            shared = 1 if ids else 0
            ids += item_ids[shared:]
            weights += item_weights[shared:]
        return ids[: length + 1], weights[: length + 1]


def encode_pair(pair: Pair, vocabulary: dict[str, int]) -> tuple[list[int], list[float]]:
    """Returns an item's token ids and how much the loss counts each of them."""
    context, answer = pair
    ids = [vocabulary[character] for character in context + answer]
    return ids, [REST_WEIGHT] * len(context) + [ANSWER_WEIGHT] * len(answer)


def draw_batches(
    corpus: dict[str, list[Pair]], vocabulary: dict[str, int], batch: int, length: int, seed: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yields inputs [B, T], targets [B, T] and loss weights [B, T] without end.

    A task is drawn with a probability proportional to the square root of its number of items.
    """
    rng = random.Random(seed)
    streams = [TaskStream(pairs, vocabulary, rng) for pairs in corpus.values()]
    shares = [len(pairs) ** 0.5 for pairs in corpus.values()]
    while True:
        chosen = rng.choices(streams, shares, k=batch)
        ids, weights = zip(*(stream.sequence(length) for stream in chosen), strict=True)
        tokens, counts = torch.tensor(ids), torch.tensor(weights)
        yield tokens[:, :-1], tokens[:, 1:], counts[:, 1:]
