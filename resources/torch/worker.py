"""Runs a checkpoint, or a pruned copy of it in memory, with transformers' own classes, for the engine that started it.

Frames on standard input and output: the length of a JSON object (4 bytes, little endian), the object, then the bytes of
the tensors that its "tensors" list as {"name", "dtype", "shape"}, row-major, one after another. A request has an "id"
and an "op"; its answer has the same "id", and either "error" {"code", "message"} or results. While it works, this
process may ask for a tensor ("asks": its name), which comes as "gives" with the same name. Anything that a library
prints goes to standard error. The process ends when its standard input does, also in the middle of a computation.
"""

import contextlib
import copy
import functools
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
import typing

# Before torch starts threads or prints anything.
ANSWERS = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TQDM_DISABLE="1")
# By default transformers converts many weights before it places the first: almost a second copy of the model.
os.environ["HF_DEACTIVATE_ASYNC_LOAD"] = "1"
# PyTorch asks Linux for large pages: the blocks of a streamed model take memory that is new every time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch  # noqa: E402
import transformers  # noqa: E402
import uncurl_environment  # noqa: E402
import uncurl_streaming  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText  # noqa: E402
from transformers.cache_utils import DynamicLayer  # noqa: E402
from transformers.initialization import no_init_weights  # noqa: E402
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS  # noqa: E402
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS  # noqa: E402
from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: E402
from uncurl_streaming import STORED, Refused, Stream, Turn  # noqa: E402

try:
    import accelerate
except ModuleNotFoundError:
    # Only a model on several cards needs it.
    accelerate = None

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
WIRE = {"F32": torch.float32, "I32": torch.int32}


# Version of the arithmetic of this file and of main/torch, in keys of stored steps and in manifests. Raise it with each
# change after which a result may differ in its last bit (another experts function, other batches or kernels, sums in
# another order): steps of older workers are then computed again and not mixed with new ones. Version 1 had no name.
ARITHMETIC = 3
# Relative difference of logits that rounding explains.
MOST_CACHE_DIFFERENCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
# Key of the checkpoint's own model.
UNPRUNED = "unpruned"


# One frame after another, also where a thread asks for a tensor while another one answers.
WRITING, ASKING = threading.Lock(), threading.Lock()
# What was asked for.
GIVEN = queue.SimpleQueue()


def read_exactly(stream, length):
    data = bytearray(length)
    rest = memoryview(data)
    while len(rest) > 0:
        count = stream.readinto(rest)
        if count == 0:
            # The engine is gone: nothing that this process does is of use to anybody.
            os._exit(0)
        rest = rest[count:]
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
                data = read_exactly(stream, 4 * math.prod(spec["shape"]))
                tensors[spec["name"]] = torch.frombuffer(data, dtype=WIRE[spec["dtype"]]).reshape(spec["shape"])
            (GIVEN if "gives" in header else requests).put((header, tensors))
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
    with WRITING:
        ANSWERS.write(struct.pack("<I", len(text)) + text)
        for _, tensor in payload:
            ANSWERS.write(memoryview(tensor.numpy()).cast("B") if tensor.numel() > 0 else b"")
        ANSWERS.flush()


def asked(name):
    """A tensor from the engine: float32, or whole numbers."""
    with ASKING:
        answer({"asks": name})
        header, tensors = GIVEN.get()
    if "error" in header:
        raise Refused("torch-weights", header["error"])
    values = tensors["values"]
    return values if values.is_floating_point() else values.long()


class Weights:
    """Tensors that a plan puts over those of the checkpoint, from ranges of bytes of mapped files."""

    def __init__(self):
        self.files = {}

    def bytes_at(self, file, offset, length):
        if file not in self.files:
            with open(file, "rb") as opened:
                self.files[file] = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
        return torch.frombuffer(self.files[file], dtype=torch.uint8, offset=offset, count=length)

    def tensor(self, dtype, shape, file, offset, length, factor=None):
        whole = self.bytes_at(file, offset, length)
        # Only an aligned range can be viewed as wider numbers.
        whole = whole.clone() if offset % STORED[dtype].itemsize else whole
        values = whole.view(STORED[dtype]).reshape(shape)
        # Products in float64, rounded to float32 and then to the dtype, as the engine's own exports have them.
        return values if factor is None else (values.double() * factor).float().to(values.dtype)


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
        # "auto": layers of a model lie on all cards, and what goes between them is moved.
        self.name = device
        # Where tokens begin.
        self.device = torch.device("cuda:0" if device == "auto" else device)
        # Models by the engine's keys; the engine says which ones to give up for the next.
        self.models = {}
        self.model = None
        # The blocks of models that are not in memory as a whole, by the engine's keys.
        self.streams, self.feed = {}, None
        self.cache = None
        # Tokens [B] of each row that is being written, which are the last ones of the cache.
        self.begun = None
        # Tokens that many sequences begin with, and their keys and values in the present model.
        self.prefix = None
        # Hidden states of the unpruned model that others are compared with, by batch and part of it.
        self.states = {}
        # Whether the model continues from its cache as in one pass; None: not tried yet.
        self.is_cache_sound = None
        self.has_plain_cache = False
        torch.set_grad_enabled(False)

    def hello(self, _header, _tensors):
        is_card = self.device.type == "cuda"
        cards = range(torch.cuda.device_count()) if self.name == "auto" else [self.device] if is_card else []
        return {
            "device": self.name,
            "card": " and ".join(dict.fromkeys(map(torch.cuda.get_device_name, cards))) if is_card else None,
            "freeBytes": sum(torch.cuda.mem_get_info(card)[0] for card in cards) if is_card else None,
            "cards": found_cards(),
            "bfloat16": has_bfloat16(is_card),
            "modelTypes": sorted(CONFIG_MAPPING.keys()),
            "packages": (packages := uncurl_environment.packages()),
            "versions": {
                "worker": str(ARITHMETIC),
                "python": sys.version.split()[0],
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                **({"cuda": torch.version.cuda} if is_card else {}),
                **({"accelerate": accelerate.__version__} if self.name == "auto" else {}),
                "environment": uncurl_environment.fingerprint(packages),
            },
        }, []

    def use(self, header, _tensors):
        self.model = self.models[header["key"]]
        self.cache = self.prefix = None
        return {}, []

    def forget(self, _header, _tensors):
        """Gives up all models."""
        self.model = self.cache = self.prefix = None
        self.models.clear()
        self.streams.clear()
        if self.feed is not None:
            uncurl_streaming.give_back(at_once=False)
        self.feed, self.states = None, {}
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return {}, []

    def load(self, header, _tensors):
        """Loads the checkpoint's own model, and says which packages there are once all of their code is imported.

        `streams`: its blocks stay empty, and are read again for every group of passes. `quantisation`: the scheme of
        matrices that are read here instead of by transformers. `asked`: names of tensors that the engine gives.
        """
        self.model = self.cache = self.prefix = self.is_cache_sound = None
        folder = header["folder"]
        if header["asked"]:
            members, _ = transformers.PreTrainedConfig.get_config_dict(folder)
            # The token of padding may be none of a small vocabulary.
            config = config_of({"pad_token_id": None, **members})
        else:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        stated_theta(config)
        whole_heads(config)
        # Some models of text and images have no class for their text alone.
        kinds = (AutoModelForCausalLM, AutoModelForImageTextToText)
        loader = next((each for each in kinds if type(config) in each._model_mapping.keys()), None)
        if loader is None:
            raise Refused("torch-architecture", f"transformers has no class that writes text for {config.model_type}.")
        dtype = PRECISIONS[header["precision"]]
        scheme, streams = header["quantisation"], header["streams"]
        options = {"dtype": dtype, "trust_remote_code": False, "output_loading_info": True}
        if scheme is None:
            options |= dequantised(config)
        else:
            for each in {id(each): each for each in (config, config.get_text_config())}.values():
                each.__dict__.pop("quantization_config", None)
        if self.name == "auto":
            options["device_map"] = "auto"
        if streams:
            uncurl_streaming.give_back(at_once=True)
        own = contextlib.nullcontext({})
        given = {name: uncurl_streaming.Computed(functools.partial(asked, name)) for name in header["asked"]}
        if streams or given or scheme is not None:
            own = uncurl_streaming.reading(scheme, given, block_list if streams else None, self.device)
        with own as found:
            model, loading = loader.from_pretrained(folder, config=config, use_safetensors=True, **options)
        missing = sorted(map(str, [*loading["missing_keys"], *loading["mismatched_keys"]]))
        if config.model_type == "minimax" and not streams:
            # transformers computes these from the config where a folder lacks them.
            missing = [name for name in missing if not name.endswith(LIGHTNING_BUFFERS)]
        if missing:
            raise Refused("torch-weights", f"transformers finds no weights for {', '.join(missing[:5])}.")
        if self.device.type == "cpu":
            model.set_experts_implementation(EXPERT_BY_EXPERT)
        # PyTorch's grouped products need rows of whole 16 bytes, which only tiny models lack.
        elif any(each.dim() == 3 and each.shape[-1] * each.element_size() % 16 for each in model.parameters()):
            model.set_experts_implementation("eager")
        if streams:
            uncurl_streaming.moved(model, self.device)
            self.feed = uncurl_streaming.Feed(self.device)
            self.streams[UNPRUNED] = Stream(model, found["name"], self.feed, found["fill"])
        elif self.name != "auto":
            model = model.to(self.device)
        elif elsewhere := sorted({str(place) for place in model.hf_device_map.values()} & {"cpu", "disk"}):
            raise Refused(
                "too-large", f"The cards do not hold the model: parts would lie on {' and '.join(elsewhere)}."
            )
        self.model = self.models[UNPRUNED] = model.eval()
        return {"packages": uncurl_environment.packages()}, []

    def prune(self, header, _tensors):
        """Makes a pruned model in memory: an empty one of the same class, which shares or cuts the unpruned weights."""
        # The room of the models that are given up is needed first.
        self.model = self.cache = self.prefix = None
        for key in header["drop"]:
            self.models.pop(key, None)
            self.streams.pop(key, None)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        configs = [json.loads(text, object_hook=special_float) for text in header["configs"]]
        source = self.streams.get(UNPRUNED)
        model, fill = pruned(self.models[UNPRUNED], configs, header["layers"], source and source.name)
        if source is not None:
            self.streams[header["key"]] = Stream(model, source.name, self.feed, fill, source)
        if self.name == "auto":
            model = accelerate.dispatch_model(model, self.models[UNPRUNED].hf_device_map)
        self.model = self.models[header["key"]] = model.eval()
        return {}, []

    def passes(self, works):
        """(result, error) of works, in order; of a streamed model side by side."""
        if self.feed is not None:
            return uncurl_streaming.together(works)
        return [outcome_of(work) for work in works]

    def read_prefix(self, _header, tensors):
        self.after(tensors["prefix"].long().to(self.device), 1)

    def held(self, _header, _tensors):
        """How many blocks were filled since the model was loaded, and the most bytes of them at once."""
        return {"filled": self.feed.filled, "mostBytes": self.feed.most_held}, []

    def logits(self, _header, tensors):
        """Logits [T, V] of one sequence, for any model that has a class."""
        tokens = tensors["tokens"].long()[None].to(self.device)
        at = torch.arange(tokens.shape[1], device=self.device)
        logits, _ = logits_at(self.model, torch.zeros_like(at), at, input_ids=tokens, use_cache=False)
        return {}, [("logits", logits)]

    def forward(self, header, tensors):
        """Logits [T, V] of one sequence, and per MoE layer its router logits [T, R] and chosen experts [T, K].

        `last`: those of the last token only (T is 1).
        """
        tokens = tensors["tokens"].long()[None].to(self.device)
        at = torch.tensor([tokens.shape[1] - 1] if header["last"] else range(tokens.shape[1]), device=self.device)
        with taps_of(self.model) as routed:
            logits, _ = logits_at(self.model, torch.zeros_like(at), at, input_ids=tokens, use_cache=False)
        results = [("logits", logits)]
        for layer, output in enumerate(routed):
            results += [(f"{name}.{layer}", value[at.to(value.device)]) for name, value in output.items()]
        return {"layers": len(routed)}, results

    def profile(self, header, tensors):
        """Routing of N tokens, those of sequences [B, T] without the padding behind them, per MoE layer.

        `prefix` [P], where there is one, comes before every sequence, and is not among the tokens.
        Router logits [N, R], chosen experts and their combine weights [N, K], and of each chosen expert's output,
        before it is weighted, the norm [N, K] and, with `peaks`, the largest magnitude [N, K]. With `outputs`, sums
        over the tokens: "routed": of the outputs of chosen experts [E, H]; "every": also of all outputs [E, H] and of
        the cosines of every pair of them [E, E]. With `traced` [n], for these of the tokens: the outputs of all experts
        [E, n, H], the weighted sum of the chosen ones [n, H] and router logits [n, E]. With `counted` [N], every token
        counts so much in these sums. With `residual`: [N] 1 minus the cosine of the hidden state before and after that
        weighted sum times `residual` is added.
        """
        tokens = tensors["tokens"].long().to(self.device)
        lengths = tensors["lengths"].long().to(self.device)
        real = (torch.arange(tokens.shape[1], device=self.device) < lengths[:, None]).flatten()
        traced = real.nonzero()[:, 0][tensors["traced"].long().to(self.device)] if "traced" in tensors else None
        counted = tensors["counted"].to(self.device).double() if "counted" in tensors else None
        wanted = {"real": real, "outputs": header["outputs"], "traced": traced, "counted": counted}
        wanted["residual"] = header["residual"]
        given = {"use_cache": False}
        if "prefix" in tensors:
            behind, _ = self.after(tensors["prefix"].long().to(self.device), len(tokens))
            given = {"use_cache": True, cache_name(self.model.base_model): behind}
        with taps_of(self.model) as routed, observed_experts(self.model, **wanted) as experts:
            # The head is not needed, and its logits may be larger than everything else.
            self.model.base_model(input_ids=tokens, **given)
        if len(routed) != len(experts):
            raise Refused(
                "torch-router",
                f"{type(self.model).__name__} has {len(routed)} routers and {len(experts)} layers of experts that "
                "transformers lets be observed.",
            )
        results = []
        for layer, (output, seen) in enumerate(zip(routed, experts)):
            router = output["router"]
            results.append((f"router.{layer}", router[real.to(router.device)]))
            if traced is not None:
                results.append((f"traced_logits.{layer}", router[traced.to(router.device)]))
            left_out = () if header["peaks"] else ("peaks",)
            results += [(f"{name}.{layer}", value) for name, value in seen.items() if name not in left_out]
        return {"layers": len(routed)}, results

    def score(self, header, tensors):
        """Log-probability and greediness of target tokens, whose rows [N, 3] are (sequence, position, token).

        `tokens` [B, S]: contexts and their continuations in one pass (`trees_in_rows`). Otherwise in two:
        `prefix` [P], where there is one, comes before every trunk. Trunks [B, T] are padded behind; with branches, in
        front, since these go on behind them. Branches [M, S] are padded behind; `parents` [M] are their trunks. Scores
        of the trunks' rows come first, then those of the branches'. Positions count from the beginning of the trunk,
        or of the branch. `states` "keep": keeps the hidden states that the scores are from, under the number `batch`
        (`first`: instead of all that are kept); "compare": also gives, of each score's distribution q and the one p of
        the kept states, KL(p, q), KL(q, p), whether the likeliest token changed, and the sum of min(p, q) [N, 4].
        """
        if header.get("states") == "keep" and header["first"]:
            self.states = {}
        if "tokens" in tensors:
            return self.trees_in_rows(header, {name: each.long().to(self.device) for name, each in tensors.items()})
        trunks, lengths = tensors["trunks"].long().to(self.device), tensors["lengths"].long().to(self.device)
        rows = tensors["rows"].long().to(self.device)
        behind, begun = None, 0
        if "prefix" in tensors:
            behind, begun = self.after(tensors["prefix"].long().to(self.device), len(trunks))
        width = trunks.shape[1]
        places = torch.arange(width, device=self.device)[None]
        if "branches" not in tensors:
            with unpadded(places < lengths[:, None]):
                _, scores = self.run(rows, header, "trunks", input_ids=trunks, past=behind)
            return {}, list(scores.items())
        padding = (width - lengths)[:, None]
        moved = torch.stack([rows[:, 0], rows[:, 1] + padding[rows[:, 0], 0], rows[:, 2]], 1)
        is_padded = bool(padding.any())
        mask = torch.cat([torch.ones(len(trunks), begun, device=self.device), (places >= padding).float()], 1).long()
        with unpadded(places >= padding):
            cache, first = self.run(
                moved,
                header,
                "trunks",
                input_ids=trunks,
                past=behind,
                keep=True,
                **(
                    {"attention_mask": mask, "position_ids": (begun + places - padding).clamp(min=0)}
                    if is_padded
                    else {}
                ),
            )
        branches, parents = tensors["branches"].long().to(self.device), tensors["parents"].long().to(self.device)
        if cache is None:
            raise Refused("torch-cache", f"{type(self.model).__name__} keeps no keys and values of a shared context.")
        # Indices on the processor reach keys on any card.
        cache.batch_select_indices(parents.cpu())
        follow = torch.arange(branches.shape[1], device=self.device)[None]
        mask = torch.cat([mask[parents], torch.ones_like(branches)], 1)
        branch_rows = tensors["branch_rows"].long().to(self.device)
        # The last token of a branch always has a target.
        last = torch.zeros_like(parents).scatter_reduce(0, branch_rows[:, 0], branch_rows[:, 1], "amax")
        with unpadded(follow <= last[:, None]):
            _, second = self.run(
                branch_rows,
                header,
                "branches",
                input_ids=branches,
                past=cache,
                **(
                    {"attention_mask": mask, "position_ids": begun + lengths[parents][:, None] + follow}
                    if is_padded
                    else {}
                ),
            )
        return {}, [(name, torch.cat([values, second[name]])) for name, values in first.items()]

    def trees_in_rows(self, header, tensors):
        """Scores of one pass over rows [B, S], each of one or several contexts that are followed by continuations.

        `places`, `trees` and `branches` [B, S] give each token's place after the `prefix`, its tree (0: padding) and
        its branch (0: the context). A token sees the prefix, and the tokens up to itself in its tree's context and in
        its own branch.
        """
        places, trees, branches = tensors["places"], tensors["trees"], tensors["branches"]
        behind, begun = None, 0
        if "prefix" in tensors:
            behind, begun = self.after(tensors["prefix"], len(places))
        sees = trees[:, :, None] == trees[:, None]
        sees &= (branches[:, None] == 0) | (branches[:, :, None] == branches[:, None])
        sees &= places[:, :, None] >= places[:, None]
        sees = torch.nn.functional.pad(sees, (begun, 0), value=True)[:, None]
        dtype = self.model.dtype
        mask = torch.zeros(sees.shape, dtype=dtype, device=self.device).masked_fill_(~sees, torch.finfo(dtype).min)
        with unpadded(trees > 0):
            _, scores = self.run(
                tensors["rows"],
                header,
                "trunks",
                past=behind,
                input_ids=tensors["tokens"],
                attention_mask=mask,
                position_ids=begun + places,
            )
        return {}, list(scores.items())

    def after(self, tokens, copies):
        """Keys and values of tokens before `copies` sequences, computed once for a model, and their number."""
        if self.prefix is None or not torch.equal(self.prefix[0], tokens):
            result = self.model.base_model(input_ids=tokens[None], use_cache=True)
            if result.past_key_values is None:
                name = type(self.model).__name__
                raise Refused("torch-cache", f"{name} keeps no keys and values of a shared prefix.")
            self.prefix = (tokens, result.past_key_values)
        cache = copy.deepcopy(self.prefix[1])
        cache.batch_repeat_interleave(copies)
        return cache, len(tokens)

    def run(self, rows, header, part, past=None, keep=False, **inputs):
        """Keys and values after a pass, if they are kept, and the scores of N rows (sequence, position, token).

        `past`: what comes before.
        """
        given = {} if past is None else {cache_name(self.model): past}
        mode, place = header.get("states"), (header.get("batch"), part)
        seen = []
        logits, cache = logits_at(
            self.model,
            rows[:, 0],
            rows[:, 1],
            seen=seen,
            behind=self.states[place] if mode == "compare" else None,
            use_cache=keep or past is not None,
            **given,
            **inputs,
        )
        if mode == "keep":
            self.states[place] = seen[0]
        own, unpruned = logits[: len(rows)], logits[len(rows) :]
        return cache, scored(own, rows[:, 2]) | ({"fidelity": fidelity(unpruned, own)} if mode == "compare" else {})

    def decoding(self, _header, _tensors):
        """Whether prompts of other lengths can join rows that are being written: every layer keeps all keys."""
        self.require_sound_cache()
        return {"joins": self.has_plain_cache}, []

    def begin(self, header, tensors):
        """Runs prompts [B, T], padded in front, and gives the first token [B] of each, and with `logits` those [B, V].

        `joins`: behind the rows that are being written, which stay; else instead of them.
        """
        self.require_sound_cache()
        tokens, lengths = tensors["tokens"].long().to(self.device), tensors["lengths"].long()
        before, begun = (self.cache, self.begun) if header["joins"] else (None, None)
        self.cache, self.begun = None, lengths
        result = self.extend(header, tokens)
        if before is not None:
            self.cache = joined_caches(before, self.cache, int(max(begun.max(), lengths.max())))
            self.begun = torch.cat([begun, lengths])
        return result

    def require_sound_cache(self):
        """Refuses models that give other logits when they continue from their cache than in one pass."""
        model = self.models[UNPRUNED]
        if self.is_cache_sound is None:
            size = model.get_input_embeddings().num_embeddings
            tokens = torch.tensor([[(3 + at) % size for at in range(8)]], device=self.device)
            whole = model(input_ids=tokens, use_cache=False).logits[0, 5:].float()
            cache, ours = None, []
            for part in tokens.split([5, 1, 1, 1], 1):
                result = model(input_ids=part, use_cache=True, **{cache_name(model): cache})
                cache = result.past_key_values
                ours.append(result.logits[0, -1].float())
            difference = (torch.stack(ours[1:]) - whole).abs().max() / whole.abs().max()
            layers = getattr(cache, "layers", None) or [None]
            self.has_plain_cache = all(type(layer) is DynamicLayer for layer in layers)
            self.is_cache_sound = bool(difference < MOST_CACHE_DIFFERENCE[model.dtype])
        if not self.is_cache_sound:
            raise Refused(
                "torch-cache",
                f"{type(model).__name__} of transformers {transformers.__version__} gives other logits when it "
                "continues from its cache than in one pass, so it writes no texts here.",
            )

    def step(self, header, tensors):
        """Goes on with rows of the last step (all, or those that `kept` lists) and gives the next token of each."""
        if "kept" in tensors:
            kept = tensors["kept"].long()
            self.cache.batch_select_indices(kept)
            self.begun = self.begun[kept]
        self.begun = self.begun + 1
        return self.extend(header, tensors["tokens"].long().to(self.device))

    def extend(self, header, tokens):
        """Tokens [B, T] behind the cache; `begun` [B] counts those of each row, all others are padding in front."""
        model = self.model
        rows = torch.arange(len(tokens), device=self.device)
        last = torch.full_like(rows, tokens.shape[1] - 1)
        given = {cache_name(model): self.cache}
        width = tokens.shape[1] + (0 if self.cache is None else self.cache.get_seq_length())
        real = None
        if bool((self.begun < width).any()):
            begun = self.begun.to(self.device)[:, None]
            places = torch.arange(width, device=self.device)[None] - (width - begun)
            own = places[:, -tokens.shape[1] :]
            given |= {"attention_mask": (places >= 0).long(), "position_ids": own.clamp(min=0)}
            real = own >= 0
        with unpadded(real):
            logits, self.cache = logits_at(model, rows, last, input_ids=tokens, use_cache=True, **given)
        if self.cache is None:
            raise Refused("torch-cache", f"{type(model).__name__} keeps no keys and values, so it cannot decode.")
        # Caches of layers with a state cannot leave rows out.
        cuts = all(hasattr(layer, "batch_select_indices") for layer in getattr(self.cache, "layers", []))
        return {"cuts": cuts}, [("next", logits.argmax(-1).int()), *([("logits", logits)] if header["logits"] else [])]

    def end(self, _header, _tensors):
        self.cache = None
        return {}, []


def block_list(model):
    """Name of the list of blocks that have experts."""
    lists = {
        name.partition(f".{block_of(name)}.")[0] for name, each in model.named_modules() if has_experts(name, each)
    }
    if len(lists) != 1:
        raise Refused("torch-plan", f"{type(model).__name__} has no single list of layers with experts.")
    return lists.pop()


def pruned(base, configs, layers, streamed=None):
    """A model under a plan. `configs`: one for each number of experts that a layer's router has rows for.

    Of each MoE layer, in order: the index of its `config`; `rows`, the unpruned experts whose rows of the router
    (and of other tensors by expert) stay; `carriers`, those whose matrices stay; `numbers`, the position among
    `carriers` that each row leads to, or -1 for a constant; and tensors that replace others, which are in files:
    `copies` (position, role, is_transposed, tensor), `router`, `table` and `constants`. `trained`: the experts of each
    token keep the gates that the unpruned router gives them. `streamed`: the name of the list of blocks that are
    empty now; the function that is given too fills a block once that of the base is filled.
    """
    models = [skeleton(base, config) for config in configs]
    model, files = models[0], Weights()
    sources = dict(base.named_modules(remove_duplicate=False))
    blocks = sorted({block_of(name) for name, each in sources.items() if has_experts(name, each)})
    if len(blocks) != len(layers):
        raise Refused("torch-plan", f"{type(base).__name__} has {len(blocks)} layers with experts, not {len(layers)}.")
    ours = dict(zip(blocks, layers))
    if any(layer["config"] > 0 for layer in layers):
        name = block_list(base)
        for block, layer in ours.items():
            model.get_submodule(name)[block] = models[layer["config"]].get_submodule(name)[block]
    own = {name: each for name, each in sources.items() if is_experts(each) and block_of(name) in ours}
    modules = list(model.named_modules(remove_duplicate=False))
    empties = {name: model.get_submodule(name) for name in own}

    def fill(streamed_block=None):
        """The modules of one streamed block; None: all others."""
        changed = {block: [] for block in ours if streamed is None or block == streamed_block}
        for name, module in modules:
            inside = streamed is not None and name.startswith(f"{streamed}.")
            if (block_of(name) if inside else None) != streamed_block:
                continue
            source = sources.get(name)
            if source is None or type(source) is not type(module):
                raise Refused("torch-plan", f"{type(base).__name__} has other parts with fewer experts: {name}.")
            layer = ours.get(block_of(name))
            if any(name == each or name.startswith(f"{each}.") for each in own):
                continue
            for stored in (module._parameters, module._buffers):
                for leaf, empty in stored.items():
                    if empty is None:
                        continue
                    stored[leaf] = given = cut(getattr(source, leaf), empty, layer, f"{name}.{leaf}")
                    if block_of(name) in changed:
                        changed[block_of(name)].append((stored, leaf, given is getattr(source, leaf)))
            for leaf, value in vars(module).items():
                if torch.is_tensor(value) and value.is_meta:
                    setattr(module, leaf, getattr(source, leaf))
        for name, source in own.items():
            if block_of(name) in changed:
                place, _, leaf = name.rpartition(".")
                experts = experts_of(source, empties[name], ours[block_of(name)], files)
                setattr(model.get_submodule(place), leaf, experts)
        for block, places in changed.items():
            finish(type(base).__name__, ours[block], places, any(block_of(name) == block for name in own), files)

    fill()
    if any(layer["trained"] for layer in layers):
        routers, index = routers_of(base)
        for layer, router, whole in zip(layers, routers_of(model)[0], routers, strict=True):
            keep_gates(router, whole, index, layer)
    model.set_experts_implementation(base.config._experts_implementation)
    return model, fill


def finish(kind, layer, places, has_own_experts, files):
    """Puts in the tensors of a layer that a plan replaces. `places`: (dict, name, whether it is the base's)."""
    if len(layer["rows"]) < layer["experts"] and all(is_same for *_, is_same in places):
        raise Refused("torch-plan", f"{kind} has as many experts as before under the pruned config.")
    if layer["constants"] and not has_own_experts:
        raise Refused("torch-plan", f"{kind} does not let its experts be replaced by constants.")
    if layer["copies"] and not has_own_experts:
        raise Refused("torch-plan", f"{kind} does not say how it stores the weights of its experts.")
    if layer["router"]:
        rows = files.tensor(*layer["router"])
        rows = rows if len(rows) == len(layer["rows"]) else rows[layer["rows"]]
        replace(rows, [each for each in places if not each[2]], None, "router")
    if layer["table"]:
        name, *table = layer["table"]
        replace(files.tensor(*table), places, name, "table")


def keep_gates(router, whole, index, layer):
    """Multiplies the weights of a router without some rows by the probability that the whole one gives to these."""
    dropped = [expert for expert in range(layer["experts"]) if expert not in layer["rows"]]
    if not layer["trained"] or not dropped:
        return

    def hook(module, inputs, output):
        parts = output if isinstance(output, tuple) else (output,)
        chosen = [part for part in parts if torch.is_tensor(part) and not part.is_floating_point()]
        given = [
            at
            for at, part in enumerate(parts)
            if torch.is_tensor(part) and part.is_floating_point() and chosen and part.shape == chosen[0].shape
        ]
        if len(given) != 1:
            raise Refused("torch-plan", f"{type(module).__name__} does not give the weights of its chosen experts.")
        if type(whole).__name__ in LOGITS_WITHIN:
            raise Refused("torch-plan", f"{type(whole).__name__} gives no logits for trained gates.")
        logits = whole(*inputs)[index]
        kept = 1 - torch.softmax(logits.float(), -1)[..., dropped].sum(-1, keepdim=True)
        weights = parts[given[0]]
        scaled = (weights.float() * kept.reshape(*weights.shape[:-1], 1)).to(weights.dtype)
        return (*parts[: given[0]], scaled, *parts[given[0] + 1 :])

    router.register_forward_hook(hook)


# Decays of lightning attention, which follow from the config.
LIGHTNING_BUFFERS = tuple(f".self_attn.{name}" for name in ("slope_rate", "query_decay", "key_decay", "diagonal_decay"))


def whole_heads(config):
    """Refuses MiniMax with heads that turn in part: transformers 5.24 turns all of each."""
    if config.model_type != "minimax":
        return
    part = getattr(config, "rotary_dim", None)
    if part not in (None, getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads):
        raise Refused("torch-architecture", f"transformers leaves rotary_dim of {config.model_type} unread ({part}).")


def stated_theta(config):
    """Turns DBRX by the theta of `attn_config`, which transformers 5.24 leaves unread where the config has no other."""
    theta = getattr(getattr(config, "attn_config", None), "rope_theta", None)
    if config.model_type == "dbrx" and theta is not None and config.rope_parameters["rope_type"] == "default":
        config.rope_parameters["rope_theta"] = float(theta)


def skeleton(base, config):
    """A model of the same class for another config, without weights."""
    config = config_of(config)
    stated_theta(config)
    # A model of text alone may be made from a config of text and images.
    config = config if type(config) is type(base.config) else config.get_text_config()
    with torch.device("meta"), no_init_weights():
        return type(base)._from_config(config, dtype=base.dtype, attn_implementation=base.config._attn_implementation)


def config_of(members):
    """A config from the members of its JSON; whole numbers become floats where its class declares floats alone.

    Numbers from a GGUF file are written without a point.
    """
    kind = CONFIG_MAPPING[members["model_type"]]
    return kind.from_dict(declared(kind, members))


def declared(kind, members):
    hints = {}
    for each in reversed(kind.__mro__):
        hints |= inspect.get_annotations(each)

    def value_of(name, value):
        kinds = typing.get_args(hints.get(name)) or (hints.get(name),)
        if isinstance(value, dict) and name in kind.sub_configs:
            inner = kind.sub_configs[name]
            # AutoConfig stands for the class of the type that the object states; without one its class decides.
            if inner is AutoConfig and value.get("model_type") not in CONFIG_MAPPING:
                return value
            return declared(CONFIG_MAPPING[value["model_type"]] if inner is AutoConfig else inner, value)
        return float(value) if type(value) is int and float in kinds and int not in kinds else value

    return {name: value_of(name, value) for name, value in members.items()}


def special_float(value):
    """Infinities as transformers writes them into JSON."""
    return float(value["__float__"]) if set(value) == {"__float__"} else value


def block_of(name):
    """Number of the layer that a part of a model belongs to; None: to no layer."""
    numbers = [int(part) for part in name.split(".") if part.isdigit()]
    return numbers[0] if numbers else None


def is_experts(module):
    """Whether transformers lets the experts of a module be computed by another function (its ExpertsInterface)."""
    return hasattr(type(module).forward, "__wrapped__") and hasattr(module, "is_transposed")


def has_experts(name, module):
    return is_experts(module) or name.rpartition(".")[2] == "experts"


def cut(tensor, empty, layer, name):
    """A tensor, or the rows of it that a plan keeps: those of experts come first along the axis that differs."""
    if tensor.shape == empty.shape:
        return tensor
    kept = layer["rows"] if layer is not None else []
    differs = [axis for axis, (one, other) in enumerate(zip(tensor.shape, empty.shape)) if one != other]
    axis = differs[0] if len(differs) == 1 and tensor.dim() == empty.dim() else 0
    left, gone = layer["experts"] - len(kept) if layer is not None else 0, tensor.shape[axis] - empty.shape[axis]
    if len(differs) != 1 or left <= 0 or gone % left:
        raise Refused("torch-plan", f"{name} is {list(tensor.shape)}, and {list(empty.shape)} with fewer experts.")
    each = gone // left
    rows = [each * expert + row for expert in kept for row in range(each)]
    rows += range(each * layer["experts"], tensor.shape[axis])
    return kept_rows(tensor, axis, rows)


def kept_rows(tensor, axis, rows):
    new = tensor.index_select(axis, torch.tensor(rows, device=tensor.device))
    return torch.nn.Parameter(new, requires_grad=False) if isinstance(tensor, torch.nn.Parameter) else new


def replace(tensor, places, name, what):
    """Puts a tensor in the place of the one with its shape (and name)."""
    fitting = [
        (stored, leaf)
        for stored, leaf, _ in places
        if stored[leaf].shape == tensor.shape and (name is None or leaf == name)
    ]
    if len(fitting) != 1:
        raise Refused("torch-plan", f"A layer has {len(fitting)} tensors that could be its {what}.")
    ((stored, leaf),) = fitting
    old = stored[leaf]
    new = tensor.to(old.device, old.dtype)
    stored[leaf] = torch.nn.Parameter(new, requires_grad=False) if isinstance(old, torch.nn.Parameter) else new


def experts_of(source, empty, layer, files):
    """The experts of a layer: those of the unpruned model under other numbers, or a copy with other matrices."""
    carriers, numbers = layer["carriers"], layer["numbers"]
    if layer["copies"]:
        module = empty
        for stored in (module._parameters, module._buffers):
            for leaf, value in stored.items():
                own = getattr(source, leaf)
                by_expert = own is not None and own.dim() > 0 and len(own) == layer["experts"]
                stored[leaf] = kept_rows(own, 0, carriers) if by_expert else own
        module.num_experts = len(carriers)
        for position, role, is_transposed, tensor in layer["copies"]:
            matrix = files.tensor(*tensor)
            matrix_of(module, role, position).copy_(matrix.t() if is_transposed else matrix)
    else:
        # Nothing is copied: the unpruned experts answer to other numbers.
        module = copy.copy(source)
        numbers = [-1 if number < 0 else carriers[number] for number in numbers]
    if numbers == list(range(module.num_experts)):
        return module
    device = next(module.parameters()).device
    table = torch.tensor(numbers, device=device)
    constants = None
    if layer["constants"]:
        constants = files.tensor(*layer["constants"]).to(device, next(module.parameters()).dtype)
        constants = constants * (table < 0)[:, None]

    def forward(hidden_states, top_k_index, top_k_weights):
        chosen = table[top_k_index]
        if constants is None:
            return type(module).forward(module, hidden_states, chosen, top_k_weights)
        has_matrices = chosen >= 0
        routed = type(module).forward(
            module, hidden_states, torch.where(has_matrices, chosen, carriers[0]), top_k_weights * has_matrices
        )
        return routed + (constants[top_k_index] * top_k_weights[..., None].to(constants.dtype)).sum(-2)

    module.forward = forward
    return module


def matrix_of(experts, role, position):
    """The view [out, in] of the gate, up or down matrix of an expert in the form that transformers' interface names."""
    if role == "down" or not experts.has_gate:
        whole = getattr(experts, f"{role}_proj")[position]
        return whole.t() if experts.is_transposed else whole
    both = experts.gate_up_proj[position]
    both = both.t() if experts.is_transposed else both
    part = 0 if role == "gate" else 1
    return both.chunk(2)[part] if experts.is_concatenated else both[part::2]


def found_cards():
    cards = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    found = [(torch.cuda.get_device_name(card), *torch.cuda.mem_get_info(card)) for card in cards]
    return [{"name": name, "totalBytes": total, "freeBytes": free} for name, free, total in found]


def has_bfloat16(is_card):
    """Whether the device has units for bfloat16, rather than imitating them."""
    if is_card:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def joined_caches(one, other, width):
    """Keys and values of the rows of both, padded in front, or cut, to the `width` of the longest row."""

    def fitted(values):
        have = values.shape[-2]
        if have >= width:
            return values[..., have - width :, :]
        return torch.nn.functional.pad(values, (0, 0, width - have, 0))

    for first, second in zip(one.layers, other.layers, strict=True):
        first.keys = torch.cat([fitted(first.keys), fitted(second.keys)])
        first.values = torch.cat([fitted(first.values), fitted(second.values)])
    return one


def cache_name(model):
    # transformers 5.24 calls it `cache`, as later versions do; earlier ones do not know that name.
    return "cache" if "cache" in inspect.signature(type(model).forward).parameters else "past_key_values"


def scored(logits, tokens):
    tokens = tokens.to(logits.device)
    logprobs = torch.log_softmax(logits, -1).gather(1, tokens[:, None])[:, 0]
    return {"logprobs": logprobs, "greedy": (logits.argmax(-1) == tokens).int()}


# Numbers of distributions that are compared at once: each takes some 60 bytes of values in between.
MOST_COMPARED = 2**20


def fidelity(p_logits, q_logits):
    """[N, 4] of distributions q to p: KL(p, q), KL(q, p), another likeliest token, sum of min(p, q)."""
    parts = max(1, min(len(p_logits) // 2, -(-p_logits.numel() // MOST_COMPARED)))
    return torch.cat([compared(p, q) for p, q in zip(p_logits.tensor_split(parts), q_logits.tensor_split(parts))])


def compared(p_logits, q_logits):
    p, q = torch.log_softmax(p_logits.double(), -1), torch.log_softmax(q_logits.double(), -1)
    forwards, backwards = p.exp() * (p - q), q.exp() * (q - p)
    changed = p_logits.argmax(-1) != q_logits.argmax(-1)
    overlap = 1 - (p.exp() - q.exp()).abs().sum(-1) / 2
    columns = [forwards.nansum(-1), backwards.nansum(-1), changed.double(), overlap]
    return torch.stack(columns, 1).float()


def logits_at(model, rows, positions, seen=None, behind=None, **inputs):
    """Logits [N, V] of N positions in float32, and keys and values if they are kept.

    The head gets no other hidden states. `seen` gets these [N, H]; `behind` [M, H]: more states for the head, whose
    logits come after.
    """

    turn = Turn.now

    def only_these(_module, given):
        if Turn.now is not turn:
            return None
        device = given[0].device
        own = given[0][rows.to(device), positions.to(device)]
        if seen is not None:
            seen.append(own)
        return ((own if behind is None else torch.cat([own, behind]))[None],)

    hook = model.get_output_embeddings().register_forward_pre_hook(only_these)
    try:
        result = model(**inputs)
    finally:
        hook.remove()
    # Without the model's result, which holds the logits once more in its own precision.
    return result.logits[0].float(), getattr(result, "past_key_values", None)


@contextlib.contextmanager
def taps_of(model):
    """Per MoE layer of the next pass: router logits [T, R] and, where the router gives them, chosen experts [T, K]."""
    routed, inner, turn = [], {}, Turn.now
    routers, index = routers_of(model)

    def tap(router, _inputs, output):
        if Turn.now is not turn:
            return
        parts = output if isinstance(output, tuple) else (output,)
        chosen = [part for part in parts if torch.is_tensor(part) and not part.is_floating_point()]
        logits = inner.pop(router) if type(router).__name__ in LOGITS_WITHIN else parts[index]
        if not chosen and type(router).__name__ in CHOICES_BY_LOGITS:
            chosen = [logits.topk(chosen_by(router, model), dim=-1).indices]
        routed.append(
            {
                "router": logits.float().flatten(0, -2),
                **({"experts": chosen[0].to(torch.int32).flatten(0, -2)} if chosen else {}),
            }
        )

    def keeper(router):
        def keep(_module, _inputs, output):
            if Turn.now is turn:
                inner[router] = output

        return keep

    hooks = [router.register_forward_hook(tap) for router in routers]
    for router in routers:
        if part := LOGITS_WITHIN.get(type(router).__name__):
            hooks.append(router.get_submodule(part).register_forward_hook(keeper(router)))
    try:
        yield routed
    finally:
        for hook in hooks:
            hook.remove()


OBSERVED = "uncurl_observed"
# Outputs of all experts that are computed at once: experts x tokens x numbers.
MOST_OUTPUTS = 2**24


class Observation:
    """An observed pass: which tokens are real, which sums are wanted, and what was seen per layer of experts."""

    def __init__(self, real, outputs, traced, counted, residual):
        self.real, self.outputs, self.traced, self.counted, self.residual = real, outputs, traced, counted, residual
        self.layers = []
        # Outputs of modules since the last layer of experts, by their storage, and what the modules were given.
        self.given = {}


# Passes that observe a model's experts now, by the model.
observers = {}


def observed(experts, hidden_states, top_k_index, top_k_weights):
    """The experts of a layer, each choice alone, through the family's own forward method."""
    choices = top_k_index.shape[1]

    def of(states, index):
        ones = torch.ones(len(index), 1, dtype=top_k_weights.dtype, device=index.device)
        return type(experts).forward.__wrapped__(experts, states, index[:, None], ones)

    alone = of(hidden_states.repeat_interleave(choices, 0), top_k_index.flatten())
    return observe(experts, hidden_states, top_k_index, top_k_weights, alone, of)


def observed_llama4(moe, hidden_states):
    """Llama 4's MoE block, whose experts f get their input times its gate w: f(w x) / w is their output before it.

    Source: `Llama4TextMoe.forward` of transformers 5.24, whose experts compute every expert on every token.
    """
    flat = hidden_states.reshape(-1, moe.hidden_dim)
    scores, logits = moe.router(flat)
    chosen = logits.topk(moe.router.top_k, dim=-1).indices
    weights = scores.gather(-1, chosen)

    def of(states, index):
        sorted_index, order = index.sort(stable=True)
        made = torch.empty_like(states)
        experts = moe.experts
        for expert in sorted_index.unique().tolist():
            some = order[sorted_index == expert]
            gate, up = (states[some] @ experts.gate_up_proj[expert]).chunk(2, dim=-1)
            made[some] = (up * experts.act_fn(gate)) @ experts.down_proj[expert]
        return made

    gates = weights.flatten()[:, None]
    alone = of(flat.repeat_interleave(chosen.shape[1], 0) * gates, chosen.flatten()) / gates
    # Outputs of all experts have no gates, so nothing asks for them (`requireOutputGates`).
    return moe.shared_expert(flat) + observe(moe.experts, flat, chosen, weights, alone, of), logits


def observed_dbrx(experts, hidden_states, top_k_index, top_k_weights):
    """DBRX's experts, which transformers 5.24 does not let be computed by another function: each choice alone."""
    flat = hidden_states.reshape(-1, experts.hidden_size)

    def of(states, index):
        ones = torch.ones(len(index), 1, dtype=top_k_weights.dtype, device=index.device)
        return type(experts).forward(experts, states, index[:, None], ones).reshape(states.shape)

    alone = of(flat.repeat_interleave(top_k_index.shape[1], 0), top_k_index.flatten())
    return observe(experts, flat, top_k_index, top_k_weights, alone, of).reshape(hidden_states.shape)


OBSERVED_BLOCKS = {"Llama4TextMoe": observed_llama4, "DbrxExperts": observed_dbrx}


def observe(experts, hidden_states, top_k_index, top_k_weights, alone, of):
    """Notes what the experts of a layer do, and gives the weighted sum [T, H].

    `alone` [T K, H]: outputs of the chosen experts, before they are weighted; `of`: those of any experts on states.
    """
    observation = Turn.now.observation
    tokens, choices = top_k_index.shape
    alone = alone.view(tokens, choices, -1)
    # A router may list its choices in any order.
    weights, order = top_k_weights.float().sort(dim=-1, descending=True, stable=True)
    sizes, real = alone.float(), observation.real.to(alone.device)
    seen = {
        "experts": top_k_index.gather(-1, order).int()[real],
        "weights": weights[real],
        "norms": sizes.norm(dim=-1).gather(-1, order)[real],
        "peaks": sizes.abs().amax(-1).gather(-1, order)[real],
    }
    weighted = (alone * top_k_weights[..., None].to(alone.dtype)).sum(1)
    count, states = experts.num_experts, hidden_states[real]

    def of_every(some):
        return torch.stack([of(some, torch.full((len(some),), each, device=some.device)) for each in range(count)])

    counted = observation.counted
    counted = torch.ones(len(states), dtype=torch.float64) if counted is None else counted
    counted = counted.to(alone.device)
    if observation.outputs is not None:
        sums = torch.zeros(count, alone.shape[-1], dtype=torch.float64, device=alone.device)
        chosen, own = top_k_index[real].flatten(), (alone[real].double() * counted[:, None, None]).flatten(0, 1)
        # Rows of the router after those of experts have no outputs of their own.
        seen["routed_sum"] = sums.index_add_(0, chosen[chosen < count], own[chosen < count]).float()
    if observation.outputs == "every":
        sums, cosines = torch.zeros_like(sums), torch.zeros(count, count, dtype=torch.float64, device=alone.device)
        most = max(1, MOST_OUTPUTS // sums.numel())
        for some, times in zip(states.split(most), counted.split(most)):
            each = of_every(some).double()
            sums += (each * times[:, None]).sum(1)
            sizes = each.norm(dim=-1, keepdim=True)
            units = (torch.where(sizes > 0, each / sizes, 0) * times.sqrt()[:, None]).flatten(1)
            cosines += units @ units.t()
        seen["sum"], seen["cosine_sum"] = sums.float(), cosines.float()
    if observation.residual is not None:
        _, before = observation.given.get(hidden_states.data_ptr(), (None, None))
        if before is None or before.numel() != hidden_states.numel():
            name = type(experts).__name__
            raise Refused("torch-router", f"{name} does not show which state its outputs are added to.")
        before = before.reshape(hidden_states.shape)[real].double()
        after = before + weighted[real].double() * observation.residual
        seen["turns"] = (1 - torch.cosine_similarity(before, after, -1, 0)).clamp(min=0).float()
    observation.given.clear()
    if observation.traced is not None:
        traced = observation.traced.to(alone.device)
        seen["traced_outputs"] = of_every(hidden_states[traced]).float()
        seen["traced_routed"] = weighted[traced].float()
    observation.layers.append(seen)
    return weighted


ALL_EXPERTS_FUNCTIONS.register(OBSERVED, observed)


def divided_angles(config, device=None, seq_len=None, layer_type=None):
    """Angles that a GGUF file states as divisors of the plain ones: inverse frequencies [R / 2], and a factor of 1."""
    parameters = config.rope_parameters if layer_type is None else config.rope_parameters[layer_type]
    factors = torch.tensor(parameters["factors"], device=device, dtype=torch.float32)
    powers = torch.arange(len(factors), device=device, dtype=torch.float32) / len(factors)
    return 1 / parameters["rope_theta"] ** powers / factors, 1.0


ROPE_INIT_FUNCTIONS["divided"] = divided_angles

EXPERT_BY_EXPERT = "uncurl_expert_by_expert"


@contextlib.contextmanager
def unpadded(mask):
    """Spares the experts the padding of the next pass, where `mask` [B, T] is 0; None: there is none."""
    turn = Turn.now
    turn.padding = None if mask is None or bool(mask.all()) else mask.flatten().nonzero()[:, 0]
    try:
        yield
    finally:
        turn.padding = None


def expert_by_expert(experts, hidden_states, top_k_index, top_k_weights):
    """The experts of a layer, one after another on the tokens that chose them; padding gets zeros.

    On a processor this is faster than transformers' grouped products: those apply the gates to all tokens at once,
    which do not fit its caches, and compute padding too.
    """
    whole, real = hidden_states, Turn.now.padding
    if real is not None:
        hidden_states, top_k_index, top_k_weights = (
            each.index_select(0, real) for each in (hidden_states, top_k_index, top_k_weights)
        )
    choices = top_k_index.shape[1]
    chosen, order = top_k_index.flatten().sort(stable=True)
    counts = torch.bincount(chosen, minlength=experts.num_experts).tolist()[: experts.num_experts]
    given = hidden_states.index_select(0, order // choices)
    # Rows of the router after those of experts add nothing.
    made, begin = torch.zeros_like(given), 0
    for expert, count in enumerate(counts):
        if count > 0:
            some = slice(begin, begin + count)
            if experts.has_gate:
                inner = experts._apply_gate(product(experts, "gate_up_proj", expert, given[some]))
            else:
                inner = experts.act_fn(product(experts, "up_proj", expert, given[some]))
            made[some] = product(experts, "down_proj", expert, inner)
            begin += count
    if experts.has_post_expert_norm:
        made = experts.post_expert_norm(made)
    # No more than two of these rows of all choices are in memory at once.
    del given
    gates = top_k_weights.flatten()[order, None]
    made = made.mul_(gates) if torch.result_type(made, gates) == made.dtype else made * gates
    placed = torch.empty_like(made)
    placed[order] = made
    del made
    summed = placed.view(len(hidden_states), choices, -1).sum(1).to(whole.dtype)
    return summed if real is None else torch.zeros_like(whole).index_copy_(0, real, summed)


def product(experts, name, expert, states):
    """States [N, in] times a matrix of an expert, with its bias where it has one."""
    matrix = getattr(experts, name)[expert]
    bias = getattr(experts, f"{name}_bias")[expert] if experts.has_bias else None
    return torch.nn.functional.linear(states, matrix.t() if experts.is_transposed else matrix, bias)


ALL_EXPERTS_FUNCTIONS.register(EXPERT_BY_EXPERT, expert_by_expert)


@contextlib.contextmanager
def observed_experts(model, **wanted):
    """What the experts of each MoE layer of the next pass were given and gave."""
    turn = Turn.now
    turn.observation = observation = Observation(**wanted)

    def keep(_module, inputs, output):
        if Turn.now is not turn:
            return
        # The norm before the experts is the module whose output they get.
        if torch.is_tensor(output) and inputs and torch.is_tensor(inputs[0]) and inputs[0].shape == output.shape:
            if output.data_ptr() != inputs[0].data_ptr():
                observation.given[output.data_ptr()] = (output, inputs[0])

    leaves = [each for each in model.modules() if not any(True for _ in each.children())]
    hooks = [each.register_forward_hook(keep) for each in leaves] if observation.residual is not None else []
    blocks = [each for each in model.modules() if type(each).__name__ in OBSERVED_BLOCKS]
    # Passes side by side begin and end in any order.
    before, others = observers.get(model, (model.config._experts_implementation, 0))
    observers[model] = (before, others + 1)
    if others == 0:
        for block in blocks:
            block.forward = functools.partial(OBSERVED_BLOCKS[type(block).__name__], block)
        model.set_experts_implementation(OBSERVED)
    try:
        yield observation.layers
    finally:
        for hook in hooks:
            hook.remove()
        turn.observation = None
        observers[model] = (before, observers[model][1] - 1)
        if observers[model][1] == 0:
            del observers[model]
            for block in blocks:
                del block.forward
            model.set_experts_implementation(before)


# Routers whose output holds probabilities: the part of the module that gives the logits.
LOGITS_WITHIN = {"Gemma4TextRouter": "proj"}
# Routers that choose the largest logits, and do not say which these are.
CHOICES_BY_LOGITS = {"Llama4Router", "DbrxRouter"}
# Routers that a class's record of its outputs leaves out, with the same outputs as those it names.
UNRECORDED = {"DeepseekV4HashRouter"}


def chosen_by(router, model):
    """How many experts a router chooses; DBRX's own does not know it."""
    return router.top_k if hasattr(router, "top_k") else model.config.ffn_config.moe_top_k


def routers_of(model):
    """The modules that route, by the record of the model's class, and the index of the logits in their output."""
    for module in model.modules():
        recorder = (getattr(module, "_can_record_outputs", None) or {}).get("router_logits")
        if recorder is not None:
            kind, index = getattr(recorder, "target_class", recorder), getattr(recorder, "index", 0)
            return [
                each for each in model.modules() if isinstance(each, kind) or type(each).__name__ in UNRECORDED
            ], index
    raise Refused("torch-router", f"{type(model).__name__} does not say which of its modules are routers.")


def explained(error):
    if isinstance(error, Refused):
        return {"code": error.code, "message": str(error)}
    is_full = isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)
    if is_full:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return {"code": "torch-memory", "message": (str(error) or "No memory was left.").splitlines()[0]}
    return {"code": "torch-failed", "message": f"{type(error).__name__}: {error}"[:2000]}


def main():
    device, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    if device != "cpu" and not torch.cuda.is_available():
        start_error = "PyTorch finds no CUDA card here."
    elif device == "auto" and accelerate is None:
        start_error = "Models on all cards at once need the package accelerate, which this Python lacks."
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
        group = [requests.get()]
        # Passes that the engine asks for together.
        group += [requests.get() for _ in range(group[0][0].get("together", 1) - 1)]
        for (header, _), (outcome, error) in zip(group, outcomes(worker, group, start_error)):
            try:
                if error is not None:
                    raise error
                results, outputs = outcome
                answer({"id": header["id"], **results}, outputs)
            except Exception as raised:
                answer({"id": header["id"], "error": explained(raised)})


def outcome_of(work):
    """(result, error) of a work."""
    try:
        return work(), None
    except Exception as error:
        return None, error


def outcomes(worker, group, start_error):
    """(result, error) of each request of a group."""
    if worker is None:
        return [(None, Refused("no-such-device", start_error)) for _ in group]
    works = [functools.partial(OPERATIONS[header["op"]], worker, header, tensors) for header, tensors in group]
    if group[0][0]["op"] not in PASSES:
        return [outcome_of(work) for work in works]
    # What many of them begin with is read once, before them.
    before = next((one for one in group if "prefix" in one[1]), None)
    if before is not None and len(group) > 1:
        ((_, error),) = worker.passes([functools.partial(worker.read_prefix, *before)])
        if error is not None:
            return [(None, error) for _ in group]
    return worker.passes(works)


# Operations that run models.
PASSES = {"logits", "forward", "profile", "score", "decoding", "begin", "step"}


OPERATIONS = {
    "hello": Worker.hello,
    "use": Worker.use,
    "forget": Worker.forget,
    "load": Worker.load,
    "prune": Worker.prune,
    "held": Worker.held,
    "logits": Worker.logits,
    "forward": Worker.forward,
    "profile": Worker.profile,
    "score": Worker.score,
    "decoding": Worker.decoding,
    "begin": Worker.begin,
    "step": Worker.step,
    "end": Worker.end,
}

if __name__ == "__main__":
    main()
