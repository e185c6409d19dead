import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../../main/statistics/random.ts';

/**
 * node tests/bench/kills.ts [kills] [seed]
 *
 * Ends command lines of the workbench by SIGKILL at random moments (default: 200 kills in all), resumes what was
 * killed, and compares what is there in the end with what an undisturbed run gave. By turns: a sweep, a sweep with a
 * search, a sweep of written answers, an export. A kill that comes after the end is not counted. Prints kills, resumed
 * runs, differences, and what was left behind.
 */
const [kills = '200', seed = '1'] = process.argv.slice(2);
const root = path.join(import.meta.dirname, '../..');
const program = path.join(root, 'main', 'cli', 'uncurl.ts');
const model = path.join(root, 'resources', 'models', 'uncurl-8');
const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-kills-'));
const random = seededRandom(Number(seed));

const start = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

/** Runs to the end, or to a kill after `killAfterMs`: what it printed, and whether it was killed. */
const run = async (args: readonly string[], killAfterMs: number | null = null) => {
  const child = start(args);
  const out: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  const timer = killAfterMs === null ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  return { code, killed: signal === 'SIGKILL', text: Buffer.concat(out).toString('utf8') };
};

const sweepOf =
  (more: readonly string[]) =>
  (workspace: string): readonly string[] => [
    ...['sweep', model, '--factors', '1,2', '--limit', '24', '--workspace', workspace, '--threads', '1'],
    ...more,
  ];
const sweeps: Readonly<Record<string, (workspace: string) => readonly string[]>> = {
  sweep: sweepOf(['--task', 'capital', '--method', 'reap', 'frequency']),
  search: sweepOf(['--task', 'capital', '--method', 'eep', '--option', 'eep.evaluations=16', 'eep.initial=6']),
  generation: sweepOf(['--task', 'capital-written', '--method', 'frequency']),
};

const resultsIn = async (workspace: string): Promise<unknown> => {
  const [name] = await readdir(path.join(workspace, 'runs'));
  const document: unknown = JSON.parse(
    await readFile(path.join(workspace, 'runs', name ?? '', 'results.json'), 'utf8'),
  );
  return (document as { readonly results: unknown }).results;
};

const totals = { kills: 0, resumed: 0, differences: 0, leftovers: 0, failures: 0 };

/** One sweep, killed once or more until it was resumed to its end; compared with `right`. */
const killedSweep = async (args: (workspace: string) => readonly string[], right: unknown, tookMs: number) => {
  const workspace = await mkdtemp(path.join(folder, 'workspace-'));
  let ended = await run(args(workspace), random.float() * tookMs);
  while (ended.killed) {
    totals.kills += 1;
    const [name] = await readdir(path.join(workspace, 'runs')).catch((): string[] => []);
    const isMade = name !== undefined && (await readdir(path.join(workspace, 'runs', name))).includes('manifest.json');
    if (!isMade) {
      await rm(workspace, { recursive: true });
      ended = await run(args(workspace));
      break;
    }
    totals.resumed += 1;
    const again = random.float() < 0.3 ? random.float() * tookMs : null;
    ended = await run(['resume', name, '--workspace', workspace, '--threads', '1'], again);
  }
  if (ended.code !== 0) totals.failures += 1;
  else if (!isDeepStrictEqual(await resultsIn(workspace), right)) totals.differences += 1;
  await rm(workspace, { recursive: true, force: true });
};

const plan = path.join(folder, 'plan.json');
await writeFile(plan, JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]) }));
const exportTo = (destination: string): readonly string[] => ['export', model, '--plan', plan, '--out', destination];
const filesOf = async (place: string): Promise<readonly string[]> =>
  Promise.all(
    (await readdir(place))
      .sort()
      .map(async (name) => `${name} ${(await readFile(path.join(place, name))).toString('base64')}`),
  );

const killedExport = async (right: readonly string[], tookMs: number): Promise<void> => {
  const parent = await mkdtemp(path.join(folder, 'exports-'));
  const destination = path.join(parent, 'small');
  const first = await run(exportTo(destination), random.float() * tookMs);
  if (first.killed) totals.kills += 1;
  const isThere = (await readdir(parent)).includes('small');
  // A killed export is there whole, or not at all.
  if (!isThere && (await run(exportTo(destination))).code !== 0) totals.failures += 1;
  else if (!isDeepStrictEqual(await filesOf(destination), right)) totals.differences += 1;
  totals.leftovers += (await readdir(parent)).filter((name) => name !== 'small').length;
  await rm(parent, { recursive: true });
};

const timed = async <T>(work: () => Promise<T>): Promise<readonly [T, number]> => {
  const startedAt = performance.now();
  return [await work(), performance.now() - startedAt];
};

const undisturbed = new Map<string, { readonly right: unknown; readonly tookMs: number }>();
for (const [name, args] of Object.entries(sweeps)) {
  const workspace = await mkdtemp(path.join(folder, 'right-'));
  const [{ code }, tookMs] = await timed(() => run(args(workspace)));
  if (code !== 0) throw new Error(`the undisturbed ${name} ended with ${String(code)}`);
  undisturbed.set(name, { right: await resultsIn(workspace), tookMs });
}
const rightExport = path.join(folder, 'right', 'small');
await mkdir(path.dirname(rightExport));
const [, exportMs] = await timed(() => run(exportTo(rightExport)));
const exported = await filesOf(rightExport);

while (totals.kills < Number(kills)) {
  for (const [name, args] of Object.entries(sweeps)) {
    const { right, tookMs = 0 } = undisturbed.get(name) ?? {};
    await killedSweep(args, right, tookMs);
  }
  await killedExport(exported, exportMs);
  console.log(totals);
}
await rm(folder, { recursive: true });
process.exit(totals.differences + totals.failures > 0 ? 1 : 0);
