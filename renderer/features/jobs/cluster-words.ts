import { type ClusterTask, type ClusterWork, isActive } from '../../../main/contract/cluster.ts';
import { counted, formatCount } from '../../../main/words/numbers.ts';

/** Plain words for Slurm's state names; others are shown in lower case. */
const words: Readonly<Record<string, string>> = {
  PENDING: 'waiting',
  COMPLETED: 'done',
  NODE_FAIL: 'node failed',
  OUT_OF_MEMORY: 'out of memory',
  UNKNOWN: 'unknown',
};

export const stateText = ({ state }: Pick<ClusterTask, 'state'>): string =>
  words[state] ?? state.toLowerCase().replaceAll('_', ' ');

/** "2 of 3 tasks running on node03, 1 waiting (Resources)": the array, or the joining job after it. */
export const workText = ({ tasks, away, request: { host } }: ClusterWork): string => {
  const where = host === null ? 'On the cluster' : `On ${host}`;
  if (away) return `${where}: the controller does not answer; its jobs continue`;
  const workers = tasks.filter(({ task }) => task !== null);
  const running = workers.filter(({ state }) => state === 'RUNNING');
  const waiting = workers.filter(({ state }) => state === 'PENDING');
  const [join] = tasks.filter(({ task }) => task === null);
  if (!workers.some(isActive) && join?.state === 'RUNNING') return `${where}: the joining job collects the results`;
  const nodes = [...new Set(running.flatMap(({ node }) => node ?? []))];
  const reasons = [...new Set(waiting.flatMap(({ reason }) => reason ?? []))];
  const parts = [
    `${formatCount(running.length)} of ${counted(workers.length, 'task')} running` +
      (nodes.length === 0
        ? ''
        : ` on ${nodes.length > 2 ? `${formatCount(nodes.length)} nodes` : nodes.join(' and ')}`),
    ...(waiting.length === 0
      ? []
      : [`${formatCount(waiting.length)} waiting${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`]),
  ];
  return `${where}: ${parts.join(', ')}`;
};
