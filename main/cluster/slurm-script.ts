import type { ClusterRequest } from '../contract/cluster.ts';
import { shellWord } from '../words/equivalent-command.ts';

const directive = (name: string, value: string | number | null): string[] =>
  value === null ? [] : [`#SBATCH --${name}=${String(value)}`];

/** Bytes of each unit as sbatch counts it; megabytes without a unit. */
const MEMORY_UNITS: Readonly<Record<string, number>> = { '': 2 ** 20, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Gigabytes available for weights: `share` of a job's memory (`64G`); null where no size is named. A node has more
 * memory than the job may use, and only the script knows the job's limit.
 */
const weightGigabytes = (memory: string | null, share: number): string | null => {
  const [, number = '0', unit = ''] = /^(\d+)([KMGT]?)$/i.exec(memory ?? '') ?? [];
  const bytes = Number(number) * (MEMORY_UNITS[unit.toUpperCase()] ?? 0);
  return bytes === 0 ? null : String(Number(((bytes * share) / 1e9).toPrecision(3)));
};

/** Input of a batch script. */
export interface ScriptOrder {
  readonly run: string;
  readonly workspace: string;
  /** Shell words that start the command line on a node. */
  readonly uncurl: string;
  /** Approval code of the run's manifest (run-binding.ts): a node may lack the user's key. */
  readonly code: string;
  /** Share of a job's memory that weights may take. */
  readonly memoryShare: number;
}

/**
 * The batch script of a run, readable for people too: `work` computes steps (one task of the array each), `join` then
 * assembles the run from them. Unset variables are not an error: scripts that systems load for `module` and the like
 * read some.
 */
export const slurmScript = (
  { run, workspace, uncurl, code, memoryShare }: ScriptOrder,
  { partition, gres, constraint, time, processors, memory, setup }: ClusterRequest,
): string => {
  const threads = processors === null ? [] : ['--threads', String(processors)];
  const gigabytes = weightGigabytes(memory, memoryShare);
  const weights = gigabytes === null ? [] : ['--memory', gigabytes];
  const rest = ['--workspace', workspace, '--confirm', code, ...threads, ...weights].map(shellWord).join(' ');
  return [
    '#!/bin/bash',
    `# Works on the sweep ${run}: "work" fills its steps, one task of the array each; "join" makes the run of them.`,
    `#SBATCH --job-name=${run}`,
    ...directive('partition', partition),
    ...directive('gres', gres),
    ...directive('constraint', constraint),
    ...directive('time', time),
    ...directive('cpus-per-task', processors),
    ...directive('mem', memory),
    'set -eo pipefail',
    ...setup,
    'case "$1" in',
    `  work) exec ${uncurl} work ${run} --until-empty ${rest} ;;`,
    `  join) exec ${uncurl} resume ${run} ${rest} ;;`,
    'esac',
    '',
  ].join('\n');
};
