"""Executes the code cells of a notebook, or reads a run without pandas.

A job is {"notebook": path, "modules": folder} and prints what the cells left behind, or {"run": folder, "modules":
folder} and prints the run as plain lists.
"""

import contextlib
import io
import json
import sys


def executed(job):
    import matplotlib

    matplotlib.use("Agg")
    cells = json.load(open(job["notebook"], encoding="utf-8"))["cells"]
    names = {}
    for number, cell in enumerate(each for each in cells if each["cell_type"] == "code"):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile("".join(cell["source"]), f"cell {number + 1}", "exec"), names)
    lost = names["lost"].groupby(["method", "factor"])["item"].count()
    bars = [each for each in names["axes"].containers if each.has_yerr]
    return {
        "provenance": names["run"].provenance,
        "points": json.loads(names["points"].to_json(orient="records", double_precision=15)),
        "outcomes": len(names["outcomes"]),
        "lost": json.loads(lost.reset_index().to_json(orient="records")),
        "choices": names["profile"].groupby("layer")["choices"].sum().tolist(),
        "drawn": [list(map(float, each[0].get_ydata())) for each in bars],
    }


def read(job):
    sys.modules["pandas"] = None
    import uncurl_runs

    run = uncurl_runs.open_run(job["run"])
    return {"provenance": run.provenance, "points": run.points()}


for job in json.load(open(sys.argv[1], encoding="utf-8")):
    sys.path.insert(0, job["modules"])
    print(json.dumps(executed(job) if "notebook" in job else read(job)))
