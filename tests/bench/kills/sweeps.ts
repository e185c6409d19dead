import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout } from 'node:timers/promises';
import { bundledModel, type Ended, momentOf, runUncurl, startUncurl, undisturbed } from './command-line.ts';
import type { Attack, Outcome } from './attack.ts';

export type SweepOf = (workspace: string, model?: string) => readonly string[];

const sweepOf =
  (more: readonly string[]): SweepOf =>
  (workspace, model = bundledModel) => [
    ...['sweep', model, '--factors', '1,2', '--limit', '24', '--workspace', workspace, '--threads', '1'],
    ...more,
  ];

export const plainSweep = sweepOf(['--task', 'capital', '--method', 'reap', 'frequency']);
export const sweeps: Readonly<Record<string, SweepOf>> = {
  sweep: plainSweep,
  search: sweepOf(['--task', 'capital', '--method', 'eep', '--option', 'eep.evaluations=16', 'eep.initial=6']),
  generation: sweepOf(['--task', 'capital-written', '--method', 'frequency']),
};

/** Runs in a workspace that have a manifest and so can be resumed. */
export const runsIn = async (workspace: string): Promise<readonly string[]> => {
  const folder = path.join(workspace, 'runs');
  const names = await readdir(folder).catch((): string[] => []);
  const made = await Promise.all(
    names.map(async (name) => (await readdir(path.join(folder, name))).includes('manifest.json')),
  );
  return names.filter((_, index) => made[index]);
};

/** All files below a folder, by name, with their bytes. */
export const filesOf = async (folder: string): Promise<ReadonlyMap<string, string>> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const read = files
    .sort()
    .map(async (file) => [path.relative(folder, file), (await readFile(file)).toString('base64')] as const);
  return new Map(await Promise.all(read));
};

/** Final state of a workspace: the results of each run, and the bytes of every step. */
export interface Measured {
  readonly results: readonly unknown[];
  readonly steps: ReadonlyMap<string, string>;
}

export const measuredIn = async (workspace: string): Promise<Measured> => {
  const results = (await runsIn(workspace)).map(async (run) => {
    const document: unknown = JSON.parse(await readFile(path.join(workspace, 'runs', run, 'results.json'), 'utf8'));
    return (document as { readonly results: unknown }).results;
  });
  return { results: await Promise.all(results), steps: await filesOf(path.join(workspace, 'steps')) };
};

/** Whether every run of a workspace has the results of the undisturbed run. */
export const isAsMeasured = async (workspace: string, right: Measured): Promise<boolean> => {
  const { results, steps } = await measuredIn(workspace);
  return (
    results.length > 0 &&
    results.every((each) => isDeepStrictEqual(each, right.results[0])) &&
    isDeepStrictEqual(steps, right.steps)
  );
};

export const resumeArgs = (run: string, workspace: string): readonly string[] => [
  ...['resume', run, '--workspace', workspace, '--threads', '1'],
];

/** Resumes the run of a workspace (`begun`: of these), or starts one if there is none. */
export const goOn = async (
  sweep: readonly string[],
  workspace: string,
  killAfterMs: number | null,
  begun?: readonly string[],
): Promise<Ended> => {
  const [run] = begun ?? (await runsIn(workspace));
  if (run !== undefined) return runUncurl(resumeArgs(run, workspace), killAfterMs);
  await rm(workspace, { recursive: true, force: true });
  return runUncurl(sweep, killAfterMs);
};

/** Temporary files of killed processes, which are removed one day later when a workspace is opened. */
const leftIn = async (workspace: string): Promise<number> => (await readdir(path.join(workspace, 'tmp'))).length;

export const outcomeOf = async (
  { code, said }: Ended,
  workspace: string,
  right: Measured,
  counts: { readonly kills: number; readonly resumed: number },
): Promise<Outcome> => ({
  ...counts,
  isSame: code === 0 ? await isAsMeasured(workspace, right) : null,
  said,
  leftovers: code === 0 ? await leftIn(workspace) : 0,
});

export const undisturbedSweep = async (
  folder: string,
  sweep: SweepOf,
  model?: string,
): Promise<{ readonly right: Measured; readonly tookMs: number }> => {
  const workspace = await mkdtemp(path.join(folder, 'right-'));
  const tookMs = await undisturbed(sweep(workspace, model));
  return { right: await measuredIn(workspace), tookMs };
};

/** A sweep that is killed, and its resumptions too in three cases of ten, until one finishes. */
export const killedSweep = async (folder: string, name: string, sweep: SweepOf): Promise<Attack> => {
  const { right, tookMs } = await undisturbedSweep(folder, sweep);
  return {
    name,
    once: async (random) => {
      const workspace = await mkdtemp(path.join(folder, 'workspace-'));
      let ended = await runUncurl(sweep(workspace), momentOf(random, tookMs));
      let kills = 0;
      while (ended.wasKilled) {
        kills += 1;
        ended = await goOn(sweep(workspace), workspace, random.float() < 0.3 ? momentOf(random, tookMs) : null);
      }
      const outcome = await outcomeOf(ended, workspace, right, { kills, resumed: kills });
      await rm(workspace, { recursive: true });
      return outcome;
    },
  };
};

const WORKERS = 2;

/** Starts a sweep and kills it as soon as its run exists, so that workers find nearly all of it to do. */
const begunRun = async (sweep: readonly string[], workspace: string): Promise<string> => {
  const { child, ended } = startUncurl(sweep);
  for (;;) {
    const [run] = await runsIn(workspace);
    if (run !== undefined) {
      child.kill('SIGKILL');
      await ended;
      return run;
    }
    if (child.exitCode !== null) throw new Error(`the sweep ended before it had a run: ${(await ended).said}`);
    await setTimeout(5);
  }
};

/**
 * Two workers side by side, run as by a cluster's tasks. Each is killed at a random moment and restarted until it
 * finishes (in three cases of ten it is killed again); then the run is resumed, which reads their steps.
 */
export const killedWorkers = async (folder: string): Promise<Attack> => {
  const { right, tookMs } = await undisturbedSweep(folder, plainSweep);
  return {
    name: 'workers',
    once: async (random) => {
      const workspace = await mkdtemp(path.join(folder, 'workspace-'));
      const run = await begunRun(plainSweep(workspace), workspace);
      const work = ['work', run, '--until-empty', '--workspace', workspace, '--threads', '1'];
      let kills = 0;
      const worker = async (): Promise<Ended> => {
        let ended = await runUncurl(work, momentOf(random, tookMs));
        while (ended.wasKilled) {
          kills += 1;
          ended = await runUncurl(work, random.float() < 0.3 ? momentOf(random, tookMs) : null);
        }
        return ended;
      };
      const workers = await Promise.all(Array.from({ length: WORKERS }, worker));
      const failed = workers.find(({ code }) => code !== 0);
      const ended = failed ?? (await runUncurl(resumeArgs(run, workspace)));
      const outcome = await outcomeOf(ended, workspace, right, { kills, resumed: kills });
      await rm(workspace, { recursive: true });
      return outcome;
    },
  };
};
