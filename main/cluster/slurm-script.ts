/** What a user asks of the cluster: every field is an option of sbatch, passed on as it is. */
export interface ClusterRequest {
  readonly partition: string | null;
  /** Generic resources, for example `gpu:a100:1`. */
  readonly gres: string | null;
  /** Features that nodes must have. */
  readonly constraint: string | null;
  /** Workers: tasks of the array. */
  readonly workers: number;
  /** Limit on the time of one worker, as Slurm writes it. */
  readonly time: string | null;
  /** Processors of one worker; null: what the cluster gives. */
  readonly processors: number | null;
  readonly memory: string | null;
  /** Shell lines that run before the work, for example `module load nodejs`. */
  readonly setup: readonly string[];
}

/** A word of a shell command, quoted where it needs to be. */
export const shellWord = (word: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const directive = (name: string, value: string | number | null): string[] =>
  value === null ? [] : [`#SBATCH --${name}=${String(value)}`];

/**
 * The batch script of a run, for a reader as much as for Slurm: `work` fills steps (one task of the array each), `join`
 * then makes the run of them. `uncurl`: the words that start the command line on a node.
 */
export const slurmScript = (
  run: string,
  workspace: string,
  uncurl: readonly string[],
  { partition, gres, constraint, time, processors, memory, setup }: ClusterRequest,
): string => {
  const command = uncurl.map(shellWord).join(' ');
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
    `  work) exec ${command} work ${run} --until-empty ${rest} ;;`,
    `  join) exec ${command} resume ${run} ${rest} ;;`,
    'esac',
    '',
  ].join('\n');
};
