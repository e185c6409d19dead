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
CONFIGS = {
    "mixtral": {**LOCAL, "sliding_window": None},
    "qwen2_moe": {**SIXTEEN, "moe_intermediate_size": 48, "shared_expert_intermediate_size": 48},
    "qwen3_moe": {**SIXTEEN, "moe_intermediate_size": 48, "head_dim": 32, "norm_topk_prob": True},
    "olmoe": SIXTEEN,
    "glm4_moe": {**ROUTED, "head_dim": 32},
    "granitemoe": LOCAL,
    "phimoe": {**LOCAL, "num_experts_per_tok": 2, "sliding_window": None},
    "deepseek_v3": {
        **ROUTED,
        "q_lora_rank": None,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
    },
}
# Large enough for the choice of experts to affect the outputs.
SCALE = 0.15


def main():
    torch.set_num_threads(1)
    for job in json.loads(Path(sys.argv[1]).read_text()):
        torch.manual_seed(0)
        config = AutoConfig.for_model(job["name"], **COMMON, **CONFIGS[job["name"]])
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
