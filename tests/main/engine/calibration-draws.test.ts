import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { drawnTimes } from '../../../main/profile/calibration-draws.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const LIMIT_MS = 120_000;

const start = (engine: Engine, task: string, settings: Readonly<Record<string, unknown>>, later?: true) =>
  engine.call('sweep.start', {
    models: [engine.grantPath(join(resources, 'models', 'uncurl-8'))],
    tasks: [engine.grantPath(task)],
    settings: sweepSettings.parse({ factors: [2, 4], limit: 40, seeds: [0], ...settings }),
    candidates: [],
    later,
  });

const read = async (engine: Engine, task: string, settings: Readonly<Record<string, unknown>>) => {
  const { run } = await start(engine, task, settings);
  expect((await engine.finished(run)).error).toBeNull();
  return engine.call('sweep.read', { run });
};

const german = join(resources, 'tasks', 'german');

/** A copy of the task whose calibration items are those of a draw, under names of their own. */
const drawnTask = async (size: number, draw: number): Promise<string> => {
  const folder = join(await temporaryFolder(), 'german');
  await cp(german, folder, { recursive: true });
  const file = join(folder, 'calibration.jsonl');
  const items = (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly id: string });
  const times = drawnTimes(items, size, draw);
  const drawn = items.flatMap((item, index) =>
    Array.from({ length: times[index] ?? 0 }, (_, copy) => ({ ...item, id: `${item.id}-${String(copy)}` })),
  );
  await writeFile(file, `${drawn.map((item) => JSON.stringify(item)).join('\n')}\n`);
  return folder;
};

test(
  'plans of a calibration draw are those of a task with its items, and a sweep without draws is unchanged',
  async () => {
    const methods = ['frequency', 'reap', 'uncurl', 'random'];
    const engine = await openEngine();
    const plain = await read(engine, german, { methods });
    const document = await read(engine, german, { methods, calibrationDraws: 2, calibrationSizes: '20,300' });
    expect(document.results).toEqual(plain.results);
    const { calibrationDraws = [] } = document;
    expect(calibrationDraws.map(({ draw, items, result }) => [result.method, result.factor, items, draw])).toEqual(
      ['frequency', 'reap', 'uncurl'].flatMap((method) =>
        [2, 4].flatMap((factor) => [20, 300].flatMap((items) => [0, 1].map((draw) => [method, factor, items, draw]))),
      ),
    );
    expect(document.notes).toContainEqual(expect.stringMatching(/^Plans of random read no calibration items/));
    // Fewer items: other experts, and some with too few tokens.
    const small = calibrationDraws.filter(({ items }) => items === 20);
    expect(small.some(({ inCommon }) => inCommon !== null && inCommon < 1)).toBe(true);
    for (const { fewTokens, fewTokensOfAll } of small) expect(fewTokens).toBeGreaterThanOrEqual(fewTokensOfAll);
    for (const { verdict } of calibrationDraws.map(({ result }) => result))
      expect(['safe', 'undecided', 'worse']).toContain(verdict);

    const alone = await read(engine, await drawnTask(20, 1), { methods: methods.slice(0, 3) });
    for (const { result } of calibrationDraws.filter(({ items, draw }) => items === 20 && draw === 1)) {
      const { droppedShare: _share, verdict: _verdict, cost: _cost, ...numbers } = result;
      const own = alone.results.find(({ method, factor }) => method === result.method && factor === result.factor);
      expect(own).toMatchObject(numbers);
    }
  },
  LIMIT_MS,
);

test(
  'workers compute calibration draws too: the process that resumes the run finds every step on disk',
  async () => {
    const engine = await openEngine();
    const settings = { methods: ['frequency', 'uncurl'], factors: [2], limit: 20, calibrationDraws: 2 };
    const { run } = await start(engine, german, settings, true);
    const parts = async (): Promise<readonly unknown[]> =>
      (await engine.listSteps(run)).map(({ part, state }) => [part, state]);
    const drawn = ['frequency, calibration draws', 'uncurl, calibration draws'];
    expect(await parts()).toEqual(expect.arrayContaining(drawn.map((part) => [part, 'to do'])));
    const said: string[] = [];
    const say = (line: string): void => void said.push(line);
    const { signal } = new AbortController();
    await engine.fillSteps(run, { share: { kind: 'until-empty' }, task: null, signal, say });
    for (const part of drawn) expect(said.join('\n')).toContain(`${part}: `);
    expect((await parts()).every((one) => String(one).endsWith('on disk'))).toBe(true);
    await engine.call('jobs.resume', { run });
    await engine.finished(run);
    const { notes = [], calibrationDraws = [] } = await engine.call('sweep.read', { run });
    expect(calibrationDraws).toHaveLength(2 * 2);
    expect(notes.at(-1)).toMatch(/^0 of \d+ steps computed/);
  },
  LIMIT_MS,
);

test('calibration draws refuse by name what is not made from sums over items', async () => {
  const engine = await openEngine();
  const draws = { calibrationDraws: 2 };
  const refused = (settings: Readonly<Record<string, unknown>>) => expect(start(engine, german, settings)).rejects;
  await refused({ methods: ['naee'], ...draws }).toThrow('The plans of naee cannot be made');
  await refused({ methods: ['frequency', 'hc-smoe'], ...draws }).toThrow('outputs of every expert on every token');
  await refused({ methods: ['eep'], ...draws }).toThrow('it searches');
  await refused({ methods: ['random'], ...draws }).toThrow('random read none');
  await refused({ methods: ['frequency'], ...draws, stop: 'early' }).toThrow('on every item');
  await refused({ methods: ['frequency'], ...draws, recovery: 'both' }).toThrow('A refit reads');
  await refused({ methods: ['frequency'], calibrationSizes: '20' }).toThrow(
    'Sizes of calibration draws are given, but no calibration draws',
  );
});
