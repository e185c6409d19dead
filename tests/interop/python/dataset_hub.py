"""
A Hub of data sets on loopback, for tests: serves a folder of Parquet files (ORG/NAME/CONFIG/SPLIT.parquet) as the Hub
serves data sets, as far as the library datasets asks. Prints its address, then every request line.
"""

import hashlib
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse

import pyarrow.parquet

root = os.path.abspath(sys.argv[1])
COMMIT = "a" * 40


def card(repository):
    """README.md with the configurations, from the folders."""
    lines = ["---", "license: cc-by-4.0", "configs:"]
    for config in sorted(os.listdir(os.path.join(root, repository))):
        lines += [f"- config_name: {config}", "  data_files:"]
        for file in sorted(os.listdir(os.path.join(root, repository, config))):
            lines += [f"  - split: {file.removesuffix('.parquet')}", f"    path: {config}/{file}"]
    return "\n".join([*lines, "---", ""]).encode()


def card_data(repository):
    """What the Hub's API says of the card, with the items of every split, which README.md here leaves out."""
    counted = []
    for config in sorted(os.listdir(os.path.join(root, repository))):
        folder = os.path.join(root, repository, config)
        splits = [
            {
                "name": file.removesuffix(".parquet"),
                "num_examples": pyarrow.parquet.ParquetFile(os.path.join(folder, file)).metadata.num_rows,
            }
            for file in sorted(os.listdir(folder))
        ]
        counted.append({"config_name": config, "splits": splits})
    return {"license": "cc-by-4.0", "dataset_info": counted}


def content(repository, path):
    if path == "README.md":
        return card(repository)
    file = os.path.join(root, repository, path)
    if not os.path.isfile(file):
        return None
    with open(file, "rb") as opened:
        return opened.read()


def files(repository):
    found = ["README.md"]
    for config in sorted(os.listdir(os.path.join(root, repository))):
        found += [f"{config}/{file}" for file in sorted(os.listdir(os.path.join(root, repository, config)))]
    return found


def etag(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(repository, path):
    data = content(repository, path)
    return {"type": "file", "path": path, "size": len(data), "oid": etag(data)}


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        print(self.requestline, flush=True)

    def answer(self, status, data=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def json(self, value):
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def missing(self, code):
        self.answer(404, b"", {"X-Error-Code": code, "X-Repo-Commit": COMMIT})

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        parts = unquote(urlparse(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "datasets"] and "paths-info" in parts:
            repository = "/".join(parts[2 : parts.index("paths-info")])
            asked = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body).get("paths", [])
            known = files(repository)
            folders = [{"type": "directory", "path": one, "oid": COMMIT} for one in asked if one not in known]
            held = [one for one in folders if any(file.startswith(one["path"] + "/") for file in known)]
            return self.json([entry(repository, one) for one in asked if one in known] + held)
        return self.missing("RepoNotFound")

    def do_GET(self):
        parts = unquote(urlparse(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "datasets"]:
            rest = parts[2:]
            for word in ("tree", "revision"):
                if word in rest:
                    repository, kind = "/".join(rest[: rest.index(word)]), word
                    below = "/".join(rest[rest.index(word) + 2 :])
                    break
            else:
                repository, kind, below = "/".join(rest), "revision", ""
            if not os.path.isdir(os.path.join(root, repository)) or repository == "":
                return self.missing("RepoNotFound")
            if kind == "tree":
                wanted = [one for one in files(repository) if below == "" or one.startswith(below + "/")]
                return self.json([entry(repository, one) for one in wanted])
            facts = {"id": repository, "sha": COMMIT, "private": False, "tags": [], "cardData": card_data(repository)}
            return self.json({**facts, "siblings": [{"rfilename": one} for one in files(repository)]})
        if parts[:3] == ["spaces", "evaluate-metric", "code_eval"] and parts[-1] == "code_eval.py":
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "code_eval.py"), "rb") as script:
                data = script.read()
            return self.answer(200, data, {"ETag": f'"{etag(data)}"'})
        if parts[:1] == ["datasets"] and "resolve" in parts:
            at = parts.index("resolve")
            data = content("/".join(parts[1:at]), "/".join(parts[at + 2 :]))
            if data is None:
                return self.missing("EntryNotFound")
            headers = {"ETag": f'"{etag(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            return self.answer(200, data, headers)
        return self.missing("RepoNotFound")


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
