import type { ClusterWork } from '../../main/contract/cluster.ts';
import type { CallName } from '../../main/contract/calls.ts';
import { assertNever } from '../../main/contract/errors.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { callsThatReadRun, staleAfter } from '../../main/contract/stale-calls.ts';
import type { LaterChange } from '../../main/evaluation/sweeps/running-sweep.ts';
import { READ_ON_RETURN } from './query-cache.ts';
import type { Engine } from './waits.ts';
import { isAtRest } from '../format/run-names.ts';

/** The list with an entry in place of that of the same run, or at its end. */
export const withEntry = <E extends { readonly run: string }>(entries: readonly E[], entry: E): E[] =>
  entries.some(({ run }) => run === entry.run)
    ? entries.map((known) => (known.run === entry.run ? entry : known))
    : [...entries, entry];

const withManifest = (runs: readonly RunManifest[], manifest: RunManifest): RunManifest[] =>
  runs.some((run) => run.id === manifest.id)
    ? runs.map((run) => (run.id === manifest.id ? { ...manifest, label: run.label } : run))
    : [manifest, ...runs];

/** Removes work that succeeded or was cancelled (its run shows the rest); adds or updates other work. */
export const withWork = (works: readonly ClusterWork[], work: ClusterWork): ClusterWork[] => {
  const isShown = work.state === 'active' || work.state === 'failed';
  if (!isShown) return works.filter(({ run }) => run !== work.run);
  return withEntry(works, work);
};

/** Deferred effects of `applyEvent`: changes of a running sweep are applied together, its thresholds less often. */
interface EventEffects {
  readonly sweepChanged: (run: string, change: LaterChange) => void;
}

/** Updates the cache after an engine event: stores the data that the event carries and invalidates the rest. */
export const applyEvent = (cache: Engine['cache'], event: EngineEvent, effects: EventEffects): void => {
  switch (event.type) {
    case 'job.progress':
      cache.patch('jobs.list', (jobs) => withEntry(jobs, event.progress));
      break;
    case 'run.changed': {
      const { manifest } = event;
      cache.patch('runs.list', (runs) => withManifest(runs, manifest));
      if (isAtRest(manifest)) cache.patch('jobs.list', (jobs) => jobs.filter((job) => job.run !== manifest.id));
      break;
    }
    case 'run.removed':
      cache.patch('runs.list', (runs) => runs.filter((run) => run.id !== event.run));
      cache.patch('jobs.list', (jobs) => jobs.filter((job) => job.run !== event.run));
      break;
    case 'sweep.changed':
      if (event.change.what === 'begun') break;
      // What is made of its results is refetched later, once for many points.
      return effects.sweepChanged(event.run, event.change);
    case 'beside.written':
      cache.patch('beside.read', (document) =>
        document.run === event.run ? { ...document, columns: event.columns } : document,
      );
      return;
    case 'cluster.changed':
      cache.patch('cluster.list', (works) => withWork(works, event.work));
      break;
    case 'python.changed':
      cache.patch('python.environment', () => event.environment);
      // An environment lets the harness run.
      if (event.environment.making === null) cache.invalidate((name) => name === 'harness.state');
      break;
    case 'harness.changed':
      cache.patch('harness.state', () => event.state);
      break;
    case 'job.problem':
    case 'jobs.reordered':
    case 'settings.changed':
    case 'runs.relisted':
    case 'experiment.arm':
    case 'fit.changed':
    case 'profile.ready':
    case 'models.changed':
    case 'tasks.changed':
    case 'device.changed':
      break;
    default:
      assertNever(event);
  }
  cache.invalidate(staleAfter(event));
};

/**
 * Reads lists again, that of runs among them: when the user returns to the window all, since folders may have been
 * changed or moved. Other processes, whose events do not come here, may have made, moved or ended runs, or compute
 * some: what is known of such runs is stale.
 */
export const readListsAgain = async (
  cache: Engine['cache'],
  lists: ReadonlySet<CallName> = READ_ON_RETURN,
): Promise<void> => {
  const before = cache.state('runs.list', {}).data;
  cache.invalidate((name) => lists.has(name));
  if (before === undefined) return;
  const now = await cache.fetch('runs.list', {});
  const ours = new Set((cache.state('jobs.list', {}).data ?? []).map(({ run }) => run));
  const isElsewhere = ({ id, state }: RunManifest): boolean => state === 'running' && !ours.has(id);
  const stateIn = (runs: readonly RunManifest[]) => new Map(runs.map(({ id, state }) => [id, state]));
  const [known, found] = [stateIn(before), stateIn(now)];
  const changed = [...found.keys()].filter((run) => known.get(run) !== found.get(run));
  const gone = [...known.keys()].filter((run) => !found.has(run));
  const stale = [
    ...changed.map((run) => staleAfter({ type: 'runs.relisted', restored: run })),
    ...gone.map((run) => staleAfter({ type: 'run.removed', run })),
    ...now.filter(isElsewhere).map(({ id }) => callsThatReadRun(id)),
  ];
  cache.invalidate((name, input) => !lists.has(name) && stale.some((isStale) => isStale(name, input)));
};
