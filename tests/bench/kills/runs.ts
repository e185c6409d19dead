import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { writePaddedModel } from '../../main/checkpoint/padded-model.ts';
import { startLoopbackHub, TOKEN } from '../../integration/loopback-hub.ts';
import type { Attack } from './attack.ts';
import { bundledModel, momentOf, runUncurl, undisturbed } from './command-line.ts';
import { goOn, runsIn } from './sweeps.ts';

/** Kinds of run that write one document, and downloads: killed at random moments, and resumed until they end. */

const document = z.record(z.string(), z.unknown());

/** A verb whose run writes a document; `without`: fields that name the run or measure time. */
interface KindOfRun {
  readonly args: (workspace: string) => readonly string[];
  readonly file: string;
  readonly without?: readonly string[];
  /** A run that must be there before. */
  readonly first?: readonly string[];
}

const plan = JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]) });
const threads = ['--threads', '1'];
const SWEPT = [
  'sweep',
  bundledModel,
  '--task',
  'capital',
  '--method',
  'frequency',
  '--factors',
  '1,2',
  '--limit',
  '24',
];

export const kindsOfRun = (folder: string): Readonly<Record<string, KindOfRun>> => ({
  damage: {
    args: (workspace) => [
      ...['damage', bundledModel, 'capital', '--layer', '1', '--expert', '0', '1', '2', '3'],
      ...['--workspace', workspace, ...threads],
    ],
    file: 'damage.json',
  },
  'side by side': {
    args: (workspace) => [
      ...['beside', bundledModel, 'the capital of france is ', '--plan', path.join(folder, 'half.json')],
      ...['--max-new-tokens', '48', '--workspace', workspace, ...threads],
    ],
    file: 'beside.json',
    without: ['run'],
  },
  experiment: {
    args: (workspace) => [
      ...['experiment', 'uncurl-8', 'uncurl-16', '--task', 'capital', '--arms', 'as-is,refit', '--seeds', '0'],
      ...['--workspace', workspace, ...threads],
    ],
    file: 'experiment.json',
    without: ['run', 'facts', 'spent', 'seconds'],
  },
  reproduction: {
    first: SWEPT,
    args: (workspace) => ['reproduce', 'first', '--workspace', workspace, ...threads],
    file: 'reproduction.json',
    without: ['run', 'of', 'facts'],
  },
});

const documentIn = async (workspace: string, { file, without = [] }: KindOfRun): Promise<unknown> => {
  for (const run of await runsIn(workspace)) {
    const text = await readFile(path.join(workspace, 'runs', run, file), 'utf8').catch(() => null);
    if (text === null) continue;
    const read = document.parse(JSON.parse(text));
    return Object.fromEntries(Object.entries(read).filter(([name]) => !without.includes(name)));
  }
  return null;
};

export const killedRun = async (folder: string, name: string, kind: KindOfRun): Promise<Attack> => {
  await writeFile(path.join(folder, 'half.json'), plan);
  const prepared = await mkdtemp(path.join(folder, 'prepared-'));
  if (kind.first !== undefined) await undisturbed([...kind.first, '--workspace', prepared, ...threads]);
  const [first = ''] = kind.first === undefined ? [] : await runsIn(prepared);
  const made = async (): Promise<{ readonly workspace: string; readonly args: readonly string[] }> => {
    const workspace = path.join(await mkdtemp(path.join(folder, 'run-')), 'workspace');
    if (kind.first !== undefined) await cp(prepared, workspace, { recursive: true });
    return { workspace, args: kind.args(workspace).map((word) => (word === 'first' ? first : word)) };
  };
  const { workspace: whole, args: whenWhole } = await made();
  const tookMs = await undisturbed(whenWhole);
  const right = await documentIn(whole, kind);
  if (right === null) throw new Error(`${name} wrote no ${kind.file}`);
  return {
    name,
    once: async (random) => {
      const { workspace, args } = await made();
      let ended = await runUncurl(args, momentOf(random, tookMs));
      let kills = 0;
      while (ended.wasKilled) {
        kills += 1;
        const again = random.float() < 0.3 ? momentOf(random, tookMs) : null;
        const begun = (await runsIn(workspace)).filter((run) => run !== first);
        ended = await (begun.length > 0 || kind.first === undefined
          ? goOn(args, workspace, again, begun)
          : runUncurl(args, again));
      }
      const isSame = ended.code === 0 ? isDeepStrictEqual(await documentIn(workspace, kind), right) : null;
      await rm(path.dirname(workspace), { recursive: true });
      return { kills, resumed: kills, isSame, said: ended.said, leftovers: 0 };
    },
  };
};

const ID = 'someone/killed';
const NEEDED = ['config.json', 'model.safetensors', 'tokenizer.json'];
/** Large enough for a part of the kills to fall into the transfer. */
const LARGE_BYTES = 96e6;

/** A download from a Hub on loopback, killed and continued; then its files are compared with those of the Hub. */
export const killedDownload = async (folder: string): Promise<Attack> => {
  const hub = await startLoopbackHub();
  const padded = path.join(folder, 'padded');
  await writePaddedModel('uncurl-8', padded, LARGE_BYTES);
  const files = (await readdir(padded)).map(async (name) => [name, await readFile(path.join(padded, name))] as const);
  hub.publish(ID, Object.fromEntries(await Promise.all(files)));
  const machine = async () => {
    const home = await mkdtemp(path.join(folder, 'machine-'));
    const workspace = path.join(home, 'workspace');
    const environment = { HF_HOME: path.join(home, 'huggingface'), HF_ENDPOINT: hub.endpoint, HF_TOKEN: TOKEN };
    return { home, workspace, environment, args: ['download', ID, '--workspace', workspace] };
  };
  /** Files of the snapshot by name; whether all are those of the Hub. */
  const isWhole = async (home: string): Promise<boolean> => {
    const snapshots = path.join(home, 'huggingface', 'hub', 'models--someone--killed', 'snapshots');
    const [commit] = await readdir(snapshots).catch((): string[] => []);
    if (commit === undefined) return false;
    // Links to the cache's blobs.
    const found = await readdir(path.join(snapshots, commit));
    for (const name of found)
      if (hub.contentOf(ID, name)?.equals(await readFile(path.join(snapshots, commit, name))) !== true) return false;
    return NEEDED.every((name) => found.includes(name));
  };
  const first = await machine();
  const startedAt = performance.now();
  const { code, said } = await runUncurl(first.args, null, first.environment);
  if (code !== 0 || !(await isWhole(first.home))) throw new Error(`undisturbed, a download ended badly: ${said}`);
  const tookMs = performance.now() - startedAt;
  return {
    name: 'download',
    once: async (random) => {
      const { home, workspace, environment, args } = await machine();
      let ended = await runUncurl(args, momentOf(random, tookMs), environment);
      let kills = 0;
      while (ended.wasKilled) {
        kills += 1;
        const again = random.float() < 0.3 ? momentOf(random, tookMs) : null;
        const begun = await runsIn(workspace);
        ended = await (random.float() < 0.5 && begun[0] !== undefined
          ? runUncurl(['resume', begun[0], '--workspace', workspace], again, environment)
          : runUncurl(args, again, environment));
      }
      const isSame = ended.code === 0 ? await isWhole(home) : null;
      await rm(home, { recursive: true });
      return { kills, resumed: kills, isSame, said: ended.said, leftovers: 0 };
    },
    end: () => hub.close(),
  };
};
