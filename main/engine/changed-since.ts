import { measuredWord, shortHash, type ChangedSince } from '../contract/model.ts';
import type { RunManifest } from '../contract/run.ts';

/** "header hash a1b2c3d4 then, c3d4e5f6 now". */
export const thenAndNow = (then: string, now: string): string => `header hash ${shortHash(then)} then, ${shortHash(now)} now`;

export const contentThenAndNow = (then: string, now: string): string => `content hash ${shortHash(then)} then, ${shortHash(now)} now`;

/**
 * The newest of the `runs` that measured what lies at a recorded path, if something else lay there then; undefined where
 * it is the same, or was never measured. `runs` stand newest first.
 */
export const changedSinceRun = (runs: readonly RunManifest[], shelf: 'models' | 'tasks', recorded: string, hash: string): ChangedSince | undefined => {
  for (const { id, kind, title, createdAt, models, tasks } of runs) {
    if (measuredWord(kind) === null) continue;
    const subjects = shelf === 'models' ? models.map(({ path, fingerprint }) => ({ path, then: fingerprint })) : tasks.map(({ path, hash: then }) => ({ path, then }));
    const subject = subjects.find(({ path }) => path === recorded);
    if (subject !== undefined) return subject.then === hash ? undefined : { run: id, kind, title, createdAt, hash: subject.then };
  }
  return undefined;
};
