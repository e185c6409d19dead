import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { tensorInMemory, writeSafetensors } from '../../../main/checkpoint/write-safetensors.ts';
import { editJsonMembers } from '../../../main/export/edit-json.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { TEST_LIMIT_MS } from '../../hang-limit.ts';
import { bundled, openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const SOURCE = 'resources/models/uncurl-8';
const WIDTH = 256;
const EXPERTS = 4;

/** A seeded model of one layer whose widths are 256, with the tokenizer of uncurl-8. */
const wideModel = async (): Promise<string> => {
  const folder = path.join(await temporaryFolder(), 'wide');
  await mkdir(folder);
  const random = seededRandom(5);
  const { tensors, info } = await openCheckpoint(SOURCE);
  const isKept = (name: string): boolean => !/layers\.[1-9]|experts\.[4-9]/.test(name);
  const written = [...tensors.values()]
    .filter(({ tensor }) => isKept(tensor))
    .map(({ tensor, shape }) => {
      const sizes = shape.map((size) => (size === 96 ? WIDTH : size === info.experts ? EXPERTS : size));
      const count = sizes.reduce((product, size) => product * size, 1);
      const values = Float32Array.from({ length: count }, () =>
        sizes.length === 1 ? 1 : 0.2 * (random.float() - 0.5),
      );
      return tensorInMemory(tensor, 'F32', sizes, values);
    });
  await writeSafetensors(path.join(folder, 'model.safetensors'), written, { format: 'pt' });
  const config = await readFile(path.join(SOURCE, 'config.json'), 'utf8');
  const wide = {
    hidden_size: WIDTH,
    intermediate_size: WIDTH,
    head_dim: WIDTH / 4,
    num_hidden_layers: 1,
    num_local_experts: EXPERTS,
    torch_dtype: 'float32',
  };
  await writeFile(path.join(folder, 'config.json'), editJsonMembers(config, wide));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(path.join(SOURCE, file), path.join(folder, file));
  return folder;
};

it(
  'a search tries blocks of 256 values where rows have them, and exports what it recommends',
  async () => {
    const engine = await openEngine();
    const { task } = await bundled(engine, 'uncurl-8', 'mood');
    const model = engine.grantPath(await wideModel());
    const { run } = await engine.call('fit.start', {
      model,
      task,
      format: 'gguf',
      methods: ['reap'],
      scoringItems: 4,
      finalists: 0,
      limit: { kind: 'bytes', bytes: 620_000 },
      types: ['q6_k', 'q5_k', 'q4_k'],
    });
    await engine.finished(run);
    const found = await engine.call('fit.read', { run });
    // Those of other budgets come after them.
    const tried = found.candidates.slice(0, 3).map(({ name, items, fits }) => [name, items > 0, fits]);
    expect(tried).toEqual([
      ['reap 2 q6_k', true, true],
      ['reap 3 q5_k', true, true],
      ['whole q4_k', true, true],
    ]);
    const into = engine.grantPath(await temporaryFolder());
    const made = await engine.call('fit.export', { run, into, name: 'exported' });
    expect(await engine.finished(made.run)).toMatchObject({ state: 'done' });
    expect(await engine.call('verify.read', { run: made.run })).toMatchObject({ ok: true, problems: [] });
  },
  TEST_LIMIT_MS,
);

it('a search says which types have no rows of whole blocks', async () => {
  const engine = await openEngine();
  const { model, task } = await bundled(engine, 'uncurl-8', 'mood');
  const limit = { kind: 'bytes', bytes: 450_000 } as const;
  const { notes } = await engine.call('fit.predict', { model, task, limit, format: 'gguf' });
  expect(notes).toContainEqual(
    'q6_k, q5_k and q4_k: No tensor of this model can be one of them: none has rows of whole blocks of 256 values.',
  );
});
