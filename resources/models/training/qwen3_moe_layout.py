"""A model as a Qwen3-MoE checkpoint: its configuration and the names of its weights."""

import torch
from torch import Tensor

from model import Model, Shape

PROJECTIONS = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}


def config_of(shape: Shape, end: int, balance_weight: float) -> dict:
    """Describes the model as `Qwen3MoeForCausalLM` expects."""
    return {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.expert_width,
        "moe_intermediate_size": shape.expert_width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.head_size,
        "num_experts": shape.experts,
        "num_experts_per_tok": shape.experts_per_token,
        "norm_topk_prob": shape.renormalised,
        "decoder_sparse_step": 1,
        "mlp_only_layers": list(shape.dense_layers),
        "hidden_act": "silu",
        "rms_norm_eps": shape.norm_epsilon,
        "rope_theta": shape.rope_theta,
        "rope_scaling": None,
        "max_position_embeddings": shape.positions,
        "use_sliding_window": False,
        "sliding_window": None,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "router_aux_loss_coef": balance_weight,
        "output_router_logits": False,
        "use_cache": True,
        "tie_word_embeddings": False,
        "bos_token_id": end,
        "eos_token_id": end,
        "torch_dtype": "float16",
    }


@torch.no_grad()
def named_tensors(model: Model) -> dict[str, Tensor]:
    """Returns the weights under the names that Qwen3-MoE checkpoints use."""
    tensors = {
        "model.embed_tokens.weight": model.embedding,
        "model.norm.weight": model.norm.weight,
        "lm_head.weight": model.head,
    }
    for number, layer in enumerate(model.layers):
        prefix = f"model.layers.{number}"
        attention, block = layer.attention, layer.feed_forward
        tensors |= {
            f"{prefix}.input_layernorm.weight": layer.attention_norm.weight,
            f"{prefix}.self_attn.q_proj.weight": attention.query,
            f"{prefix}.self_attn.k_proj.weight": attention.key,
            f"{prefix}.self_attn.v_proj.weight": attention.value,
            f"{prefix}.self_attn.o_proj.weight": attention.output,
            f"{prefix}.self_attn.q_norm.weight": attention.query_norm.weight,
            f"{prefix}.self_attn.k_norm.weight": attention.key_norm.weight,
            f"{prefix}.post_attention_layernorm.weight": layer.feed_forward_norm.weight,
        }
        if number in model.shape.dense_layers:
            for name, theirs in PROJECTIONS.items():
                tensors[f"{prefix}.mlp.{theirs}.weight"] = getattr(block, name)
            continue
        tensors[f"{prefix}.mlp.gate.weight"] = block.gate
        for expert in range(model.shape.experts):
            for name, theirs in PROJECTIONS.items():
                key = f"{prefix}.mlp.experts.{expert}.{theirs}.weight"
                tensors[key] = getattr(block, name)[expert]
    return tensors
