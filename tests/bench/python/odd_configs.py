"""Models of odd but legal configs, with the logits of a referee.

usage: odd_configs.py SEED COUNT FOLDER NAME ...
NAME: fixture of tests/fixtures/published. Draws COUNT configs of each by the seed: some of its keys have other values
(heads, experts, shared experts, layers, groups, latents, windows, biases, scalings, tied heads, keys left out). Prints a
JSON line for each: {"name", "folder", "changes", "why"}. `why`: why the referee refuses the config; else null, and the
folder has config.json and model.safetensors, and beside it FOLDER.logits.safetensors has its logits [T, V].
"""

import copy
import importlib.util
import json
import random
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

FIXTURES = Path(__file__).parents[2] / "fixtures" / "python"


def module(name):
    spec = importlib.util.spec_from_file_location(name, FIXTURES / f"published-{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


configs = module("configs")
formulas = module("formulas")

EXPERTS = [3, 4, 5, 6, 7, 10, 12, 16]
KINDS = ["silu", "silu", "gelu", "gelu_pytorch_tanh", "relu", "relu2"]
# Other values by key. Whole numbers and floats as Python's classes ask for.
CHOICES = {
    **dict.fromkeys(configs.EXPERTS, EXPERTS),
    **dict.fromkeys(configs.TOP_K, [1, 2, 3, 4]),
    **dict.fromkeys(configs.LAYERS, [1, 2, 3, 4, 5, 7]),
    **dict.fromkeys(["num_key_value_heads", "swa_num_key_value_heads", "num_global_key_value_heads"], [1, 2, 4]),
    **dict.fromkeys(["num_attention_heads", "swa_num_attention_heads"], [2, 4, 6, 8]),
    "num_attention_groups": [1, 2, 4],
    **dict.fromkeys(["n_shared_experts", "num_shared_experts"], [0, 1, 2, 3]),
    **dict.fromkeys(["first_k_dense_replace", "num_dense_layers"], [0, 1, 2, 3]),
    **dict.fromkeys(["n_group", "num_expert_group"], [1, 2, 4]),
    "topk_group": [1, 2],
    **dict.fromkeys(["head_dim", "v_head_dim", "qk_nope_head_dim", "swa_head_dim", "swa_v_head_dim"], [8, 16, 12, 6]),
    "global_head_dim": [8, 16, 32],
    "qk_rope_head_dim": [2, 4, 8],
    "q_lora_rank": [None, 8, 12, 32],
    "kv_lora_rank": [8, 16, 24],
    "hidden_size": [32, 48, 64],
    **dict.fromkeys(["moe_intermediate_size", "expert_ffn_hidden_size"], [8, 12, 20]),
    **dict.fromkeys(["moe_shared_expert_intermediate_size", "shared_expert_intermediate_size", "share_expert_dim"], [12, 20]),
    "shared_intermediate_size": [0, 12, 20],
    **dict.fromkeys(["intermediate_size", "intermediate_size_mlp", "ffn_hidden_size"], [16, 24, 40]),
    **dict.fromkeys(["hidden_act", "hidden_activation", "mlp_hidden_act"], KINDS),
    **dict.fromkeys(["sliding_window", "sliding_window_size", "attention_chunk_size"], [None, 3, 6, 9, 64]),
    **dict.fromkeys(["partial_rotary_factor"], [0.25, 0.5, 0.75, 1.0]),
    "rotary_dim": [2, 4, 8],
    **dict.fromkeys(["routed_scaling_factor", "route_scale", "moe_router_scaling_factor", "router_scaling_factor"], [1.0, 2.5]),
    **dict.fromkeys(["rms_norm_eps", "norm_eps", "layer_norm_eps", "layernorm_epsilon", "layer_norm_epsilon"], [1e-6, 1e-3]),
    **dict.fromkeys(["decoder_sparse_step", "moe_layer_freq", "interleave_moe_layer_step", "moe_layer_interval"], [1, 2, 3]),
    **dict.fromkeys(["full_attention_interval", "layer_group_size", "global_attn_every_n_layers"], [1, 2, 3, 4]),
    "mlp_only_layers": [[], [0], [1], [0, 2]],
    "no_rope_layers": [[], None, [1, 1, 1, 0, 1, 1, 1]],
    **dict.fromkeys(["attn_layer_period", "expert_layer_period"], [1, 2, 3]),
    **dict.fromkeys(["attn_layer_offset", "expert_layer_offset"], [0, 1]),
    **dict.fromkeys(["linear_num_key_heads"], [1, 2, 4]),
    "linear_num_value_heads": [2, 4, 8],
    **dict.fromkeys(["linear_key_head_dim", "linear_value_head_dim"], [8, 16]),
    **dict.fromkeys(["linear_conv_kernel_dim", "mamba_d_conv", "conv_kernel", "conv_L_cache", "short_conv_kernel_size"], [2, 3, 4]),
    **dict.fromkeys(["mamba_num_heads", "mamba_n_heads"], [4, 8]),
    **dict.fromkeys(["mamba_d_state", "ssm_state_size"], [8, 16]),
    **dict.fromkeys(["n_groups", "mamba_n_groups"], [1, 2, 4]),
    "mamba_dt_rank": [1, 3, 5],
    "zero_expert_num": [0, 2, 4, 5],
    **dict.fromkeys(["rope_theta", "swa_rope_theta"], [10000.0, 500000.0]),
    **dict.fromkeys(["scoring_func", "score_func", "score_function"], ["sigmoid", "softmax"]),
    "topk_method": ["noaux_tc", "greedy", "group_limited_greedy"],
    **dict.fromkeys(["embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"], [0.25, 1.0, 3.0]),
    "logit_scale": [0.25, 1.0],
    "final_logit_softcapping": [None, 5.0, 30.0],
    "rope_interleave": [True, False],
    "num_nextn_predict_layers": [0, 1],
    "hybrid_override_pattern": ["MEM*E", "E*M", "*EME*E", "ME"],
    "hc_mult": [2, 4],
    "swiglu_limit": [0.5, 10.0],
    "num_hash_layers": [0, 1, 2],
}
# The same within an object of the config.
WITHIN = {
    "attn_config": {"kv_n_heads": [1, 2, 4], "clip_qkv": [None, 0.5, 8], "rope_theta": [10000.0, 500000.0]},
    "ffn_config": {"moe_num_experts": EXPERTS, "moe_top_k": [1, 2, 3, 4], "moe_normalize_expert_weights": [None, 1.0, 2.0]},
    "linear_attn_config": {"num_heads": [2, 4], "head_dim": [8, 16], "short_conv_kernel_size": [2, 3, 4]},
}
# Never changed: names, and keys that change memory or training alone.
KEPT = configs.IGNORED | {"text_config", "vision_config", "audio_config", "vocab_size", "image_token_id"}


def odd(name, config, draw):
    """Another config, and what changed in it."""
    own = copy.deepcopy(config)
    text = configs.text_of(own)
    changes = {}
    lists = {key: value for key, value in text.items() if isinstance(value, list) and value}
    # Keys of the class that the released config leaves out.
    known = {}
    if not is_formulas(name):
        for key, field in configs.fields_of(config).items():
            if key not in text and key not in KEPT and isinstance(field.default, bool):
                known[key] = field.default
    keys = [key for key in [*text, *known] if key not in KEPT and not key.endswith("_token_id")]
    effective = [key for key in keys if key in CHOICES or key in WITHIN or key in lists or isinstance(text.get(key, True), bool)]
    for key in draw.sample(effective, min(len(effective), draw.choice([1, 2, 3, 4, 6]))) + draw.sample(keys, 1):
        value = text.get(key, known.get(key))
        if key in WITHIN and isinstance(value, dict):
            for inner in draw.sample(list(WITHIN[key]), draw.choice([1, 2])):
                value[inner] = changes[f"{key}.{inner}"] = draw.choice(WITHIN[key][inner])
        elif key in CHOICES and (not isinstance(value, list) or key not in lists):
            text[key] = changes[key] = draw.choice(CHOICES[key])
        elif isinstance(value, bool):
            text[key] = changes[key] = not value
        elif key in lists and len(set(map(json.dumps, value))) > 1:
            text[key] = changes[key] = [draw.choice(value) for _ in value]
        elif draw.random() < 0.2 and key not in configs.SIZE_KEYS:
            changes[key] = "left out"
            text.pop(key, None)
        elif key in ("rope_scaling", "rope_parameters") and draw.random() < 0.6:
            (at, scaling) = draw.choice(configs.scalings_of(own))
            text[at[-1]] = changes[at[-1]] = scaling
    # Biases and tied heads are what released models differ in most.
    for key in keys:
        if draw.random() < 0.15 and ("bias" in key or "tie_" in key or "norm_topk" in key) and isinstance(text.get(key), bool):
            text[key] = changes[key] = not config.get("text_config", config).get(key, known.get(key))
    layers = next((text[key] for key in configs.LAYERS if key in text), None)
    before = next((configs.text_of(config)[key] for key in configs.LAYERS if key in configs.text_of(config)), None)
    for key, value in lists.items():
        if layers is not None and layers != before and len(value) >= before and key in text:
            text[key] = (text[key] * layers)[:layers]
            if key == "layer_types" and "full_attention" not in text[key] and draw.random() < 0.5:
                text[key][-1] = "full_attention"
    return own, changes


def is_formulas(name):
    return json.loads((configs.FOLDER / f"{name}.json").read_text()).get("referee") == "formulas"


def computed(name, config):
    """Weights and logits of a config."""
    if is_formulas(name):
        shapes_by, logits_by = formulas.FORMULAS.get(config["model_type"], (formulas.shapes_of, formulas.logits_of))
        shapes = shapes_by(config)
        weights = {each: configs.values(each, tuple(shape)) for each, (shape, _) in shapes.items()}
        return weights, logits_by(config, weights, configs.torch.float32)
    shapes = configs.shapes_of(config)
    weights = configs.weights_of(config, shapes)
    return weights, configs.logits_of(config, weights)


seed, count, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
for name in sys.argv[4:]:
    config = json.loads((configs.FOLDER / f"{name}.json").read_text())["config"]
    for each in range(count):
        own, changes = odd(name, config, random.Random(f"{seed} {name} {each}"))
        where = folder / f"{name}-{seed}-{each}"
        line = {"name": name, "folder": str(where), "changes": changes, "why": None}
        try:
            weights, logits = computed(name, own)
            if not np.isfinite(logits).all():
                raise ValueError("logits are not finite")
            where.mkdir(parents=True)
            (where / "config.json").write_text(json.dumps(own))
            save_file({key: np.ascontiguousarray(value) for key, value in weights.items()}, where / "model.safetensors", metadata={"format": "pt"})
            save_file({"logits": np.ascontiguousarray(logits, dtype=np.float32)}, f"{where}.logits.safetensors")
        except Exception as error:
            line["why"] = f"{type(error).__name__}: {str(error)[:120]}".split("\n")[0]
        print(json.dumps(line), flush=True)
