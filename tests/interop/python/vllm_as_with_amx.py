"""vllm_log_probabilities.py in a vLLM that takes this processor for one with AMX.

usage: vllm_as_with_amx.py JOBS
A process of its own: vLLM keeps the attention backend that it chose first. vLLM 0.32's kernels for AMX take bfloat16 or
int8 alone, so a float32 model must run without them, and then runs on a processor that has no AMX too.
"""

import torch

# What vLLM asks wherever it chooses a kernel for AMX.
torch.cpu._is_amx_tile_supported = lambda: True

import vllm_log_probabilities  # noqa: E402

vllm_log_probabilities.main()
