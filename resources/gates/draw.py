"""Draws gates.svg from answers.jsonl, beside this file: python draw.py

Accuracy of pruned models by factor, mean over models and tasks: as deleted, folded, and with trained gates; a panel for
each method. The files are those of `gates.py --out`, one after the other.
"""

import json
from pathlib import Path

HERE = Path(__file__).parent
MODES = {"trained": ("trained gates", "#0072b2"), "folded": ("folded", "#009e73"), "deleted": ("as deleted", "#d55e00")}
METHODS = {"frequency": "Frequency", "reap": "REAP"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 250, 190, 52, 34, 40


def share(answers):
    return answers.count("1") / len(answers)


def means():
    """Returns (method, factor) -> mode -> mean accuracy over models and tasks."""
    cells = {}
    for line in (HERE / "answers.jsonl").read_text("utf-8").splitlines():
        run = json.loads(line)
        factor = int(run["model"].rpartition("-")[2]) / run["kept"]
        cells.setdefault((run["method"], factor), []).append({mode: share(own) for mode, own in run["right"].items()})
    return {key: {mode: sum(run[mode] for run in runs) / len(runs) for mode in runs[0]} for key, runs in cells.items()}


def panel(number, method, measured):
    factors = sorted(factor for own, factor in measured if own == method)
    left = LEFT + number * (WIDTH + GAP)

    def x(factor):
        return left + WIDTH * ([1, *factors].index(factor) + 0.25) / (len(factors) + 0.5)

    def y(value):
        return TOP + HEIGHT * (1 - value)

    parts = [f'<text x="{left}" y="{TOP - 14}" font-weight="bold">{METHODS[method]}</text>']
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<path d="M{left} {y(tick):.1f}h{WIDTH}" stroke="#ddd"/>')
        if number == 0:
            parts.append(f'<text x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.0%}</text>')
    for factor in [1, *factors]:
        label = "unpruned" if factor == 1 else f"×{factor:g}"
        parts.append(f'<text x="{x(factor):.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{label}</text>')
    for mode, (_, colour) in MODES.items():
        points = [(x(1), y(measured[method, factors[0]]["unpruned"]))]
        points += [(x(factor), y(measured[method, factor][mode])) for factor in factors]
        line = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in points]
    return parts


def main():
    measured, bottom = means(), TOP + HEIGHT + 44
    parts = [each for number, method in enumerate(METHODS) for each in panel(number, method, measured)]
    for number, (words, colour) in enumerate(MODES.values()):
        left = LEFT + number * 130
        parts.append(f'<path d="M{left} {bottom - 4}h20" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{left + 26}" y="{bottom}">{words}</text>')
    width, height = LEFT + 2 * WIDTH + GAP + 16, bottom + 14
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    style = 'font-family="sans-serif" font-size="12" role="img"><title>Accuracy of pruned models, by gates</title>'
    paper = f'<rect width="{width}" height="{height}" fill="white"/>'
    (HERE / "gates.svg").write_text(head + style + paper + "\n" + "\n".join(parts) + "\n</svg>\n", encoding="utf-8")


if __name__ == "__main__":
    main()
