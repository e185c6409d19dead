import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { TEST_LIMIT_MS } from '../hang-limit.ts';
import { resources, temporaryFolder } from '../integration/run-uncurl.ts';
import { removeFolder } from '../remove-folder.ts';
import { runPython } from './run-python.ts';

/** Runs read in Python: the notebook of the documentation, and `resources/python/uncurl_runs.py` without pandas. */

const modules = path.join(resources, 'python');
const points = z.array(z.looseObject({ method: z.string(), factor: z.number(), difference: z.number() }));
const executed = z.object({
  provenance: z.string(),
  points,
  outcomes: z.number(),
  lost: z.array(z.object({ method: z.string(), factor: z.number(), item: z.number() })),
  choices: z.array(z.number()),
  drawn: z.array(z.array(z.number())),
});
const read = z.object({ provenance: z.string(), points });

describe('a notebook', () => {
  const home = { UNCURL_WORKSPACE: '', UNCURL_SETTINGS: '' };
  let [made, folder] = ['', ''];

  beforeAll(async () => {
    made = await mkdtemp(path.join(tmpdir(), 'uncurl-notebook-'));
    home.UNCURL_WORKSPACE = path.join(made, 'workspace');
    home.UNCURL_SETTINGS = path.join(made, 'settings.json');
    const sweep = ['sweep', 'uncurl-8', '--task', 'french', '--method', 'frequency,reap', '--factors', '2,4'];
    const command = path.join(resources, '..', 'main', 'cli', 'uncurl.ts');
    await promisify(execFile)(process.execPath, [command, ...sweep, '--limit', '40'], {
      env: { ...process.env, ...home },
    });
    const [run = ''] = await readdir(path.join(home.UNCURL_WORKSPACE, 'runs'));
    folder = path.join(home.UNCURL_WORKSPACE, 'runs', run);
  }, TEST_LIMIT_MS);
  afterAll(() => removeFolder(made));

  const reading = async (run: string): Promise<z.infer<typeof read>> => {
    const [found] = await runPython('notebook.py', [{ run, modules }], read, undefined, home);
    return found ?? expect.fail('no answer');
  };

  test('the notebook of the documentation shows the numbers of the run', async () => {
    const job = { notebook: path.join(resources, 'docs', 'notebook.ipynb'), modules };
    const [shown] = await runPython('notebook.py', [job], executed, undefined, home);
    const document = sweepDocument.parse(JSON.parse(await readFile(path.join(folder, 'results.json'), 'utf8')));
    const pruned = document.results.filter(({ method }) => method !== 'unpruned');
    expect(shown?.provenance).toBe('Measured here.');
    expect(shown?.points).toHaveLength(5);
    expect(shown?.outcomes).toBe(5 * 40);
    expect(shown?.lost).toEqual(
      pruned.filter(({ lost }) => lost > 0).map(({ method, factor, lost }) => ({ method, factor, item: lost })),
    );
    // 3 layers, top-2, every layer routes the same tokens.
    expect(new Set(shown?.choices).size).toBe(1);
    const differences = (wanted: string): readonly number[] =>
      pruned.filter(({ method }) => method === wanted).map(({ difference }) => 100 * difference);
    expect(shown?.drawn).toEqual([differences('frequency'), differences('reap')]);
  });

  test('without pandas, tables are lists with every digit', async () => {
    const { points: rows, provenance } = await reading(folder);
    const document = z
      .object({ results: points })
      .parse(JSON.parse(await readFile(path.join(folder, 'results.json'), 'utf8')));
    expect(provenance).toBe('Measured here.');
    expect(rows).toEqual(document.results);
  });

  test.each([
    ['a changed number', 'results.json changed after the run had ended'],
    ['a changed manifest', 'manifest.json changed after the run had ended'],
    ['a result that was added', 'damage.json changed after the run had ended'],
    ['a list that was made again', 'the list of its files does not belong to its seal'],
    ['another key', 'another user or machine sealed this run'],
    ['no seal', 'the run has no seal'],
  ])('%s is not measured here', async (what, reason) => {
    const copy = path.join(await temporaryFolder(), 'run');
    await cp(folder, copy, { recursive: true });
    const edit = async (name: string, change: (text: string) => string): Promise<void> =>
      writeFile(path.join(copy, name), change(await readFile(path.join(copy, name), 'utf8')));
    switch (what) {
      case 'a changed number':
        await edit('results.json', (text) => text.replace('"verdict":', '"verdict" :'));
        break;
      case 'a changed manifest':
        await appendFile(path.join(copy, 'manifest.json'), '\n');
        break;
      case 'a result that was added':
        await writeFile(path.join(copy, 'damage.json'), '{}');
        break;
      case 'a list that was made again':
        await edit('checksums.sha256', (text) => text.replace(/^[0-9a-f]{2}/, '00'));
        break;
      case 'another key':
        await edit('seal.json', (text) => text.replace(/"key": "[0-9a-f]+"/, '"key": "0000000000000000"'));
        break;
      default:
        await rm(path.join(copy, 'seal.json'));
    }
    expect((await reading(copy)).provenance).toMatch(new RegExp(`^Not measured here: .*${reason}`));
  });
});
