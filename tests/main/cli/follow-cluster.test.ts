import { expect, test } from 'vitest';
import { watchCluster } from '../../../main/cli/verbs/cluster.ts';
import { clusterRequest, type ClusterTask, type ClusterWork } from '../../../main/contract/cluster.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';

const waiting = (reason: string | null): ClusterTask => ({
  task: 1,
  state: 'PENDING',
  reason,
  node: null,
  exitCode: null,
  signal: null,
  elapsedMs: null,
  parts: 0,
  log: null,
});

const work = (task: ClusterTask): ClusterWork => ({
  run: 'sweep-1',
  title: 'A sweep',
  request: clusterRequest.parse({}),
  array: 1,
  join: 2,
  script: '/slurm.sh',
  submittedAt: '2026-01-01T00:00:00.000Z',
  state: 'active',
  error: null,
  away: false,
  tasks: [task],
  parts: { done: 0, of: 1 },
});

test('a waiting task is reported again only when its reason for waiting changes', () => {
  const said: string[] = [];
  let hear: (event: EngineEvent) => void = () => undefined;
  const engine = {
    subscribe: (listener: (event: EngineEvent) => void) => {
      hear = listener;
      return () => true;
    },
  };
  watchCluster(engine, 'sweep-1', { say: (line) => said.push(line) });
  for (const reason of [null, 'PartitionTimeLimit', 'PartitionTimeLimit', 'ReqNodeNotAvail'])
    hear({ type: 'cluster.changed', work: work(waiting(reason)) });
  expect(said).toEqual([
    'task 1: PENDING',
    'task 1: PENDING (PartitionTimeLimit)',
    'task 1: PENDING (ReqNodeNotAvail)',
  ]);
});
