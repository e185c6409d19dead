"""Runs a checkpoint, or a pruned copy of it in memory, with transformers' own classes, for the engine that started it.

Frames on standard input and output: the length of a JSON object (4 bytes, little endian), the object, then the bytes of
the tensors that its "tensors" list as {"name", "dtype", "shape"}, row-major, one after another. A request has an "id"
and an "op"; its answer has the same "id", and either "error" {"code", "message"} or results. Anything that a library
prints goes to standard error. The process ends when its standard input does, also in the middle of a computation.
"""

import contextlib
import inspect
import json
import math
import mmap
import os
import queue
import signal
import struct
import sys
import threading
import traceback

# Before torch starts threads or prints anything.
ANSWERS = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TQDM_DISABLE="1")

import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText  # noqa: E402
from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: E402

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
WIRE = {"F32": torch.float32, "I32": torch.int32}
STORED = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E8M0": torch.float8_e8m0fnu,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class Refused(Exception):
    """A request that cannot be carried out: a code, and a sentence for the user."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def read_exactly(stream, length):
    data = stream.read(length)
    if len(data) < length:
        # The engine is gone: nothing that this process does is of use to anybody.
        os._exit(0)
    return data


def read_requests(requests):
    """Reads beside the computation, so that the end of the engine ends this process at once."""
    stream = os.fdopen(0, "rb")
    try:
        while True:
            (length,) = struct.unpack("<I", read_exactly(stream, 4))
            header = json.loads(read_exactly(stream, length))
            tensors = {}
            for spec in header["tensors"]:
                data = bytearray(read_exactly(stream, 4 * math.prod(spec["shape"])))
                tensors[spec["name"]] = torch.frombuffer(data, dtype=WIRE[spec["dtype"]]).reshape(spec["shape"])
            requests.put((header, tensors))
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def answer(header, tensors=()):
    names = {torch.float32: "F32", torch.int32: "I32"}
    payload = [(name, tensor.detach().cpu().contiguous()) for name, tensor in tensors]
    header["tensors"] = [
        {"name": name, "dtype": names[tensor.dtype], "shape": list(tensor.shape)} for name, tensor in payload
    ]
    text = json.dumps(header).encode()
    ANSWERS.write(struct.pack("<I", len(text)) + text)
    for _, tensor in payload:
        ANSWERS.write(memoryview(tensor.numpy()).cast("B") if tensor.numel() > 0 else b"")
    ANSWERS.flush()


class Weights:
    """Tensors of a pruned copy, put together from ranges of bytes of mapped files."""

    def __init__(self):
        self.files = {}

    def bytes_at(self, file, offset, length):
        if file not in self.files:
            with open(file, "rb") as opened:
                self.files[file] = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
        return torch.frombuffer(self.files[file], dtype=torch.uint8, offset=offset, count=length)

    def tensor(self, dtype, shape, pieces):
        parts = [self.bytes_at(*piece) for piece in pieces]
        # A copy is aligned, which a range of a file need not be.
        return (torch.cat(parts) if len(parts) > 1 else parts[0].clone()).view(STORED[dtype]).reshape(shape)


def dequantised(config):
    """Options that give quantised weights in the precision of the run."""
    quantisation = getattr(config, "quantization_config", None)
    if quantisation is None:
        return {}
    kind = quantisation["quant_method"] if isinstance(quantisation, dict) else quantisation.quant_method
    if kind == "fp8":
        return {"quantization_config": transformers.FineGrainedFP8Config(dequantize=True)}
    if kind == "mxfp4":
        return {"quantization_config": transformers.Mxfp4Config(dequantize=True)}
    return {}


class Worker:
    def __init__(self, precision, device):
        self.dtype = PRECISIONS[precision]
        self.device = torch.device(device)
        self.model = None
        self.cache = None
        torch.set_grad_enabled(False)

    def hello(self, _header, _tensors):
        is_card = self.device.type == "cuda"
        name = torch.cuda.get_device_name(self.device) if is_card else None
        return {
            "device": str(self.device),
            "card": name,
            "freeBytes": torch.cuda.mem_get_info(self.device)[0] if is_card else None,
            "versions": {
                "python": sys.version.split()[0],
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                **({"cuda": torch.version.cuda} if is_card else {}),
            },
        }, []

    def load(self, header, _tensors):
        # The room of the last model is needed first.
        self.model = None
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        text = json.loads(header["config"])
        kind = text.get("model_type")
        if kind not in CONFIG_MAPPING:
            raise Refused(
                "torch-architecture",
                f"transformers {transformers.__version__} has no class for the model type {json.dumps(kind)}.",
            )
        folder = header.get("folder")
        if folder:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        else:
            config = CONFIG_MAPPING[kind].from_dict(text)
        # Some models of text and images have no class for their text alone.
        kinds = (AutoModelForCausalLM, AutoModelForImageTextToText)
        loader = next((each for each in kinds if type(config) in each._model_mapping.keys()), None)
        if loader is None:
            raise Refused("torch-architecture", f"transformers has no class that writes text for {kind}.")
        options = {"dtype": self.dtype, "trust_remote_code": False, "output_loading_info": True, **dequantised(config)}
        if folder:
            model, loading = loader.from_pretrained(folder, config=config, use_safetensors=True, **options)
        else:
            weights = Weights()
            state = {name: weights.tensor(*rest) for name, *rest in header["weights"]}
            # The class itself: the automatic one looks for a folder first.
            own = loader._model_mapping[type(config)]
            model, loading = own.from_pretrained(None, config=config, state_dict=state, **options)
        missing = sorted(map(str, [*loading["missing_keys"], *loading["mismatched_keys"]]))
        if missing:
            raise Refused("torch-weights", f"transformers finds no weights for {', '.join(missing[:5])}.")
        # PyTorch's grouped products need rows of whole 16 bytes, which only tiny models lack.
        if any(each.dim() == 3 and each.shape[-1] * each.element_size() % 16 for each in model.parameters()):
            model.set_experts_implementation("eager")
        self.model = model.to(self.device).eval()
        return {}, []

    def forward(self, _header, tensors):
        """Logits [T, V] of one sequence, and per MoE layer its router logits [T, R] and chosen experts [T, K]."""
        model = self.model
        tokens = tensors["tokens"].long()[None].to(self.device)
        with taps_of(model) as routed:
            logits = model(input_ids=tokens, use_cache=False).logits[0]
        results = [("logits", logits.float())]
        for layer, output in enumerate(routed):
            results += [(f"{name}.{layer}", value) for name, value in output.items()]
        return {"layers": len(routed)}, results

    def score(self, _header, tensors):
        """Log-probability and greediness of target tokens: `rows` [N, 3] are (sequence, position, token)."""
        model = self.model
        sequence, position, token = tensors["rows"].long().to(self.device).unbind(1)
        tokens = tensors["tokens"].long().to(self.device)
        logits = logits_at(model, sequence, position, input_ids=tokens, use_cache=False).logits[0].float()
        logprobs = torch.log_softmax(logits, -1).gather(1, token[:, None])[:, 0]
        return {}, [("logprobs", logprobs), ("greedy", (logits.argmax(-1) == token).int())]

    def begin(self, _header, tensors):
        """Runs prompts [B, T] of one length, and gives the first token [B] of each."""
        self.cache = None
        return self.extend(tensors["tokens"].long())

    def step(self, _header, tensors):
        """Goes on with rows of the last step (all, or those that `kept` lists) and gives the next token of each."""
        if "kept" in tensors:
            self.cache.batch_select_indices(tensors["kept"].long().to(self.device))
        return self.extend(tensors["tokens"].long())

    def extend(self, tokens):
        model = self.model
        rows = torch.arange(len(tokens), device=self.device)
        last = torch.full_like(rows, tokens.shape[1] - 1)
        # transformers 5.24 calls it `cache`, as later versions do; earlier ones do not know that name.
        name = "cache" if "cache" in inspect.signature(type(model).forward).parameters else "past_key_values"
        result = logits_at(model, rows, last, input_ids=tokens.to(self.device), use_cache=True, **{name: self.cache})
        if result.past_key_values is None:
            raise Refused("torch-cache", f"{type(model).__name__} keeps no keys and values, so it cannot decode.")
        self.cache = result.past_key_values
        # Caches of layers with a state cannot leave rows out.
        cuts = all(hasattr(layer, "batch_select_indices") for layer in getattr(self.cache, "layers", []))
        return {"cuts": cuts}, [("next", result.logits[0].float().argmax(-1).int())]

    def end(self, _header, _tensors):
        self.cache = None
        return {}, []


def logits_at(model, rows, positions, **inputs):
    """The model's result with logits [1, N, V] of N positions only: its head gets no other hidden states."""
    hook = model.get_output_embeddings().register_forward_pre_hook(
        lambda _module, given: (given[0][rows, positions][None],)
    )
    try:
        return model(**inputs)
    finally:
        hook.remove()


@contextlib.contextmanager
def taps_of(model):
    """Per MoE layer of the next pass: router logits [T, R] and, where the router gives them, chosen experts [T, K]."""
    routed = []

    def tap(_module, _inputs, output):
        parts = output if isinstance(output, tuple) else (output,)
        chosen = [part for part in parts if torch.is_tensor(part) and not part.is_floating_point()]
        routed.append(
            {
                "router": parts[index].float().flatten(0, -2),
                **({"experts": chosen[0].to(torch.int32).flatten(0, -2)} if chosen else {}),
            }
        )

    routers, index = routers_of(model)
    hooks = [router.register_forward_hook(tap) for router in routers]
    try:
        yield routed
    finally:
        for hook in hooks:
            hook.remove()


def routers_of(model):
    """The modules that the model's class names as its routers, and the index of the logits in their output."""
    for module in model.modules():
        recorder = (getattr(module, "_can_record_outputs", None) or {}).get("router_logits")
        if recorder is not None:
            kind, index = getattr(recorder, "target_class", recorder), getattr(recorder, "index", 0)
            return [each for each in model.modules() if isinstance(each, kind)], index
    raise Refused("torch-router", f"{type(model).__name__} does not say which of its modules are routers.")


def explained(error):
    if isinstance(error, Refused):
        return {"code": error.code, "message": str(error)}
    if isinstance(error, torch.OutOfMemoryError):
        return {"code": "torch-memory", "message": str(error).splitlines()[0]}
    return {"code": "torch-failed", "message": f"{type(error).__name__}: {error}"[:2000]}


def main():
    precision, device, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    if device.startswith("cuda") and not torch.cuda.is_available():
        start_error = "PyTorch finds no CUDA card here."
    elif device.startswith("cuda:") and int(device[5:]) >= torch.cuda.device_count():
        start_error = f"PyTorch finds {torch.cuda.device_count()} CUDA cards here, so there is no {device}."
    else:
        start_error = None
    # The engine gets the interrupts of the terminal, and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = queue.SimpleQueue()
    threading.Thread(target=read_requests, args=(requests,), daemon=True).start()
    worker = None if start_error else Worker(precision, device)
    while True:
        header, tensors = requests.get()
        try:
            if worker is None:
                raise Refused("no-such-device", start_error)
            results, outputs = OPERATIONS[header["op"]](worker, header, tensors)
            answer({"id": header["id"], **results}, outputs)
        except Exception as error:
            answer({"id": header["id"], "error": explained(error)})


OPERATIONS = {
    "hello": Worker.hello,
    "load": Worker.load,
    "forward": Worker.forward,
    "score": Worker.score,
    "begin": Worker.begin,
    "step": Worker.step,
    "end": Worker.end,
}

if __name__ == "__main__":
    main()
