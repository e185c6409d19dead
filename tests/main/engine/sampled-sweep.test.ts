import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const LIMIT_MS = 120_000;

const start = (engine: Engine, task: string, settings: Readonly<Record<string, unknown>>) =>
  engine.call('sweep.start', {
    models: [engine.grantPath(join(resources, 'models', 'uncurl-8'))],
    tasks: [engine.grantPath(join(resources, 'tasks', task))],
    settings: sweepSettings.parse({ methods: ['frequency'], factors: [2], limit: 160, ...settings }),
    candidates: [],
  });

const SAMPLE = 'temperature=1.2,top_p=0.95,seed=4';

test(
  'several texts of an item count in the rates, and items are the unit of intervals',
  async () => {
    const engine = await openEngine();
    const { run } = await start(engine, 'sort-written', { sample: SAMPLE, repeats: 3 });
    expect((await engine.finished(run)).error).toBeNull();
    const document = await engine.call('sweep.read', { run });
    // Everything follows from the stored answers again, correctness included.
    expect(document.check).toMatchObject({ state: 'as-written', differing: [] });
    const [unpruned, pruned] = document.results;
    expect(unpruned).toMatchObject({ factor: 1, n: 480, difference: 0, endings: { difference: 0 } });
    expect(pruned).toMatchObject({ n: 480, groups: { count: 160 }, endings: { groups: { count: 160 } } });
    const texts = (moves: readonly { readonly items: number; readonly groups: number }[] = []): number =>
      moves.reduce((sum, { items, groups }) => sum + items * groups, 0);
    expect(texts(pruned?.groups?.moves)).toBe(480);
    const ended = pruned?.endings;
    const net = ended?.groups?.moves.reduce((sum, move) => sum + move.net * move.groups, 0);
    expect(net).toBe((ended?.gained ?? NaN) - (ended?.lost ?? NaN));
    expect(document.thresholds).toHaveLength(1);

    const read = (sample: string, repeats: number) =>
      start(engine, 'sort-written', { sample, repeats }).then(async ({ run: other }) => {
        expect((await engine.finished(other)).error).toBeNull();
        const point = {
          run: other,
          model: 'uncurl-8',
          task: 'sort-written',
          method: 'frequency',
          seed: null,
          factor: 2,
        };
        return engine.call('outcomes.read', { ...point, show: 'all', from: 0, count: 480 });
      });
    const three = await read(SAMPLE, 3);
    expect(three.note).toBe(`Texts were drawn with ${SAMPLE}, 3 for each item.`);
    expect(three.items).toHaveLength(480);
    expect(three.items[1]?.item).toBe(`${three.items[0]?.item ?? ''} (repeat 2)`);
    expect(three.items[1]?.asked).toEqual(three.items[0]?.asked);
    expect(three.items[1]?.asked).not.toBeNull();
    // The first text of each item is that of a sweep without repeats; another seed writes others.
    const one = await read(SAMPLE, 1);
    expect(one.items).toEqual(three.items.filter((_, index) => index % 3 === 0));
    const other = await read(SAMPLE.replace('seed=4', 'seed=5'), 1);
    expect(other.items).not.toEqual(one.items);
  },
  LIMIT_MS,
);

test('a sampler that nothing uses, repeats without one, and what cannot be read are refused', async () => {
  const engine = await openEngine();
  await expect(start(engine, 'sort', { sample: SAMPLE })).rejects.toThrow('nothing is sampled');
  await expect(start(engine, 'sort-written', { repeats: 2 })).rejects.toThrow('nothing to repeat');
  await expect(start(engine, 'sort-written', { sample: 'heat=2' })).rejects.toThrow('not a part of a sampler');
});
