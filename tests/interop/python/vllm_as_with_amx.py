"""vllm_log_probabilities.py in a vLLM that assumes a processor with AMX.

usage: vllm_as_with_amx.py JOBS
A separate process, because vLLM keeps the attention backend that it chose first. vLLM 0.32's kernels for AMX support
only bfloat16 and int8, so a float32 model must run without them, and then also runs on a processor without AMX.
"""

import torch

# vLLM's test wherever it chooses a kernel for AMX.
torch.cpu._is_amx_tile_supported = lambda: True

import vllm_log_probabilities  # noqa: E402

vllm_log_probabilities.main()
