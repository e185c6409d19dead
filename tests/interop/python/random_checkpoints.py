"""Small checkpoints of several families with random weights, in shapes that vLLM's CPU kernels accept.

usage: random_checkpoints.py JOBS
JOBS: JSON list of {"name", "folder"}, the name being a key of CONFIGS. Writes each folder by save_pretrained and prints
one JSON line per job: {"name"}. 16 experts, heads of 32 (vLLM 0.32 refuses 24).
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

COMMON = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
SIXTEEN = {"num_experts": 16, "num_experts_per_tok": 4}
LOCAL = {"num_local_experts": 16, "num_experts_per_tok": 4}
ROUTED = {
    "n_routed_experts": 16,
    "num_experts_per_tok": 4,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 48,
}
TWO_KINDS = {"head_dim": 32, "sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]}
LATENT = {
    "q_lora_rank": None,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
}
CONFIGS = {
    "mixtral": {**LOCAL, "sliding_window": None},
    "qwen2_moe": {**SIXTEEN, "moe_intermediate_size": 48, "shared_expert_intermediate_size": 48},
    "qwen3_moe": {**SIXTEEN, "moe_intermediate_size": 48, "head_dim": 32, "norm_topk_prob": True},
    "olmoe": SIXTEEN,
    "glm4_moe": {**ROUTED, "head_dim": 32},
    "granitemoe": LOCAL,
    "phimoe": {**LOCAL, "num_experts_per_tok": 2, "sliding_window": None},
    "deepseek_v3": {**ROUTED, **LATENT},
    "glm4_moe_lite": {**ROUTED, **LATENT, "q_lora_rank": 32},
    "dots1": {**ROUTED, "sliding_window": None, "norm_topk_prob": True},
    "solar_open": {**ROUTED, "head_dim": 32, "first_k_dense_replace": 0},
    "minimax_m2": {**LOCAL, "head_dim": 32},
    "granitemoeshared": {**LOCAL, "shared_intermediate_size": 48},
    "hunyuan_v1_moe": {"num_experts": 16, "moe_topk": 4, "head_dim": 32},
    "ernie4_5_moe": {
        "moe_num_experts": 16,
        "moe_k": 4,
        "moe_intermediate_size": 48,
        "moe_num_shared_experts": 1,
        "moe_layer_start_index": 1,
    },
    "exaone_moe": {
        **SIXTEEN,
        **TWO_KINDS,
        "moe_intermediate_size": 48,
        "num_shared_experts": 1,
        "first_k_dense_replace": 1,
    },
    "mimo_v2_flash": {
        **TWO_KINDS,
        "n_routed_experts": 16,
        "num_experts_per_tok": 4,
        "moe_intermediate_size": 48,
        "num_key_value_heads": 1,
        "v_head_dim": 32,
        "mlp_layer_types": ["dense", "sparse"],
    },
    "afmoe": {
        **SIXTEEN,
        **TWO_KINDS,
        "moe_intermediate_size": 48,
        "num_shared_experts": 1,
        "num_dense_layers": 1,
    },
    "llama4_text": {**LOCAL, "head_dim": 32, "num_experts_per_tok": 1, "intermediate_size_mlp": 48},
    "gemma4_text": {
        **TWO_KINDS,
        "enable_moe_block": True,
        "num_experts": 16,
        "top_k_experts": 4,
        "moe_intermediate_size": 48,
        "global_head_dim": 64,
        "hidden_size_per_layer_input": 0,
        "vocab_size_per_layer_input": 96,
        "num_kv_shared_layers": 0,
    },
    "qwen3_next": {
        **SIXTEEN,
        "moe_intermediate_size": 48,
        "shared_expert_intermediate_size": 48,
        "head_dim": 32,
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
    },
    "lfm2_moe": {
        **SIXTEEN,
        "moe_intermediate_size": 48,
        "num_dense_layers": 0,
        "layer_types": ["conv", "full_attention"],
    },
    "granitemoehybrid": {
        **LOCAL,
        "shared_intermediate_size": 48,
        "layer_types": ["mamba", "attention"],
        "mamba_n_heads": 4,
        "mamba_d_head": 32,
        "mamba_d_state": 16,
        "mamba_chunk_size": 16,
    },
    # A key that its class does not read is refused: its list of layers says which have experts.
    "nemotron_h": {
        **{key: value for key, value in ROUTED.items() if key != "first_k_dense_replace"},
        "layers_block_type": ["mamba", "moe", "attention", "moe"],
        "head_dim": 32,
        "moe_shared_expert_intermediate_size": 48,
        "mamba_num_heads": 4,
        "mamba_head_dim": 16,
        "ssm_state_size": 16,
        "n_groups": 2,
        "chunk_size": 16,
    },
    # With few heads of the indexer many keys score exactly 0, and which of them are taken is undecided.
    "deepseek_v32": {**ROUTED, **LATENT, "q_lora_rank": 32, "index_n_heads": 8, "index_head_dim": 96, "index_topk": 6},
}
# Large enough for the choice of experts to affect the outputs.
SCALE = 0.15


def main():
    torch.set_num_threads(1)
    for job in json.loads(Path(sys.argv[1]).read_text()):
        torch.manual_seed(0)
        config = AutoConfig.for_model(job["name"], **{**COMMON, **CONFIGS[job["name"]]})
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() > 1:
                    parameter.normal_(0, SCALE)
            for name, buffer in model.named_buffers():
                if name.endswith("e_score_correction_bias"):
                    buffer.normal_(0, SCALE)
        model.save_pretrained(job["folder"])
        print(json.dumps({"name": job["name"]}), flush=True)


if __name__ == "__main__":
    main()
