"""The network: Mixtral's layers at a small size, in plain PyTorch.

Shapes in docstrings: B sequences, T positions, N = B * T tokens, H hidden size, A attention heads,
D head size, I expert width, E experts, K experts a token, L layers, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Sizes of a member of the family; only the number of experts differs among them."""

    vocabulary: int
    experts: int
    experts_per_token: int = 2
    hidden: int = 96
    layers: int = 3
    heads: int = 4
    expert_width: int = 96
    positions: int = 64
    rope_theta: float = 10000.0
    norm_epsilon: float = 1e-5

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads


@dataclass(frozen=True)
class Output:
    """Logits [B, T, V], and each layer's router logits [N, E]."""

    logits: Tensor
    router_logits: list[Tensor]


class MixtureOfExperts(nn.Module):
    """Routes each token to K of E gated experts and adds their outputs by renormalised weight."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        experts, hidden, width = shape.experts, shape.hidden, shape.expert_width
        self.experts_per_token = shape.experts_per_token
        self.gate = matrix(experts, hidden)
        self.w1 = nn.Parameter(torch.randn(experts, width, hidden) / hidden**0.5)
        self.w3 = nn.Parameter(torch.randn(experts, width, hidden) / hidden**0.5)
        self.w2 = nn.Parameter(
            torch.randn(experts, hidden, width) / width**0.5 / (2 * shape.layers) ** 0.5
        )

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Maps tokens [N, H] to their outputs [N, H] and router logits [N, E]."""
        router_logits = tokens @ self.gate.T
        top = torch.topk(router_logits, self.experts_per_token, dim=-1)
        weights = functional.softmax(top.values, dim=-1)  # as a softmax over E, renormalised
        order = torch.argsort(top.indices.flatten(), stable=True)  # routes [N * K] by expert
        sources = order // self.experts_per_token
        counts = torch.bincount(top.indices.flatten(), minlength=self.gate.shape[0]).tolist()
        gathered = tokens[sources].split(counts)
        outputs = [
            (functional.silu(x @ w1.T) * (x @ w3.T)) @ w2.T
            for x, w1, w2, w3 in zip(
                gathered, self.w1.unbind(), self.w2.unbind(), self.w3.unbind(), strict=True
            )
        ]
        weighted = torch.cat(outputs) * weights.flatten()[order].unsqueeze(-1)
        return torch.zeros_like(tokens).index_add(0, sources, weighted), router_logits


class Attention(nn.Module):
    """Causal self-attention with rotary positions; as many key heads as query heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.head_size = shape.heads, shape.head_size
        self.query = matrix(shape.hidden, shape.hidden)
        self.key = matrix(shape.hidden, shape.hidden)
        self.value = matrix(shape.hidden, shape.hidden)
        self.output = matrix(shape.hidden, shape.hidden, scale=(2 * shape.layers) ** -0.5)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Maps [B, T, H] to [B, T, H]; `rotation` holds cosines and sines [T, D]."""
        batch, length, hidden = x.shape
        query, key, value = (
            (x @ weight.T).view(batch, length, self.heads, self.head_size).transpose(1, 2)
            for weight in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(
            rotate(query, rotation), rotate(key, rotation), value, is_causal=True
        )
        return mixed.transpose(1, 2).reshape(batch, length, hidden) @ self.output.T


class Layer(nn.Module):
    """Attention, then experts, each behind a norm and added to the stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        self.attention = Attention(shape)
        self.experts_norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        self.experts = MixtureOfExperts(shape)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Maps [B, T, H] to [B, T, H] and the router logits [N, E]."""
        x = x + self.attention(self.attention_norm(x), rotation)
        mixed, router_logits = self.experts(self.experts_norm(x).flatten(0, 1))
        return x + mixed.view_as(x), router_logits


class Model(nn.Module):
    """A member of the family."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(torch.randn(shape.vocabulary, shape.hidden))
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        self.head = nn.Parameter(torch.randn(shape.vocabulary, shape.hidden) * 0.02)

    def forward(self, ids: Tensor) -> Output:
        """Maps token ids [B, T] to the logits of the next token and the router logits."""
        x = self.embedding[ids]
        rotation = rotation_of(self.shape, ids.shape[1])
        router_logits = []
        for layer in self.layers:
            x, logits = layer(x, rotation)
            router_logits.append(logits)
        return Output(self.norm(x) @ self.head.T, router_logits)


def matrix(rows: int, columns: int, scale: float = 1.0) -> nn.Parameter:
    """Draws a weight [rows, columns] with standard deviation scale / sqrt(columns)."""
    return nn.Parameter(torch.randn(rows, columns) * scale / columns**0.5)


def rotation_of(shape: Shape, length: int) -> tuple[Tensor, Tensor]:
    """Returns cosines and sines [T, D] of the rotary angles; both halves of D turn alike."""
    frequencies = shape.rope_theta ** (-torch.arange(0, shape.head_size, 2) / shape.head_size)
    angles = torch.outer(torch.arange(length), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turns [B, A, T, D] by position."""
    cosines, sines = rotation
    first, second = x.chunk(2, dim=-1)
    return x * cosines + torch.cat((-second, first), dim=-1) * sines
