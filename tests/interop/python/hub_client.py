"""Asks a Hub as huggingface_hub and transformers do. Jobs: a JSON list in the named file; one line of answer each."""

import hashlib
import json
import sys
from pathlib import Path

from huggingface_hub import HfApi, errors, hf_hub_download, snapshot_download


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def files_of(folder):
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def run(job):
    what, repository = job["what"], job["repository"]
    if what == "download":
        folder = snapshot_download(repository, revision=job.get("revision"), allow_patterns=job.get("patterns"))
        return {"folder": folder, "files": files_of(folder)}
    if what == "offline":
        folder = snapshot_download(repository, local_files_only=True)
        return {"folder": folder, "files": files_of(folder)}
    if what == "load":
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(repository, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(repository, local_files_only=True)
        return {
            "parameters": sum(p.numel() for p in model.parameters()),
            "tokens": tokenizer("a b c")["input_ids"],
        }
    if what == "upload":
        api = HfApi()
        api.create_repo(repository, private=job.get("private", False))
        made = api.upload_folder(repo_id=repository, folder_path=job["folder"], commit_message="upload")
        return {"commit": made.oid, "listed": sorted(api.list_repo_files(repository))}
    if what == "info":
        info = HfApi().model_info(repository, files_metadata=False)
        return {"commit": info.sha, "listed": sorted(s.rfilename for s in info.siblings), "private": info.private}
    if what == "error":
        try:
            hf_hub_download(repository, job.get("file", "config.json"), revision=job.get("revision"))
        except errors.HfHubHTTPError as error:
            return {"error": type(error).__name__}
        except Exception as error:
            return {"error": type(error).__name__, "cause": type(error.__cause__).__name__}
        return {"error": "none"}
    raise ValueError(what)


for job in json.loads(Path(sys.argv[1]).read_text()):
    print(json.dumps(run(job)), flush=True)
