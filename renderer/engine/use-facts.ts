import { useStore } from 'zustand';
import { selectionStore } from '../state/selection-store.ts';
import { useEngineStatus, useQuery } from './engine-context.tsx';
import type { Facts } from './facts.ts';

const NONE: readonly never[] = [];

/** Facts for components: drawn again when the lists or the selection change. */
export const useFacts = (): Facts => {
  const connected = useEngineStatus().state === 'connected';
  const models = useQuery('models.list', {}).data ?? NONE;
  const tasks = useQuery('tasks.list', {}).data ?? NONE;
  const runs = useQuery('runs.list', {}).data ?? NONE;
  const jobs = useQuery('jobs.list', {}).data ?? NONE;
  const methods = useQuery('methods.list', {}).data ?? NONE;
  const selection = useStore(selectionStore);
  return { connected, models, tasks, runs, jobs, methods, selection };
};
