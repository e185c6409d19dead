import type { ClusterRequest } from '../contract/cluster.ts';

/** A word of a shell command, quoted where it needs to be. */
export const shellWord = (word: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const directive = (name: string, value: string | number | null): string[] =>
  value === null ? [] : [`#SBATCH --${name}=${String(value)}`];

/** Megabytes (where no unit is named) and the others as sbatch counts them. */
const MEMORY_UNITS: Readonly<Record<string, number>> = { '': 2 ** 20, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Gigabytes that weights may take of a job's memory (`64G`), of which they get `share`; null where no size is named. A
 * node has more memory than its job may take, which only the script can tell.
 */
const weightGigabytes = (memory: string | null, share: number): string | null => {
  const [, number = '0', unit = ''] = /^(\d+)([KMGT]?)$/i.exec(memory ?? '') ?? [];
  const bytes = Number(number) * (MEMORY_UNITS[unit.toUpperCase()] ?? 0);
  return bytes === 0 ? null : String(Number(((bytes * share) / 1e9).toPrecision(3)));
};

/** The work that a batch script does. */
export interface ScriptOrder {
  readonly run: string;
  readonly workspace: string;
  /** Shell words that start the command line on a node. */
  readonly uncurl: string;
  /** What of the run's manifest was approved (run-binding.ts): a node need not have its user's key. */
  readonly code: string;
  /** Part of a job's memory that weights may take. */
  readonly memoryShare: number;
}

/**
 * The batch script of a run, for a reader as much as for Slurm: `work` fills steps (one task of the array each), `join`
 * then makes the run of them. Names that are not set are no error: what systems load for `module` and the like reads
 * some.
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
