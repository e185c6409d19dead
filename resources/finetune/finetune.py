"""Fine-tunes a mixture-of-experts checkpoint on token sequences, with PyTorch and transformers.

    python finetune.py JOB.json [--with-parent]

The workbench writes JOB.json and reads one JSON object a line from standard output. The keys of the
job are those of `Job`. Every `save_every` steps the state goes to a file of its own in the folder
`state`, and its name and SHA-256 to standard output; a killed run is given the last of them in its
job, goes on from there and ends with the same weights. The tuned weights are written to the folder
`out` under the source's own names, shapes and number types. With `--with-parent` the script ends when its
standard input does, that is, when the program that started it is gone.
"""

import hashlib
import json
import os
import platform
import random
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for deterministic sums on CUDA
# PyTorch, MKL and oneDNN use the widest registers that they find: with AVX2 alone, processors round nearly alike.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")
    os.environ.setdefault("MKL_CBWR", "AVX2")
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")

import torch
import transformers
from torch import Tensor
from torch.nn import functional

sys.path.append(str(Path(__file__).resolve().parents[1] / "torch"))

import uncurl_environment  # noqa: E402
from checkpoint_files import NotAsSource, write_like_source  # noqa: E402

IGNORED = -100
LOSSES_FILE = "losses.jsonl"
# Stages in which everything but the routers is frozen.
ROUTER_STAGES = ("router", "distil")
# Names of a router's weights in the library: `mlp.gate.weight`, `block_sparse_moe.router.weight`.
ROUTER_MARKS = (".gate.", ".router.")
# The general stage learns as the bundled models were pretrained (resources/models/training): so many
# sequences a step, and so much weight on tokens that are no answer.
GENERAL_BATCH = 48
REST_WEIGHT = 0.1

# Tokens, and how many of them are context.
Sequence = tuple[list[int], int]
# Ids, attention mask, labels and loss weights, each [B, T].
Batch = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Job:
    """What to do; `sequences` are [tokens, number of them that are context and not learnt].

    `mixture` holds the groups of items that the stage `general` learns from, packed into sequences
    of `length` tokens; `end` is the token that ends an item, which the next one may begin with.
    `teacher` is the folder of the model whose distributions the stage `distil` learns.
    `resume_file` is the file in the folder `state` to go on from, which has the hash `resume_sha256`.
    """

    model: str
    teacher: str | None
    out: str
    state: str
    resume_file: str | None
    resume_sha256: str | None
    sequences: list[Sequence]
    mixture: list[list[Sequence]]
    length: int
    end: int | None
    stages: list[str]
    router_steps: int
    distil_steps: int
    temperature: float
    general_steps: int
    general_rate: float
    epochs: int
    batch: int
    rate: float
    warm_up: int | None
    weight_decay: float
    clip: float
    balance: float
    freeze: list[str]
    save_every: int
    seed: int
    threads: int
    device: str


@dataclass(frozen=True)
class Stage:
    """A part of the training: which weights move, for how many steps, and at which peak rate."""

    name: str
    steps: int
    rate: float


def tell(**event: object) -> None:
    """Writes one line for the workbench."""
    print(json.dumps(event), flush=True)


def stages_of(job: Job) -> list[Stage]:
    """The router alone takes a few steps; everything takes `epochs` rounds through the items."""
    a_round = -(-len(job.sequences) // job.batch)
    stages = {
        "router": Stage("router", job.router_steps, job.rate),
        "distil": Stage("distil", job.distil_steps, job.rate),
        "general": Stage("general", job.general_steps, job.general_rate),
        "all": Stage("all", job.epochs * a_round, job.rate),
    }
    return [stages[name] for name in job.stages]


def rate_at(step: int, stage: Stage, warm_up: int | None) -> float:
    """Returns the rate of a step of a stage: up in a line, then down in a line to zero."""
    steps = stage.steps
    rising = min(500, steps // 10) if warm_up is None else warm_up
    if step < rising:
        return stage.rate * (step + 1) / rising
    return stage.rate * (steps - step) / max(1, steps - rising)


def choose_weights(model: torch.nn.Module, stage: Stage, freeze: list[str]) -> list[Tensor]:
    """Lets the stage's weights move and holds the others; refuses a stage in which none would."""
    for name, weight in model.named_parameters():
        is_router = any(mark in name for mark in ROUTER_MARKS)
        is_frozen = any(part in name for part in freeze)
        weight.requires_grad_((stage.name not in ROUTER_STAGES or is_router) and not is_frozen)
    moving = [weight for weight in model.parameters() if weight.requires_grad]
    if not moving:
        tell(event="refused", code="nothing-to-train", message=f"Stage {stage.name} trains nothing.")
        sys.exit(2)
    return moving


def item_batches(job: Job, stage_number: int, first_step: int) -> Iterator[Batch]:
    """Yields the batches of a stage on the tasks' items: a new order every round, by the seed."""
    a_round = -(-len(job.sequences) // job.batch)
    step = first_step
    while True:
        generator = torch.Generator().manual_seed(
            job.seed * 1_000_003 + stage_number * 10_007 + step // a_round
        )
        order = torch.randperm(len(job.sequences), generator=generator).tolist()
        first = step % a_round * job.batch
        chosen = [job.sequences[place] for place in order[first : first + job.batch]]
        longest = max(len(tokens) for tokens, _ in chosen)
        ids = torch.zeros(len(chosen), longest, dtype=torch.long)
        mask = torch.zeros(len(chosen), longest, dtype=torch.long)
        labels = torch.full((len(chosen), longest), IGNORED)
        for row, (tokens, context) in enumerate(chosen):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
            labels[row, context : len(tokens)] = torch.tensor(tokens[context:])
        yield ids, mask, labels, (labels != IGNORED).float()
        step += 1


class GroupStream:
    """Yields sequences of a group's items for ever, each item once a round, in a new order every round."""

    def __init__(self, items: list[Sequence], end: int | None, rng: random.Random) -> None:
        self.items = items
        self.end = end
        self.rng = rng
        self.left: list[Sequence] = []

    def sequence(self, length: int) -> tuple[list[int], list[float]]:
        """Joins items until `length` tokens are full; neighbours share the token that ends an item."""
        ids: list[int] = []
        weights: list[float] = []
        while len(ids) < length:
            if not self.left:
                self.left = self.rng.sample(self.items, len(self.items))
            tokens, context = self.left.pop()
            shared = int(bool(ids) and ids[-1] == self.end == tokens[0])
            ids += tokens[shared:]
            weights += ([REST_WEIGHT] * context + [1.0] * (len(tokens) - context))[shared:]
        return ids[:length], weights[:length]


def general_batches(job: Job, stage_number: int, first_step: int) -> Iterator[Batch]:
    """Yields the batches of the general stage, as the bundled models were pretrained.

    Each sequence is full of items of one group; a group is drawn with a probability proportional to
    the square root of its number of items. The stream is drawn anew up to `first_step`.
    """
    rng = random.Random(job.seed * 1_000_003 + stage_number * 10_007)
    streams = [GroupStream(items, job.end, rng) for items in job.mixture]
    shares = [len(items) ** 0.5 for items in job.mixture]
    step = 0
    while True:
        chosen = rng.choices(streams, shares, k=GENERAL_BATCH)
        drawn = [stream.sequence(job.length) for stream in chosen]
        if step >= first_step:
            ids = torch.tensor([tokens for tokens, _ in drawn])
            yield ids, torch.ones_like(ids), ids, torch.tensor([weights for _, weights in drawn])
        step += 1


def losses_of(model: torch.nn.Module, stage: Stage, batch: Batch, balance: float) -> tuple[Tensor, Tensor]:
    """Returns the mean cross-entropy (in the stage `general` the weighted one of all tokens, elsewhere
    that of the answers' tokens), and the same with the balancing loss added."""
    ids, mask, labels, weights = batch
    asked = {"output_router_logits": True} if balance > 0 else {}
    output = model(input_ids=ids, attention_mask=mask, use_cache=False, **asked)
    scores = output.logits[:, :-1].flatten(0, 1).float()
    targets = labels[:, 1:].flatten()
    if stage.name == "general":
        counts = weights[:, 1:].flatten()
        loss = (functional.cross_entropy(scores, targets, reduction="none") * counts).sum() / counts.sum()
    else:
        loss = functional.cross_entropy(scores, targets, ignore_index=IGNORED)
    if balance == 0:
        return loss, loss
    balancing = getattr(output, "aux_loss", None)
    if balancing is None:
        name = type(model).__name__
        tell(event="refused", code="no-balancing", message=f"{name} has no balancing loss.")
        sys.exit(2)
    return loss, loss + balance * balancing.to(loss.device)


def distillation_loss(
    model: torch.nn.Module, teacher: torch.nn.Module, batch: Batch, temperature: float
) -> Tensor:
    """Returns KL(teacher || model) of the next-token distributions in nats times the temperature's square.

    Router KD (arXiv 2603.02217): the mean over every token that a real token follows, whether it is an
    answer or not, with the logits of both divided by the temperature. The logits are of the same tokens,
    so that the two models may have different numbers of experts.
    """
    ids, mask, _, _ = batch
    with torch.no_grad():
        known = teacher(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
    learnt = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
    wanted = functional.log_softmax(known / temperature, -1)
    found = functional.log_softmax(learnt / temperature, -1)
    divergence = (wanted.exp() * (wanted - found)).sum(-1)
    followed = mask[:, 1:].float()
    return (divergence * followed).sum() / followed.sum() * temperature**2


class Hashing:
    """A file that is written from beginning to end, and the SHA-256 of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def save_state(folder: Path, name: str, state: dict) -> str:
    """Writes the state whole or not at all; returns the SHA-256 of what was written."""
    part = folder / f"{name}.part"
    with part.open("wb") as file:
        hashing = Hashing(file)
        torch.save(state, hashing)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / name)
    return hashing.sha256.hexdigest()


def load_state(job: Job) -> dict | None:
    """Reads the state to go on from, and refuses one that was changed."""
    if job.resume_file is None:
        return None
    sha256 = hashlib.sha256()
    with (Path(job.state) / job.resume_file).open("rb") as file:
        state = torch.load(file, map_location="cpu", weights_only=True)
        # Once it is loaded: the workbench compared it before it started this script.
        file.seek(0)
        while block := file.read(2**20):
            sha256.update(block)
    if sha256.hexdigest() != job.resume_sha256:
        tell(event="failed", code="state-changed", message="The saved state was changed while it was read.")
        sys.exit(1)
    return state


def train(model: torch.nn.Module, teacher: torch.nn.Module | None, job: Job, device: str) -> list[dict]:
    """Runs the stages, from the saved state where there is one; returns every step's loss."""
    folder = Path(job.state)
    state = load_state(job)
    stages = stages_of(job)
    total = sum(stage.steps for stage in stages)
    done = 0
    first_stage, first_step = 0, 0
    losses: list[dict] = []
    if state is not None:
        model.load_state_dict(state["model"])
        first_stage, first_step, done = state["stage"], state["step"], state["done"]
        losses = state["losses"]
        tell(event="resumed", done=done)
    for number, stage in enumerate(stages):
        if number < first_stage:
            continue
        moving = choose_weights(model, stage, job.freeze)
        optimizer = torch.optim.AdamW(
            moving, lr=stage.rate, betas=(0.9, 0.95), eps=1e-8, weight_decay=job.weight_decay
        )
        step = 0
        if state is not None and number == first_stage:
            step = first_step
            optimizer.load_state_dict(state["optimizer"])
        make_batches = general_batches if stage.name == "general" else item_batches
        batches = make_batches(job, number, step)
        while step < stage.steps:
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step, stage, job.warm_up)
            ids, mask, labels, weights = next(batches)
            batch = (ids.to(device), mask.to(device), labels.to(device), weights.to(device))
            if stage.name == "distil":
                loss = total_loss = distillation_loss(model, teacher, batch, job.temperature)
            else:
                loss, total_loss = losses_of(model, stage, batch, job.balance)
            if not torch.isfinite(total_loss):
                tell(event="failed", code="loss-not-finite", message=f"The loss of step {done} is not finite.")
                sys.exit(1)
            optimizer.zero_grad()
            total_loss.backward()
            torch.nn.utils.clip_grad_norm_(moving, job.clip)
            optimizer.step()
            step += 1
            done += 1
            line = {
                "done": done,
                "steps": total,
                "stage": stage.name,
                "loss": loss.item(),
                "total": total_loss.item(),
                "rate": rate_at(step - 1, stage, job.warm_up),
            }
            losses.append(line)
            tell(event="step", **line)
            if done % job.save_every == 0 and done < total:
                weights = {name: value.cpu() for name, value in model.state_dict().items()}
                name = f"state-{done}.pt"
                sha256 = save_state(
                    folder,
                    name,
                    {
                        "model": weights,
                        "optimizer": optimizer.state_dict(),
                        "stage": number,
                        "step": step,
                        "done": done,
                        "losses": losses,
                    },
                )
                tell(event="saved", done=done, file=name, sha256=sha256)
    return losses


def open_model(folder: str, device: str) -> torch.nn.Module:
    """Opens a checkpoint in float32."""
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        local_files_only=True,
        trust_remote_code=False,
    ).to(device)


def end_with_parent() -> None:
    """Ends the script when standard input ends; a state is on disk whole or not at all."""

    def wait() -> None:
        # Unbuffered: a buffered reader that still waits would break the interpreter's end.
        while os.read(0, 4096):
            pass
        os._exit(3)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    if "--with-parent" in sys.argv[2:]:
        end_with_parent()
    job = Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    torch.manual_seed(job.seed)
    torch.set_num_threads(job.threads)
    torch.use_deterministic_algorithms(True)
    device = job.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        tell(event="refused", code="no-cuda", message="This PyTorch finds no CUDA device.")
        sys.exit(2)
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    tell(
        event="start",
        steps=sum(stage.steps for stage in stages_of(job)),
        device=name,
        versions={
            "python": sys.version.split()[0],
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "environment": uncurl_environment.fingerprint(),
        },
    )
    model = open_model(job.model, device).train()
    teacher = None if job.teacher is None else open_model(job.teacher, device).eval()
    losses = train(model, teacher, job, device)
    tell(event="writing")
    try:
        changed = write_like_source(model.cpu(), Path(job.model), Path(job.out), Path(job.state))
    except NotAsSource as error:
        tell(event="refused", code="not-as-source", message=str(error))
        sys.exit(2)
    lines = "".join(json.dumps(line) + "\n" for line in losses)
    (Path(job.out) / LOSSES_FILE).write_text(lines, encoding="utf-8")
    # Again, since code of a model is imported when it is loaded.
    tell(event="done", changed=changed, environment=uncurl_environment.fingerprint())


if __name__ == "__main__":
    main()
