import { readdir, readFile } from 'node:fs/promises';

/** Processes that the cluster of SLURM_CONF started here, whose command line, as words, is one that is looked for. */
export const jobProcesses = async (isWanted: (words: readonly string[]) => boolean): Promise<readonly number[]> => {
  const cluster = `SLURM_CONF=${process.env['SLURM_CONF'] ?? ''}`;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // One that has ended meanwhile has no command line.
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (text === '' || !isWanted(text.split(/[\0 ]/))) return [];
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(cluster) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
};

/** The process that started one. */
export const parentOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  // After the name, which may hold spaces and brackets: state, then the parent.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
};

/** The processes that started them: Slurm's own, which tell the controller how a task ended. */
export const parentsOf = async (pids: readonly number[]): Promise<readonly number[]> => [
  ...new Set(await Promise.all(pids.map(parentOf))),
];

/** Ends processes as a machine that loses its power does; those that have ended by themselves are gone anyway. */
export const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
};
