import type { EngineEvent } from '../../main/contract/events.ts';
import type { RunManifest } from '../../main/contract/run.ts';

/** A job that ran for less is over before one looks away. */
const LONG_MS = 30_000;

/**
 * Listens to events and answers a run when a long one ends: done, failed or interrupted, not cancelled, which its user
 * did. A job runs from the event of its start; of one that ran before the page came, its progress says how long.
 */
export const longJobs = (now: () => number): ((event: EngineEvent) => RunManifest | null) => {
  const startedAt = new Map<string, number>();
  return (event) => {
    if (event.type === 'job.progress') {
      const { run, elapsedMs } = event.progress;
      if (!startedAt.has(run)) startedAt.set(run, now() - elapsedMs);
      return null;
    }
    if (event.type !== 'run.changed') return null;
    const { manifest } = event;
    if (manifest.state === 'queued' || manifest.state === 'running') {
      startedAt.set(manifest.id, now());
      return null;
    }
    const ran = now() - (startedAt.get(manifest.id) ?? now());
    startedAt.delete(manifest.id);
    return ran >= LONG_MS && manifest.state !== 'cancelled' ? manifest : null;
  };
};
