import type { ClusterRequest } from '../contract/cluster.ts';
import { refuse } from '../contract/errors.ts';
import type { RunCommand } from './run-command.ts';

/** The properties of a node that may affect numbers. */
export interface SlurmNode {
  readonly name: string;
  readonly features: string;
  /** Generic resources without their counts: `gpu:a100`. */
  readonly resources: string;
}

const withoutCounts = (resources: string): string =>
  resources
    .replaceAll(/\([^)]*\)/g, '')
    .split(',')
    .map((entry) => entry.replace(/:\d+$/, ''))
    .sort()
    .join(',');

/**
 * Parses the lines of `sinfo -h -N -o '%N|%f|%G|%P'`; a node of several partitions appears once. `partition` null:
 * nodes of the default partition, which a star marks.
 */
export const readNodes = (text: string, partition: string | null): readonly SlurmNode[] => {
  const nodes = text
    .split('\n')
    .filter((line) => line !== '' && (partition !== null || line.trimEnd().endsWith('*')))
    .map((line) => {
      const [name = '', features = '', resources = ''] = line.split('|').map((part) => part.trim());
      return { name, features: features === '(null)' ? '' : features, resources: withoutCounts(resources) };
    });
  return nodes.filter(({ name }, index) => nodes.findIndex((other) => other.name === name) === index);
};

/**
 * Refuses an array whose tasks could run on different hardware: all numbers of a run must come from one kind of node. A
 * named constraint, or a named type of GPU, selects one kind.
 *
 * @throws WorkbenchError `mixed-hardware`.
 */
export const requireOneKind = (nodes: readonly SlurmNode[], { gres, constraint }: ClusterRequest): void => {
  if (constraint !== null) return;
  const wanted = gres === null ? [] : withoutCounts(gres).split(',');
  const isTyped = wanted.some((entry) => entry.includes(':'));
  const able = nodes.filter(({ resources }) =>
    wanted.every((entry) =>
      resources.split(',').some((offered) => offered === entry || offered.startsWith(`${entry}:`)),
    ),
  );
  const kinds = new Map<string, string[]>();
  for (const { name, features, resources } of able) {
    const kind = isTyped ? features : `${features} ${resources === '(null)' ? '' : resources}`.trim();
    kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  }
  if (kinds.size <= 1) return;
  const listed = [...kinds].map(([kind, names]) => `${names.join(', ')} (${kind === '' ? 'nothing named' : kind})`);
  throw refuse(
    'mixed-hardware',
    `The array could run on different hardware: ${listed.join('; ')}.`,
    'Name one kind: --constraint FEATURE, --gres gpu:TYPE:1, or a partition of equal nodes.',
  );
};

export const nodesOf = async (run: RunCommand, partition: string | null): Promise<readonly SlurmNode[]> =>
  readNodes(
    await run('sinfo', ['-h', '-N', ...(partition === null ? [] : ['-p', partition]), '-o', '%N|%f|%G|%P']),
    partition,
  );
