import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { TaskEntry } from '../../main/contract/task.ts';
import { useQueries } from '../engine/engine-context.tsx';
import { selectedModel, useFacts } from '../engine/facts.ts';
import { inputKey } from '../engine/query-cache.ts';
import { curvesStore } from '../state/view-stores.ts';
import { nameInRun } from './brought.ts';
import { currentMaking } from './current-making.ts';
import { modelPoints, type ReadSweep, type RunResult } from './model-points.ts';
import { useSweep } from './shown-sweep.ts';

/** Most other sweeps searched for points, newest first. */
const MOST_SWEEPS = 16;

interface ModelPoints {
  /** The sweep shown first, then other sweeps of the model, newest first; only those already read. */
  readonly sweeps: readonly ReadSweep[];
  /** Points by requested task. */
  readonly points: readonly (readonly RunResult[])[];
  /** Whether more may follow: a sweep of the model is still being read. */
  readonly isReading: boolean;
}

/** All measurements of the selected model on these tasks, at the selected margin. */
export const useModelPoints = (tasks: readonly TaskEntry[]): ModelPoints => {
  const facts = useFacts();
  const familywise = useStore(curvesStore, (store) => store.familywise);
  const { manifest, model: name, document, sweeps, settledDelta, error } = useSweep();
  const model = selectedModel(facts);
  const others = useMemo(
    () => sweeps.filter((run) => run.id !== manifest?.id && nameInRun(run, model) !== null).slice(0, MOST_SWEEPS),
    [sweeps, manifest?.id, model],
  );
  const answers = useQueries(
    'sweep.read',
    others.map((run) => ({ run: run.id, familywise, delta: settledDelta })),
  );
  const read = useMemo(
    (): readonly ReadSweep[] => [
      ...(manifest === null || document === undefined || name === null ? [] : [{ manifest, document }]),
      ...others.flatMap((run, index) => {
        const data = answers[index]?.data;
        return data === undefined ? [] : [{ manifest: run, document: data }];
      }),
    ],
    [manifest, document, name, others, answers],
  );
  const making = currentMaking(facts);
  const madeBy = inputKey(making);
  const { method } = facts.selection;
  const points = useMemo(
    () => tasks.map((task) => (model === null ? [] : modelPoints(read, { model, task, method, making }))),
    // `madeBy` represents `making`. The same points for all factors: their curves are drawn once.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [read, model, tasks, method, madeBy],
  );
  const isReading =
    (manifest !== null && name !== null && document === undefined && error === null) ||
    answers.some(({ data, loading }) => loading && data === undefined);
  return { sweeps: read, points, isReading };
};
