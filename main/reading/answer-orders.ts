import { assertNever } from '../contract/errors.ts';
import type { MeasuredRuns } from '../runs/known-checks.ts';
import { openRunSource, type RunSource } from '../runs/run-source.ts';
import { openExistingWorkspace } from '../workspace/open-workspace.ts';
import { type ParsedQuestion, type ReadingOrder, readingOrder } from './questions.ts';
import { readings } from './readings.ts';

const answerTo = (source: RunSource, question: ParsedQuestion): Promise<unknown> => {
  switch (question.read) {
    case 'sweep':
      return readings.sweep(source, question);
    case 'sweep-text':
      return readings['sweep-text'](source, question);
    case 'size-trend':
      return readings['size-trend'](source, question);
    case 'comparison':
      return readings.comparison(source, question);
    case 'frontier':
      return readings.frontier(source, question);
    case 'sweeps':
      return readings.sweeps(source, question);
    case 'answers':
      return readings.answers(source, question);
    case 'slices':
      return readings.slices(source, question);
    case 'report':
      return readings.report(source, question);
    case 'figures':
      return readings.figures(source, question);
    case 'experiment':
      return readings.experiment(source, question);
    case 'experiment-report':
      return readings['experiment-report'](source, question);
    case 'plan':
      return readings.plan(source, question);
    case 'likeness':
      return readings.likeness(source, question);
    default:
      return assertNever(question);
  }
};

/**
 * Answers orders one at a time, and keeps the workspaces that they name open. `measured`: runs that this process has
 * measured, which are read without checking them again.
 */
export const createOrderAnswers = (measured: MeasuredRuns): ((raw: unknown) => Promise<unknown>) => {
  /** Runs that an engine is working on, according to the current order. */
  let live: ReadonlySet<string> = new Set();
  const sources = new Map<string, Promise<RunSource>>();
  const sourceOf = ({ workspace, resources, state }: ReadingOrder): Promise<RunSource> => {
    const key = JSON.stringify([workspace, resources, state]);
    const known = sources.get(key);
    if (known !== undefined) return known;
    const opening = openExistingWorkspace(workspace).then((opened) =>
      openRunSource(opened, resources, { state, isLive: (run) => live.has(run), measured }),
    );
    sources.set(key, opening);
    // The next order tries again.
    opening.catch(() => sources.delete(key));
    return opening;
  };
  return async (raw) => {
    const order = readingOrder.parse(raw);
    live = new Set(order.live);
    return answerTo(await sourceOf(order), order.question);
  };
};
