/**
 * The costs of what `sweep` measures besides answers, in one run against a sweep without: fidelity of chosen and of
 * written answers, plans elsewhere, calibration draws, and endings.
 *
 * Method: whole sweeps by the engine in this process, on one thread, in a fresh workspace each so that nothing is
 * reused; processor time of this process. A round runs every kind of sweep once, after one whole sweep to warm up; the
 * result is the median over rounds of the quotient with the plain sweep of the same round and tasks. `uncurl-32` by
 * frequency and REAP at factors 2, 4 and 8, on three tasks with choices and the same three written (300 items each).
 * Beside it stand the quotients that the numbers of answered items (elsewhere, draws) lead to expect: a sweep has
 * (1 + plans) answers to each item; elsewhere adds those of the plans of the other tasks and of all tasks at once, a
 * draw as many as its plans. Endings: the time of finding the loops of as many texts as a sweep of long answers has
 * (`wordy-16` on `digits`, 40 items, the same plans), each of 192 tokens, where the search finds nothing and is
 * longest, against that sweep.
 * Usage: npx node tests/bench/breakage.ts [rounds, default 3]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SweepSettings, sweepSettings } from '../../main/contract/sweep.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { loopOf } from '../../main/generation/write-texts.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { bundledModel, bundledTasks } from './shapes.ts';

const rounds = Number(process.argv[2] ?? 3);
const resources = fileURLToPath(new URL('../../resources', import.meta.url));
const METHODS = ['frequency', 'reap'];
const FACTORS = [2, 4, 8];
const CHOSEN = ['french', 'bracket', 'mood'];
const WRITTEN = CHOSEN.map((task) => `${task}-written`);
const ITEMS = 300;
const DRAWS = 3;
const LONG = { tasks: ['digits'], limit: 40, model: 'wordy-16' };

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Processor time of a sweep in a fresh workspace, in milliseconds. */
const sweepMs = async (
  tasks: readonly string[],
  given: Partial<SweepSettings> = {},
  name = 'uncurl-32',
): Promise<number> => {
  const workspace = mkdtempSync(path.join(tmpdir(), 'breakage-'));
  const before = processorMs();
  const engine = await createEngine({ workspace, resources, commandLine: 'bench', threads: 1 });
  const { run } = await engine.call('sweep.start', {
    models: [engine.grantPath(path.join(path.dirname(bundledModel), name))],
    tasks: tasks.map((task) => engine.grantPath(path.join(bundledTasks, task))),
    settings: sweepSettings.parse({ methods: METHODS, factors: FACTORS, limit: ITEMS, ...given }),
  });
  await engine.finished(run);
  await engine.dispose();
  const spent = processorMs() - before;
  rmSync(workspace, { recursive: true, force: true });
  return spent;
};

const plans = METHODS.length * FACTORS.length;
const others = CHOSEN.length - 1;
const kinds: readonly {
  readonly name: string;
  readonly tasks: readonly string[];
  readonly given: Partial<SweepSettings>;
  /** Answered items against the plain sweep; null where the items are the same. */
  readonly items: number | null;
}[] = [
  { name: 'fidelity, chosen', tasks: CHOSEN, given: { fidelity: true }, items: null },
  { name: 'fidelity, written', tasks: WRITTEN, given: { fidelity: true }, items: null },
  {
    name: 'elsewhere, chosen',
    tasks: CHOSEN,
    given: { elsewhere: true },
    items: (1 + plans + others * plans + plans) / (1 + plans),
  },
  {
    name: `${String(DRAWS)} calibration draws, chosen`,
    tasks: CHOSEN,
    given: { calibrationDraws: DRAWS },
    items: (1 + plans + DRAWS * plans) / (1 + plans),
  },
];

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

await sweepMs(CHOSEN);
const quotients = new Map(kinds.map(({ name }) => [name, [] as number[]]));
for (let round = 0; round < rounds; round += 1) {
  const plain = new Map([
    [CHOSEN, await sweepMs(CHOSEN)],
    [WRITTEN, await sweepMs(WRITTEN)],
  ]);
  console.log(`plain: ${[...plain.values()].map((spent) => `${spent.toFixed(0)} ms`).join(', ')} (chosen, written)`);
  for (const { name, tasks, given } of kinds) {
    const spent = await sweepMs(tasks, given);
    const quotient = spent / (plain.get(tasks as string[]) ?? NaN);
    quotients.get(name)?.push(quotient);
    console.log(`${name}: ${spent.toFixed(0)} ms, ${quotient.toFixed(3)}`);
  }
}

const long = await sweepMs(LONG.tasks, { limit: LONG.limit }, LONG.model);
/** As many texts as that sweep has. */
const random = seededRandom(0);
const texts = Array.from({ length: LONG.limit * (1 + plans) }, () =>
  Array.from({ length: 192 }, () => random.integer(47)),
);
const before = processorMs();
for (const tokens of texts) loopOf(tokens);
const finding = processorMs() - before;

for (const { name, items } of kinds)
  console.log(
    `${name}: median ${median(quotients.get(name) ?? []).toFixed(3)}` +
      (items === null ? '' : `, answered items ${items.toFixed(3)}`),
  );
console.log(`endings: ${finding.toFixed(0)} ms, ${((100 * finding) / long).toFixed(2)} % of a sweep of long answers`);
