import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readGguf } from '../../../../main/checkpoint/gguf/read-gguf.ts';
import { openCheckpoint } from '../../../../main/checkpoint/open-checkpoint.ts';
import { prunedImportance, writeStoredGguf } from '../../../../main/export/gguf/stored-gguf.ts';
import { fewTokensNote, readImportanceMatrix } from '../../../../main/pruning/expert-files/importance-matrix.ts';
import { ggufFile, metadata, type RawTensor, text, u32, u64 } from '../../checkpoint/gguf/gguf-bytes.ts';
import { commandLineHere } from '../../cli/command-line-here.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { mergeEvenly } from '../export-settings.ts';

const [LAYERS, EXPERTS, WIDTH] = [3, 8, 96];
const MODEL = 'resources/models/uncurl-8';
const values = [
  metadata('general.type', 8, text('imatrix')),
  metadata('imatrix.datasets', 9, u32(8), u64(1), text('calibration.txt')),
  metadata('imatrix.chunk_count', 4, u32(7)),
  metadata('imatrix.chunk_size', 4, u32(512)),
];
const countOf = (layer: number, expert: number): number => (expert === 5 ? 0 : 3 + 10 * ((expert + layer) % EXPERTS));

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The entries that llama-imatrix writes for a model (tools/imatrix), in the order of their names. */
const entriesOf = (): readonly Entry[] => {
  const entry = (name: string, rows: number, counts: readonly number[]): readonly Entry[] => [
    { name: `${name}.counts`, shape: [rows, 1], values: Float32Array.from(counts) },
    {
      name: `${name}.in_sum2`,
      shape: [rows, WIDTH],
      values: Float32Array.from({ length: rows * WIDTH }, (_, index) => index + name.length / 100),
    },
  ];
  return Array.from({ length: LAYERS }, (_, layer) => {
    const counts = Array.from({ length: EXPERTS }, (__, expert) => countOf(layer, expert));
    const experts = ['down', 'gate', 'up'].flatMap((part) =>
      entry(`blk.${String(layer)}.ffn_${part}_exps.weight`, EXPERTS, counts),
    );
    return [...entry(`blk.${String(layer)}.attn_q.weight`, 1, [3584]), ...experts];
  }).flat();
};

const imatrixFile = async (entries: readonly Entry[], given = values): Promise<string> => {
  const file = path.join(await temporaryFolder(), 'imatrix.gguf');
  const tensors: RawTensor[] = [];
  const parts: Buffer[] = [];
  let offset = 0;
  for (const { name, shape, values: own } of entries) {
    tensors.push({ name, shape, type: 0, offset });
    const bytes = Buffer.from(own.buffer);
    const padded = Buffer.concat([bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)]);
    parts.push(padded);
    offset += padded.length;
  }
  await writeFile(file, ggufFile(given, tensors, Buffer.concat(parts)));
  return file;
};

describe('an importance matrix', () => {
  it('is pruned like the experts it describes, and all else stays', async () => {
    const checkpoint = await openCheckpoint(MODEL);
    const kept = [
      [1, 3, 5],
      [0, 2, 7],
      [5, 6, 7],
    ];
    const source = await imatrixFile(entriesOf());
    const { stored, note } = await prunedImportance(checkpoint, { kept }, source);
    expect(note).toBe('4 of 9 kept experts have fewer than 8 tokens in it, and 2 have none.');
    const file = path.join(await temporaryFolder(), 'pruned.gguf');
    await writeStoredGguf(stored, file, () => undefined);
    const [before, after, bytes] = [await readGguf(source), await readGguf(file), await readFile(file)];
    expect([...after.metadata.keys()]).toEqual([...before.metadata.keys()]);
    for (const [key, { bytes: own }] of after.metadata) expect(own).toEqual(before.metadata.get(key)?.bytes);
    const wanted = entriesOf().map(({ name, shape, values: own }) => {
      const [, layer] = /^blk\.(\d)\.ffn/.exec(name) ?? [];
      if (layer === undefined) return { name, shape, values: [...own] };
      const rows = kept[Number(layer)] ?? [];
      const width = shape[1] ?? 1;
      const all = rows.flatMap((row) => [...own.subarray(row * width, (row + 1) * width)]);
      return { name, shape: [rows.length, width], values: all };
    });
    const found = after.tensors.map(({ name, shape, byteOffset, byteLength }) => ({
      name,
      shape,
      values: [...new Float32Array(Uint8Array.from(bytes.subarray(byteOffset, byteOffset + byteLength)).buffer)],
    }));
    expect(found).toEqual(wanted);
    const pruned = { experts: 3, blocks: [0, 1, 2] };
    const again = await readImportanceMatrix(file, pruned);
    expect(again.counts.map((counts) => [...counts])).toEqual(
      kept.map((rows, layer) => rows.map((expert) => countOf(layer, expert))),
    );
    expect(fewTokensNote(again.counts)).toBe('4 of 9 experts have fewer than 8 tokens in it, and 2 have none.');
  });

  it('ranks experts for a plan, and is written beside the export', async () => {
    const source = await imatrixFile(entriesOf());
    const work = await temporaryFolder();
    const [planFile, out] = [path.join(work, 'plan.json'), path.join(work, 'pruned')];
    const planned = await commandLineHere('plan', MODEL, '--ranking', source, '--keep', '4', '--out', planFile);
    expect(planned.stderr).toContain('6 of 24 experts have fewer than 8 tokens in it, and 3 have none.');
    const { kept } = JSON.parse(await readFile(planFile, 'utf8')) as { kept: number[][] };
    const best = (layer: number): number[] =>
      Array.from({ length: EXPERTS }, (_, expert) => expert)
        .sort((a, b) => countOf(layer, b) - countOf(layer, a) || a - b)
        .slice(0, 4)
        .sort((a, b) => a - b);
    expect(kept).toEqual([0, 1, 2].map(best));
    const said = await commandLineHere(
      'export',
      MODEL,
      '--plan',
      planFile,
      '--out',
      out,
      '--imatrix',
      source,
      '--json',
    );
    expect(JSON.parse(said.stdout)).toMatchObject({
      importanceMatrix: {
        file: `${out}.imatrix.gguf`,
        note: expect.stringMatching(/^0 of 12 kept experts/) as unknown,
      },
    });
    const { counts } = await readImportanceMatrix(`${out}.imatrix.gguf`, { experts: 4, blocks: [0, 1, 2] });
    expect(counts.map((own) => [...own])).toEqual(kept.map((rows, layer) => rows.map((e) => countOf(layer, e))));
  });

  it('is a method of a sweep over the model that it belongs to', async () => {
    const source = await imatrixFile(entriesOf());
    const workspace = await temporaryFolder();
    const sweep = ['--task', 'add', '--factors', '2', '--method', `file:seen=${source}`, '--workspace', workspace];
    const made = await commandLineHere('sweep', MODEL, ...sweep, '--later', '--json');
    expect(made.stderr).toContain('6 of 24 experts have fewer than 8 tokens in it, and 3 have none.');
    const { run } = JSON.parse(made.stdout) as { run: string };
    const manifest: unknown = JSON.parse(await readFile(path.join(workspace, 'runs', run, 'manifest.json'), 'utf8'));
    const best = [0, 1, 2].map((layer) =>
      Array.from({ length: EXPERTS }, (_, expert) => expert).sort(
        (one, other) => countOf(layer, other) - countOf(layer, one) || one - other,
      ),
    );
    expect(manifest).toMatchObject({
      spec: { files: { seen: { name: 'imatrix.gguf', text: JSON.stringify({ ranking: best }) } } },
    });
    const two = await commandLineHere('sweep', MODEL, 'resources/models/uncurl-16', ...sweep);
    expect(two.stderr).toContain('belong to one model, and 2 are swept');
  });

  it('is refused by name where it is another file or of another model', async () => {
    const checkpoint = await openCheckpoint(MODEL);
    const plan = { kept: [0, 1, 2].map(() => [0, 1, 2]) };
    const changed = (edit: (entry: Entry) => Entry): Promise<string> => imatrixFile(entriesOf().map(edit));
    const typeless = values.slice(1);
    const wrongCount = (name: string, value: number) =>
      changed((one) => (one.name === name ? { ...one, values: one.values.with(2, value) } : one));
    for (const [file, message] of [
      [await imatrixFile(entriesOf(), typeless), 'its "general.type" is null, not "imatrix"'],
      [await imatrixFile(entriesOf().slice(0, -8)), 'it has no counts for the experts of block 2'],
      [await changed((one) => ({ ...one, name: one.name.replace('blk.2', 'blk.9') })), 'block 9 has no experts'],
      [await wrongCount('blk.1.ffn_up_exps.weight.counts', 1), 'count other tokens'],
      [await wrongCount('blk.0.ffn_down_exps.weight.counts', 1.5), 'counts 1.5 tokens'],
    ] as const)
      await expect(prunedImportance(checkpoint, plan, file)).rejects.toThrow(message);
    const whole = { experts: 16, blocks: [0, 1, 2] };
    await expect(readImportanceMatrix(await imatrixFile(entriesOf()), whole)).rejects.toThrow('[8, 1] for 16 experts');
    const merged = mergeEvenly(checkpoint, 4, 'reference-row');
    await expect(prunedImportance(checkpoint, merged, await imatrixFile(entriesOf()))).rejects.toThrow('merges');
  });
});
