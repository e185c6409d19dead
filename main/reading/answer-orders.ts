import type { MeasuredRuns } from '../runs/known-checks.ts';
import { openRunSource, type RunSource } from '../runs/run-source.ts';
import { openExistingWorkspace } from '../workspace/open-workspace.ts';
import { type ParsedQuestion, type ReadingName, type ReadingOrder, readingOrder } from './questions.ts';
import { readings } from './readings.ts';

type Asked<N extends ReadingName = ReadingName> = {
  [Name in N]: { readonly read: Name } & Extract<ParsedQuestion, { readonly read: Name }>;
}[N];

const answers: { readonly [Name in ReadingName]: (source: RunSource, question: Asked<Name>) => Promise<unknown> } =
  readings;

const answerTo = <N extends ReadingName>(source: RunSource, question: Asked<N>): Promise<unknown> =>
  answers[question.read](source, question);

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
