"""Runs a model of which few blocks are in memory.

Passes wait for one another at every block, so that its weights are read once for all of them. While they go through one
block, a thread makes the next one ready: from the files, by transformers' own conversion, and on a card through pinned
memory and a stream of its own. What lies outside of the list of blocks stays in memory. Files are read and not mapped:
their pages then never count as memory of this process.
"""

import concurrent.futures
import contextlib
import ctypes
import functools
import json
import struct
import sys
import threading

import torch
from transformers.modeling_utils import PreTrainedModel


class Refused(Exception):
    """A request that cannot be carried out: a code, and a sentence for the user."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


# Names of dtypes in safetensors files.
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

# M_MMAP_THRESHOLD of glibc (mallopt(3)); bytes from which memory is mapped alone while blocks take turns, and otherwise
# (the most to which glibc raises it by itself).
MMAP_THRESHOLD, MAPPED_ALONE, MAPPED_OTHERWISE = -3, 2**20, 2**25


def give_back(at_once):
    """Whether glibc returns the memory of a matrix as soon as it is freed, or keeps it for the next one.

    What was kept of blocks lay between values of longer life: 75 MB of 262 that a model of six small blocks took.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, MAPPED_ALONE if at_once else MAPPED_OTHERWISE)


class Pass:
    """Of one pass: indices of its tokens that are no padding (None: all), and what is observed of its experts."""

    padding = observation = None


class Turn:
    """The pass that computes now; without streaming there is only one."""

    now = Pass()


class Lane:
    """A work in a thread of its own, which computes only while it has the turn; its blocks are computed for it."""

    here = threading.local()

    def __init__(self, work):
        self.own = Pass()
        self.go, self.back = threading.Semaphore(0), threading.Semaphore(0)
        # What it waits for: (stream or None, index, function, arguments, named arguments).
        self.call = self.reply = self.result = self.error = self.failure = None
        self.thread = threading.Thread(target=self.run, args=(work,), daemon=True)
        self.thread.start()

    def run(self, work):
        Lane.here.lane = self
        torch.set_grad_enabled(False)
        self.go.acquire()
        try:
            self.result = work()
        except Exception as error:
            self.error = error
        self.call = None
        self.back.release()

    def ask(self, *call):
        self.call = call
        self.back.release()
        self.go.acquire()
        reply, failure = self.reply, self.failure
        self.reply = self.failure = None
        if failure is not None:
            raise failure
        return reply

    def resume(self):
        """Goes on until it needs a block or ends; what else it asks for is computed at once."""
        Turn.now = self.own
        while True:
            self.call = None
            self.go.release()
            self.back.acquire()
            if self.call is None or self.call[0] is not None:
                return
            self.compute()

    def compute(self):
        _, _, function, given, named = self.call
        try:
            self.reply = function(*given, **named)
        except Exception as error:
            self.failure = error


def together(works):
    """(result, error) of each work, in order. Their passes go through the blocks of their models side by side."""
    before, feed = Turn.now, None
    lanes = [Lane(work) for work in works]
    try:
        for lane in lanes:
            lane.resume()
        while waiting := [lane for lane in lanes if lane.call is not None]:
            stream = waiting[0].call[0]
            wanted = {lane.call[1] for lane in waiting if lane.call[0] is stream}
            # Rounds: a lane that begins another pass waits for the others to end theirs.
            index = min((at for at in wanted if at > stream.last), default=min(wanted))
            feed = stream.feed
            try:
                feed.require(stream, index)
            except Exception as error:
                for lane in waiting:
                    lane.failure = error
                    lane.resume()
                continue
            stream.last = index
            if index + 1 < len(stream.blocks):
                feed.prepare(stream, index + 1)
            for lane in waiting:
                if lane.call[:2] == (stream, index):
                    Turn.now = lane.own
                    lane.compute()
                    lane.resume()
            feed.release(stream, index)
    finally:
        Turn.now = before
        if feed is not None:
            feed.clear()
    for lane in lanes:
        lane.thread.join()
    return [(lane.result, lane.error) for lane in lanes]


class Feed:
    """Makes blocks ready in a thread, one after the other: the one that computes and the next are in memory."""

    def __init__(self, device):
        self.device = device
        self.side = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.pool = concurrent.futures.ThreadPoolExecutor(1, initializer=torch.set_grad_enabled, initargs=(False,))
        self.ready = {}
        # Bytes of the blocks in memory; how many were filled, and the most bytes of them at once.
        self.held, self.filled, self.most_held = {}, 0, 0

    def prepare(self, stream, index):
        if (stream, index) not in self.ready:
            self.ready[stream, index] = self.pool.submit(self.fill, stream, index)

    def fill(self, stream, index):
        with torch.cuda.stream(self.side) if self.side is not None else contextlib.nullcontext():
            stream.fill(index)
            self.filled += 1
            self.held[stream, index] = stream.bytes(index)
            self.most_held = max(self.most_held, sum(self.held.values()))
            return None if self.side is None else self.side.record_event()

    def require(self, stream, index):
        self.prepare(stream, index)
        event = self.ready.pop((stream, index)).result()
        if event is not None:
            torch.cuda.current_stream(self.device).wait_event(event)
            for tensor in stream.tensors(index):
                tensor.record_stream(torch.cuda.current_stream(self.device))

    def release(self, stream, index):
        self.held.pop((stream, index), None)
        stream.release(index)

    def clear(self):
        """Gives up what was made ready in vain, or stayed after an error."""
        for (stream, index), future in list(self.ready.items()):
            future.exception()
            self.release(stream, index)
        self.ready.clear()
        for stream, index in list(self.held):
            self.release(stream, index)


class Stream:
    """The blocks of a model, empty until they are filled. `source`: the stream whose blocks these share."""

    def __init__(self, model, name, feed, fill, source=None):
        self.name, self.feed, self.source, self.last = name, feed, source, -1
        self.blocks = list(model.get_submodule(name))
        self.fill_block = fill
        self.empty = [
            [(kept, dict(kept)) for each in block.modules() for kept in parts_of(each)] for block in self.blocks
        ]
        for index, block in enumerate(self.blocks):
            block.forward = functools.partial(asked, self, index, block.forward)
        # Its product is as large as those of blocks: computed where they are, with all threads.
        head = model.get_output_embeddings()
        head.forward = functools.partial(asked, None, 0, head.forward)

    def fill(self, index):
        if self.source is not None:
            self.source.fill(index)
        self.fill_block(index)

    def release(self, index):
        for kept, before in self.empty[index]:
            kept.clear()
            kept.update(before)
        if self.source is not None:
            self.source.release(index)

    def tensors(self, index):
        blocks = [self.blocks[index]] + ([] if self.source is None else [self.source.blocks[index]])
        found = (each for block in blocks for each in (*block.parameters(), *block.buffers()) if not each.is_meta)
        return {each.untyped_storage().data_ptr(): each for each in found}.values()

    def bytes(self, index):
        return sum(each.untyped_storage().nbytes() for each in self.tensors(index))


def parts_of(module):
    return module._parameters, module._buffers, module._modules


def asked(stream, index, function, *given, **named):
    return Lane.here.lane.ask(stream, index, function, given, named)


@contextlib.contextmanager
def reading(scheme, given, block_list, device):
    """While models are loaded: their weights are read here.

    `scheme`: how matrices are quantised that transformers does not read, or None. `given`: tensors by name beside those
    of the files. `block_list`: gives the name of the
    list of blocks, which then stay empty; None: all are read. Yields a dict, which gets the `stream`.
    """
    import transformers.core_model_loading as core

    found, usual = {}, PreTrainedModel.__dict__["_load_pretrained_model"]

    def read(model, _state, files, load_config, expected_keys=None):
        tensors = dict(given)
        for file in files:
            tensors.update(stored_in(file))
        if scheme is not None:
            tensors = with_values(tensors, scheme)
        if block_list is None:
            return core.convert_and_load_state_dict_in_model(model, tensors, load_config)
        name = block_list(model)
        parts = parted(core, model, tensors, load_config, name)
        info, index = core.convert_and_load_state_dict_in_model(model, parts.pop(None), load_config)
        info.missing_keys = {key for key in info.missing_keys if not key.startswith(f"{name}.")}

        def fill(at):
            own, prefix = core.convert_and_load_state_dict_in_model(model, parts[at], load_config)[0], f"{name}.{at}."
            missing = sorted(key for key in own.missing_keys if key.startswith(prefix)) + sorted(own.mismatched_keys)
            if missing:
                raise Refused("torch-weights", f"transformers finds no weights for {', '.join(map(str, missing[:5]))}.")
            if device.type == "cuda":
                moved(model.get_submodule(name)[at], device)

        found["fill"], found["name"] = fill, name
        return info, index

    PreTrainedModel._load_pretrained_model = staticmethod(read)
    try:
        yield found
    finally:
        PreTrainedModel._load_pretrained_model = usual


def parted(core, model, tensors, load_config, name):
    """Tensors of files by the number of the block that they belong to; None: to no block."""
    mapping, names = load_config.weight_mapping or [], model.state_dict()
    renamings = [each for each in mapping if isinstance(each, core.WeightRenaming)]
    converters = [each for each in mapping if isinstance(each, core.WeightConverter)]
    parts = {None: {}, **{at: {} for at in range(len(model.get_submodule(name)))}}
    for key, tensor in tensors.items():
        renamed, _ = core.rename_source_key(key, renamings, converters, model.base_model_prefix, names)
        if renamed not in names and key in names:
            renamed, _ = core.rename_source_key(key, [], [], model.base_model_prefix, names)
        place, _, rest = renamed.partition(f"{name}.")
        number = rest.partition(".")[0]
        at = int(number) if place == "" and number.isdigit() and int(number) in parts else None
        parts[at][key] = tensor
    return parts


def moved(module, device):
    """Puts all tensors of a module that are not empty on a device, those of the processor by way of pinned memory."""
    done = {}
    for each in module.modules():
        for stored in (each._parameters, each._buffers):
            for leaf, value in stored.items():
                if value is None or value.is_meta or value.device == device:
                    continue
                if id(value) not in done:
                    pinned = value.detach().pin_memory() if device.type == "cuda" else value.detach()
                    new = pinned.to(device, non_blocking=True)
                    is_parameter = isinstance(value, torch.nn.Parameter)
                    done[id(value)] = (value, torch.nn.Parameter(new, requires_grad=False) if is_parameter else new)
                stored[leaf] = done[id(value)][1]


CACHE_LINE = 64
# A file has one position.
READING = threading.Lock()


def stored_in(file):
    """Tensors of a safetensors file by name, each read when it is asked for."""
    opened = open(file, "rb", buffering=0)
    (length,) = struct.unpack("<Q", opened.read(8))
    header = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    return {name: Stored(opened, 8 + length, **spec) for name, spec in header.items()}


class Stored:
    """A tensor of a file, as transformers reads slices of files."""

    def __init__(self, opened, start, dtype, shape, data_offsets):
        self.opened, self.dtype, self.shape = opened, dtype, shape
        self.offset, self.length = start + data_offsets[0], data_offsets[1] - data_offsets[0]

    def get_dtype(self):
        return self.dtype

    def __getitem__(self, _all):
        if self.dtype not in STORED:
            raise Refused("torch-weights", f"{self.opened.name} has a tensor of the dtype {self.dtype}.")
        # As far behind a line of the cache as in a mapped file: kernels sum in an order that depends on it.
        before = self.offset % CACHE_LINE
        before -= before % STORED[self.dtype].itemsize
        values = torch.empty(before + self.length, dtype=torch.uint8)[before:]
        rest = memoryview(values.numpy())
        with READING:
            self.opened.seek(self.offset)
            while len(rest) > 0:
                count = self.opened.readinto(rest)
                if count == 0:
                    raise Refused("torch-weights", f"{self.opened.name} ends before its tensors do.")
                rest = rest[count:]
        return values.view(STORED[self.dtype]).reshape(self.shape)


class Computed:
    """A tensor whose values are computed when it is read, as transformers reads slices of files."""

    def __init__(self, values):
        self.values = values

    def __getitem__(self, _all):
        return self.values()


def with_values(tensors, scheme):
    """The tensors of a checkpoint, with the values of quantised matrices in place of codes, scales and zero points."""
    columns = scheme["kind"] == "packed-columns"
    found, used = {}, set()

    def part(name):
        return tensors[name][...] if name in tensors else None

    def is_scale(name):
        matrix = f"{name.rpartition('.')[0]}.weight"
        return matrix in tensors and tensors[matrix].get_dtype() in ("F8_E4M3", "I8", "U8")

    for name in tensors:
        if columns and name.endswith(".qweight"):
            base, of = name[: -len("qweight")], columns_values
            parts = [f"{base}{each}" for each in ("qweight", "qzeros", "scales", "g_idx")]
        elif scheme["kind"] == "compressed" and name.endswith(".weight_scale"):
            base, of = name[: -len("weight_scale")], compressed_values
            packed = f"{base}weight_packed"
            parts = [packed if packed in tensors else f"{base}weight"]
            parts += [f"{name}", f"{base}weight_global_scale", f"{base}weight_zero_point", f"{base}weight_g_idx"]
            parts += [f"{base}weight_shape"]
        elif scheme["kind"] == "fp8" and name.endswith((".weight_scale_inv", ".scale")) and is_scale(name):
            base = name.rpartition(".")[0] + "."
            parts, of = [f"{base}weight", name], block_values
        else:
            continue
        used.update(parts)
        found[f"{base}weight"] = Computed(lambda of=of, parts=parts: of(scheme, *map(part, parts)))
    # Scales of activations are not used: products are computed in the precision of the run.
    ofs = tuple(f"{side}_{each}" for side in ("input", "output") for each in ("scale", "zero_point", "global_scale"))
    rest = {name: each for name, each in tensors.items() if name not in used and not name.endswith(ofs)}
    return rest | found


def unpacked(words, bits, along):
    """Codes of words of 32 bits, the lowest first, along the last (1) or the first (0) axis."""
    codes = (words.long()[..., None] >> torch.arange(0, 32 // bits * bits, bits)) & (2**bits - 1)
    return codes.flatten(-2) if along == 1 else codes.transpose(-1, -2).flatten(0, 1)


# Place in its word of each of eight consecutive outputs of AWQ.
AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7]


def columns_values(scheme, words, zeros, scales, order):
    """GPTQ and AWQ, as main/checkpoint/packed-columns.ts has them: [out, in], rounded to the dtype of the scales."""
    bits, outs = scheme["bits"], scales.shape[1]
    codes = unpacked(words, bits, 1 if scheme["layout"] == "awq" else 0)
    points = unpacked(zeros, bits, 1)
    if scheme["layout"] == "awq":
        codes, points = (each.unflatten(1, (-1, 8))[..., AWQ_PLACES].flatten(1) for each in (codes, points))
    elif scheme["layout"] == "gptq":
        points = (points + 1) & (2**bits - 1)
    group = torch.arange(len(codes)) // (scheme["group"] or len(codes)) if order is None else order.long()
    codes = codes[: len(group), :outs]
    values = (codes - points[:, :outs][group]).float() * scales.float()[group]
    return values.to(scales.dtype).t()


E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def pairs(codes):
    codes = codes.view(torch.uint8).int()
    return E2M1[torch.stack([codes & 15, codes >> 4], -1).flatten(1)]


def compressed_values(scheme, codes, scales, divisor, zeros, order, shape):
    """compressed-tensors, as main/checkpoint/compressed-tensors.ts has them: [out, in]."""
    bits, packing, width = scheme["bits"], scheme["packing"], None if shape is None else int(shape[1])
    if packing == "pairs":
        values = pairs(codes)
        scales = (scales.float() / divisor) if divisor is not None else torch.exp2(scales.int() - 127.0)
    elif packing == "words":
        values = unpacked(codes, bits, 1)[:, :width].float() - 2 ** (bits - 1)
    else:
        values = codes.float()
    out, width = values.shape
    factors = scales.float().reshape(-1, scales.shape[-1] if scales.dim() == 2 else 1)
    line = torch.arange(out) // (scheme["rows"] or out)
    group = torch.arange(width) // (scheme["columns"] or width)
    if order is not None and not bool((order < 0).any()):
        group = order.long()
    if zeros is not None:
        points = zeros.float()
        if packing == "words":
            points = unpacked(zeros, bits, 0)[: len(factors)].float() - 2 ** (bits - 1)
        values = values - points.reshape(factors.shape)[line][:, group]
    values = values * factors[line][:, group]
    if packing != "pairs":
        return values.to(scales.dtype)
    return values if divisor is None or factors.shape[1] == 1 else values.bfloat16()


def block_values(scheme, codes, scales):
    """Float8 with a scale for each block, or two floats in a byte with a power of two for each 32 values: [out, in]."""
    is_pairs = codes.dtype != torch.float8_e4m3fn
    values = pairs(codes) if is_pairs else codes.float()
    rows, columns = (1, 32) if is_pairs else scheme["block"]
    factors = torch.exp2(scales.int() - 127.0) if scales.dtype == torch.uint8 else scales.float()
    return values * factors.repeat_interleave(rows, 0).repeat_interleave(columns, 1)[: len(values), : values.shape[1]]
