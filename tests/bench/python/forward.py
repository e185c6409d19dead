"""Forward passes of transformers in a dtype, as requested by each line of standard input.

usage: forward.py MODEL THREADS SEQUENCES LENGTH
Loads the model in float32 and in bfloat16, each with the faster of transformers' "eager" and "grouped_mm" (timed at the
start) and its default attention. The first line printed is one JSON object:
{"implementations": {dtype: name}, "largest": largest difference of a logit of bfloat16 from float32, divided by the
largest logit, "flipped": share of positions whose most likely token differs}. Then every line "DTYPE PASSES" is
answered with the seconds that the passes took together, and the seconds of processor time.
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM

# "batched_mm" gathers the matrices of every token: 15 GB for 1,024 tokens of the model of 1 GB.
IMPLEMENTATIONS = ("eager", "grouped_mm")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

model_folder, threads, sequences, length = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)


def logits(model):
    with torch.inference_mode():
        return model(input_ids=tokens, use_cache=False).logits


def seconds(model, passes):
    start, used = time.perf_counter(), time.process_time()
    for _ in range(passes):
        logits(model)
    return time.perf_counter() - start, time.process_time() - used


def fastest(dtype):
    """The model with the fastest implementation (timed on a second pass), and its name."""
    best = None
    for name in IMPLEMENTATIONS:
        try:
            model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=dtype, experts_implementation=name).eval()
            seconds(model, 1)
            taken = min(seconds(model, 1) for _ in range(3))
        except (RuntimeError, NotImplementedError, ValueError) as error:
            print(f"{name} in {dtype}: {str(error).splitlines()[0]}", file=sys.stderr)
            continue
        if best is None or taken < best[0]:
            best = (taken, name, model)
    return best[2], best[1]


config = json.load(open(f"{model_folder}/config.json"))
tokens = torch.tensor(
    [[(row * 31 + column * 7) % config["vocab_size"] for column in range(length)] for row in range(sequences)]
)
chosen = {name: fastest(dtype) for name, dtype in DTYPES.items()}
exact, coarse = (logits(chosen[name][0]).float() for name in DTYPES)
print(
    json.dumps(
        {
            "implementations": {name: implementation for name, (_, implementation) in chosen.items()},
            "largest": ((exact - coarse).abs().max() / exact.abs().max()).item(),
            "flipped": (exact.argmax(-1) != coarse.argmax(-1)).float().mean().item(),
        }
    ),
    flush=True,
)
for line in sys.stdin:
    name, passes = line.split()
    print(*seconds(chosen[name][0], int(passes)), flush=True)
