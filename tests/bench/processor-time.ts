import { readFileSync } from 'node:fs';

/** Clock ticks in /proc are hundredths of a second. */
const TICK_MS = 10;

/** Fields of a process's stat in /proc from the third on. */
const statOf = (pid: number): readonly string[] => {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

/** Processor time of this process's ended children, in milliseconds (Linux): fields 16 and 17 of its stat. */
export const childrenMs = (): number => {
  const fields = statOf(process.pid);
  return TICK_MS * (Number(fields[13]) + Number(fields[14]));
};

/** Processor time of this process and of its running children whose command line contains a text, in milliseconds. */
export const runningMs = (text: string): number => {
  const pid = String(process.pid);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  const own = children.filter((child) => readFileSync(`/proc/${String(child)}/cmdline`, 'utf8').includes(text));
  return [process.pid, ...own].reduce((sum, each) => {
    const fields = statOf(each);
    return sum + TICK_MS * (Number(fields[11]) + Number(fields[12]));
  }, 0);
};
