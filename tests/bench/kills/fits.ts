import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fitDocument } from '../../../main/contract/fit.ts';
import type { Attack } from './attack.ts';
import { bundledModel, momentOf, runUncurl, undisturbed } from './command-line.ts';
import { goOn, runsIn } from './sweeps.ts';

/** Options of the searches that are killed. */
export const fits: Readonly<Record<string, readonly string[]>> = {
  fit: ['--format', 'plan', '--bytes', '600kB', '--scoring-items', '32', '--method', 'frequency', 'reap'],
  'fit, types by layer': [
    ...['--format', 'gguf', '--bytes', '450kB', '--types', 'q8_0', 'q5_1', 'q4_1', '--types-by-layer'],
    ...['--scoring-items', '16', '--method', 'reap'],
  ],
};

/** What the only search of a workspace found, without its name; the hash is that of the choice before the test. */
const foundIn = async (workspace: string): Promise<unknown> => {
  const [run = ''] = await runsIn(workspace);
  const text = await readFile(path.join(workspace, 'runs', run, 'fit.json'), 'utf8');
  const { run: _name, settings: _settings, ...found } = fitDocument.parse(JSON.parse(text));
  return found;
};

/** A search for the best model that fits, killed like a sweep, and its resumptions too in three cases of ten. */
export const killedFit = async (folder: string, name: string, options: readonly string[]): Promise<Attack> => {
  const search = (workspace: string): readonly string[] => [
    ...['fit', bundledModel, '--task', 'mood', ...options],
    ...['--finalists', '1', '--workspace', workspace, '--threads', '1'],
  ];
  const whole = await mkdtemp(path.join(folder, 'right-'));
  const tookMs = await undisturbed(search(whole));
  const right = await foundIn(whole);
  return {
    name,
    once: async (random) => {
      const workspace = await mkdtemp(path.join(folder, 'workspace-'));
      let ended = await runUncurl(search(workspace), momentOf(random, tookMs));
      let kills = 0;
      while (ended.wasKilled) {
        kills += 1;
        ended = await goOn(search(workspace), workspace, random.float() < 0.3 ? momentOf(random, tookMs) : null);
      }
      // A search that ended just before it was killed has nothing to resume.
      const isDone = ended.code === 0 || ended.said.includes('is done');
      const isSame = isDone ? isDeepStrictEqual(await foundIn(workspace), right) : null;
      await rm(workspace, { recursive: true });
      return { kills, resumed: kills, isSame, said: ended.said, leftovers: 0 };
    },
  };
};
