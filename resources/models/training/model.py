"""The network: the layers of Mixtral and Qwen3-MoE at a small size, in plain PyTorch.

Shapes in docstrings: B sequences, T positions, N = B * T tokens, H hidden size, A attention heads,
D head size, I expert width, E experts, K experts a token, L layers, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Sizes of a member of a family; within a family only the number of experts differs."""

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
    # Weights of a token's K experts sum to one; otherwise they are those of the softmax over E.
    renormalised: bool = True
    # Layers with one feed-forward block of `expert_width` instead of experts.
    dense_layers: tuple[int, ...] = ()
    # A norm over each head of queries and keys, as Qwen3 has it.
    head_norms: bool = False

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads


@dataclass(frozen=True)
class Output:
    """Logits [B, T, V], and the router logits [N, E] of each layer with experts."""

    logits: Tensor
    router_logits: list[Tensor]


class MixtureOfExperts(nn.Module):
    """Routes each token to K of E gated experts and adds their outputs by the router's weight."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        experts, hidden, width = shape.experts, shape.hidden, shape.expert_width
        self.experts_per_token = shape.experts_per_token
        self.renormalised = shape.renormalised
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
        if self.renormalised:
            weights = functional.softmax(top.values, dim=-1)  # as a softmax over E, renormalised
        else:
            weights = functional.softmax(router_logits, dim=-1).gather(-1, top.indices)
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


class FeedForward(nn.Module):
    """One gated feed-forward block for every token, as wide as an expert."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.w1 = matrix(shape.expert_width, shape.hidden)
        self.w3 = matrix(shape.expert_width, shape.hidden)
        self.w2 = matrix(shape.hidden, shape.expert_width, scale=(2 * shape.layers) ** -0.5)

    def forward(self, tokens: Tensor) -> tuple[Tensor, None]:
        """Maps tokens [N, H] to their outputs [N, H]; there is no router."""
        return (functional.silu(tokens @ self.w1.T) * (tokens @ self.w3.T)) @ self.w2.T, None


class Attention(nn.Module):
    """Causal self-attention with rotary positions; as many key heads as query heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.head_size = shape.heads, shape.head_size
        self.query = matrix(shape.hidden, shape.hidden)
        self.key = matrix(shape.hidden, shape.hidden)
        self.value = matrix(shape.hidden, shape.hidden)
        self.output = matrix(shape.hidden, shape.hidden, scale=(2 * shape.layers) ** -0.5)
        norms = [nn.RMSNorm(self.head_size, eps=shape.norm_epsilon) for _ in range(2)]
        self.query_norm, self.key_norm = norms if shape.head_norms else (nn.Identity(), nn.Identity())

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Maps [B, T, H] to [B, T, H]; `rotation` holds cosines and sines [T, D]."""
        batch, length, hidden = x.shape
        query, key, value = (
            (x @ weight.T).view(batch, length, self.heads, self.head_size).transpose(1, 2)
            for weight in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(
            rotate(self.query_norm(query), rotation),
            rotate(self.key_norm(key), rotation),
            value,
            is_causal=True,
        )
        return mixed.transpose(1, 2).reshape(batch, length, hidden) @ self.output.T


class Layer(nn.Module):
    """Attention, then experts or one block, each behind a norm and added to the stream."""

    def __init__(self, shape: Shape, number: int) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        self.attention = Attention(shape)
        self.feed_forward_norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        is_dense = number in shape.dense_layers
        self.feed_forward = FeedForward(shape) if is_dense else MixtureOfExperts(shape)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Maps [B, T, H] to [B, T, H] and the router logits [N, E], none of a dense layer."""
        x = x + self.attention(self.attention_norm(x), rotation)
        mixed, router_logits = self.feed_forward(self.feed_forward_norm(x).flatten(0, 1))
        return x + mixed.view_as(x), router_logits


class Model(nn.Module):
    """A member of a family."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(torch.randn(shape.vocabulary, shape.hidden))
        self.layers = nn.ModuleList(Layer(shape, number) for number in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden, eps=shape.norm_epsilon)
        self.head = nn.Parameter(torch.randn(shape.vocabulary, shape.hidden) * 0.02)

    def forward(self, ids: Tensor) -> Output:
        """Maps token ids [B, T] to the logits of the next token and the router logits."""
        x = self.embedding[ids]
        rotation = rotation_of(self.shape, ids.shape[1])
        router_logits = []
        for layer in self.layers:
            x, logits = layer(x, rotation)
            if logits is not None:
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
