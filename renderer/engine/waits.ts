import type { CallName, EngineCall } from '../../main/contract/calls.ts';
import { requireAsked } from '../../main/contract/errors.ts';
import { staleAfterAnswer } from '../../main/contract/stale-calls.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { noticesStore, type ShownWait, showWait } from '../state/notices-store.ts';
import { QueryCache, type ReadingWaits } from './query-cache.ts';

/** The page's access to the engine. */
export interface Engine {
  readonly bridge: Bridge;
  readonly cache: Pick<QueryCache, keyof QueryCache>;
}

/**
 * Words of a wait. Cancel ends work that runs in a thread or process of its own. Other work goes on, but changes
 * nothing that it had not begun to change (`requireAsked`).
 */
const WORDS: Readonly<Partial<Record<CallName, string>>> = {
  'sample.add': 'Adding the sample',
  'devices.probe': 'Trying the device',
  'devices.use': 'Changing the device',
  'python.look': 'Starting PyTorch',
  'python.cancel': 'Stopping the installation',
  'folders.list': 'Reading the folder',
  'paths.tell': 'Looking at the file',
  'models.open': 'Opening the model',
  'models.openMade': 'Opening the model',
  'models.locate': 'Opening the model',
  'models.cached': 'Looking at the models of this machine',
  'hub.search': 'Searching the Hub',
  'hub.look': 'Asking the Hub',
  'hub.download': 'Starting the download',
  'hub.push': 'Starting the upload',
  'harness.look': 'Asking for the data set',
  'harness.search': 'Searching the tasks',
  'harness.cancel': 'Stopping the harness',
  'tasks.open': 'Opening the task',
  'tasks.take': 'Opening the task',
  'tasks.tryCalibration': 'Trying the calibration items',
  'tasks.calibrate': 'Taking the calibration items',
  'profile.read': 'Reading profiles',
  'profile.likeness': 'Ordering the experts',
  'profile.start': 'Starting the profile',
  'expert.read': 'Reading the expert',
  'expert.likeWeights': 'Comparing the weights of experts',
  'plan.make': 'Making the plan',
  'plan.import': 'Reading the plan',
  'ranking.take': 'Ranking the experts',
  'sweep.start': 'Checking the sweep',
  'sweep.plan': 'Reading the plan',
  'sweep.read': 'Reading sweeps',
  'sweep.compare': 'Comparing methods',
  'sweep.frontier': 'Comparing sizes',
  'sweep.sizeTrend': 'Computing thresholds and trends',
  'sweeps.compare': 'Comparing sweeps',
  'outcomes.read': 'Reading answers',
  'outcomes.compare': 'Comparing answers',
  'report.make': 'Making the report',
  'export.check': 'Checking the export',
  'export.measured': 'Reading the results of sweeps',
  'export.start': 'Starting the export',
  'verify.start': 'Starting the verification',
  'fit.start': 'Checking the search',
  'fit.export': 'Starting the export',
  'fit.report': 'Making the page',
  'finetune.start': 'Checking the fine-tuning',
  'experiment.start': 'Checking the experiment',
  'experiment.read': 'Reading the experiment',
  'experiment.reproduce': 'Starting the reproduction',
  'experiment.recorded': 'Adding the recorded experiment',
  'experiment.report': 'Making the report',
  'damage.start': 'Starting the measurement',
  'beside.start': 'Starting the texts',
  'beside.report': 'Making the page',
  'run.reproduce': 'Starting the reproduction',
  'runs.trash': 'Moving runs to the trash',
  'trash.restore': 'Restoring runs',
  'trash.empty': 'Emptying the trash',
  'cluster.submit': 'Submitting to the cluster',
  'cluster.cancel': 'Cancelling on the cluster',
  'jobs.resume': 'Resuming the run',
};

/** Calls without words of their own answer at once, unless the machine is very busy. */
const OTHERWISE = 'Waiting for the engine';

export const waitLabel = (name: CallName): string => WORDS[name] ?? OTHERWISE;

/** Waits for answers that views read; one that was cancelled is offered again under Messages. */
export const readingWaits: ReadingWaits = {
  label: (name) => WORDS[name] ?? null,
  begin: (label, abort) => showWait(label, abort).end,
  cancelled: (label, again) => {
    const { tell, dismiss } = noticesStore.getState();
    const id = tell(`${label} was cancelled.`, '', {
      label: 'Ask again',
      perform: () => {
        dismiss(id);
        again();
      },
    });
  },
};

/** The engine behind a bridge. What an answer makes stale is asked for again before an event says so. */
export const engineOn = (bridge: Bridge, waits?: ReadingWaits): Engine => {
  const cache = new QueryCache(bridge.call, waits);
  const call: EngineCall = async (name, input, signal) => {
    const answer = await bridge.call(name, input, signal);
    cache.invalidate(staleAfterAnswer(name));
    return answer;
  };
  return { bridge: { ...bridge, call }, cache };
};

/**
 * Performs the work of a button, a menu or a key with an engine whose calls end once the work is cancelled. While calls
 * last longer than a second, the wait is shown, with Cancel: at `place` (the button), or with those of views. A
 * cancelled work ends at once and without an error.
 */
export const performWork = async (
  { bridge, cache }: Engine,
  place: Element | null,
  work: (engine: Engine, signal: AbortSignal) => unknown,
): Promise<void> => {
  const controller = new AbortController();
  const { signal } = controller;
  const cancelled = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  let wait: ShownWait | null = null;
  let underWay = 0;
  const endWait = (): void => {
    if (underWay > 0) return;
    wait?.end();
    wait = null;
  };
  const awaited = async <T>(name: CallName, answer: Promise<T>): Promise<T> => {
    const label = waitLabel(name);
    if (wait === null) wait = showWait(label, () => controller.abort(), place);
    else wait.say(label);
    underWay += 1;
    try {
      const given = await answer;
      // Others may still wait for an answer of the cache, which then comes all the same.
      requireAsked(signal);
      return given;
    } finally {
      underWay -= 1;
      // Another call may follow at once: many short ones are one wait.
      setTimeout(endWait);
    }
  };
  const call: EngineCall = (name, input, asked = signal) => awaited(name, bridge.call(name, input, asked));
  const asking: Engine = {
    bridge: { ...bridge, call },
    cache: {
      state: (name, input) => cache.state(name, input),
      reader: (name, input) => cache.reader(name, input),
      readerOfMany: (name, inputs) => cache.readerOfMany(name, inputs),
      fetch: (name, input, asked = signal) => awaited(name, cache.fetch(name, input, asked)),
      invalidate: (concerns) => cache.invalidate(concerns),
      patch: (name, change) => cache.patch(name, change),
      batch: (changes) => cache.batch(changes),
    },
  };
  try {
    await Promise.race([Promise.resolve(work(asking, signal)), cancelled]);
  } finally {
    underWay = 0;
    endWait();
  }
};

/** The element that has the focus: the button that was pressed. */
export const focusedPlace = (): Element | null =>
  document.activeElement === document.body ? null : document.activeElement;
