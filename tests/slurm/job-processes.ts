import { readdir, readFile } from 'node:fs/promises';

/** Processes started here by the cluster of SLURM_CONF whose command line (as words) matches. */
export const jobProcesses = async (isWanted: (words: readonly string[]) => boolean): Promise<readonly number[]> => {
  const cluster = `SLURM_CONF=${process.env['SLURM_CONF'] ?? ''}`;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // A process that has ended meanwhile has no command line.
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (text === '' || !isWanted(text.split(/[\0 ]/))) return [];
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(cluster) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
};

/** The parent of a process. */
export const parentOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  // The name may contain spaces and parentheses; after it come the state and the parent.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
};

/** The parents of processes: Slurm's own processes, which report to the controller how a task ended. */
export const parentsOf = async (pids: readonly number[]): Promise<readonly number[]> => [
  ...new Set(await Promise.all(pids.map(parentOf))),
];

/** Kills processes as a power failure would; processes that have ended are ignored. */
export const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
};
