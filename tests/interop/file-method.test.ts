/**
 * Runs the documentation's Python example and sweeps its ranking beside REAP: a method from another program works like
 * the built-in ones.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { sweepSettings } from '../../main/contract/sweep.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { outputOf } from './run-python.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const resources = path.join(root, 'resources');
const model = path.join(resources, 'models', 'uncurl-8');
/** Lines of Python that the documentation claims. */
const MOST_LINES = 20;

it("a ranking from the documentation's twenty lines gives a curve beside REAP, with paired differences", async () => {
  const work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-file-'));
  const [, script = ''] =
    /```python\n(.*?)```/s.exec(await readFile(path.join(root, 'resources/docs/own-method.md'), 'utf8')) ?? [];
  expect(script.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(MOST_LINES);
  const python = process.env['UNCURL_INTEROP_PYTHON'] ?? expect.fail('UNCURL_INTEROP_PYTHON names no Python');
  const [rank, ranking] = [path.join(work, 'rank.py'), path.join(work, 'ranking.json')];
  await writeFile(rank, script);
  await outputOf(python, [rank, model, ranking]);
  const text = await readFile(ranking, 'utf8');
  const lists = z.array(z.array(z.number())).parse(JSON.parse(text));

  const engine = await createEngine({
    workspace: path.join(work, 'workspace'),
    resources,
    commandLine: 'test',
    threads: 1,
  });
  try {
    const { run } = await engine.call('sweep.start', {
      models: [engine.grantPath(model)],
      tasks: [engine.grantPath(path.join(resources, 'tasks', 'add'))],
      settings: sweepSettings.parse({
        methods: ['reap', 'loudness'],
        files: { loudness: { name: 'ranking.json', text } },
        factors: [2, 4],
      }),
      candidates: [],
    });
    await engine.finished(run);
    const { results, thresholds } = await engine.call('sweep.read', { run });
    const own = results.filter(({ method }) => method === 'loudness');
    expect(own.map(({ factor }) => factor)).toEqual([2, 4]);
    for (const { low, high, difference, lost, gained, n } of own) {
      expect(low).toBeLessThanOrEqual(difference);
      expect(high).toBeGreaterThanOrEqual(difference);
      expect(difference).toBeCloseTo((gained - lost) / n, 12);
    }
    expect(thresholds.map(({ method }) => method)).toEqual(['reap', 'loudness']);
    const named = { run, model: 'uncurl-8', task: 'add', method: 'loudness', seed: null, factor: 4 };
    const { plan } = await engine.call('sweep.plan', named);
    expect('kept' in plan && plan.kept).toEqual(lists.map((list) => list.slice(0, 2).sort((a, b) => a - b)));
    const compared = await engine.call('sweep.compare', { run, model: 'uncurl-8', factor: 4, reference: 'reap' });
    const [row] = compared.tasks[0]?.rows.filter(({ method }) => method === 'loudness') ?? [];
    process.stdout.write(`loudness against reap at factor 4: ${JSON.stringify(row)}\n`);
    expect(row).toBeDefined();
  } finally {
    await engine.dispose();
    await rm(work, { recursive: true, force: true });
  }
});
