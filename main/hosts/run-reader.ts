import { parentPort } from 'node:worker_threads';
import { assertNever, serialiseError } from '../contract/errors.ts';
import { type ParsedQuestion, type ReadingOrder, readingOrder, type ReadingReport } from '../reading/questions.ts';
import { readings } from '../reading/readings.ts';
import { openRunSource, type RunSource } from '../runs/run-source.ts';
import { openExistingWorkspace } from '../workspace/open-workspace.ts';

/**
 * Reads runs, and makes plans, in a separate thread, which can always be ended: a foreign run may take any amount of
 * time and memory, and a plan for many experts a minute. One order at a time.
 */

/** Runs that an engine is working on, according to the current order. */
let live: ReadonlySet<string> = new Set();
const sources = new Map<string, Promise<RunSource>>();

const sourceOf = ({ workspace, resources, state }: ReadingOrder): Promise<RunSource> => {
  const key = JSON.stringify([workspace, resources, state]);
  const known = sources.get(key);
  if (known !== undefined) return known;
  const opening = openExistingWorkspace(workspace).then((opened) =>
    openRunSource(opened, resources, { state, isLive: (run) => live.has(run) }),
  );
  sources.set(key, opening);
  // The next order tries again.
  opening.catch(() => sources.delete(key));
  return opening;
};

const answerTo = (source: RunSource, question: ParsedQuestion): Promise<unknown> => {
  switch (question.read) {
    case 'sweep':
      return readings.sweep(source, question);
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

const obey = async (raw: unknown): Promise<ReadingReport> => {
  try {
    const order = readingOrder.parse(raw);
    live = new Set(order.live);
    return { is: 'answer', value: await answerTo(await sourceOf(order), order.question) };
  } catch (error) {
    return { is: 'error', error: serialiseError(error) };
  }
};

if (parentPort === null) throw new Error('run-reader is started by the engine, not by hand');
const port = parentPort;
port.on('message', (message: unknown) => {
  void obey(message).then((report) => port.postMessage(report));
});
