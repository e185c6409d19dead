import { execFileSync } from 'node:child_process';
import { appendFile, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { CancelledError } from '../../../main/contract/errors.ts';
import type { ExportFormat } from '../../../main/contract/export.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import { exportPlan, type ExportRequest, type ExportResult, exportWarnings } from '../../../main/export/export-plan.ts';
import { verifyExport } from '../../../main/export/verify-export.ts';
import { TensorProto_DataLocation as DataLocation, ModelProtoSchema } from '../../../main/graph/onnx-messages.ts';
import { floatsOf, integerTensor, Session } from '../../../main/inference/session.ts';
import { checkpointFixture, makeMixtral, scoringFixture } from '../checkpoint/checkpoint-files.ts';
import { numberDifference, openRunner, uncancelled } from '../inference/open-runner.ts';
import { exportRequest, mergeEvenly } from './export-settings.ts';

const half: Plan = {
  kept: [
    [0, 2, 3, 6],
    [1, 3, 4, 5],
  ],
};

const exported = async (
  source: string,
  plan: Plan,
  format: ExportFormat,
): Promise<ExportResult & { readonly request: ExportRequest }> => {
  const request = { ...(await exportRequest(source, plan)), format };
  return { ...(await exportPlan(request)), request };
};

const graphOf = async (folder: string) =>
  fromBinary(ModelProtoSchema, await readFile(path.join(folder, 'model.onnx'))).graph ?? expect.fail('no graph');

/** Runs the graph of a folder on padded rows of equal length; 0 in `mask` is padding. */
const run = async (
  folder: string,
  ids: readonly (readonly number[])[],
  mask: readonly (readonly number[])[],
): Promise<{ readonly dims: readonly number[]; readonly logits: Float32Array }> => {
  const session = await Session.open('graph', await readFile(path.join(folder, 'model.onnx')), {
    threads: 1,
    externalRoot: folder,
    weights: 'resident',
  });
  onTestFinished(() => session.dispose());
  const shape = [ids.length, ids[0]?.length ?? 0];
  const { logits } = await session.run(
    { input_ids: integerTensor(ids.flat(), shape), attention_mask: integerTensor(mask.flat(), shape) },
    ['logits'],
  );
  return { dims: logits?.dims ?? [], logits: logits === undefined ? new Float32Array() : floatsOf(logits) };
};

describe('an ONNX export', () => {
  it('of every expert converts the model, and is verified', async () => {
    const source = checkpointFixture('mixtral');
    const all = [0, 1, 2, 3, 4, 5, 6, 7];
    const { folder, verification, request } = await exported(source, { kept: [all, all] }, 'onnx');
    expect(verification.ok).toBe(true);
    expect(await verifyExport({ ...request, exported: folder })).toMatchObject({ ok: true, problems: [] });
  });

  it('is one graph with its weights, config, plan, card, checksums and the side files', async () => {
    const { folder, verification, sizeBytes, warnings, request } = await exported(
      scoringFixture('mixtral-byte-fallback'),
      half,
      'onnx',
    );
    expect(verification).toMatchObject({ ok: true, problems: [], sameTensors: true, sameExperts: null });
    expect((await readdir(folder)).sort()).toEqual([
      'README.md',
      'checksums.sha256',
      'config.json',
      'model.onnx',
      'model.onnx.data',
      'tokenizer.json',
      'tokenizer_config.json',
      'uncurl-plan.json',
    ]);
    expect(await readdir(path.dirname(request.destination))).toEqual(['pruned']);
    expect(sizeBytes).toBe(Number(execFileSync('sh', ['-c', 'cat * | wc -c'], { cwd: folder }).toString()));
    expect(JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'))).toMatchObject({
      num_local_experts: 4,
    });
    const card = await readFile(path.join(folder, 'README.md'), 'utf8');
    expect(card).toMatch(/onnxruntime\.InferenceSession\("path\/to\/this\/folder\/model\.onnx"\)/);
    expect(card).not.toMatch(/transformers|AutoModelForCausalLM|undefined/);
    expect(
      execFileSync('sha256sum', ['--check', '--strict', 'checksums.sha256'], { cwd: folder }).toString(),
    ).not.toMatch(/FAILED/);
    expect(warnings).toEqual([]);
  });

  it('contains only the weights of the kept experts, in the dtype of the source and under their names', async () => {
    const { folder } = await exported(checkpointFixture('mixtral-bf16-sharded'), half, 'onnx');
    const { initializer } = await graphOf(folder);
    const stored = initializer.filter(({ dataLocation }) => dataLocation === DataLocation.EXTERNAL);
    expect(new Set(stored.map(({ dataType }) => dataType))).toEqual(new Set([16]));
    const names = stored.map(({ name }) => name);
    expect(names).toContain('model.layers.1.block_sparse_moe.experts.3.w2.weight');
    expect(names.filter((name) => name.includes('.experts.4.'))).toEqual([]);
    const ranges = stored.map(({ externalData }) =>
      Object.fromEntries(externalData.map(({ key, value }) => [key, value])),
    );
    expect(new Set(ranges.map((range) => range['location']))).toEqual(new Set(['model.onnx.data']));
    expect(ranges.every((range) => Number(range['offset']) % 64 === 0)).toBe(true);
    const bytes = ranges.reduce((sum, range) => sum + Number(range['length']), 0);
    const { size } = await stat(path.join(folder, 'model.onnx.data'));
    expect(size).toBeGreaterThanOrEqual(bytes);
    expect(size).toBeLessThan(bytes + 64 * stored.length);
    expect(size).toBeLessThan(0.8 * (await openCheckpoint(checkpointFixture('mixtral-bf16-sharded'))).info.sizeBytes);
  });

  it('beside a Hugging Face folder shares its weights', async () => {
    const { folder, verification } = await exported(checkpointFixture('mixtral-bf16-sharded'), half, 'hf,onnx');
    expect(verification).toMatchObject({ ok: true, sameExperts: true, sameTensors: true });
    const names = await readdir(folder);
    expect(names).not.toContain('model.onnx.data');
    const { initializer } = await graphOf(folder);
    const locations = new Set(
      initializer.flatMap(({ externalData }) =>
        externalData.flatMap(({ key, value }) => (key === 'location' ? [value] : [])),
      ),
    );
    expect([...locations].sort()).toEqual(names.filter((name) => name.endsWith('.safetensors')).sort());
    const card = await readFile(path.join(folder, 'README.md'), 'utf8');
    expect(card).toMatch(/AutoModelForCausalLM[^]*InferenceSession/);
  });

  it('takes batches of any size and length, padded on any side or in the middle', async () => {
    for (const name of ['mixtral', 'mixtral-window']) {
      const source = checkpointFixture(name);
      const { folder } = await exported(source, half, 'onnx');
      const sequences = [[5], [1, 2, 3], [9, 8, 7, 6, 5, 4, 3, 2, 1, 10, 11, 12]];
      const wanted = await (await openRunner(source)).forward(sequences, half, uncancelled);
      const slots = 13;
      const rows = sequences.map((tokens, index) => {
        const before = [slots - 1, 4, 0][index] ?? 0;
        const [ids, mask] = [new Array<number>(slots).fill(0), new Array<number>(slots).fill(0)];
        tokens.forEach((token, position) => {
          // The second sequence has a gap.
          const slot = before + position + (index === 1 && position > 0 ? 3 : 0);
          ids[slot] = token;
          mask[slot] = 1;
        });
        return { ids, mask };
      });
      const together = await run(
        folder,
        rows.map(({ ids }) => ids),
        rows.map(({ mask }) => mask),
      );
      const vocabulary = together.dims[2] ?? 0;
      expect(together.dims).toEqual([3, slots, vocabulary]);
      for (const [index, { mask }] of rows.entries()) {
        const found = mask.flatMap((isToken, slot) =>
          isToken === 1
            ? [
                ...together.logits.subarray(
                  (index * slots + slot) * vocabulary,
                  (index * slots + slot + 1) * vocabulary,
                ),
              ]
            : [],
        );
        expect(numberDifference([...(wanted[index]?.logits ?? [])], found)).toBeLessThanOrEqual(1e-5);
        const tokens = sequences[index] ?? [];
        const alone = await run(folder, [tokens], [tokens.map(() => 1)]);
        expect(numberDifference([...(wanted[index]?.logits ?? [])], [...alone.logits])).toBeLessThanOrEqual(1e-5);
      }
    }
  });

  it('contains merged experts as they are measured', async () => {
    const source = checkpointFixture('mixtral-fused');
    const plan = mergeEvenly(await openCheckpoint(source), 4, 'mean-row');
    expect((await exported(source, plan, 'onnx')).verification).toMatchObject({ ok: true, problems: [] });
  });

  it('warns if a graph contains so many experts that opening it takes long', () => {
    const kept = [Array.from({ length: 64 }, (_, expert) => expert)];
    expect(exportWarnings({ moeLayers: 16 }, { kept }, 'hf,onnx')).toEqual([
      expect.stringMatching(/contains 1,024 experts \(16 MoE layers x 64\)/),
    ]);
    expect(exportWarnings({ moeLayers: 16 }, { kept }, 'hf')).toEqual([]);
    expect(exportWarnings({ moeLayers: 15 }, { kept }, 'onnx')).toEqual([]);
  });

  it('leaves nothing behind when it is cancelled', async () => {
    for (const moment of [0.1, 0.6, 0.9]) {
      const controller = new AbortController();
      const request = await exportRequest(checkpointFixture('mixtral'), half);
      const onProgress = (done: number, total: number): void => {
        if (done >= moment * total) controller.abort();
      };
      await expect(
        exportPlan({ ...request, format: 'hf,onnx', control: { signal: controller.signal, onProgress } }),
      ).rejects.toBeInstanceOf(CancelledError);
      expect(await readdir(request.parent)).toEqual([]);
    }
  });
});

describe('a changed ONNX export is reported', () => {
  const problems = async (
    format: ExportFormat,
    change: (folder: string) => Promise<unknown>,
  ): Promise<readonly string[]> => {
    const { folder, request } = await exported(checkpointFixture('mixtral'), half, format);
    await rm(path.join(folder, 'checksums.sha256'));
    await change(folder);
    const verification = await verifyExport({
      exported: folder,
      checkpoint: request.checkpoint,
      plan: half,
      settings: request.settings,
      control: uncancelled,
    });
    expect(verification.ok).toBe(verification.problems.length === 0);
    return verification.problems;
  };
  /** Flips the byte at a position. */
  const flip = async (file: string, at: number): Promise<void> => {
    const handle = await open(file, 'r+');
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    await handle.write(Buffer.from([byte.readUInt8(0) ^ 0xff]), 0, 1, at);
    await handle.close();
  };

  it('not if nothing was changed', async () => {
    expect(await problems('onnx', () => Promise.resolve())).toEqual([]);
    expect(await problems('hf,onnx', () => Promise.resolve())).toEqual([]);
  });

  it('by a byte of its weights', async () => {
    const found = await problems('onnx', (folder) => flip(path.join(folder, 'model.onnx.data'), 1003));
    expect(found[0]).toMatch(/^tensor ".+" is not .+: byte \d+ of \d+ differs/);
    expect(found.some((problem) => problem.startsWith('model.onnx, sequence'))).toBe(true);
  });

  it('by the size of its weights, or their absence', async () => {
    expect((await problems('onnx', (folder) => appendFile(path.join(folder, 'model.onnx.data'), 'x')))[0]).toMatch(
      /^model\.onnx\.data has \d+ bytes instead of \d+\.$/,
    );
    const found = await problems('onnx', (folder) => rm(path.join(folder, 'model.onnx.data')));
    expect(found[0]).toBe('model.onnx.data is missing.');
    expect(found[1]).toMatch(/^model\.onnx does not open: /);
  });

  it('not if a model larger than the memory budget is read through its file', async () => {
    const source = await makeMixtral({ layers: 6, experts: 8, dtype: 'BF16' });
    const request = {
      ...(await exportRequest(source, { kept: Array.from({ length: 6 }, () => [0, 2, 3, 6]) })),
      format: 'hf,onnx' as const,
    };
    const { memory } = request.checkpoint.info;
    const settings = { ...request.settings, memoryBudgetBytes: memory.resident - 1 };
    const { verification } = await exportPlan({ ...request, settings });
    expect(verification).toMatchObject({ ok: true, tolerance: 1e-4 });
    expect(verification.maxLogitDifference).toBeLessThanOrEqual(1e-5);
  });

  it('by a graph of another plan over the same shapes', async () => {
    const { folder: other } = await exported(
      checkpointFixture('mixtral'),
      {
        kept: [
          [0, 2, 3, 6],
          [2, 3, 4, 5],
        ],
      },
      'onnx',
    );
    const found = await problems('onnx', async (folder) => {
      // The weights of another plan beside a correct graph.
      await writeFile(path.join(folder, 'model.onnx.data'), await readFile(path.join(other, 'model.onnx.data')));
    });
    expect(
      found.some((problem) =>
        /^model\.onnx, sequence \d padded on the right, position \d+: the logit of token/.test(problem),
      ),
    ).toBe(true);
    expect(found.some((problem) => /^model\.onnx, sequence \d padded on the left/.test(problem))).toBe(true);
  });

  it('by an invalid graph beside intact weights', async () => {
    const found = await problems('hf,onnx', (folder) => writeFile(path.join(folder, 'model.onnx'), 'no graph'));
    expect(found).toEqual([expect.stringMatching(/^model\.onnx does not open: /)]);
  });
});
