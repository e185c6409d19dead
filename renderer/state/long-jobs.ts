import type { EngineEvent } from '../../main/contract/events.ts';
import type { RunManifest } from '../../main/contract/run.ts';

/** A job that ran for less is over before one looks away. */
const LONG_MS = 30_000;

/**
 * Listens to events and answers a run when a long one ends: done, failed or interrupted, not cancelled, which its user
 * did. How long it ran is what its progress last said.
 */
export const longJobs = (): ((event: EngineEvent) => RunManifest | null) => {
  const elapsed = new Map<string, number>();
  return (event) => {
    if (event.type === 'job.progress') {
      elapsed.set(event.progress.run, event.progress.elapsedMs);
      return null;
    }
    if (event.type !== 'run.changed') return null;
    const { manifest } = event;
    if (manifest.state === 'queued' || manifest.state === 'running') return null;
    const ran = elapsed.get(manifest.id) ?? 0;
    elapsed.delete(manifest.id);
    return ran >= LONG_MS && manifest.state !== 'cancelled' ? manifest : null;
  };
};
