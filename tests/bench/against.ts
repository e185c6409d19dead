/**
 * Common works of the command line, here and at another revision: nothing gets slower unseen.
 *
 * Method: a worktree of REV in the temporary folder, with hard links to the packages of this clone where they include
 * all that its lock file names, else with its own installation. A work is a whole process, started as `npm run uncurl`
 * starts it; both revisions run in turns, `rounds` times after once that does not count (it compiles sources), with a
 * fresh workspace each time.
 * Printed per work: medians of processor time and of peak memory (of each process, by itself, at its end: a work's
 * processes are added up, its memory is that of the largest), and the medians and ranges of their ratios, here / REV:
 * above 1 is worse here. A busy machine disturbs processor time less than wall time, but it does: repeat a surprise.
 * Usage: npm run bench -- --against REV [--rounds 5] [--only start,sweep]
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { writeFewShotTask } from './few-shot-task.ts';
import { readableOneGigabyteCheckpoint } from './readable-checkpoint.ts';
import { median, ratios } from './statistics.ts';
import { addWorktree, commitOf, removeWorktree, root } from './worktree.ts';

const usagePreload = pathToFileURL(path.join(import.meta.dirname, 'usage.mjs')).href;
const usage = z.object({ processorMs: z.number(), peakBytes: z.number() });
type Usage = z.infer<typeof usage>;

/** Runs `uncurl` from the sources of a tree, which must succeed; returns what it used and printed. */
const uncurl = (
  tree: string,
  scratch: string,
  args: readonly string[],
): { readonly used: Usage; readonly text: string } => {
  const file = path.join(scratch, 'usage.jsonl');
  rmSync(file, { force: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(tree, '.ci', 'uncurl.mjs'), ...args], {
    cwd: tree,
    encoding: 'utf8',
    maxBuffer: 1e9,
    env: {
      ...process.env,
      npm_lifecycle_event: undefined,
      NODE_COMPILE_CACHE: undefined,
      NODE_OPTIONS: `--import=${usagePreload}`,
      UNCURL_USAGE: file,
      UNCURL_SETTINGS: path.join(scratch, 'user', 'settings.json'),
    },
  });
  if (status !== 0) throw new Error(`uncurl ${args.join(' ')} of ${tree} ended with ${String(status)}:\n${stderr}`);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const used = lines.map((line) => usage.parse(JSON.parse(line)));
  return {
    text: stdout,
    used: {
      processorMs: used.reduce((sum, { processorMs }) => sum + processorMs, 0),
      peakBytes: Math.max(...used.map(({ peakBytes }) => peakBytes)),
    },
  };
};

const sweepOf = (model: string, tasks: readonly string[], method: string, factors: string): readonly string[] => [
  ...['sweep', model, ...tasks.flatMap((task) => ['--task', task])],
  ...['--method', method, '--factors', factors, '--json'],
];

/** What works read: made once, by the tree itself where it is the product of a run. */
interface Prepared {
  readonly largeModel: string;
  readonly fewShotTask: string;
  readonly plan: string;
  readonly workspace: string;
  readonly run: string;
}

/** Arguments of each work; `out` names a file or folder that does not exist. */
const works: Readonly<Record<string, (prepared: Prepared, out: string) => readonly string[]>> = {
  start: () => ['help'],
  info: () => ['info', 'uncurl-32'],
  open: ({ largeModel }) => ['info', largeModel],
  // In the workspace of the rounds before: the first, which does not count, computes what the others find stored.
  cached: ({ workspace }) => [
    ...sweepOf('uncurl-32', ['french', 'sort'], 'frequency', '1,2,4,8,16'),
    '--workspace',
    workspace,
  ],
  'cached-large': ({ largeModel, workspace }) => [
    ...sweepOf(largeModel, ['french'], 'frequency', '1,2,4,8'),
    ...['--limit', '40', '--workspace', workspace],
  ],
  sweep: (_, out) => [
    ...sweepOf('uncurl-32', ['french', 'plural', 'add', 'sort'], 'frequency', '1,2,4,8,16'),
    ...['--workspace', out],
  ],
  search: (_, out) => [...sweepOf('uncurl-16', ['sort'], 'evo-esap', '2,4'), '--limit', '60', '--workspace', out],
  large: ({ largeModel }, out) => [
    ...sweepOf(largeModel, ['french'], 'frequency', '1,2,4,8'),
    ...['--limit', '40', '--workspace', out],
  ],
  'few-shot': ({ largeModel, fewShotTask }, out) => [
    ...sweepOf(largeModel, [fewShotTask], 'frequency', '1,2,4'),
    ...['--limit', '20', '--workspace', out],
  ],
  writing: (_, out) => [...sweepOf('uncurl-16', ['plural-written'], 'frequency', '1,2,4'), '--workspace', out],
  export: ({ largeModel, plan }, out) => ['export', largeModel, '--plan', plan, '--out', out],
  thresholds: ({ workspace, run }) => ['compare', run, '--workspace', workspace],
  report: ({ workspace, run }, out) => ['report', run, '--workspace', workspace, '--out', out],
};

const { values } = parseArgs({
  options: { against: { type: 'string' }, rounds: { type: 'string', default: '5' }, only: { type: 'string' } },
});
const rounds = Number(values.rounds);
const chosen = values.only?.split(',') ?? Object.keys(works);
const unknown = chosen.find((name) => !(name in works));
if (values.against === undefined || !(rounds >= 1) || unknown !== undefined)
  throw new Error(
    'usage: npm run bench -- --against REV [--rounds 5] [--only LIST]; ' +
      `works are ${Object.keys(works).join(', ')}${unknown === undefined ? '' : ` (not ${unknown})`}`,
  );

const scratch = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-against-'));
const commit = commitOf(values.against);
const [ours, theirs] = [root, path.join(scratch, commit)];

const prepare = async (tree: string, folder: string, largeModel: string, fewShotTask: string): Promise<Prepared> => {
  mkdirSync(folder);
  const workspace = path.join(folder, 'workspace');
  const swept = uncurl(tree, folder, [
    ...sweepOf('uncurl-32', ['french', 'sort'], 'frequency', '1,2,4,8'),
    ...['--workspace', workspace],
  ]);
  const { run } = z.looseObject({ run: z.string() }).parse(JSON.parse(swept.text));
  const plan = path.join(folder, 'plan.json');
  uncurl(tree, folder, ['plan', largeModel, '--task', 'sort', '--method', 'random', '--factor', '2', '--out', plan]);
  return Promise.resolve({ largeModel, fewShotTask, plan, workspace, run });
};

try {
  addWorktree(commit, theirs);
  const largeModel = await readableOneGigabyteCheckpoint();
  const { task: fewShotTask } = await writeFewShotTask(scratch);
  const prepared = {
    [ours]: await prepare(ours, path.join(scratch, 'ours'), largeModel, fewShotTask),
    [theirs]: await prepare(theirs, path.join(scratch, 'theirs'), largeModel, fewShotTask),
  };
  const measure = (tree: string, name: string): Usage => {
    const [own, work] = [prepared[tree], works[name]];
    if (own === undefined || work === undefined) throw new Error(`no work ${name} of ${tree}`);
    const out = path.join(scratch, 'out');
    const { used } = uncurl(tree, scratch, work(own, out));
    rmSync(out, { recursive: true, force: true });
    return used;
  };
  console.log(`here against ${commit}, ${String(rounds)} rounds; load ${os.loadavg()[0]?.toFixed(1) ?? ''}`);
  for (const name of chosen) {
    const [here, there]: [Usage[], Usage[]] = [[], []];
    // The round that does not count. A work that fails at REV, as one that it does not have yet, has no ratio.
    measure(ours, name);
    try {
      measure(theirs, name);
    } catch (error) {
      console.log(`${name.padEnd(10)}  fails at ${commit}: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    for (let round = 0; round < rounds; round += 1) {
      here.push(measure(ours, name));
      there.push(measure(theirs, name));
    }
    const line = (unit: string, digits: number, of: (used: Usage) => number): string => {
      const [own, before] = [here.map(of), there.map(of)];
      return `${median(own).toFixed(digits)} ${unit} (${median(before).toFixed(digits)}), ${ratios(own, before)}`;
    };
    const processor = line('s', 2, ({ processorMs }) => processorMs / 1000);
    const memory = line('MB', 0, ({ peakBytes }) => peakBytes / 1e6);
    console.log(`${name.padEnd(10)}  processor ${processor};  memory ${memory}`);
  }
} finally {
  removeWorktree(theirs);
  rmSync(scratch, { recursive: true, force: true });
}
