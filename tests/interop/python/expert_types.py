"""Prints as JSON every `model_type` of transformers whose config, or that of its text model, counts experts."""

import json

from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

COUNTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_experts_per_tok")
TEXTS = ("text_config", "thinker_config", "llm_config")


def counts_experts(config):
    """Fields and attributes of the class, and names under which others stand for them."""
    names = {*getattr(config, "__dataclass_fields__", {}), *getattr(config, "attribute_map", {}), *dir(config)}
    return any(count in names for count in COUNTS)


def has_experts(config):
    parts = [part for name, part in (getattr(config, "sub_configs", None) or {}).items() if name in TEXTS]
    return counts_experts(config) or any(has_experts(part) for part in parts if isinstance(part, type))


print(json.dumps(sorted(name for name in CONFIG_MAPPING_NAMES if has_experts(CONFIG_MAPPING[name]))))
