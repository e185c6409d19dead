import type { RunManifest } from '../contract/run.ts';
import type { SharePoint, SizeTrendDocument } from '../contract/size-trend.ts';
import { type AnswerKind, answerKind } from '../contract/task.ts';
import { factorKey } from '../contract/sweep.ts';
import { counted } from '../words/numbers.ts';
import { mean } from '../statistics/bootstrap.ts';
import { minOf } from '../statistics/extremes.ts';
import type { FigureTheme } from './colors.ts';
import { drawMark, type MethodMark, methodMarks } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import { type AxisScale, linearScale } from './scales.ts';
import {
  drawAcrossTicks,
  drawAcrossTitle,
  drawSmallMultiples,
  drawUpwardTicks,
  drawUpwardTitle,
  tickText,
} from './small-multiples.ts';
import { type Drawing, pathThrough, svgElement, svgLabel, svgLine, type SvgNode, textWidth } from './svg.ts';

const PANEL = { width: 250, height: 216, head: 22 } as const;
const CELL = { width: 320, height: 276, axisRoom: 52, plotWidth: PANEL.width } as const;
export const SHARE_PANEL_HEIGHT = CELL.height;
const RADIUS = 3.2;

/** Dropped share and loss of one size at each factor, over tasks and draws; begins where nothing is dropped. */
interface ShareLine {
  readonly experts: number;
  readonly answers: AnswerKind;
  readonly points: readonly { readonly factor: number; readonly share: number; readonly difference: number }[];
}

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

/**
 * Lines of one method, multiple choice first, then by rising E: means over models of a size, tasks and draws. A factor
 * is only drawn if it was measured on every task of the line, so that all means are over the same tasks.
 */
export const shareLines = (points: readonly SharePoint[]): ShareLine[] =>
  answerKind.options.flatMap((answers) => {
    const own = points.filter((point) => point.answers === answers);
    return distinct(own.map(({ experts }) => experts))
      .sort((a, b) => a - b)
      .map((experts) => {
        const ofSize = own.filter((point) => point.experts === experts);
        const tasks = distinct(ofSize.map(({ task }) => task)).length;
        const means = distinct(ofSize.map(({ factor }) => factorKey(factor))).flatMap((key) => {
          const here = ofSize.filter(({ factor }) => factorKey(factor) === key);
          if (distinct(here.map(({ task }) => task)).length < tasks) return [];
          return [
            {
              factor: Number(key),
              share: mean(here.map(({ share }) => share)),
              difference: mean(here.map(({ difference }) => difference)),
            },
          ];
        });
        const rising = [...means].sort((a, b) => a.share - b.share);
        return { experts, answers, points: [{ factor: 1, share: 0, difference: 0 }, ...rising] };
      });
  });

export const SHARE_CAPTION =
  'A line per number of experts before pruning, named at its end, darker for more: each mark is a factor, at the ' +
  'share of the routed choices that it drops (or merges into another expert) and the difference to the unpruned ' +
  'model; means over the tasks and draws. Solid: answers chosen; dashed and hollow: written. Where lines coincide, a ' +
  'model with more experts loses as much at the same dropped share, and tolerates a larger factor only because that ' +
  'drops less.';

const NAME_SIZE = 10;
/** Least distance of the baselines of two names that lie above each other. */
const NAME_HEIGHT = 9;

interface LineName {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** Moves names of lines that would cover each other up or down, within the plot, each by as little as possible. */
const apartNames = (names: readonly LineName[], [top, bottom]: readonly [number, number]): readonly LineName[] => {
  const placed: LineName[] = [];
  const width = ({ text }: LineName): number => textWidth(text, NAME_SIZE) + 2;
  const isFree = (name: LineName): boolean =>
    placed.every(
      (other) =>
        Math.abs(other.y - name.y) >= NAME_HEIGHT ||
        other.x + width(other) <= name.x ||
        name.x + width(name) <= other.x,
    );
  for (const name of [...names].sort((one, other) => one.y - other.y)) {
    const steps = Array.from({ length: 2 * names.length }, (_, step) => step);
    const found = steps
      .flatMap((step) => [step, -step].map((by) => ({ ...name, y: name.y + by * (NAME_HEIGHT / 2) })))
      .find((at) => at.y >= top + NAME_HEIGHT && at.y <= bottom && isFree(at));
    placed.push(found ?? name);
  }
  return placed;
};

/** From the smallest size to the largest. */
const opacityOf = (rank: number, sizes: number): number => (sizes < 2 ? 1 : 0.45 + (0.55 * rank) / (sizes - 1));

const drawLine = (
  { answers, points }: ShareLine,
  opacity: number,
  mark: MethodMark,
  [x, y]: readonly [AxisScale, AxisScale],
  theme: FigureTheme,
): SvgNode => {
  const positions = points.map(({ share, difference }) => [x.position(100 * share), y.position(difference)] as const);
  return svgElement(
    'g',
    { opacity },
    svgElement('path', {
      d: pathThrough(positions),
      fill: 'none',
      stroke: mark.color,
      'stroke-width': 1.6,
      'stroke-dasharray': answers === 'written' ? '5 3' : 'none',
    }),
    positions.slice(1).map(([px, py]) => drawMark(mark, px, py, RADIUS, answers === 'written' ? theme : undefined)),
  );
};

interface SharePanel {
  readonly method: string;
  readonly lines: readonly ShareLine[];
  readonly tasks: number;
  readonly mark: MethodMark;
  /** The largest loss of any panel: all share the axis. */
  readonly lowest: number;
}

const drawPanel = (
  { method, lines, tasks, mark, lowest }: SharePanel,
  { left, top }: { readonly left: number; readonly top: number },
  theme: FigureTheme,
): SvgNode => {
  const { width, height, head } = PANEL;
  const [plotTop, bottom] = [top + head, top + height];
  const x = linearScale([0, 100], [left + 6, left + width - 18]);
  const y = linearScale([lowest, 0], [bottom - 4, plotTop + 6]);
  const sizes = distinct(lines.map(({ experts }) => experts));
  const names = lines.flatMap(({ experts, points }): LineName[] => {
    const end = points.at(-1);
    if (end === undefined) return [];
    return [{ x: x.position(100 * end.share) + 6, y: y.position(end.difference) + 3.5, text: String(experts) }];
  });
  return svgElement(
    'g',
    {},
    svgLabel(left, top + 12, methodTitle(method), { 'font-size': 13, 'font-weight': 600 }),
    svgLabel(left + width, top + 12, counted(tasks, 'task'), { 'text-anchor': 'end', fill: theme.muted }),
    drawUpwardTicks(y, [left, left + width], (tick) => tickText(tick, 'acc'), theme),
    drawAcrossTicks(x, [plotTop, bottom], String, theme),
    svgLine(left, bottom, left + width, bottom, theme.muted),
    lines.map((line) => drawLine(line, opacityOf(sizes.indexOf(line.experts), sizes.length), mark, [x, y], theme)),
    apartNames(names, [plotTop, bottom]).map(({ x: left, y: base, text }) =>
      svgLabel(left, base, text, { 'font-size': NAME_SIZE, fill: theme.ink }),
    ),
    drawUpwardTitle(left - 38, (plotTop + bottom) / 2, 'difference to unpruned (points)', theme),
    drawAcrossTitle(left + width / 2, bottom, 'dropped share of the routed choices (%)', theme),
  );
};

/** Loss against dropped share: a small multiple per method, a line per number of experts before pruning. */
export const shareFigure = (
  sizeTrend: SizeTrendDocument,
  tasks: readonly string[],
  manifest: RunManifest,
  theme: FigureTheme,
  shown: readonly string[] = sizeTrend.methods,
): Drawing => {
  const marks = methodMarks(sizeTrend.methods, theme, shown);
  const panels = [...marks].flatMap(([method, mark]) => {
    const own = sizeTrend.sharePoints.filter((point) => point.method === method && tasks.includes(point.task));
    const count = distinct(own.map(({ task }) => task)).length;
    return count === 0 ? [] : [{ method, mark, lines: shareLines(own), tasks: count }];
  });
  const lowest = minOf([
    -0.1,
    ...panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map((p) => p.difference))),
  ]);
  return drawSmallMultiples({
    title: 'Loss against the dropped share of the routed choices',
    description:
      `Methods ${panels.map(({ method }) => method).join(', ')}, a line per number of experts. ` + SHARE_CAPTION,
    caption: SHARE_CAPTION,
    manifest,
    theme,
    legend: panels.map(({ method, mark }) => ({ label: methodTitle(method), mark })),
    cell: CELL,
    panels: panels.map((panel) => (left, top) => drawPanel({ ...panel, lowest }, { left, top }, theme)),
  });
};
