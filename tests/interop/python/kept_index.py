"""The kept index of the harness's tasks (resources/harness/task_index.py) beside the one that the harness makes.

usage: kept_index.py JOBS
JOBS: a file; the folder of it is written to. Prints one JSON object: "names" of the installed harness; "readsInstalled",
how often its documents were read for a first and a second index; "same", whether both are equal; "managed", whether
those of a TaskManager with a folder of its own are; "readsManaged", what was read for it; "own", the document of a name
that both have; "reads" and "saw", by what changed in a folder: how often its documents were then read, and whether the
index was the harness's.
"""

import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "resources" / "harness"))

import task_index
from lm_eval.tasks import TaskManager
from lm_eval.tasks._index import TaskIndex

work = Path(sys.argv[1]).parent
build = TaskIndex.build
reads = []


def counted(paths):
    reads.append(paths)
    return build(paths)


def index_of(folder, file):
    """The index, and how often the documents were read for it."""
    before = len(reads)
    return task_index.index_of(folder, str(file), counted), len(reads) - before


package = task_index.package_folder()
theirs, first = index_of(package, work / "installed")
kept, second = index_of(package, work / "installed")
tasks = work / "tasks"
shutil.copytree(package / "arc", tasks)
file = work / "own"
counts, saw = {}, {}


def after(what):
    index, counts[what] = index_of(tasks, file)
    saw[what] = index == build([tasks])


def write(name, text):
    (tasks / name).write_text(text)


write("common", "output_type: multiple_choice\n")
after("nothing kept")
after("no change")
write("quiz.yaml", "include: common\ntask: quiz\n")
after("a new document")
write("common", "output_type: generate_until\n")
after("an included file")
os.utime(tasks / "quiz.yaml", (1, 1))
after("a time")
(tasks / "quiz.yaml").unlink()
after("a removed document")
file.write_bytes(file.read_bytes()[:-20])
after("an index that is cut off")
file.write_bytes(b"[]")
after("an index of another form")
write("dated.yaml", "task: dated\nmetadata: {made: 2026-01-01}\n")
after("a setting that is no JSON")
after("the same again")
index, _ = index_of(tasks, work / "absent" / "file")
saw["a folder that cannot be written to"] = index == build([tasks])

task_index.kept_file = lambda: str(work / "installed")
write("arc_easy.yaml", "task: arc_easy\n")
reads.clear()
TaskIndex.build = staticmethod(counted)
task_index.use_kept_index()
managed = TaskManager(include_path=str(tasks)).task_index
json.dump(
    {
        "names": len(theirs),
        "readsInstalled": [first, second],
        "same": kept == theirs,
        "managed": managed == {**theirs, **build([tasks])},
        "readsManaged": [str(path.relative_to(work)) for paths in reads for path in paths],
        "own": str(managed["arc_easy"].yaml_path.relative_to(work)),
        "reads": counts,
        "saw": saw,
    },
    sys.stdout,
)
