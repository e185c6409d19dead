import type { ClusterRequest } from '../contract/cluster.ts';

/** A word of a shell command, quoted where it needs to be. */
export const shellWord = (word: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const directive = (name: string, value: string | number | null): string[] =>
  value === null ? [] : [`#SBATCH --${name}=${String(value)}`];

/**
 * The batch script of a run, for a reader as much as for Slurm: `work` fills steps (one task of the array each), `join`
 * then makes the run of them. `uncurl`: shell words that start the command line on a node.
 */
export const slurmScript = (
  run: string,
  workspace: string,
  uncurl: string,
  { partition, gres, constraint, time, processors, memory, setup }: ClusterRequest,
): string => {
  const threads = processors === null ? [] : ['--threads', String(processors)];
  const rest = ['--workspace', workspace, ...threads].map(shellWord).join(' ');
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
    'set -euo pipefail',
    ...setup,
    'case "$1" in',
    `  work) exec ${uncurl} work ${run} --until-empty ${rest} ;;`,
    `  join) exec ${uncurl} resume ${run} ${rest} ;;`,
    'esac',
    '',
  ].join('\n');
};
