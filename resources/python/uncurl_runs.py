"""Reads the runs of Uncurl Workbench in Python or a notebook. One file: copy it where you like.

    import uncurl_runs
    run = uncurl_runs.open_run("sweep-20261201-024230-4e58")    # a name, or the folder of a run
    print(run.provenance)                                       # "Measured here." or "Not measured here: why"
    run.points(), run.thresholds(), run.outcomes(), run.profile("uncurl-16", "french")
    run.curve("uncurl-16", "french")                            # matplotlib

Tables are pandas data frames where pandas is installed, else lists of dicts; `outcomes` needs pandas with pyarrow, and
`curve` needs matplotlib. Nothing is written, and nothing of a run is executed.
"""

import hashlib
import hmac
import json
import os
import re
import struct
import sys
from array import array
from pathlib import Path

__all__ = ["Run", "open_run", "runs", "workspace_folder"]

#: Largest JSON file that is read, in bytes.
_MOST_JSON_BYTES = 128 * 2**20
#: Files of a run that change after its end, which a seal does not cover.
_OUTSIDE_SEAL = ("label.json", "log.jsonl", "binding.json", "cluster.json", "slurm.sh", "checksums.sha256", "seal.json")
#: Files that are read as results: one that appears after the end counts as a change.
_RESULT_FILE = re.compile(
    r"(?:(?:results|points|plans|experiment|damage|beside|verification|reproduction)\.json|outcomes\.parquet"
    r"|profile.*\.safetensors)"
)
_TYPES = {"F64": ("d", 8), "F32": ("f", 4), "I32": ("i", 4), "I64": ("q", 8)}


def _home(*parts):
    return Path.home().joinpath(*parts)


def _settings_file():
    """The user's settings: UNCURL_SETTINGS, else a file in the system's configuration folder."""
    if os.environ.get("UNCURL_SETTINGS"):
        return Path(os.environ["UNCURL_SETTINGS"])
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or _home("AppData", "Roaming"))
    elif sys.platform == "darwin":
        folder = _home("Library", "Application Support")
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or _home(".config"))
    return folder / "uncurl-workbench" / "settings.json"


def workspace_folder():
    """The workspace that the workbench uses: UNCURL_WORKSPACE, else that of the settings, else the default."""
    if os.environ.get("UNCURL_WORKSPACE"):
        return Path(os.environ["UNCURL_WORKSPACE"])
    settings = _settings_file()
    named = _read_json(settings).get("workspace") if settings.is_file() else None
    if named:
        return Path(named)
    if sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or _home("AppData", "Local"))
    elif sys.platform == "darwin":
        folder = _home("Library", "Application Support")
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or _home(".local", "share"))
    return folder / "uncurl-workbench" / "workspace"


def _read_json(file):
    if file.stat().st_size > _MOST_JSON_BYTES:
        raise ValueError(f"{file} is larger than {_MOST_JSON_BYTES // 2**20} MiB: it is not read.")
    return json.loads(file.read_text(encoding="utf-8"))


def _frame(rows):
    """A data frame where pandas is installed, else the rows as they are."""
    try:
        import pandas
    except ImportError:
        return rows
    return pandas.DataFrame(rows)


def _sha256(file):
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _provenance(folder, manifest):
    """Why a run counts as not measured here; None for one of this user and machine.

    The checks are those of the workbench (docs/workspace.md): `seal.json` holds an HMAC-SHA-256 of the list of
    checksums, made with the key beside the user's settings.
    """
    if manifest.get("state") != "done":
        return f"the run has not finished (state: {manifest.get('state')}), so that nothing vouches for its files"
    seal_file, list_file = folder / "seal.json", folder / "checksums.sha256"
    if not seal_file.is_file() or not list_file.is_file():
        return "the run has no seal (it was copied from elsewhere, edited, or is a record that came with the package)"
    key_file = _settings_file().parent / "uncurl-state" / "key"
    text = key_file.read_text(encoding="ascii") if key_file.is_file() else ""
    if not re.fullmatch(r"[0-9a-f]{64}\n", text):
        return "there is no key of this user that the seal could be compared with"
    key = bytes.fromhex(text.strip())
    try:
        seal = _read_json(seal_file)
        named, mark = str(seal["key"]), str(seal["mark"])
    except (ValueError, KeyError, TypeError):
        return "its seal cannot be read"
    if named != hashlib.sha256(b"uncurl key\0" + key).hexdigest()[:16]:
        return "another user or machine sealed this run"
    listed = list_file.read_bytes()
    if not hmac.compare_digest(hmac.new(key, b"uncurl-seal 1\n" + listed, hashlib.sha256).hexdigest(), mark):
        return "the list of its files does not belong to its seal, so that this run was edited or forged"
    sums = {}
    for line in listed.decode("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        if not re.fullmatch(r"[0-9a-f]{64}", digest) or not name or "/" in name or "\\" in name or name in sums:
            return "the list of its files cannot be read"
        sums[name] = digest
    if "manifest.json" not in sums:
        return "the list of its files does not name the manifest"
    changed = [name for name, digest in sums.items() if not _is_same(folder / name, digest)]
    present = (each.name for each in folder.iterdir() if not each.is_dir())
    changed += [name for name in present if _RESULT_FILE.fullmatch(name) and name not in sums]
    if changed:
        return f"{', '.join(sorted(changed)[:5])} changed after the run had ended"
    if manifest.get("adoptedAt") is not None:
        return "the run was begun elsewhere and continued here"
    return None


def _is_same(file, digest):
    return file.is_file() and not file.is_symlink() and _sha256(file) == digest


def runs(workspace=None):
    """One row per run of a workspace, newest first: id, kind, title, state, times, models, tasks, provenance."""
    folder = Path(workspace or workspace_folder()) / "runs"
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} does not exist: name a workspace, or set UNCURL_WORKSPACE.")
    opened = [Run(each) for each in folder.iterdir() if (each / "manifest.json").is_file()]
    rows = [run._row() for run in opened]
    return _frame(sorted(rows, key=lambda row: str(row["created"]), reverse=True))


def open_run(name, workspace=None):
    """Opens a run by its folder, or by its name in a workspace."""
    folder = Path(name)
    if not (folder / "manifest.json").is_file():
        folder = Path(workspace or workspace_folder()) / "runs" / str(name)
    if not (folder / "manifest.json").is_file():
        raise FileNotFoundError(f"There is no run {name}: {folder} has no manifest.json.")
    return Run(folder)


class Run:
    """A run: settings, points, thresholds, outcomes of items, profiles."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.manifest = _read_json(self.folder / "manifest.json")
        self._why = _provenance(self.folder, self.manifest)
        self._results = None

    def __repr__(self):
        title = self.manifest.get("title", "")
        return f"<run {self.manifest.get('id')}: {title}; {self.provenance}>"

    @property
    def is_measured_here(self):
        """Whether this user's workbench finished the run on this machine, and no file changed since."""
        return self._why is None

    @property
    def provenance(self):
        """One sentence; put it over every figure or table that you make of the run."""
        return "Measured here." if self._why is None else f"Not measured here: {self._why}."

    @property
    def settings(self):
        """What the run was asked to do: methods, factors, seeds, the margin `delta` (a share) and so on."""
        return self.manifest.get("spec") or {}

    def _row(self):
        of = self.manifest
        names = {field: ", ".join(each["name"] for each in of.get(field) or []) for field in ("models", "tasks")}
        return {
            "id": of.get("id"),
            "kind": of.get("kind"),
            "title": of.get("title"),
            "state": of.get("state"),
            "created": of.get("createdAt"),
            "finished": of.get("finishedAt"),
            **names,
            "provenance": self.provenance,
        }

    def _document(self):
        if self._results is None:
            file = self.folder / "results.json"
            if not file.is_file():
                raise FileNotFoundError(f"{file} does not exist: the run ({self.manifest.get('kind')}) has no points.")
            self._results = _read_json(file)
        return self._results

    def points(self):
        """One row per measured candidate.

        Shares, not percent: `value` is the accuracy (or the perplexity), `difference` that to the unpruned model on
        the same items with its two-sided 95 % interval `low`, `high`; `lowOneSided` is the end that the verdict uses.
        """
        return _frame(self._document()["results"])

    def thresholds(self):
        """One row per curve: the largest factor up to which every measured one is safe, and the first unsafe one."""
        return _frame(self._document()["thresholds"])

    def outcomes(self):
        """One row per item and candidate (see docs/workspace.md). Needs pandas with pyarrow."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("outcomes() needs pandas and pyarrow: pip install pandas pyarrow") from error
        return pandas.read_parquet(self.folder / "outcomes.parquet")

    def profile(self, model, task):
        """One row per layer and expert: how many routed choices of the calibration items an expert got.

        `choices`, their `share` in the layer, `gate_mass` (sum of gates) and `reap` (mean of gate times norm of the
        expert's output over the tokens that chose it).
        """
        header, start, file = self._profile_header(model)
        read = {
            name: _tensor(file, start, header, f"{task}.{name}", model) for name in ("counts", "gate_mass", "reap_sum")
        }
        (layers, experts), counts = read["counts"]
        rows = []
        for layer in range(layers):
            total = sum(counts[layer * experts : (layer + 1) * experts])
            for expert in range(experts):
                at = layer * experts + expert
                chosen = counts[at]
                rows.append(
                    {
                        "layer": layer,
                        "expert": expert,
                        "choices": chosen,
                        "share": chosen / total if total else 0.0,
                        "gate_mass": read["gate_mass"][1][at],
                        "reap": read["reap_sum"][1][at] / chosen if chosen else 0.0,
                    }
                )
        return _frame(rows)

    def _profile_header(self, model):
        for file in sorted(self.folder.glob("profile*.safetensors")):
            with file.open("rb") as opened:
                (length,) = struct.unpack("<Q", opened.read(8))
                if length > file.stat().st_size:
                    raise ValueError(f"{file} is damaged: its header is longer than the file.")
                header = json.loads(opened.read(length))
            if header.get("__metadata__", {}).get("model") == model:
                return header, 8 + length, file
        raise KeyError(f"The run has no profile of {model}.")

    def curve(self, model, task, ax=None):
        """Draws the difference to the unpruned model over the factor, in points, with two-sided 95 % intervals.

        One line per method (the mean of its draws), the margin as a dashed line. Returns the axes of matplotlib.
        """
        import matplotlib.pyplot as plots

        of = [row for row in self._document()["results"] if row["model"] == model and row["task"] == task]
        if not of:
            raise KeyError(f"The run has no points of {model} on {task}.")
        if any(row["difference"] is None for row in of):
            raise ValueError(f"{task} is measured in perplexity: draw points() yourself.")
        ax = ax or plots.figure(figsize=(6, 4)).add_subplot()
        methods = list(dict.fromkeys(row["method"] for row in of if row["method"] != "unpruned"))
        for method in methods:
            factors = sorted({row["factor"] for row in of if row["method"] == method})
            cells = [[row for row in of if row["method"] == method and row["factor"] == each] for each in factors]
            middle, low, high = ([_mean(cell, end) for cell in cells] for end in ("difference", "low", "high"))
            draws = max(len(cell) for cell in cells)
            label = method if draws == 1 else f"{method} (mean of {draws} draws and of their intervals)"
            below = [value - end for value, end in zip(middle, low)]
            above = [end - value for value, end in zip(middle, high)]
            ax.errorbar(factors, middle, yerr=(below, above), marker="o", capsize=3, label=label)
        if "delta" in self.settings:
            ax.axhline(-100 * self.settings["delta"], linestyle="--", color="grey", label="margin")
        ax.axhline(0, color="grey", linewidth=0.5)
        measured = sorted({row["factor"] for row in of})
        ax.set_xscale("log", base=2)
        ax.set_xticks(measured, [f"×{factor:g}" for factor in measured])
        ax.minorticks_off()
        ax.set_xlabel("pruning factor")
        ax.set_ylabel("difference to unpruned (points)")
        ax.set_title(f"{model} on {task}" if self.is_measured_here else f"{model} on {task}\n{self.provenance}")
        ax.legend()
        return ax


def _mean(rows, field):
    return 100 * sum(row[field] for row in rows) / len(rows)


def _tensor(file, start, header, name, model):
    """Shape and values of a tensor of a safetensors file (little-endian, row-major)."""
    entry = header.get(name)
    if entry is None:
        raise KeyError(f"The profile of {model} has no {name}.")
    letter, size = _TYPES[entry["dtype"]]
    begin, end = entry["data_offsets"]
    with file.open("rb") as opened:
        opened.seek(start + begin)
        raw = opened.read(end - begin)
    if len(raw) != end - begin or len(raw) % size:
        raise ValueError(f"{file} is damaged: {name} is not complete.")
    values = array(letter)
    values.frombytes(raw)
    if sys.byteorder == "big":
        values.byteswap()
    return entry["shape"], values
