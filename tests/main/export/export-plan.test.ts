import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openCheckpoint, type Checkpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readTensorBytes } from '../../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { CancelledError, WorkbenchError } from '../../../main/contract/errors.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import {
  changeableCopy,
  checkpointFixture,
  editJson,
  makeMixtral,
  reshard,
  scoringFixture,
} from '../checkpoint/checkpoint-files.ts';
import { logitDifference, openRunner, uncancelled } from '../inference/open-runner.ts';
import { exportSettingsIn } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { exportRequest, mergeEvenly } from './export-settings.ts';
import { llamaModel } from './gguf/llama-models.ts';

const half: Plan = {
  kept: [
    [0, 2, 3, 6],
    [1, 3, 4, 5],
  ],
};
const mixtral = checkpointFixture('mixtral');

const indexSchema = z.object({
  metadata: z.record(z.string(), z.number()),
  weight_map: z.record(z.string(), z.string()),
});

const read = (folder: string, name: string): Promise<string> => readFile(path.join(folder, name), 'utf8');

/** Every tensor of a checkpoint as name -> dtype, shape and bytes. */
const contents = async ({ tensors }: Checkpoint): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>();
  for (const [name, view] of tensors)
    found.set(
      name,
      `${view.dtype} ${String(view.shape)} ${Buffer.from(await readTensorBytes(view)).toString('base64')}`,
    );
  return found;
};

describe('an export', () => {
  it('is a folder with weights, config, plan, card, checksums and the side files', async () => {
    const source = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
    for (const [name, text] of [
      ['generation_config.json', '{"a": 1}'],
      ['chat_template.jinja', 'x'],
      ['LICENSE', 'MIT'],
      ['modeling.py', 'print()'],
      ['pytorch_model.bin', 'x'],
      ['README.md', '---\nlicense: mit\ntags:\n- a\n---\nold card'],
    ] as const) {
      await writeFile(path.join(source, name), text);
    }
    const request = await exportRequest(source, half);
    const { folder, verification, sizeBytes } = await exportPlan(request);
    expect(verification).toMatchObject({ ok: true, problems: [], sameTensors: true, sameExperts: true });
    expect(folder).toBe(request.destination);
    expect(await readdir(request.parent)).toEqual(['pruned']);
    expect((await readdir(folder)).sort()).toEqual([
      'LICENSE',
      'README.md',
      'chat_template.jinja',
      'checksums.sha256',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
      'uncurl-plan.json',
    ]);
    expect(sizeBytes).toBe(Number(execFileSync('sh', ['-c', 'cat * | wc -c'], { cwd: folder }).toString()));
    expect(await read(folder, 'config.json')).toBe(
      (await read(source, 'config.json')).replace('"num_local_experts": 8', '"num_local_experts": 4'),
    );
    expect(await read(folder, 'tokenizer.json')).toBe(await read(source, 'tokenizer.json'));
    expect(JSON.parse(await read(folder, 'uncurl-plan.json'))).toEqual({
      ...half,
      experts: 8,
      topK: 2,
      model: { name: 'mixtral-byte-fallback', fingerprint: request.checkpoint.fingerprint },
    });
    expect(await read(folder, 'README.md')).toMatch(/license: mit\n[^]*pruned to 4: pruning factor 2\./);
    expect((await readSafetensorsHeader(path.join(folder, 'model.safetensors'))).metadata).toEqual({ format: 'pt' });
    expect(
      execFileSync('sha256sum', ['--check', '--strict', 'checksums.sha256'], { cwd: folder }).toString(),
    ).not.toMatch(/FAILED/);
  });

  it('keeps the shards of the source', async () => {
    const request = await exportRequest(checkpointFixture('mixtral-bf16-sharded'), {
      kept: [
        [6, 7],
        [0, 1],
      ],
    });
    const { folder } = await exportPlan(request);
    const { tensors, info, weightFiles } = await openCheckpoint(folder);
    expect(weightFiles.map(({ name }) => name)).toEqual(request.checkpoint.weightFiles.map(({ name }) => name));
    expect(indexSchema.parse(JSON.parse(await read(folder, 'model.safetensors.index.json')))).toEqual({
      metadata: {
        total_size: [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
        total_parameters: info.parameters.total,
      },
      weight_map: Object.fromEntries([...tensors.values()].map(({ tensor, file }) => [tensor, path.basename(file)])),
    });
    expect(info.dtype).toBe('bfloat16');
  });

  it('leaves out empty shards, and renumbers the others', async () => {
    const source = await changeableCopy(mixtral);
    await reshard(source, 9, (name) => Number(/experts\.(\d+)\./.exec(name)?.[1] ?? 8) + 1);
    const { folder, verification } = await exportPlan(
      await exportRequest(source, {
        kept: [
          [0, 5],
          [5, 7],
        ],
      }),
    );
    expect(verification.ok).toBe(true);
    const shards = [1, 2, 3, 4].map((shard) => `model-0000${shard}-of-00004.safetensors`);
    expect((await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort()).toEqual(shards);
    const { weight_map: weightMap } = indexSchema.parse(JSON.parse(await read(folder, 'model.safetensors.index.json')));
    expect(weightMap['model.layers.1.block_sparse_moe.experts.0.w1.weight']).toBe(shards[1]);
    expect(weightMap['model.layers.1.block_sparse_moe.experts.1.w1.weight']).toBe(shards[2]);
    expect(weightMap['lm_head.weight']).toBe(shards[3]);
  });

  it('numbers stacked experts by rows, in both orders of given lists', async () => {
    const source = checkpointFixture('mixtral-fused');
    const [one, other] = [
      await exportRequest(source, {
        kept: [
          [7, 1, 2],
          [0, 5, 6],
        ],
      }),
      await exportRequest(source, {
        kept: [
          [1, 2, 7],
          [6, 5, 0],
        ],
      }),
    ];
    const [first, second] = [await exportPlan(one), await exportPlan(other)];
    const tensors = await contents(await openCheckpoint(first.folder));
    expect(tensors).toEqual(await contents(await openCheckpoint(second.folder)));
    expect(tensors.get('model.layers.0.mlp.experts.gate_up_proj')).toMatch(/^F32 3,\d+,32 /);
    expect(first.verification.ok).toBe(true);
  });

  it('of an export is the export of both plans at once', async () => {
    const source = await makeMixtral({ dtype: 'F16' });
    const kept = fc.tuple(...[0, 1].map(() => fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 4, maxLength: 4 })));
    const then = fc.tuple(...[0, 1].map(() => fc.subarray([0, 1, 2, 3], { minLength: 2, maxLength: 2 })));
    await fc.assert(
      fc.asyncProperty(kept, then, async (first, second) => {
        const step = await exportPlan(await exportRequest(source, { kept: first }));
        const twice = await exportPlan(await exportRequest(step.folder, { kept: second }));
        const both = second.map((experts, layer) => experts.map((expert) => first[layer]?.[expert] ?? -1));
        const once = await exportPlan(await exportRequest(source, { kept: both }));
        expect(await contents(await openCheckpoint(twice.folder))).toEqual(
          await contents(await openCheckpoint(once.folder)),
        );
      }),
      { numRuns: 4 },
    );
  });

  it.each([
    ['mixtral', 'reference-row'],
    ['mixtral', 'mean-row'],
    ['mixtral-bf16-sharded', 'mean-row'],
    ['mixtral-fused', 'reference-row'],
  ] as const)('of %s holds merged experts (%s) bit for bit as they are measured', async (name, router) => {
    const checkpoint = await openCheckpoint(checkpointFixture(name));
    const plan = mergeEvenly(checkpoint, 4, router);
    const overlayFolder = await temporaryFolder();
    const request = await exportRequest(checkpointFixture(name), plan);
    const { folder, verification } = await exportPlan({ ...request, settings: exportSettingsIn(overlayFolder) });
    expect(verification).toMatchObject({ ok: true, problems: [] });
    const tokens = [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]];
    const masked = await openRunner(checkpoint.folder, { overlayFolder });
    const measured = await masked.forward(tokens, plan, uncancelled);
    const exported = await (await openRunner(folder)).forward(tokens, null, uncancelled);
    expect(logitDifference(measured, exported)).toBeLessThanOrEqual(1e-6);
    expect((await openCheckpoint(folder)).info.experts).toBe(4);
  });

  it.each([
    ['kimi_k25', 'n_routed_experts', 12, /^(vision_tower|mm_projector)\./],
    ['llama4', 'num_local_experts', 8, /^(vision_model|multi_modal_projector)\./],
    ['gemma4', 'num_experts', 8, /^model\.(vision_tower|embed_vision)\./],
    ['step3p7', 'moe_num_experts', 8, /^(vision_model|vit_large_projector)\./],
  ] as const)(
    'of %s edits the text model within, and copies the vision tower unchanged',
    async (name, key, experts, tower) => {
      const source = await openCheckpoint(checkpointFixture(name));
      const kept = Array.from({ length: experts / 2 }, (_, expert) => 2 * expert);
      const plan: Plan = { kept: source.descriptor.moeLayers.map(() => kept) };
      const { folder } = await exportPlan(await exportRequest(source.folder, plan));
      const config = async (of: string): Promise<Record<string, unknown>> =>
        z.record(z.string(), z.unknown()).parse(JSON.parse(await read(of, 'config.json')));
      const before = await config(source.folder);
      const inner = z.record(z.string(), z.unknown()).parse(before['text_config']);
      expect(inner[key]).toBe(experts);
      expect(await config(folder)).toMatchObject({ ...before, text_config: { ...inner, [key]: experts / 2 } });
      const towerOf = (all: ReadonlyMap<string, string>) => [...all].filter(([tensor]) => tower.test(tensor));
      const own = towerOf(await contents(source));
      expect(own.length).toBeGreaterThan(2);
      expect(towerOf(await contents(await openCheckpoint(folder)))).toEqual(own);
    },
  );

  it("cuts ERNIE's row of corrections along its second axis", async () => {
    const source = await openCheckpoint(checkpointFixture('ernie4_5_moe'));
    const kept = [1, 2, 4, 5, 7];
    const { folder } = await exportPlan(await exportRequest(source.folder, { kept: [kept, kept] }));
    const name = 'model.layers.1.mlp.moe_statics.e_score_correction_bias';
    const valuesIn = async (of: Checkpoint): Promise<readonly number[]> => {
      const view = of.tensors.get(name) ?? expect.fail(`no ${name}`);
      return [...new Float32Array((await readTensorBytes(view)).buffer)];
    };
    const [before, after] = [await valuesIn(source), await openCheckpoint(folder)];
    expect(after.tensors.get(name)?.shape).toEqual([1, 5]);
    expect(await valuesIn(after)).toEqual(kept.map((expert) => before[expert]));
  });

  it('edits every key with the number of experts', async () => {
    const source = await changeableCopy(mixtral);
    await editJson(path.join(source, 'config.json'), (json) => {
      json['num_experts'] = json['num_local_experts'];
      delete json['num_local_experts'];
    });
    const { folder } = await exportPlan(await exportRequest(source, half));
    expect(JSON.parse(await read(folder, 'config.json'))).toMatchObject({
      num_local_experts: 4,
      num_experts: 4,
      num_experts_per_tok: 2,
    });
  });

  it.each([{ format: 'hf' }, { format: 'onnx' }, { format: 'gguf' }, { format: 'hf', hfType: 'fp8' }] as const)(
    'keeps Infinity in a config as Python writes it: %o',
    async (form) => {
      const source = await llamaModel('nemotron_h');
      const file = path.join(source, 'config.json');
      await writeFile(file, (await readFile(file, 'utf8')).replace('{"__float__":"Infinity"}', 'Infinity'));
      const { moeLayers } = (await openCheckpoint(source)).info;
      const plan = { kept: Array.from({ length: moeLayers }, () => [0, 2, 3, 6]) };
      const { folder, verification } = await exportPlan({ ...(await exportRequest(source, plan)), ...form });
      expect(verification).toMatchObject({ ok: true, problems: [] });
      expect(await read(folder, 'config.json')).toMatch(/"n_routed_experts":4,.*"time_step_limit":\[0,Infinity\]/s);
    },
  );

  it.each(['hf', 'onnx', 'hf,onnx'] as const)('as %s reports bytes done, rising to the total', async (format) => {
    const request = { ...(await exportRequest(mixtral, half)), format };
    const reports: (readonly [number, number])[] = [];
    await exportPlan({
      ...request,
      control: { ...request.control, onProgress: (done, total) => reports.push([done, total]) },
    });
    expect(reports.map(([done]) => done)).toEqual(reports.map(([done]) => done).sort((a, b) => a - b));
    expect(new Set(reports.map(([, total]) => total)).size).toBe(1);
    expect(reports.at(-1)?.[0]).toBe(reports.at(-1)?.[1]);
  });
});

describe('an export is refused', () => {
  const refusal = async (plan: Plan, code: string, message: RegExp, folder = mixtral): Promise<void> => {
    const request = await exportRequest(folder, plan);
    await expect(exportPlan(request)).rejects.toMatchObject({ code, kind: 'refused' });
    await expect(exportPlan(request)).rejects.toThrow(message);
    expect(await readdir(request.parent)).toEqual([]);
  };

  it('if the plan changes nothing', async () => {
    const all = [0, 1, 2, 3, 4, 5, 6, 7];
    await refusal({ kept: [all, all] }, 'changes-nothing', /keeps all 8 experts of every layer/);
    await refusal(
      mergeEvenly(await openCheckpoint(mixtral), 8, 'reference-row'),
      'changes-nothing',
      /each in its own group/,
    );
  });

  it('if the plan does not fit the model', async () => {
    await refusal({ kept: [[0, 1, 2, 3]] }, 'plan-invalid', /names 1 layers; the model has 2/);
    await refusal(
      {
        kept: [
          [0, 1, 2, 8],
          [0, 1, 2, 3],
        ],
      },
      'plan-invalid',
      /names expert 8 in layer 0/,
    );
    await refusal({ kept: [[0], [1]] }, 'plan-invalid', /leaves 1 expert in layer 0, fewer than the top-2/);
    await refusal(
      { ...half, model: { name: 'another', fingerprint: 'abc' } },
      'plan-other-model',
      /was made for another \(fingerprint abc\), not for mixtral/,
    );
  });

  it('if no stock loader could open it', async () => {
    const checkpoint = await openCheckpoint(mixtral);
    await refusal(
      mergeEvenly(checkpoint, 4, 'mapped-rows'),
      'not-exportable',
      /mapped-rows keeps a row for every unpruned expert/,
    );
    await refusal(mergeEvenly(checkpoint, 4, 'summed-probabilities'), 'not-exportable', /summed-probabilities/);
    await refusal(
      {
        kept: [
          [0, 1, 2],
          [0, 1, 2, 3],
        ],
      },
      'not-exportable',
      /Layers keep between 3 and 4 experts/,
    );
  });

  it('if the destination exists, as a folder, an empty folder or a file, which stay unchanged', async () => {
    for (const make of [
      async (destination: string) => {
        await mkdir(destination);
        await writeFile(path.join(destination, 'mine'), 'mine');
      },
      (destination: string) => mkdir(destination),
      (destination: string) => writeFile(destination, 'mine'),
    ]) {
      const request = await exportRequest(mixtral, half);
      await make(request.destination);
      await expect(exportPlan(request)).rejects.toMatchObject({ code: 'destination-exists', kind: 'refused' });
      expect(await readdir(request.parent)).toEqual(['pruned']);
      const later = await exportRequest(mixtral, half);
      let made: Promise<unknown> | undefined;
      const exporting = exportPlan({
        ...later,
        control: {
          ...later.control,
          onProgress: () => {
            made ??= make(later.destination);
          },
        },
      });
      await expect(exporting).rejects.toMatchObject({ code: 'destination-exists', kind: 'refused' });
      await made;
      expect(await readdir(later.parent)).toEqual(['pruned']);
      expect(await readdir(later.destination).catch(() => 'a file')).toEqual(
        await readdir(request.destination).catch(() => 'a file'),
      );
    }
  });

  it('if its parent folder is missing', async () => {
    const request = await exportRequest(mixtral, half);
    const destination = path.join(request.parent, 'absent', 'pruned');
    await expect(exportPlan({ ...request, destination })).rejects.toMatchObject({ code: 'no-folder', kind: 'refused' });
  });
});

describe('an export that fails leaves nothing behind', () => {
  it('when the disk is full', async () => {
    // Simulates a full disk: the system's error while bytes are being written.
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const request = await exportRequest(mixtral, half);
    const exporting = exportPlan({
      ...request,
      control: {
        ...request.control,
        onProgress: () => {
          throw full;
        },
      },
    });
    await expect(exporting).rejects.toMatchObject({
      code: 'disk-full',
      kind: 'refused',
      remedy: 'Free some space, or export to another disk.',
    });
    await expect(exporting).rejects.toThrow(/it needs 1 MB. Nothing was left behind/);
    expect(await readdir(request.parent)).toEqual([]);
  });

  it('when it is cancelled, while writing, comparing or running', async () => {
    for (const moment of [0.05, 0.3, 0.6, 0.9]) {
      const controller = new AbortController();
      const request = await exportRequest(mixtral, half);
      const onProgress = (done: number, total: number): void => {
        if (done >= moment * total) controller.abort();
      };
      await expect(
        exportPlan({ ...request, control: { signal: controller.signal, onProgress } }),
      ).rejects.toBeInstanceOf(CancelledError);
      expect(await readdir(request.parent)).toEqual([]);
    }
  });

  it('when the source is written to meanwhile', async () => {
    const source = await changeableCopy(mixtral);
    const weights = path.join(source, 'model.safetensors');
    const request = await exportRequest(source, half);
    const bytes = await readFile(weights);
    let isWritten = false;
    const onProgress = (): void => {
      if (!isWritten) writeFileSync(weights, bytes);
      isWritten = true;
    };
    await expect(exportPlan({ ...request, control: { ...request.control, onProgress } })).rejects.toMatchObject({
      code: 'model-changed',
      message: expect.stringContaining('model.safetensors was written to'),
    });
    expect(isWritten).toBe(true);
    expect(await readdir(request.parent)).toEqual([]);
  });

  it('when the referee computes otherwise', async () => {
    const refused = new WorkbenchError('differs-from-transformers', 'refused', 'It differs by 0.5.', 'Report it.');
    const request = await exportRequest(mixtral, half);
    await expect(exportPlan({ ...request, referee: () => Promise.reject(refused) })).rejects.toBe(refused);
    expect(await readdir(request.parent)).toEqual([]);
  });

  it('when a source file vanishes', async () => {
    const source = await changeableCopy(mixtral);
    const request = await exportRequest(source, half);
    await writeFile(
      path.join(source, 'model.safetensors'),
      (await readFile(path.join(source, 'model.safetensors'))).subarray(0, 60_000),
    );
    await expect(exportPlan(request)).rejects.toMatchObject({ kind: 'refused' });
    expect(await readdir(request.parent)).toEqual([]);
  });
});
