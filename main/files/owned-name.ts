import { createHash, randomBytes } from 'node:crypto';
import { processState, thisProcess } from './process-alive.ts';

/** Machines by a short hash, since their names may contain any character. */
const machineMark = (machine: string): string => createHash('sha256').update(machine).digest('hex').slice(0, 8);

/**
 * A mark of this process, and of no other call, for the name of a folder: it tells the remains of a killed process
 * from work in progress.
 */
export const ownerMark = (): string => {
  const { machine, pid, startedAt } = thisProcess();
  return [machineMark(machine), String(pid), startedAt ?? '', randomBytes(6).toString('hex')].join('-');
};

const OWNER = /^([0-9a-f]{8})-(\d{1,10})-(\d*)-[0-9a-f]{12}$/;

/** Whether the process of a mark still runs; `unsure` of another machine, an unknown start, and what is no mark. */
export const ownerState = (mark: string): ReturnType<typeof processState> => {
  const [, machine, pid, startedAt] = OWNER.exec(mark) ?? [];
  const here = thisProcess();
  if (machine !== machineMark(here.machine)) return 'unsure';
  return processState({ ...here, pid: Number(pid), startedAt: startedAt === '' ? null : (startedAt ?? null) });
};
