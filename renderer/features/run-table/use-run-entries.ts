import { useEffect, useMemo, useState } from 'react';
import type { CallInput } from '../../../main/contract/calls.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { type RunEntry, runEntry } from '../../../main/figures/run-tables.ts';
import { useEngine, useQueries } from '../../engine/engine-context.tsx';
import { shownRunName } from '../../format/run-names.ts';
import type { NamedTasks } from '../../../main/words/task-titles.ts';
import { useReading } from '../../sweep/shown-sweep.ts';

/** Sweeps asked for at once: the engine reads two at a time, and other views must not wait behind hundreds. */
const AT_ONCE = 3;
/** Time between two looks at what has been read, so that the table is not made anew for every run. */
const LOOK_EVERY_MS = 250;

const isAsked = (run: RunManifest): boolean => run.kind === 'sweep' && run.damaged === undefined;

interface Known {
  readonly name: string;
  readonly document: SweepDocument | null;
  readonly entry: RunEntry;
}

/** Entries by manifest, which changes when its run does. */
const known = new WeakMap<RunManifest, Known>();

const entryOf = (run: RunManifest, name: string, document: SweepDocument | null): RunEntry => {
  const last = known.get(run);
  if (last !== undefined && last.name === name && last.document === document) return last.entry;
  const provenance = document?.provenance ?? run.provenance;
  const entry = runEntry(provenance === undefined ? run : { ...run, provenance }, name, document);
  known.set(run, { name, document, entry });
  return entry;
};

export interface RunEntries {
  readonly entries: readonly RunEntry[];
  readonly documents: ReadonlyMap<string, SweepDocument>;
  /** Why sweeps could not be read, by run. */
  readonly problems: ReadonlyMap<string, string>;
  /** Sweeps that are still to be read. */
  readonly unread: number;
}

/**
 * The runs with their points. Manifests are there at once; the results of sweeps follow a few at a time, at the margin
 * and level chosen in the window, else at each sweep's own.
 */
export const useRunEntries = (runs: readonly RunManifest[], tasks: NamedTasks): RunEntries => {
  const { cache } = useEngine();
  const { familywise, settled: delta } = useReading();
  const [read, setRead] = useState<ReadonlySet<string>>(new Set());
  const asked = useMemo(() => runs.filter(isAsked).map(({ id }) => id), [runs]);
  const key = asked.join();
  useEffect(() => {
    const inputOf = (run: string): CallInput<'sweep.read'> => ({ run, familywise, delta: delta ?? undefined });
    const waiting = key === '' ? [] : key.split(',');
    const done = new Set<string>();
    let isOver = false;
    const work = async (): Promise<void> => {
      for (let run = waiting.shift(); run !== undefined && !isOver; run = waiting.shift()) {
        // The query keeps an error, which the run's row shows.
        await cache.fetch('sweep.read', inputOf(run)).catch(() => undefined);
        done.add(run);
      }
    };
    const look = (): void => setRead((last) => (last.size === done.size ? last : new Set(done)));
    const timer = setInterval(look, LOOK_EVERY_MS);
    void Promise.all(Array.from({ length: AT_ONCE }, work)).then(() => {
      clearInterval(timer);
      if (!isOver) look();
    });
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [cache, key, familywise, delta]);

  const ready = useMemo(() => asked.filter((run) => read.has(run)), [asked, read]);
  const answers = useQueries(
    'sweep.read',
    ready.map((run) => ({ run, familywise, delta: delta ?? undefined })),
  );
  return useMemo(() => {
    const documents = new Map<string, SweepDocument>();
    const problems = new Map<string, string>();
    ready.forEach((run, index) => {
      const answer = answers[index];
      if (answer?.data !== undefined) documents.set(run, answer.data);
      else if (answer?.error) problems.set(run, answer.error.message);
    });
    return {
      entries: runs.map((run) => entryOf(run, shownRunName(run, tasks), documents.get(run.id) ?? null)),
      documents,
      problems,
      unread: asked.length - ready.length,
    };
  }, [runs, tasks, asked, ready, answers]);
};
