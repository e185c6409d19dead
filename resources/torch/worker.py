"""Runs a checkpoint, or a pruned copy of it in memory, with transformers' own classes, for the engine that started it.

Frames on standard input and output: the length of a JSON object (4 bytes, little endian), the object, then the bytes of
the tensors that its "tensors" list as {"name", "dtype", "shape"}, row-major, one after another. A request has an "id"
and an "op"; its answer has the same "id", and either "error" {"code", "message"} or results. Anything that a library
prints goes to standard error. The process ends when its standard input does, also in the middle of a computation.
"""

import contextlib
import copy
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
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS  # noqa: E402
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
        # The engine counts these copies (copiedBytes of torch-model.ts): several pieces, or one that is not aligned.
        whole = torch.cat(parts) if len(parts) > 1 else parts[0]
        if len(parts) == 1 and pieces[0][1] % STORED[dtype].itemsize != 0:
            whole = whole.clone()
        return whole.view(STORED[dtype]).reshape(shape)


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
    def __init__(self, device):
        self.device = torch.device(device)
        # Models by the engine's keys; the engine says which ones to give up for the next.
        self.models = {}
        self.model = None
        self.cache = None
        # Tokens that many sequences begin with, and their keys and values in the present model.
        self.prefix = None
        torch.set_grad_enabled(False)

    def hello(self, _header, _tensors):
        is_card = self.device.type == "cuda"
        name = torch.cuda.get_device_name(self.device) if is_card else None
        return {
            "device": str(self.device),
            "card": name,
            "freeBytes": torch.cuda.mem_get_info(self.device)[0] if is_card else None,
            "bfloat16": has_bfloat16(is_card),
            "versions": {
                "python": sys.version.split()[0],
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                **({"cuda": torch.version.cuda} if is_card else {}),
            },
        }, []

    def use(self, header, _tensors):
        self.model = self.models[header["key"]]
        self.cache = self.prefix = None
        return {}, []

    def load(self, header, _tensors):
        # The room of the models that are given up is needed first.
        self.model = self.cache = self.prefix = None
        for key in header["drop"]:
            self.models.pop(key, None)
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
        dtype = PRECISIONS[header["precision"]]
        options = {"dtype": dtype, "trust_remote_code": False, "output_loading_info": True, **dequantised(config)}
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
        self.model = self.models[header["key"]] = model.to(self.device).eval()
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

    def profile(self, header, tensors):
        """Routing of N tokens, those of sequences [B, T] without the padding behind them, per MoE layer.

        Router logits [N, R], chosen experts and their combine weights [N, K], and of each chosen expert's output,
        before it is weighted, the norm [N, K] and, where wanted, the largest magnitude [N, K].
        """
        tokens = tensors["tokens"].long().to(self.device)
        lengths = tensors["lengths"].long().to(self.device)
        real = (torch.arange(tokens.shape[1], device=self.device) < lengths[:, None]).flatten()
        with taps_of(self.model) as routed, observed_experts(self.model) as experts:
            # The head is not needed, and its logits may be larger than everything else.
            self.model.base_model(input_ids=tokens, use_cache=False)
        if len(routed) != len(experts):
            raise Refused(
                "torch-router",
                f"{type(self.model).__name__} has {len(routed)} routers and {len(experts)} layers of experts that "
                "transformers lets be observed.",
            )
        results = []
        for layer, (output, seen) in enumerate(zip(routed, experts)):
            results.append((f"router.{layer}", output["router"][real]))
            for name in ["experts", "weights", "norms"] + (["peaks"] if header["peaks"] else []):
                results.append((f"{name}.{layer}", seen[name][real]))
        return {"layers": len(routed)}, results

    def score(self, _header, tensors):
        """Log-probability and greediness of target tokens, whose rows [N, 3] are (sequence, position, token).

        `prefix` [P], where there is one, comes before every trunk. Trunks [B, T] are padded behind; with branches, in
        front, since these go on behind them. Branches [M, S] are padded behind; `parents` [M] are their trunks. Scores
        of the trunks' rows come first, then those of the branches'. Positions count from the beginning of the trunk,
        or of the branch.
        """
        trunks, lengths = tensors["trunks"].long().to(self.device), tensors["lengths"].long().to(self.device)
        rows = tensors["rows"].long().to(self.device)
        behind, begun = None, 0
        if "prefix" in tensors:
            behind, begun = self.after(tensors["prefix"].long().to(self.device), len(trunks))
        if "branches" not in tensors:
            result = self.run(rows, input_ids=trunks, past=behind)
            return {}, scored(result.logits, rows)
        width = trunks.shape[1]
        padding = (width - lengths)[:, None]
        places = torch.arange(width, device=self.device)[None]
        moved = torch.stack([rows[:, 0], rows[:, 1] + padding[rows[:, 0], 0], rows[:, 2]], 1)
        is_padded = bool(padding.any())
        mask = torch.cat([torch.ones(len(trunks), begun, device=self.device), (places >= padding).float()], 1).long()
        shared = self.run(
            moved,
            input_ids=trunks,
            past=behind,
            keep=True,
            **({"attention_mask": mask, "position_ids": (begun + places - padding).clamp(min=0)} if is_padded else {}),
        )
        branches, parents = tensors["branches"].long().to(self.device), tensors["parents"].long().to(self.device)
        cache = shared.past_key_values
        if cache is None:
            raise Refused("torch-cache", f"{type(self.model).__name__} keeps no keys and values of a shared context.")
        cache.batch_select_indices(parents)
        follow = torch.arange(branches.shape[1], device=self.device)[None]
        mask = torch.cat([mask[parents], torch.ones_like(branches)], 1)
        branch_rows = tensors["branch_rows"].long().to(self.device)
        result = self.run(
            branch_rows,
            input_ids=branches,
            past=cache,
            **(
                {"attention_mask": mask, "position_ids": begun + lengths[parents][:, None] + follow}
                if is_padded
                else {}
            ),
        )
        first, second = scored(shared.logits, rows), scored(result.logits, branch_rows)
        return {}, [(name, torch.cat([values, second[at][1]])) for at, (name, values) in enumerate(first)]

    def after(self, tokens, copies):
        """Keys and values of tokens that come before `copies` sequences, computed once for a model, and their number."""
        if self.prefix is None or not torch.equal(self.prefix[0], tokens):
            result = self.model.base_model(input_ids=tokens[None], use_cache=True)
            if result.past_key_values is None:
                raise Refused("torch-cache", f"{type(self.model).__name__} keeps no keys and values of a shared prefix.")
            self.prefix = (tokens, result.past_key_values)
        cache = copy.deepcopy(self.prefix[1])
        cache.batch_repeat_interleave(copies)
        return cache, len(tokens)

    def run(self, rows, past=None, keep=False, **inputs):
        """A pass with logits [1, N, V] of N rows (sequence, position, ...); `past`: what comes before."""
        given = {} if past is None else {cache_name(self.model): past}
        use_cache = keep or past is not None
        return logits_at(self.model, rows[:, 0], rows[:, 1], use_cache=use_cache, **given, **inputs)

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
        given = {cache_name(model): self.cache}
        result = logits_at(model, rows, last, input_ids=tokens.to(self.device), use_cache=True, **given)
        if result.past_key_values is None:
            raise Refused("torch-cache", f"{type(model).__name__} keeps no keys and values, so it cannot decode.")
        self.cache = result.past_key_values
        # Caches of layers with a state cannot leave rows out.
        cuts = all(hasattr(layer, "batch_select_indices") for layer in getattr(self.cache, "layers", []))
        return {"cuts": cuts}, [("next", result.logits[0].float().argmax(-1).int())]

    def end(self, _header, _tensors):
        self.cache = None
        return {}, []


def has_bfloat16(is_card):
    """Whether the device has units for bfloat16, rather than imitating them."""
    if is_card:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def cache_name(model):
    # transformers 5.24 calls it `cache`, as later versions do; earlier ones do not know that name.
    return "cache" if "cache" in inspect.signature(type(model).forward).parameters else "past_key_values"


def scored(logits, rows):
    logits, token = logits[0].float(), rows[:, 2]
    logprobs = torch.log_softmax(logits, -1).gather(1, token[:, None])[:, 0]
    return [("logprobs", logprobs), ("greedy", (logits.argmax(-1) == token).int())]


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


OBSERVED = "uncurl_observed"
# Of the pass that is observed, per layer of experts.
observations = []


def observed(experts, hidden_states, top_k_index, top_k_weights):
    """The experts of a layer, each choice alone, through the family's own forward method."""
    tokens, choices = top_k_index.shape
    alone = type(experts).forward.__wrapped__(
        experts,
        hidden_states.repeat_interleave(choices, 0),
        top_k_index.reshape(-1, 1),
        torch.ones_like(top_k_weights).reshape(-1, 1),
    ).view(tokens, choices, -1)
    # A router may list its choices in any order.
    weights, order = top_k_weights.float().sort(dim=-1, descending=True, stable=True)
    sizes = alone.float()
    observations.append(
        {
            "experts": top_k_index.gather(-1, order).int(),
            "weights": weights,
            "norms": sizes.norm(dim=-1).gather(-1, order),
            "peaks": sizes.abs().amax(-1).gather(-1, order),
        }
    )
    return (alone * top_k_weights[..., None].to(alone.dtype)).sum(1)


ALL_EXPERTS_FUNCTIONS.register(OBSERVED, observed)


@contextlib.contextmanager
def observed_experts(model):
    """What the experts of each MoE layer of the next pass were given and gave."""
    before = model.config._experts_implementation
    observations.clear()
    model.set_experts_implementation(OBSERVED)
    try:
        yield observations
    finally:
        model.set_experts_implementation(before)


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
    device, threads = sys.argv[1:]
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
    worker = None if start_error else Worker(device)
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
    "use": Worker.use,
    "load": Worker.load,
    "forward": Worker.forward,
    "profile": Worker.profile,
    "score": Worker.score,
    "begin": Worker.begin,
    "step": Worker.step,
    "end": Worker.end,
}

if __name__ == "__main__":
    main()
