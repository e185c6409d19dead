import { at } from '../contract/errors.ts';
import { methodOfLabel, weightsOfLabel } from '../contract/method.ts';
import { isSameFactor, type PointVerdict, type SweepDocument, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { methodTitle } from '../words/methods.ts';
import { pointsOverDraws } from './draws.ts';

/**
 * What was done last to the models of a row. `trained`: by the experiment that measured them; `made elsewhere`: a
 * checkpoint that joined the sweep, such as one that was trained by itself.
 */
export type TreeKind = 'unpruned' | 'pruned' | 'refit' | 'trained' | 'quantised' | 'made elsewhere';

/** The numbers of one draw. `verdict`: null for the unpruned model itself, which differs from nothing. */
export type TreeDraw = Pick<SweepResult, 'seed' | 'value' | 'metric' | 'difference' | 'low' | 'high' | 'verdict'>;

/** A measured model: all draws of one curve at one factor. */
export interface TreePoint {
  readonly factor: number;
  /** Its draws that answered every item, by seed; empty where all were curtailed. */
  readonly draws: readonly TreeDraw[];
  /** The same as points of a sweep; empty for models of an experiment. */
  readonly results: readonly SweepResult[];
  /** Mean over draws; null where some draw was curtailed. */
  readonly difference: number | null;
  /** Null for the unpruned model itself. */
  readonly verdict: PointVerdict | null;
  /** Bytes of the first draw; null where the sweep did not record it. */
  readonly bytes: number | null;
}

/** The models of one curve, one for each factor. */
export interface TreeRow {
  /** The curve; the unpruned model is the first row. */
  readonly method: string;
  /** "REAP, recovered". */
  readonly name: string;
  /** What it adds to the row above: "recovered", "at q4_0"; else the name. */
  readonly title: string;
  readonly kind: TreeKind;
  /** The curve that it was made from; null: the unpruned model. */
  readonly parent: string | null;
  /** 0: the unpruned model; 1: made from it; 2: made from that. */
  readonly depth: number;
  readonly points: readonly TreePoint[];
}

/** The models of one model and task of a sweep as a tree, row by row, each under what it was made from. */
export interface ModelTree {
  /** All factors, ascending. */
  readonly factors: readonly number[];
  readonly rows: readonly TreeRow[];
}

/** From what a curve is made, nearest first: its name without weights, then without recovery. */
const madeFrom = (label: string): readonly string[] => {
  const { bare } = weightsOfLabel(label);
  const { method, isRecovered } = methodOfLabel(bare);
  const steps = [bare, ...(isRecovered && method !== null ? [method] : [])];
  return steps.filter((step) => step !== label);
};

const titleUnder = (label: string, parent: string | null): string => {
  if (label === UNPRUNED) return 'Unpruned';
  const [own, above] = [methodTitle(label), parent === null ? '' : methodTitle(parent)];
  return above !== '' && own.startsWith(above) ? own.slice(above.length).replace(/^,? /, '') : own;
};

const kindOf = (label: string, candidates: ReadonlySet<string>): TreeKind => {
  if (candidates.has(label)) return 'made elsewhere';
  if (label === UNPRUNED) return 'unpruned';
  if (weightsOfLabel(label).weights !== null) return 'quantised';
  return methodOfLabel(label).isRecovered ? 'refit' : 'pruned';
};

/** The unpruned model, and what keeps every expert, such as rounded weights; one point each. */
const wholePoints = (results: readonly SweepResult[]): readonly (readonly [string, TreePoint])[] =>
  results
    .filter(({ factor }) => factor <= 1)
    .map((result) => [
      result.method,
      {
        factor: result.factor,
        draws: [result],
        results: [result],
        difference: result.method === UNPRUNED ? null : result.difference,
        verdict: result.method === UNPRUNED ? null : (result.verdict ?? 'undecided'),
        bytes: result.cost?.bytes ?? null,
      },
    ]);

/**
 * The tree of the models that a sweep has measured of one model on one task. Verdicts are those of the document, as in
 * all views; over draws safe or worse only where every draw is (`pointsOverDraws`). A curve whose own source was not
 * measured (a recovered plan alone) hangs from the next one that was.
 */
export const modelTree = (
  document: Pick<SweepDocument, 'results' | 'curtailed' | 'notNeeded'>,
  {
    model,
    task,
    candidates,
  }: { readonly model: string; readonly task: string; readonly candidates: readonly string[] },
): ModelTree => {
  const isOwn = (point: { readonly model: string; readonly task: string }): boolean =>
    point.model === model && point.task === task;
  const results = document.results.filter(isOwn);
  const curtailed = document.curtailed?.filter(isOwn);
  const notNeeded = document.notNeeded?.filter(isOwn);
  const pruned = pointsOverDraws({ results, ...(curtailed && { curtailed }), ...(notNeeded && { notNeeded }) });
  const points = new Map<string, TreePoint[]>();
  const add = (method: string, point: TreePoint): void => {
    points.set(method, [...(points.get(method) ?? []), point]);
  };
  for (const [method, point] of wholePoints(results)) add(method, point);
  for (const { method, factor, results: draws, difference, verdict } of pruned)
    add(method, {
      factor,
      draws,
      results: draws,
      verdict,
      difference: difference?.mean ?? null,
      bytes: draws[0]?.cost?.bytes ?? null,
    });
  const elsewhere = new Set(candidates);
  const parentOf = (label: string): string | null =>
    label === UNPRUNED
      ? null
      : ((elsewhere.has(label) ? undefined : madeFrom(label).find((source) => points.has(source))) ?? UNPRUNED);
  const rowsUnder = (parent: string | null, depth: number): TreeRow[] =>
    [...points.keys()]
      .filter((label) => parentOf(label) === parent)
      .flatMap((method) => [
        {
          method,
          name: methodTitle(method),
          title: titleUnder(method, parent),
          parent,
          depth,
          kind: kindOf(method, elsewhere),
          points: [...(points.get(method) ?? [])].sort((left, right) => left.factor - right.factor),
        },
        ...rowsUnder(method, depth + 1),
      ]);
  return treeOf(rowsUnder(null, 0));
};

export const treeOf = (rows: readonly TreeRow[]): ModelTree => {
  const ascending = rows
    .flatMap(({ points }) => points.map(({ factor }) => factor))
    .sort((left, right) => left - right);
  return {
    factors: ascending.filter((factor, index) => index === 0 || !isSameFactor(factor, at(ascending, index - 1))),
    rows,
  };
};
