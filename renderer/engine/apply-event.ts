import type { ClusterWork } from '../../main/contract/cluster.ts';
import { assertNever } from '../../main/contract/errors.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { JobProgress, RunManifest } from '../../main/contract/run.ts';
import { callsThatRead, staleAfter } from '../../main/contract/stale-calls.ts';
import type { SweepDocument, SweepResult } from '../../main/contract/sweep.ts';
import type { QueryCache } from './query-cache.ts';

/** Whether two results are the same point of a sweep. */
const samePoint = (left: SweepResult, right: SweepResult): boolean =>
  left.model === right.model &&
  left.task === right.task &&
  left.method === right.method &&
  left.seed === right.seed &&
  left.factor === right.factor;

export const withPoint = (document: SweepDocument, result: SweepResult): SweepDocument => ({
  ...document,
  results: [...document.results.filter((known) => !samePoint(known, result)), result],
});

const withManifest = (runs: readonly RunManifest[], manifest: RunManifest): RunManifest[] =>
  runs.some((run) => run.id === manifest.id)
    ? runs.map((run) => (run.id === manifest.id ? { ...manifest, label: run.label } : run))
    : [manifest, ...runs];

export const withProgress = (jobs: readonly JobProgress[], progress: JobProgress): JobProgress[] =>
  jobs.some((job) => job.run === progress.run)
    ? jobs.map((job) => (job.run === progress.run ? progress : job))
    : [...jobs, progress];

/** Those that ended well, or were cancelled, are no longer told of: their runs say the rest. */
export const withWork = (works: readonly ClusterWork[], work: ClusterWork): ClusterWork[] => {
  const isShown = work.state === 'active' || work.state === 'failed';
  if (!isShown) return works.filter(({ run }) => run !== work.run);
  return works.some(({ run }) => run === work.run)
    ? works.map((known) => (known.run === work.run ? work : known))
    : [...works, work];
};

const isActive = (manifest: RunManifest): boolean => manifest.state === 'running' || manifest.state === 'queued';

/** Lists that a run joins when it starts. */
export const listsRuns = callsThatRead('runs', 'jobs');

/** What `applyEvent` wants done later: thresholds of a running sweep are asked for again, but not for every point. */
interface EventEffects {
  readonly sweepChanged: (run: string) => void;
}

/**
 * Brings the cache in line with what the engine announced: what the event carries is put in place, the rest asked for.
 */
export const applyEvent = (cache: QueryCache, event: EngineEvent, effects: EventEffects): void => {
  switch (event.type) {
    case 'job.progress':
      cache.patch('jobs.list', (jobs) => withProgress(jobs, event.progress));
      break;
    case 'run.changed': {
      const { manifest } = event;
      cache.patch('runs.list', (runs) => withManifest(runs, manifest));
      if (!isActive(manifest)) cache.patch('jobs.list', (jobs) => jobs.filter((job) => job.run !== manifest.id));
      break;
    }
    case 'run.removed':
      cache.patch('runs.list', (runs) => runs.filter((run) => run.id !== event.run));
      cache.patch('jobs.list', (jobs) => jobs.filter((job) => job.run !== event.run));
      break;
    case 'sweep.point':
      cache.patch('sweep.read', (document) =>
        document.run === event.run ? withPoint(document, event.result) : document,
      );
      effects.sweepChanged(event.run);
      // Its point is in place; the rest is asked for by `sweepChanged`, later and once for many points.
      return;
    case 'sweep.curtailed':
      // What was told comes with the thresholds, which are asked for again.
      effects.sweepChanged(event.run);
      return;
    case 'cluster.changed':
      cache.patch('cluster.list', (works) => withWork(works, event.work));
      break;
    case 'job.problem':
    case 'jobs.reordered':
    case 'settings.changed':
    case 'runs.relisted':
    case 'experiment.arm':
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
