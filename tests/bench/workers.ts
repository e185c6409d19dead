/**
 * The cost of computing a sweep's steps in a worker and joining them afterwards (`work`, then `resume`), compared with
 * the same sweep in one process.
 *
 * Method: one bundled model, four tasks, three methods, three factors. Both run alternately as whole processes, each in
 * a fresh workspace, with one thread each; processor time is measured, since wall time on a shared machine says little.
 * The overhead consists of claims, markers, reading steps again and additional program starts; it is printed as a share
 * of the sweep and per part, beside the cost of `steps`, which reads every step and computes none.
 * Usage: npx node tests/bench/workers.ts [rounds, default 3]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { childrenMs } from './processor-time.ts';
import { median } from './statistics.ts';

const uncurl = path.join(import.meta.dirname, '../../main/cli/uncurl.ts');
const SWEEP = [
  ...['sweep', 'uncurl-32', '--task', 'french', 'sort', 'plural', 'bracket', '--method', 'random', 'frequency', 'reap'],
  ...['--factors', '2,4,8', '--threads', '1', '--json'],
];
const PARTS = 4 * (1 + 9);

/** Processor time in milliseconds, and the output. */
const run = (...args: readonly string[]): { readonly ms: number; readonly stdout: string } => {
  const before = childrenMs();
  const { status, stdout } = spawnSync(process.execPath, [uncurl, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}`);
  return { ms: childrenMs() - before, stdout };
};

const rounds = Number(process.argv[2] ?? 3);
const measured: { readonly alone: number; readonly work: number; readonly join: number; readonly start: number }[] = [];
for (let round = 0; round < rounds; round += 1) {
  const [one, other] = ['one', 'other'].map((name) => mkdtempSync(path.join(tmpdir(), `uncurl-workers-${name}-`)));
  if (one === undefined || other === undefined) throw new Error('no folders');
  const alone = run(...SWEEP, '--workspace', one);
  const made = run(...SWEEP, '--later', '--workspace', other);
  const [, name = ''] = /"run": "([^"]+)"/.exec(made.stdout) ?? [];
  const work = run('work', name, '--threads', '1', '--workspace', other);
  const join = run('resume', name, '--threads', '1', '--json', '--workspace', other);
  const start = run('steps', name, '--threads', '1', '--workspace', other);
  measured.push({ alone: alone.ms, work: work.ms, join: join.ms, start: start.ms });
  for (const folder of [one, other]) rmSync(folder, { recursive: true, force: true });
}
const of = (name: 'alone' | 'work' | 'join' | 'start'): number => median(measured.map((one) => one[name]));
const share = (ms: number): string => `${((100 * ms) / of('alone')).toFixed(1)} %`;
const print = (line: string): void => void process.stdout.write(`${line}\n`);
print(`processor time, median of ${rounds}: ${of('alone').toFixed(0)} ms in one process`);
print(
  `one worker: ${of('work').toFixed(0)} ms, ${share(of('work') - of('alone'))} more; ` +
    `per part ${((of('work') - of('alone')) / PARTS).toFixed(1)} ms`,
);
print(`joining: ${of('join').toFixed(0)} ms (${share(of('join'))}); listing the parts: ${of('start').toFixed(0)} ms`);
