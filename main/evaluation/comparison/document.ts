import {
  BEST_REFERENCE,
  type CompareDocument,
  type CompareMethod,
  type CompareReading,
  type CompareRecovery,
  type CompareRow,
  type CompareTask,
} from '../../contract/compare.ts';
import { refuse } from '../../contract/errors.ts';
import { isSameFactor, type SweepDocument, type SweepResult, UNPRUNED } from '../../contract/sweep.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import { holmAdjusted } from '../../statistics/p-values.ts';
import { LEVEL } from '../size-trend/findings.ts';
import { headlineThresholds } from '../threshold.ts';
import { compareFindings, compareNotes, HOLM_WITHHELD } from './findings.ts';
import type { ComparePoints } from './points.ts';
import { type MeanRank, meanRanks } from './ranks.ts';
import { compareTask, type MeasuredMethod, measuredTask, type MeasuredTask, valueOf } from './tasks.ts';
import { truncationNotes } from '../../words/truncation.ts';
import { curveLabel } from '../../contract/method.ts';
import { refitName, type RefitName } from '../../contract/plan.ts';
import { pairDrawByDraw, readingOf } from './pairs.ts';

type TaskRecovery = CompareRecovery['tasks'][number];

/** Draws measured with and without recovery at the same factor. */
const bothWays = (bare: MeasuredMethod, recovered: MeasuredMethod) =>
  recovered.draws.flatMap((draw, index) => {
    // A recovered plan equals the bare one only at the same number of kept experts.
    const bareIndex = bare.draws.findIndex(
      ({ seed, factor }) => seed === draw.seed && isSameFactor(factor, draw.factor),
    );
    const [recoveredOutcomes, bareOutcomes, plain] = [
      recovered.outcomes[index],
      bare.outcomes[bareIndex],
      bare.draws[bareIndex],
    ];
    return recoveredOutcomes === undefined || bareOutcomes === undefined || plain === undefined
      ? []
      : [{ one: recoveredOutcomes, other: bareOutcomes, recovered: draw, bare: plain }];
  });

const recoveryOn = ({ task, metric, n, methods }: MeasuredTask, method: string, refit: RefitName): TaskRecovery[] => {
  const bare = methods.find((entry) => entry.method === method);
  const recovered = methods.find((entry) => entry.method === curveLabel(method, refit));
  if (bare === undefined || recovered === undefined) return [];
  const pairs = bothWays(bare, recovered);
  if (pairs.length === 0) return [];
  const paired = pairDrawByDraw(metric, pairs);
  return [
    {
      task,
      metric,
      n,
      bare: valueOf({ draws: pairs.map((pair) => pair.bare) }),
      recovered: valueOf({ draws: pairs.map((pair) => pair.recovered) }),
      paired,
      reading: readingOf(metric, paired.pairs),
    },
  ];
};

/** Effect of each recovery on every method that is measured with and without it, task by task. */
const compareRecoveries = (tasks: readonly MeasuredTask[], methods: readonly string[]): CompareRecovery[] =>
  methods.flatMap((method) =>
    refitName.options
      .filter((refit) => methods.includes(curveLabel(method, refit)))
      .flatMap((refit): CompareRecovery[] => {
        const compared = tasks.flatMap((task) => recoveryOn(task, method, refit));
        const count = (reading: CompareReading): number => compared.filter((entry) => entry.reading === reading).length;
        return compared.length === 0
          ? []
          : [
              {
                method,
                refit,
                better: count('better'),
                nothing: count('cannot-tell'),
                worse: count('worse'),
                drawsDiffer: count('draws-differ'),
                tasks: compared,
              },
            ];
      }),
  );

/** Points with their outcomes, and everything that does not depend on the reference. */
export interface MeasuredMethods {
  readonly points: ComparePoints;
  readonly tasks: readonly MeasuredTask[];
  /** By method, over `rankedTasks` tasks; empty where no task has every method. */
  readonly ranks: ReadonlyMap<string, MeanRank>;
  readonly rankedTasks: number;
}

/** `outcomesOf` answers null for outcomes that are no longer stored: such a point is left out and counted. */
export const measureMethods = (
  points: ComparePoints,
  outcomesOf: (result: SweepResult) => readonly ItemOutcome[] | null,
): MeasuredMethods => {
  const tasks = points.tasks.flatMap((task) => measuredTask(task, outcomesOf) ?? []);
  const everywhere = points.methods.filter((method) =>
    tasks.some((task) => task.methods.some((entry) => entry.method === method)),
  );
  const complete = tasks.filter((task) => task.methods.length === everywhere.length);
  const ranked = meanRanks(
    complete.map(({ metric, methods }) => ({
      metric,
      methods: everywhere.flatMap((name) =>
        methods
          .filter(({ method }) => method === name)
          .map((measured) => measured.outcomes.map(({ outcomes }) => outcomes)),
      ),
    })),
  );
  const ranks = new Map(
    everywhere.flatMap((method, index): [string, MeanRank][] => {
      const rank = ranked[index];
      return rank === undefined ? [] : [[method, rank]];
    }),
  );
  return { points, tasks, ranks, rankedTasks: complete.length };
};

/**
 * Holm's correction over the comparisons of all tasks together. None against the best of each task: the same outcomes
 * select that method, so that with no true difference at all Holm would find one in 9 % (8 methods) to 17 % (17).
 */
const withHolm = (tasks: readonly CompareTask[], reference: string): CompareTask[] => {
  if (reference === BEST_REFERENCE) return [...tasks];
  const adjusted = holmAdjusted(tasks.flatMap(({ rows }) => rows.map(({ paired }) => paired?.p ?? null)));
  let next = 0;
  return tasks.map((task) => ({
    ...task,
    rows: task.rows.map((row) => ({ ...row, pHolm: adjusted[next++] ?? null })),
  }));
};

const isApart = ({ reading }: CompareRow): boolean => reading === 'better' || reading === 'worse';

const overMethods = (
  methods: readonly string[],
  tasks: readonly CompareTask[],
  { ranks, rankedTasks }: MeasuredMethods,
): CompareMethod[] =>
  methods
    .flatMap((method): CompareMethod[] => {
      const rows = tasks.flatMap((task) => task.rows.filter((row) => row.method === method));
      if (rows.length === 0) return [];
      const count = (reading: CompareReading): number => rows.filter((row) => row.reading === reading).length;
      const rank = ranks.get(method);
      return [
        {
          method,
          seeds: [...new Set(rows.flatMap(({ seeds }) => seeds))].sort((left, right) => left - right),
          tasks: rows.length,
          sharesBest: rows.filter(({ sharesBest }) => sharesBest).length,
          better: count('better'),
          worse: count('worse'),
          cannotTell: count('cannot-tell'),
          drawsDiffer: count('draws-differ'),
          meanRank: rank === undefined ? null : { ...rank, tasks: rankedTasks },
        },
      ];
    })
    .map((entry, order) => ({ one: entry, order }))
    .sort(
      (left, right) =>
        (left.one.meanRank?.value ?? Number.MAX_VALUE) - (right.one.meanRank?.value ?? Number.MAX_VALUE) ||
        left.order - right.order,
    )
    .map(({ one }) => one);

/**
 * Compares the methods of a sweep for one model and one pruning factor (those of `measured`): per task ranks and paired
 * differences to `reference` (the best of each task, the unpruned model, or a method); over all tasks the mean rank and
 * how often a method is best or not distinguishable from the best; and the effect of recovery. Pure.
 */
export const compareMethods = (
  { run, thresholds, results }: Pick<SweepDocument, 'run' | 'thresholds' | 'results'>,
  measured: MeasuredMethods,
  reference: string = BEST_REFERENCE,
): CompareDocument => {
  const { points } = measured;
  const { model, models, factors, factor, answers } = points;
  const answersMeasured = [...points.answersMeasured];
  const methods = points.methods.filter((method) =>
    measured.tasks.some((task) => task.methods.some((entry) => entry.method === method)),
  );
  const references = [BEST_REFERENCE, UNPRUNED, ...points.methods];
  if (!references.includes(reference)) {
    throw refuse(
      'no-such-reference',
      `The sweep has no method ${reference} to compare with.`,
      `Choose one of ${references.join(', ')}.`,
    );
  }
  const tasks = withHolm(
    measured.tasks.map((task) => compareTask(task, reference)),
    reference,
  );
  const rows = tasks.flatMap((task) => task.rows);
  const comparisons = {
    count: rows.filter(({ paired }) => paired !== null).length,
    apart: rows.filter(isApart).length,
    withP: rows.filter(({ pHolm }) => pHolm !== null).length,
    afterHolm: rows.filter((row) => isApart(row) && row.pHolm !== null && row.pHolm <= LEVEL).length,
  };
  const overview = overMethods(methods, tasks, measured);
  const recoveries = compareRecoveries(measured.tasks, methods);
  const holmWithheld = reference === BEST_REFERENCE ? HOLM_WITHHELD : null;
  return {
    run,
    model,
    models: [...models],
    factors: [...factors],
    factor,
    answers,
    answersMeasured,
    reference,
    references,
    methods,
    tasks,
    overview,
    recoveries,
    comparisons,
    holmWithheld,
    thresholds: headlineThresholds(thresholds).filter(
      (threshold) => threshold.model === model && points.tasks.some(({ task }) => task === threshold.task),
    ),
    findings: compareFindings({
      factor,
      model,
      answers,
      answersMeasured,
      reference,
      overview,
      recoveries,
      comparisons,
    }),
    notes: [
      ...truncationNotes(
        results.filter((result) => result.model === model && tasks.some(({ task }) => task === result.task)),
      ),
      ...compareNotes(points, measured.tasks),
      ...(holmWithheld === null ? [] : [holmWithheld]),
    ],
  };
};
