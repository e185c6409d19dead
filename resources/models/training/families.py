"""The families: what their members share, and in which layout they are written."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

import mixtral_layout
import qwen3_moe_layout
from model import Model, Shape


@dataclass(frozen=True)
class Family:
    """A recipe for models that differ in the number of experts a layer alone.

    `shape` takes vocabulary and experts; `config_of` takes the shape, the number of the end token
    and the weight of the balancing loss. `layout`, `routing` and `balance_note` go into the cards.
    """

    name: str
    layout: str
    sizes: tuple[int, ...]
    balance_weight: float
    shape: Callable[[int, int], Shape]
    config_of: Callable[[Shape, int, float], dict]
    named_tensors: Callable[[Model], dict[str, Tensor]]
    routing: str
    balance_note: str
    # Whether its tasks have written answers (`long_tasks.py`) instead of the nine with choices.
    writes: bool = False
    # Sequences of a batch, and steps of a training.
    batch: int = 48
    steps: int = 4000


UNCURL = Family(
    name="uncurl",
    layout="Mixtral (`MixtralForCausalLM`)",
    sizes=(8, 16, 32, 64),
    # Ten times less than usual, so that experts specialise by task: see the README.
    balance_weight=0.001,
    shape=lambda vocabulary, experts: Shape(vocabulary=vocabulary, experts=experts),
    config_of=mixtral_layout.config_of,
    named_tensors=mixtral_layout.named_tensors,
    routing="Every layer has experts, of which each token uses two by renormalised weight.",
    balance_note="""\
The balancing loss has weight 0.001, a tenth of the usual. In a pilot with the usual weight every
task spread over nearly all experts (24-27 of 32) and no pruning was safe; with this one the experts
specialise by task. That is a choice made on the outcome, and what the family shows about pruning
depends on it.""",
)
SWITCH = Family(
    name="switch",
    layout="Qwen3-MoE (`Qwen3MoeForCausalLM`)",
    sizes=(8, 32, 64, 128),
    # As in the paper on UNCURL (arXiv 2409.01483, appendix A4).
    balance_weight=0.01,
    # Every other layer has experts, beginning with the first; one expert a token, its output
    # weighted by the softmax over all of them.
    shape=lambda vocabulary, experts: Shape(
        vocabulary=vocabulary,
        experts=experts,
        experts_per_token=1,
        layers=4,
        renormalised=False,
        dense_layers=(1, 3),
        head_norms=True,
    ),
    config_of=qwen3_moe_layout.config_of,
    named_tensors=qwen3_moe_layout.named_tensors,
    routing="""\
Every other layer has experts, beginning with the first (`mlp_only_layers` names the others). Each
token uses one expert, whose output is weighted by the softmax over all of them
(`norm_topk_prob` is false): the shape of the models in the paper on UNCURL (arXiv 2409.01483),
not their size, data or training.""",
    balance_note="""\
The balancing loss has weight 0.01, as in that paper. No other weight was tried.""",
)
WORDY = Family(
    name="wordy",
    layout=UNCURL.layout,
    sizes=(16,),
    balance_weight=UNCURL.balance_weight,
    shape=lambda vocabulary, experts: Shape(
        vocabulary=vocabulary, experts=experts, hidden=64, expert_width=64, positions=256
    ),
    config_of=mixtral_layout.config_of,
    named_tensors=mixtral_layout.named_tensors,
    routing=UNCURL.routing,
    balance_note="""\
The balancing loss has weight 0.001, as in the family `uncurl`. No other weight was tried.""",
    # As many tokens a step as the other families: 12 * 256 = 48 * 64.
    batch=12,
    writes=True,
)
FAMILIES = {family.name: family for family in (UNCURL, SWITCH, WORDY)}
