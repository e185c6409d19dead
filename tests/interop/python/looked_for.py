"""Prints the names of files that installed libraries know: all constants of their modules that look like file names."""

import importlib
import json
import re

NAME = re.compile(r"[\w.-]+\.(json|bin|safetensors|h5|msgpack|py|jinja|txt|model|yaml|index|pt|pth|md|pkl|gguf)")
MODULES = (
    *("transformers.utils", "transformers.utils.hub", "transformers.utils.peft_utils", "transformers.trainer"),
    *("transformers.trainer_utils", "transformers.tokenization_utils_base", "transformers.processing_utils"),
    *("transformers.generation.configuration_utils", "transformers.convert_slow_tokenizer", "peft.utils"),
    *("peft.utils.constants", "huggingface_hub.constants", "accelerate.utils.constants", "datasets.config"),
)


def names_in(value):
    if isinstance(value, str):
        return [value] if NAME.fullmatch(value) else []
    if isinstance(value, dict):
        return [name for each in value.values() for name in names_in(each)]
    return [name for each in value for name in names_in(each)] if isinstance(value, (list, tuple, set)) else []


found = set()
for module in MODULES:
    try:
        constants = vars(importlib.import_module(module))
    except ImportError:
        continue
    for key, value in constants.items():
        if key.isupper():
            found.update(names_in(value))
print(json.dumps(sorted(found)))
