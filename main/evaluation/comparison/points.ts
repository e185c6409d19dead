import { distinct } from '../../contract/distinct.ts';
import { refuse } from '../../contract/errors.ts';
import { isFactorAtMost, isSameFactor, type SweepDocument, type SweepResult, UNPRUNED } from '../../contract/sweep.ts';
import { type AnswerKind, answerKind, answersOf } from '../../contract/task.ts';
import { bareFactor } from '../../words/numbers.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { unmeasuredPoints } from '../curtailed-points.ts';

/** A point represents a factor at most this many times larger or smaller than its own. */
export const NEAREST_LIMIT = 1.25;

/** Points of one method on one task: one per draw (seed), at the factor nearest to the requested one. */
export interface MethodPoints {
  readonly method: string;
  readonly draws: readonly SweepResult[];
}

export interface TaskPoints {
  readonly task: string;
  readonly unpruned: SweepResult | null;
  readonly methods: readonly MethodPoints[];
  /** Methods without a point near the factor. */
  readonly missing: readonly string[];
}

export interface ComparePoints {
  readonly model: string;
  readonly models: readonly string[];
  readonly factors: readonly number[];
  readonly factor: number;
  readonly answers: AnswerKind;
  readonly answersMeasured: readonly AnswerKind[];
  readonly methods: readonly string[];
  readonly tasks: readonly TaskPoints[];
}

const apart = (left: number, right: number): number => Math.abs(Math.log(left / right));
const isNear = (left: number, right: number): boolean =>
  isFactorAtMost(Math.max(left, right), NEAREST_LIMIT * Math.min(left, right));

/** Models with pruned points, in the order of the results. */
export const comparedModels = (results: readonly SweepResult[]): string[] =>
  distinct(results.filter(({ factor }) => factor > 1).map(({ model }) => model));

/** Kinds of tasks with pruned points of a model; chosen first. */
export const answersMeasured = (results: readonly SweepResult[], model: string): AnswerKind[] =>
  answerKind.options.filter((kind) =>
    results.some((result) => result.model === model && result.factor > 1 && answersOf(result) === kind),
  );

/** Distinct factors above 1, ascending, each with the number of curves (task, method, seed) that have a point at it. */
const factorCounts = (results: readonly SweepResult[]): { readonly factor: number; readonly count: number }[] => {
  const counts: { factor: number; count: number }[] = [];
  for (const { factor } of results.filter((result) => result.factor > 1)) {
    const known = counts.find((other) => isSameFactor(other.factor, factor));
    if (known === undefined) counts.push({ factor, count: 1 });
    else known.count += 1;
  }
  return counts.sort((left, right) => left.factor - right.factor);
};

/** The median (the lower of two) of the factors with the most curves. */
export const middleFactor = (results: readonly SweepResult[]): number | null => {
  const counts = factorCounts(results);
  const most = maxOf([0, ...counts.map(({ count }) => count)]);
  const usual = counts.filter(({ count }) => count === most);
  return usual[Math.floor((usual.length - 1) / 2)]?.factor ?? null;
};

const nearest = (results: readonly SweepResult[], factor: number): SweepResult | null => {
  const [first] = [...results].sort(
    (left, right) => apart(left.factor, factor) - apart(right.factor, factor) || left.factor - right.factor,
  );
  return first !== undefined && isNear(first.factor, factor) ? first : null;
};

const chosenAnswers = (
  measured: readonly AnswerKind[],
  run: string,
  model: string,
  answers: AnswerKind | undefined,
): AnswerKind => {
  const [first] = measured;
  if (answers === undefined && first !== undefined) return first;
  if (answers !== undefined && measured.includes(answers)) return answers;
  throw refuse(
    'no-such-answers',
    `${run} has measured no task of ${model} whose answers are ${answers ?? 'chosen or written'}.`,
    `Choose ${measured.join(' or ')}, or sweep such tasks.`,
  );
};

const chosenModel = (models: readonly string[], run: string, model: string | undefined): string => {
  const [first] = models;
  if (first === undefined)
    throw refuse(
      'nothing-to-compare',
      `${run} has measured no pruned model yet.`,
      'Wait for its first point above factor 1, or resume it.',
    );
  if (model === undefined || models.includes(model)) return model ?? first;
  throw refuse('no-such-model', `${run} contains no pruned model ${model}.`, `Choose one of ${models.join(', ')}.`);
};

/**
 * The points to compare: of one model (the first unless named), per task and method the point of each draw whose factor
 * is nearest to `factor` (the middle one unless given), of tasks whose answers are chosen, or of those whose answers
 * are written (chosen where there are any, unless named). Methods under a global budget reach other factors than the
 * requested one, so the nearest is taken, if it is within NEAREST_LIMIT.
 */
export const comparePoints = (
  document: Pick<SweepDocument, 'run' | 'results' | 'curtailed' | 'notNeeded'>,
  {
    model: named,
    factor: asked,
    answers: wanted,
  }: {
    readonly model?: string | undefined;
    readonly factor?: number | undefined;
    readonly answers?: AnswerKind | undefined;
  },
): ComparePoints => {
  const { run, results } = document;
  if (unmeasuredPoints(document).length > 0)
    throw refuse(
      'curtailed',
      `${run} searched for thresholds only: its unsafe candidates stopped early, so that methods cannot be ` +
        'compared at a factor.',
      'Measure the curve: the same sweep without stopping early reuses the steps on disk.',
    );
  const models = comparedModels(results);
  const model = chosenModel(models, run, named);
  const kinds = answersMeasured(results, model);
  const answers = chosenAnswers(kinds, run, model, wanted);
  const matchingResults = results.filter((result) => result.model === model && answersOf(result) === answers);
  const pruned = matchingResults.filter(({ factor }) => factor > 1);
  const factors = factorCounts(pruned).map(({ factor }) => factor);
  const factor = asked ?? middleFactor(pruned) ?? Number.NaN;
  if (!factors.some((measured) => isNear(measured, factor))) {
    throw refuse(
      'no-such-factor',
      `${run} has measured nothing near factor ${bareFactor(factor)} of ${model}.`,
      `Choose one of ${factors.map(bareFactor).join(', ')}.`,
    );
  }
  const methods = distinct(pruned.map(({ method }) => method));
  const tasks = distinct(matchingResults.map(({ task }) => task)).map((task): TaskPoints => {
    const ofTask = pruned.filter((result) => result.task === task);
    const pointsOf = (method: string): MethodPoints => {
      const ofMethod = ofTask.filter((result) => result.method === method);
      const draws = distinct(ofMethod.map(({ seed }) => seed)).flatMap(
        (seed) =>
          nearest(
            ofMethod.filter((result) => result.seed === seed),
            factor,
          ) ?? [],
      );
      return { method, draws };
    };
    const points = methods.map(pointsOf);
    return {
      task,
      unpruned: matchingResults.find((result) => result.task === task && result.method === UNPRUNED) ?? null,
      methods: points.filter(({ draws }) => draws.length > 0),
      missing: points.filter(({ draws }) => draws.length === 0).map(({ method }) => method),
    };
  });
  return { model, models, factors, factor, answers, answersMeasured: kinds, methods, tasks };
};

/** Every point whose outcomes a comparison reads. */
export const comparedResults = ({ tasks }: ComparePoints): SweepResult[] =>
  tasks.flatMap(({ unpruned, methods }) => [
    ...(unpruned === null ? [] : [unpruned]),
    ...methods.flatMap(({ draws }) => draws),
  ]);
