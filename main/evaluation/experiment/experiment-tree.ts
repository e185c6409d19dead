import {
  type ArmName,
  type ExperimentArm,
  type ExperimentDocument,
  type ExperimentPair,
  isTrained,
} from '../../contract/experiment.ts';
import { isNothingToLose, type PointVerdict, UNPRUNED } from '../../contract/sweep.ts';
import type { MetricName } from '../../contract/task.ts';
import { mean } from '../../statistics/bootstrap.ts';
import { armWords, methodTitle, treatmentWords } from '../../words/methods.ts';
import { bySeed, unanimous } from '../draws.ts';
import { type ModelTree, type TreeDraw, type TreeKind, treeOf, type TreePoint, type TreeRow } from '../model-tree.ts';
import { accuracyOf, curveOf, isSameCurve } from './pairs.ts';

/** What a pruned arm was made with; `treatment` came last. */
type PrunedCurve = Pick<ExperimentPair, 'method' | 'treatment' | 'gates'>;

const kindOf = ({ treatment }: Pick<ArmName, 'treatment'>): TreeKind =>
  treatment === 'as-is' ? 'pruned' : isTrained(treatment) ? 'trained' : 'refit';

/** A point over its draws: safe, or worse, only where every draw is. */
const pointOf = (factor: number, draws: readonly TreeDraw[], verdicts: readonly PointVerdict[]): TreePoint => ({
  factor,
  draws,
  results: [],
  difference: verdicts.length === 0 ? null : mean(draws.map(({ difference }) => difference)),
  verdict: verdicts.length === 0 ? null : (verdicts.find(isNothingToLose) ?? unanimous(verdicts) ?? 'undecided'),
  bytes: null,
});

/** Unpruned arms of one treatment: values alone. */
const wholePoint = (arms: readonly ExperimentArm[], metric: MetricName): TreePoint =>
  pointOf(
    1,
    bySeed(arms).map(({ seed, right }) => ({
      seed,
      metric,
      value: accuracyOf(right),
      difference: 0,
      low: 0,
      high: 0,
      verdict: null,
    })),
    [],
  );

const prunedPoints = (pairs: readonly ExperimentPair[], metric: MetricName): readonly TreePoint[] =>
  [...new Set(pairs.map(({ factor }) => factor))]
    .sort((left, right) => left - right)
    .map((factor) => {
      const draws = bySeed(pairs.filter((pair) => pair.factor === factor));
      return pointOf(
        factor,
        draws.map(({ pruned, ...draw }) => ({ ...draw, metric, value: pruned })),
        draws.map(({ verdict }) => verdict),
      );
    });

/**
 * The tree of the models that an experiment has measured of one member on one task: the unpruned member, under it the
 * same trained, and each method's plans with what a refit or a training made of them. Differences and verdicts are
 * those of the experiment: against the unpruned member with the same treatment, a trained one where the arm is trained.
 */
export const experimentTree = (
  { arms, answers, tasks }: Pick<ExperimentDocument, 'arms' | 'answers' | 'tasks'>,
  { model, task }: { readonly model: string; readonly task: string },
): ModelTree => {
  const metric = tasks.find(({ name }) => name === task)?.metric;
  if (metric === undefined) return treeOf([]);
  const whole = arms.filter((arm) => arm.model === model && arm.task === task && arm.method === null);
  const pairs = answers
    .filter(({ question }) => question === 'unpruned')
    .flatMap((answer) => answer.pairs.filter((pair) => pair.model === model && pair.task === task));
  const curves = pairs.filter((pair, index) => pairs.findIndex((other) => isSameCurve(pair, other)) === index);
  /** The same plan as it is: what a refit or a training began from. */
  const sourceOf = (curve: PrunedCurve): PrunedCurve | undefined =>
    curve.treatment === 'as-is'
      ? undefined
      : curves.find(
          ({ method, treatment, gates }) => treatment === 'as-is' && method === curve.method && gates === curve.gates,
        );
  const rowOf = (curve: PrunedCurve): TreeRow => {
    const source = sourceOf(curve);
    const name =
      methodTitle(curve.method) +
      (curve.treatment === 'as-is' ? (curve.gates === null ? '' : `, gates ${curve.gates}`) : `, ${armWords(curve)}`);
    return {
      method: curveOf(curve),
      name,
      title: source === undefined ? name : treatmentWords(curve.treatment),
      kind: kindOf(curve),
      parent: source === undefined ? UNPRUNED : curveOf(source),
      depth: source === undefined ? 1 : 2,
      points: prunedPoints(
        pairs.filter((pair) => isSameCurve(pair, curve)),
        metric,
      ),
    };
  };
  // The root is there also where it was not measured as it is.
  const treated = [...new Set(['as-is' as const, ...whole.map(({ treatment }) => treatment)])];
  const roots = treated.map((treatment): TreeRow => {
    const matching = whole.filter((arm) => arm.treatment === treatment);
    const isPlain = treatment === 'as-is';
    return {
      method: isPlain ? UNPRUNED : curveOf({ method: UNPRUNED, treatment, gates: null }),
      name: isPlain ? UNPRUNED : `${UNPRUNED}, ${treatmentWords(treatment)}`,
      title: isPlain ? 'Unpruned' : treatmentWords(treatment),
      kind: isPlain ? 'unpruned' : kindOf({ treatment }),
      parent: isPlain ? null : UNPRUNED,
      depth: isPlain ? 0 : 1,
      points: matching.length === 0 ? [] : [wholePoint(matching, metric)],
    };
  });
  const rows = curves.map(rowOf);
  if (rows.length === 0 && whole.length === 0) return treeOf([]);
  return treeOf([
    ...roots,
    ...rows
      .filter(({ depth }) => depth === 1)
      .flatMap((row) => [row, ...rows.filter(({ parent }) => parent === row.method)]),
  ]);
};
