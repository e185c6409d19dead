import { assertNever } from '../../main/contract/errors.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import type { JobProgress, RunManifest } from '../../main/contract/run.ts';
import type { SweepDocument, SweepResult } from '../../main/contract/sweep.ts';
import type { QueryCache } from './query-cache.ts';

/** Whether two results are the same point of a sweep. */
export const samePoint = (left: SweepResult, right: SweepResult): boolean =>
  left.model === right.model &&
  left.task === right.task &&
  left.method === right.method &&
  left.seed === right.seed &&
  left.factor === right.factor;

export const withPoint = (document: SweepDocument, result: SweepResult): SweepDocument => ({
  ...document,
  results: [...document.results.filter((known) => !samePoint(known, result)), result],
});

export const withManifest = (runs: readonly RunManifest[], manifest: RunManifest): RunManifest[] =>
  runs.some((run) => run.id === manifest.id)
    ? runs.map((run) => (run.id === manifest.id ? manifest : run))
    : [manifest, ...runs];

export const withProgress = (jobs: readonly JobProgress[], progress: JobProgress): JobProgress[] =>
  jobs.some((job) => job.run === progress.run)
    ? jobs.map((job) => (job.run === progress.run ? progress : job))
    : [...jobs, progress];

const isActive = (manifest: RunManifest): boolean => manifest.state === 'running' || manifest.state === 'queued';

const inputRun = (input: unknown): string | null =>
  typeof input === 'object' && input !== null && 'run' in input && typeof input.run === 'string' ? input.run : null;

/** Lists that say what has changed since the newest run. */
const tellsOfChanges = (name: string): boolean => name === 'models.list' || name === 'tasks.list';

/** What `applyEvent` wants done later: thresholds of a running sweep are asked for again, but not for every point. */
export interface EventEffects {
  readonly sweepChanged: (run: string) => void;
}

/** Brings the cache in line with what the engine announced. */
export const applyEvent = (cache: QueryCache, event: EngineEvent, effects: EventEffects): void => {
  switch (event.type) {
    case 'job.progress':
      cache.patch('jobs.list', (jobs) => withProgress(jobs, event.progress));
      return;
    case 'run.changed': {
      const { manifest } = event;
      cache.patch('runs.list', (runs) => withManifest(runs, manifest));
      if (manifest.state === 'queued') cache.invalidate(tellsOfChanges);
      if (!isActive(manifest)) {
        cache.patch('jobs.list', (jobs) => jobs.filter((job) => job.run !== manifest.id));
        cache.invalidate(
          (name, input) =>
            (name === 'sweep.read' ||
              name === 'sweep.family' ||
              name === 'sweep.compare' ||
              name === 'verify.read' ||
              name === 'reproduction.read') &&
            inputRun(input) === manifest.id,
        );
      }
      return;
    }
    case 'run.removed':
      cache.patch('runs.list', (runs) => runs.filter((run) => run.id !== event.run));
      cache.invalidate(tellsOfChanges);
      cache.patch('jobs.list', (jobs) => jobs.filter((job) => job.run !== event.run));
      return;
    case 'sweep.point':
      cache.patch('sweep.read', (document) =>
        document.run === event.run ? withPoint(document, event.result) : document,
      );
      effects.sweepChanged(event.run);
      return;
    case 'profile.ready':
      cache.invalidate((name) => name === 'profile.read' || name === 'plan.make');
      return;
    case 'models.changed':
      cache.invalidate((name) => name === 'models.list');
      return;
    case 'tasks.changed':
      cache.invalidate((name) => name === 'tasks.list');
      return;
    case 'device.changed':
      // Profiles are keyed by the device that computed them.
      cache.invalidate(
        (name) => name === 'devices.list' || name === 'engine.facts' || name === 'profile.read' || name === 'plan.make',
      );
      return;
    default:
      assertNever(event);
  }
};

export const sweepReadConcerns =
  (run: string) =>
  (name: string, input: unknown): boolean =>
    (name === 'sweep.read' || name === 'sweep.family' || name === 'sweep.compare') && inputRun(input) === run;
