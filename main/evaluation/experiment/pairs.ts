import { at, present } from '../../contract/errors.ts';
import {
  type ArmName,
  type ExperimentArm,
  type ExperimentPair,
  type ExperimentQuestion,
  type ExperimentRecord,
  type ExperimentTask,
  type PairedSign,
  referenceTreatment,
} from '../../contract/experiment.ts';
import type { SweepResult } from '../../contract/sweep.ts';
import { pairedInterval } from '../../statistics/exact-paired-test.ts';
import { pairedAnswers } from '../summarise.ts';
import { nothingToLose } from '../nothing-to-lose.ts';
import { itemsNeeded, independentItems, verdictOf } from '../verdicts.ts';

/** A pruned arm, its reference, and their paired difference in a sweep's terms. */
export interface MeasuredExperimentPair {
  readonly pair: ExperimentPair;
  readonly result: SweepResult;
  /** Per item: 1 where only the pruned arm is right, -1 where only the reference is; null where items share passages. */
  readonly moves: readonly number[] | null;
}

/** Pruned arms that differ in their sizes, tasks and draws alone. */
export interface ExperimentCurve extends Pick<ArmName, 'treatment' | 'gates'> {
  readonly method: string;
}

/** Method name of an experiment's curve in a sweep's results. */
export const curveOf = ({ method, treatment, gates }: ExperimentCurve): string =>
  JSON.stringify([method, treatment, ...(gates === null ? [] : [gates])]);

/** Whether two parts of a result belong to one curve. */
export const isSameCurve = (left: ExperimentCurve, right: ExperimentCurve): boolean => curveOf(left) === curveOf(right);

interface Answer {
  readonly isRight: boolean;
  readonly truncatedTokens: number;
  readonly group: string | undefined;
}

/** Whether each item was answered correctly, from an arm's record. */
export const rightItems = (right: string): boolean[] => Array.from(right, (bit) => bit === '1');

const answersOf = ({ right }: ExperimentArm, { groups }: ExperimentTask): Answer[] =>
  rightItems(right).map((isRight, index) => ({ isRight, truncatedTokens: 0, group: groups?.[index] }));

export const accuracyOf = (right: string): number =>
  rightItems(right).filter((isRight) => isRight).length / right.length;

const signOf = ({ low, high }: { readonly low: number; readonly high: number }): PairedSign =>
  low > 0 ? 'plus' : high < 0 ? 'minus' : 'cannot-tell';

/** Whether an arm that gets all of the reference's `wrong` items right, and loses none, would not be better. */
const isCeiling = (wrong: number, n: number): boolean =>
  signOf(pairedInterval({ gained: wrong, lost: 0, n })) !== 'plus';

/** Pairs two arms on the same items, in order. Throws where they answered different numbers of items. */
const pairArms = (
  question: ExperimentQuestion,
  task: ExperimentTask,
  pruned: ExperimentArm,
  against: ExperimentArm,
  delta: number,
): MeasuredExperimentPair => {
  if (pruned.right.length !== against.right.length)
    throw new Error(`${pruned.model} and ${against.model} answered different items of ${task.name}`);
  const [before, after] = [answersOf(against, task), answersOf(pruned, task)];
  const summary = pairedAnswers(
    before.flatMap((answer, index) => {
      const other = after[index];
      return other === undefined ? [] : [[answer, other] as const];
    }),
    ({ isRight }) => isRight,
    delta,
  );
  const { model, experts, kept, treatment, gates, seed } = pruned;
  const method = present(pruned.method, 'a pruned arm without a method');
  const factor = experts / kept;
  const value = accuracyOf(pruned.right);
  const result: SweepResult = {
    model,
    task: task.name,
    method: curveOf({ method, treatment, gates }),
    seed,
    factor,
    kept,
    metric: task.metric,
    value,
    acc: value,
    accNorm: null,
    ...summary,
    evaluated: summary.n,
  };
  const reference = { metric: task.metric, value: accuracyOf(against.right), n: summary.n };
  const verdict =
    nothingToLose({ ...reference, ...(summary.groups === undefined ? {} : { groups: summary.groups }) }, delta) ??
    verdictOf(result, delta);
  const isDecidable = independentItems(result) >= itemsNeeded(delta, task.metric);
  const { n, difference, low, high, p, lost, gained } = summary;
  const pair: ExperimentPair = {
    question,
    task: task.name,
    method,
    treatment,
    gates,
    seed,
    model,
    reference: against.model,
    experts,
    kept,
    factor,
    n,
    pruned: value,
    against: reference.value,
    difference,
    low,
    high,
    p,
    lost,
    gained,
    sign: signOf(summary),
    verdict: verdict === 'safe' && !isDecidable ? 'undecided' : verdict,
    atCeiling: task.groups === null && isCeiling(n - Math.round(reference.value * n), n),
  };
  const moves = before.map((answer, index) => Number(at(after, index).isRight) - Number(answer.isRight));
  return { pair, result, moves: task.groups === null ? moves : null };
};

/** The reference of the same draw where the references were drawn too, else the common one. */
const ofDraw = (references: readonly ExperimentArm[], seed: number | null): ExperimentArm | undefined =>
  references.find((arm) => arm.seed === seed) ?? references.find((arm) => arm.seed === null);

/**
 * Every pruned arm of a record whose reference was measured: for `scratch` the member pretrained with as many experts
 * as it keeps, for `unpruned` the member itself, each treated alike and of the same draw. In the order of tasks, then
 * of arms.
 */
export const experimentPairs = (
  { tasks, arms }: Pick<ExperimentRecord, 'tasks' | 'arms'>,
  question: ExperimentQuestion,
  delta: number,
): MeasuredExperimentPair[] =>
  tasks.flatMap((task) => {
    const matchingArms = arms.filter((arm) => arm.task === task.name);
    return matchingArms.flatMap((pruned) => {
      if (pruned.method === null) return [];
      const experts = question === 'scratch' ? pruned.kept : pruned.experts;
      const references = matchingArms.filter(
        (arm) =>
          arm.method === null &&
          arm.experts === experts &&
          (question === 'scratch' || arm.model === pruned.model) &&
          arm.treatment === referenceTreatment(pruned.treatment),
      );
      const against = ofDraw(references, pruned.seed);
      return against === undefined ? [] : [pairArms(question, task, pruned, against, delta)];
    });
  });
