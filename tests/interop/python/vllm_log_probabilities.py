"""Log-probabilities of all tokens at all positions in vLLM, on the CPU, in float32.

usage: vllm_log_probabilities.py JOBS
JOBS: JSON list of {"name", "folder", "tokens", "attention"}, the last one of vLLM's attention backends, or null for
its own choice. Prints one JSON line per job: {"name", "log_probabilities", "error"}, [sequence][position][token]; NaN
becomes null.
"""

import gc
import json
import math
import os
import sys
import traceback
from pathlib import Path

os.environ.update(
    {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
    }
)
# Keeps vLLM's own output out of the results.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from vllm import LLM, SamplingParams  # noqa: E402
from vllm.model_executor.models import registry  # noqa: E402

# vLLM looks at the class of a model in a process of its own, so that CUDA stays uninitialised there. On the CPU that
# process only imports everything again, for each class.
registry._run_in_subprocess = lambda look: look()


def number(value):
    return value if math.isfinite(value) else None


def run(job):
    vocabulary = json.loads((Path(job["folder"]) / "config.json").read_text())["vocab_size"]
    model = LLM(
        model=job["folder"],
        skip_tokenizer_init=True,
        dtype="float32",
        enforce_eager=True,
        max_model_len=64,
        max_num_seqs=2,
        max_logprobs=vocabulary,
        enable_prefix_caching=False,
        attention_backend=job["attention"],
    )
    wanted = SamplingParams(max_tokens=1, prompt_logprobs=-1, logprobs=-1, temperature=0, detokenize=False)
    written = model.generate([{"prompt_token_ids": tokens} for tokens in job["tokens"]], wanted, use_tqdm=False)
    return [
        [
            [number(position[token].logprob) for token in range(vocabulary)]
            for position in [*sequence.prompt_logprobs[1:], sequence.outputs[0].logprobs[0]]
        ]
        for sequence in written
    ]


def main():
    for job in json.loads(Path(sys.argv[1]).read_text()):
        answer = {"name": job["name"], "log_probabilities": [], "error": None}
        try:
            answer["log_probabilities"] = run(job)
        except Exception:  # A model that does not load must not hide the results of the others.
            answer["error"] = traceback.format_exc(limit=-3)
        print(json.dumps(answer), file=answers, flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
