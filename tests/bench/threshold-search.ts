/**
 * A threshold search (`sweep --stop early`) compared with measuring every candidate on every item, both in the
 * workbench.
 *
 * Method: the setting of the sample (four bundled models, the nine tasks with chosen answers, random with three seeds,
 * frequency, reap and uncurl, powers of two from 2 on). Both run alternately as whole processes, each in a fresh
 * workspace so that nothing is reused; wall time and processor time are measured, including start-up and profiles. Item
 * evaluations are those of pruned candidates. Every threshold is compared: a faster wrong verdict is worthless.
 * Usage: npx node tests/bench/threshold-search.ts [rounds, default 3]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type SweepDocument, sweepDocument } from '../../main/contract/sweep.ts';
import { childrenMs } from './processor-time.ts';
import { chosenTasks } from './shapes.ts';
import { ratios } from './statistics.ts';

const uncurl = path.join(import.meta.dirname, '../../main/cli/uncurl.ts');
const SWEEP = [
  ...['sweep', 'uncurl-8', 'uncurl-16', 'uncurl-32', 'uncurl-64', '--task', ...chosenTasks],
  ...['--method', 'random', 'frequency', 'reap', 'uncurl', '--factors', '2,4,8,16,32', '--seeds', '0,1,2', '--json'],
];

interface Measured {
  readonly document: SweepDocument;
  readonly items: number;
  readonly wallMs: number;
  readonly processorMs: number;
}

const measure = (...extra: readonly string[]): Measured => {
  const workspace = mkdtempSync(path.join(tmpdir(), 'uncurl-threshold-search-'));
  const processorBefore = childrenMs();
  const startedAt = performance.now();
  const { status, stdout } = spawnSync(process.execPath, [uncurl, ...SWEEP, ...extra, '--workspace', workspace], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 28,
  });
  const wallMs = performance.now() - startedAt;
  const processorMs = childrenMs() - processorBefore;
  rmSync(workspace, { recursive: true, force: true });
  if (status !== 0) throw new Error(`the sweep ended with ${String(status)}`);
  const document = sweepDocument.parse(JSON.parse(stdout));
  const pruned = [...document.results.filter(({ factor }) => factor > 1), ...(document.curtailed ?? [])];
  const items = pruned.reduce((sum, { n, evaluated = n }) => sum + evaluated, 0);
  return { document, items, wallMs, processorMs };
};

const safety = ({ thresholds }: SweepDocument): string =>
  thresholds
    .map(({ model, task, method, seed, factor, lastSafe, firstUnsafe, verdict }) =>
      JSON.stringify([model, task, method, seed, factor, lastSafe, firstUnsafe, verdict]),
    )
    .sort()
    .join('\n');

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (values: readonly number[]): string => values.map((value) => (value / 1000).toFixed(1)).join(', ');

const rounds = Number(process.argv[2] ?? 3);
const [full, curtailed]: [Measured[], Measured[]] = [[], []];
for (let round = 0; round < rounds; round += 1) {
  const [whole, early] = [measure(), measure('--stop', 'early')];
  full.push(whole);
  curtailed.push(early);
  print(
    `round ${round + 1}: ${whole.items} items, ${seconds([whole.wallMs])} s wall, ${seconds([whole.processorMs])} s ` +
      `processor in full; ${early.items}, ${seconds([early.wallMs])} s, ${seconds([early.processorMs])} s curtailed`,
  );
}
const [whole, early] = [full[0], curtailed[0]];
if (whole === undefined || early === undefined) throw new Error('no round was run');
const equal = full.every((one, index) => safety(one.document) === safety((curtailed[index] ?? early).document));
print(`${whole.document.thresholds.length} thresholds: ${equal ? 'all equal' : 'NOT EQUAL'}`);
print(`item evaluations: ${whole.items} in full, ${early.items} curtailed: ${(whole.items / early.items).toFixed(2)}x`);
const millisecondsOf = (runs: readonly Measured[], clock: 'wallMs' | 'processorMs'): readonly number[] =>
  runs.map((one) => one[clock]);
for (const clock of ['wallMs', 'processorMs'] as const) {
  const [theirs, ours] = [millisecondsOf(full, clock), millisecondsOf(curtailed, clock)];
  print(
    `${clock === 'wallMs' ? 'wall' : 'processor'} time: ${ratios(theirs, ours)} ` +
      `(${seconds(theirs)} s in full, ${seconds(ours)} s curtailed)`,
  );
}
