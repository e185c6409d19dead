"""A model as a Mixtral checkpoint: its configuration and the names of its weights."""

import torch
from torch import Tensor

from model import Model, Shape


def config_of(shape: Shape, end: int, balance_weight: float) -> dict:
    """Describes the model as `MixtralForCausalLM` expects."""
    return {
        "architectures": ["MixtralForCausalLM"],
        "model_type": "mixtral",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.expert_width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.head_size,
        "num_local_experts": shape.experts,
        "num_experts_per_tok": shape.experts_per_token,
        "hidden_act": "silu",
        "rms_norm_eps": shape.norm_epsilon,
        "rope_theta": shape.rope_theta,
        "rope_scaling": None,
        "max_position_embeddings": shape.positions,
        "sliding_window": None,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "router_aux_loss_coef": balance_weight,
        "router_jitter_noise": 0.0,
        "output_router_logits": False,
        "use_cache": True,
        "tie_word_embeddings": False,
        "bos_token_id": end,
        "eos_token_id": end,
        "torch_dtype": "float16",
    }


@torch.no_grad()
def named_tensors(model: Model) -> dict[str, Tensor]:
    """Returns the weights under the names that Mixtral checkpoints use."""
    tensors = {
        "model.embed_tokens.weight": model.embedding,
        "model.norm.weight": model.norm.weight,
        "lm_head.weight": model.head,
    }
    for number, layer in enumerate(model.layers):
        prefix = f"model.layers.{number}"
        attention, experts = layer.attention, layer.feed_forward
        tensors |= {
            f"{prefix}.input_layernorm.weight": layer.attention_norm.weight,
            f"{prefix}.self_attn.q_proj.weight": attention.query,
            f"{prefix}.self_attn.k_proj.weight": attention.key,
            f"{prefix}.self_attn.v_proj.weight": attention.value,
            f"{prefix}.self_attn.o_proj.weight": attention.output,
            f"{prefix}.post_attention_layernorm.weight": layer.feed_forward_norm.weight,
            f"{prefix}.block_sparse_moe.gate.weight": experts.gate,
        }
        for expert in range(model.shape.experts):
            for name in ("w1", "w2", "w3"):
                key = f"{prefix}.block_sparse_moe.experts.{expert}.{name}.weight"
                tensors[key] = getattr(experts, name)[expert]
    return tensors
