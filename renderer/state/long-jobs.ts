import type { EngineEvent } from '../../main/contract/events.ts';
import type { RunManifest } from '../../main/contract/run.ts';

/** Users wait for shorter jobs. */
const LONG_MS = 30_000;

/**
 * Processes events and returns the run when a long job ends: done, failed or interrupted, but not cancelled by the
 * user. The duration counts from the start event; for jobs started before the page opened, from their progress.
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
