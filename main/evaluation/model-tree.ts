import { at } from '../contract/errors.ts';
import { methodOfLabel, weightsOfLabel } from '../contract/method.ts';
import { isSameFactor, type PointVerdict, type SweepDocument, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { pointsOverDraws } from './draws.ts';

/** What was done last to the models of a row; `made elsewhere`: a checkpoint that joined the sweep, such as a trained one. */
export type TreeKind = 'unpruned' | 'pruned' | 'refit' | 'quantised' | 'made elsewhere';

/** A measured model: all draws of one curve at one factor. */
export interface TreePoint {
  readonly factor: number;
  /** Its draws that answered every item, by seed; empty where all were curtailed. */
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
          parent,
          depth,
          kind: kindOf(method, elsewhere),
          points: [...(points.get(method) ?? [])].sort((left, right) => left.factor - right.factor),
        },
        ...rowsUnder(method, depth + 1),
      ]);
  const ascending = [...points.values()]
    .flat()
    .map(({ factor }) => factor)
    .sort((left, right) => left - right);
  return {
    factors: ascending.filter((factor, index) => index === 0 || !isSameFactor(factor, at(ascending, index - 1))),
    rows: rowsUnder(null, 0),
  };
};
