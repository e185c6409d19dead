import type { UnneededPoint } from '../../contract/curtailed-point.ts';
import { assertNever } from '../../contract/errors.ts';
import { pointNameKey, type SweepDocument, UNPRUNED } from '../../contract/sweep.ts';
import type { SweepChange } from '../../contract/sweep-change.ts';
import type { SweepFact } from '../../contract/sweep-fact.ts';
import { factSentences } from '../../words/sweep-facts.ts';
import { type AskedReading, withThresholds } from '../threshold-family.ts';

export type BegunSweep = Omit<Extract<SweepChange, { what: 'begun' }>, 'what'>;

export type LaterChange = Exclude<SweepChange, { what: 'begun' }>;

export const noted = (facts: readonly SweepFact[]): Pick<SweepDocument, 'facts' | 'notes'> => ({
  facts: [...facts],
  notes: [...factSentences(facts)],
});

/** The document of a sweep without any point. */
export const begunSweep = (run: string, { order, delta, level, facts }: BegunSweep): SweepDocument => ({
  run,
  ...(level === undefined ? {} : { level }),
  results: [],
  thresholds: [],
  rule: '',
  ...noted(facts),
  running: { order, reading: { delta } },
});

/** Order of results: models, tasks, methods and seeds of the request, factors ascending; not the order of arrival. */
const inOrder = <P>(
  { models, tasks, methods }: BegunSweep['order'],
  points: Iterable<P>,
  nameOf: (point: P) => UnneededPoint,
): P[] => {
  const named = [UNPRUNED, ...methods];
  return [...points]
    .map((point) => {
      const { model, task, method, seed, factor } = nameOf(point);
      return {
        point,
        rank: [models.indexOf(model), tasks.indexOf(task), named.indexOf(method), seed ?? -1, factor] as const,
      };
    })
    .sort(
      (a, b) => a.rank.map((value, index) => value - (b.rank[index] ?? 0)).find((difference) => difference !== 0) ?? 0,
    )
    .map(({ point }) => point);
};

/** By a key: a later one of the same key takes the place of the earlier. */
const collected = <P>(points: readonly P[], keyOf: (point: P) => string) => {
  const byKey = new Map(points.map((point) => [keyOf(point), point]));
  return { values: () => byKey.values(), size: () => byKey.size, add: (point: P) => byKey.set(keyOf(point), point) };
};

/**
 * The document of a running sweep with its changes, each applied once however often it comes, in the document's order.
 * Thresholds stay those of before (`readRunning`). A document that is not of a running sweep stays as it is.
 */
export const withChanges = (document: SweepDocument, changes: readonly LaterChange[]): SweepDocument => {
  const { running } = document;
  if (running === undefined || changes.length === 0) return document;
  const { order } = running;
  const results = collected(document.results, pointNameKey);
  const curtailed = collected(document.curtailed ?? [], pointNameKey);
  const notNeeded = collected(document.notNeeded ?? [], pointNameKey);
  const elsewhere = collected(document.elsewhere ?? [], ({ madeFor, result }) =>
    JSON.stringify([madeFor, pointNameKey(result)]),
  );
  const drawn = collected(document.calibrationDraws ?? [], ({ draw, size, result }) =>
    JSON.stringify([draw, size, pointNameKey(result)]),
  );
  const facts = collected(document.facts ?? [], (fact) => JSON.stringify(fact));
  for (const change of changes)
    switch (change.what) {
      case 'point':
        results.add(change.result);
        break;
      case 'curtailed':
        curtailed.add(change.point);
        break;
      case 'elsewhere':
        elsewhere.add(change.point);
        break;
      case 'calibration-draw':
        drawn.add(change.point);
        break;
      case 'unneeded':
        for (const point of change.points) notNeeded.add(point);
        break;
      case 'fact':
        facts.add(change.fact);
        break;
      default:
        assertNever(change);
    }
  /** By model, the task that a plan was made for (all tasks at once: last), then as points. */
  const rowOf = ({ madeFor, result }: { readonly madeFor: string | null; readonly result: UnneededPoint }): number => {
    const { models, tasks } = order;
    return (
      models.indexOf(result.model) * (tasks.length + 1) + (madeFor === null ? tasks.length : tasks.indexOf(madeFor))
    );
  };
  const { run, level, thresholds, rule, multiplicity, together } = document;
  return {
    run,
    ...(level === undefined ? {} : { level }),
    results: inOrder(order, results.values(), (result) => result),
    ...(elsewhere.size() === 0
      ? {}
      : {
          elsewhere: inOrder(order, elsewhere.values(), ({ result }) => result).sort(
            (left, right) => rowOf(left) - rowOf(right),
          ),
        }),
    ...(drawn.size() === 0
      ? {}
      : {
          calibrationDraws: inOrder(
            order,
            // At each point the draws in order, by the number of items.
            [...drawn.values()].sort((left, right) => left.items - right.items || left.draw - right.draw),
            ({ result }) => result,
          ),
        }),
    thresholds,
    rule,
    ...noted([...facts.values()]),
    ...(curtailed.size() + notNeeded.size() === 0
      ? {}
      : {
          curtailed: inOrder(order, curtailed.values(), (point) => point),
          notNeeded: inOrder(order, notNeeded.values(), (point) => point),
        }),
    ...(multiplicity === undefined ? {} : { multiplicity }),
    ...(together === undefined ? {} : { together }),
    running,
  };
};

/**
 * The document of a running sweep with thresholds and verdicts, the same in the engine and the window: as it was read
 * before (the first time: at the sweep's own margin), or as asked. A document that is not of a running sweep stays as
 * it is.
 */
export const readRunning = (document: SweepDocument, asked: AskedReading = {}): SweepDocument => {
  const { running } = document;
  if (running === undefined) return document;
  const { delta = running.reading.delta, familywise = running.reading.familywise } = asked;
  const reading = { delta, familywise };
  return withThresholds({ ...document, running: { ...running, reading } }, reading);
};
