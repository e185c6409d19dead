"""Forward passes of transformers, as many as each line of standard input says; answers the seconds they took together.

usage: forward.py MODEL THREADS SEQUENCES LENGTH
The model runs in float32 with its fastest experts implementation on a CPU ("eager") and its default attention.
"""

import sys
import time

import torch
from transformers import AutoModelForCausalLM

model_folder, threads, sequences, length = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)
model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32, experts_implementation="eager").eval()
tokens = torch.tensor(
    [[(row * 31 + column * 7) % model.config.vocab_size for column in range(length)] for row in range(sequences)]
)
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    with torch.inference_mode():
        for _ in range(int(line)):
            model(input_ids=tokens, use_cache=False)
    print(time.perf_counter() - start, flush=True)
