import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { everyMutant, type Mutant } from './mutants/mutate.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { unitImports } from '../unit-imports.ts';

/**
 * npx node tests/bench/mutants.ts [RECORDS] [--count 400] [--seed 1] [--first 400] [--files 6] [--limit 600]
 *   [--only TEXT]
 *
 * Seeded mutants of the code that decides (statistics, thresholds, keys of steps, the gate of sources, export): one
 * change at a place of the syntax tree, of COUNT places drawn evenly from all of them. A comparison is flipped or
 * moves by its boundary, + and - (* and /, && and ||, min and max) are exchanged, a number grows by one, a condition
 * is always or never true, and the branches of a choice are exchanged.
 *
 * Each is tested by the unit test files that import its module, its own and the nearest first, at most FILES of them,
 * one after another until a test fails: it is killed. It has survived if all of them pass, and timed out if one hangs
 * for LIMIT seconds. Sources on disk stay: the runner (mutants/runner.ts) changes what vitest loads, in a process that
 * is ended when it hangs. A file that fails without a change tests nothing, and is named.
 *
 * RECORDS (mutants.jsonl by default) gets a line for each mutant, and one for each test file tried without a change. A
 * record holds as long as its module and the test files that decided it have the content that they had: the same
 * command continues after an interruption, and after a change of tests it repeats what they decided. FIRST: as many of
 * the drawn mutants, in the order of their draw, so that a slice is a sample of all. ONLY: a part of the path of
 * the modules that are changed. Prints the counts by folder, and every survivor.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string' },
    files: { type: 'string', default: '6' },
    limit: { type: 'string', default: '600' },
    only: { type: 'string', default: '' },
  },
});
const root = path.resolve(import.meta.dirname, '..', '..');
const records = path.resolve(positionals[0] ?? 'mutants.jsonl');
const [count, mostFiles, limitMs] = [Number(values.count), Number(values.files), 1000 * Number(values.limit)];
const first = Number(values.first ?? count);

/** Where the engine decides: modules whose mistakes are wrong verdicts, stale results, or wrong files. */
const DECIDING =
  /^main\/(?:statistics\/.*|evaluation\/.*|jobs\/(?:step|source-gate|measurement|plan-step|sweep-stages|check-sweep|fit-[\w-]+)|export\/.*|pruning\/(?:make-plan|kept-counts))\.ts$/;

const record = z.union([
  z.object({ control: z.string(), hash: z.string(), passed: z.boolean() }),
  z.object({
    id: z.string(),
    file: z.string(),
    line: z.number(),
    change: z.string(),
    outcome: z.enum(['killed', 'survived', 'timed out', 'untested']),
    by: z.string().nullable(),
    tests: z.array(z.string()),
    hash: z.string(),
    seconds: z.number(),
  }),
]);
type Verdict = Extract<z.infer<typeof record>, { readonly id: string }>;

const answer = z.object({ failed: z.string().nullable(), isLoaded: z.boolean() });

/** The process that runs tests with a mutant; started again after it was ended. */
class Runner {
  #child: ChildProcess | null = null;

  /** The first failing test of a file (null if all pass), and whether it loaded the mutant; undefined if it hangs. */
  async run(test: string, mutant: Mutant | null): Promise<z.infer<typeof answer> | undefined> {
    const child = await this.#started();
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), limitMs);
    child.send({ test, mutant });
    try {
      const [said]: unknown[] = await once(child, 'message', { signal: limit.signal });
      return answer.parse(said);
    } catch (error) {
      if (!limit.signal.aborted) throw error;
      await this.end();
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the runner and the workers that it has started. */
  async end(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }

  async #started(): Promise<ChildProcess> {
    const running = this.#child;
    if (running !== null && running.exitCode === null && running.signalCode === null) return running;
    const child = fork(path.join(import.meta.dirname, 'mutants', 'runner.ts'), {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    await once(child, 'message');
    return child;
  }
}

const contents = new Map<string, Promise<string>>();
const contentOf = (file: string): Promise<string> => {
  const known = contents.get(file) ?? readFile(path.join(root, file), 'utf8');
  contents.set(file, known);
  return known;
};
const hashOf = async (files: readonly string[]): Promise<string> => {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0${await contentOf(file)}\0`);
  return hash.digest('hex').slice(0, 16);
};

const { files, testsOf: everyTestOf } = await unitImports(root);
/** Those of the structure read sources as texts. */
const testsOf = (file: string): readonly string[] =>
  everyTestOf(file).filter((test) => !test.startsWith('tests/structure/'));
const modules = files.filter((name) => DECIDING.test(name) && name.includes(values.only));
const places: Mutant[] = [];
for (const file of modules) places.push(...everyMutant(file, await contentOf(file)));
const drawn = seededRandom(Number(values.seed)).shuffle(places).slice(0, Math.min(count, first));
process.stdout.write(
  `${String(drawn.length)} of ${String(places.length)} places, in ${String(modules.length)} modules\n`,
);

// Made if it is missing.
const known = (await readFile(records, { encoding: 'utf8', flag: 'a+' }))
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => record.parse(JSON.parse(line)));
const verdicts = new Map(known.flatMap((one) => ('id' in one ? [[one.id, one] as const] : [])));
const controls = new Map(known.flatMap((one) => ('control' in one ? [[one.control, one] as const] : [])));
const write = (line: z.infer<typeof record>): Promise<void> => appendFile(records, `${JSON.stringify(line)}\n`);

const runner = new Runner();

/** Whether a test file passes without a change. */
const passes = async (test: string): Promise<boolean> => {
  const hash = await hashOf([test]);
  const before = controls.get(test);
  if (before?.hash === hash) return before.passed;
  const control = { control: test, hash, passed: (await runner.run(test, null))?.failed === null };
  controls.set(test, control);
  await write(control);
  return control.passed;
};

const decide = async (mutant: Mutant): Promise<Verdict> => {
  const started = Date.now();
  const tried: string[] = [];
  const verdict = async (outcome: Verdict['outcome'], by: string | null, decisive: readonly string[]) => ({
    id: mutant.id,
    file: mutant.file,
    line: mutant.line,
    change: mutant.change,
    outcome,
    by,
    tests: [...tried],
    hash: await hashOf([mutant.file, ...decisive]),
    seconds: Math.round((Date.now() - started) / 100) / 10,
  });
  for (const test of testsOf(mutant.file).slice(0, mostFiles)) {
    if (!(await passes(test))) continue;
    const ran = await runner.run(test, mutant);
    if (ran?.isLoaded === false) continue;
    tried.push(test);
    if (ran === undefined) return verdict('timed out', test, [test]);
    if (ran.failed !== null) return verdict('killed', `${test} > ${ran.failed}`, [test]);
  }
  return verdict(tried.length === 0 ? 'untested' : 'survived', null, tried);
};

/** Files whose content a verdict depends on, besides the module. */
const decisiveOf = ({ outcome, tests }: Verdict): readonly string[] =>
  outcome === 'killed' || outcome === 'timed out' ? tests.slice(-1) : tests;

const exists = async (file: string): Promise<boolean> =>
  contentOf(file).then(
    () => true,
    () => false,
  );

const holds = async (before: Verdict): Promise<boolean> => {
  const files = [before.file, ...decisiveOf(before)];
  for (const file of files) if (!(await exists(file))) return false;
  return before.hash === (await hashOf(files));
};

const decided: Verdict[] = [];
try {
  for (const [index, mutant] of drawn.entries()) {
    const before = verdicts.get(mutant.id);
    const verdict = before !== undefined && (await holds(before)) ? before : await decide(mutant);
    decided.push(verdict);
    if (verdict === before) continue;
    await write(verdict);
    process.stdout.write(
      `${String(index + 1)}: ${verdict.outcome}, ${String(verdict.seconds)} s: ${mutant.file}:${String(mutant.line)} ` +
        `${mutant.change}${verdict.by === null ? '' : ` by ${verdict.by}`}\n`,
    );
  }
} finally {
  await runner.end();
}

const folders = Map.groupBy(decided, ({ file }) => path.dirname(file));
for (const [folder, each] of [...folders, ['all', decided] as const]) {
  const of = (outcome: Verdict['outcome']): number => each.filter((one) => one.outcome === outcome).length;
  const ended = of('killed') + of('timed out');
  process.stdout.write(
    `${folder}: ${String(ended)} of ${String(each.length)} killed (${String(of('timed out'))} timed out), ` +
      `${String(of('survived'))} survived, ${String(of('untested'))} without a test\n`,
  );
}
for (const { file, line, change, outcome } of decided.filter(
  ({ outcome: how }) => how === 'survived' || how === 'untested',
))
  process.stdout.write(`${outcome}: ${file}:${String(line)} ${change}\n`);
for (const { control, passed } of controls.values())
  if (!passed) process.stdout.write(`fails without a change, and was not used: ${control}\n`);
