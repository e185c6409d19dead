import { appendFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { openCheckpoint, type Checkpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { verification as verificationSchema, type Verification } from '../../../main/contract/export.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import { exportPlan, type ExportRequest } from '../../../main/export/export-plan.ts';
import type { ExportSettings } from '../../../main/export/export-progress.ts';
import { LOGIT_TOLERANCE, notRunFromWeights, verifyExport } from '../../../main/export/verify-export.ts';
import {
  changeableCopy,
  checkpointFixture,
  editJson,
  editTensors,
  reshard,
  scoringFixture,
  type StoredTensor,
} from '../checkpoint/checkpoint-files.ts';
import { exportSettingsIn } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { exportRequest, mergeEvenly } from './export-settings.ts';
import { ggufOf, llamaModel } from './gguf/llama-models.ts';

const plan: Plan = {
  kept: [
    [0, 2, 3, 6],
    [1, 3, 4, 5],
  ],
};
const control = { signal: new AbortController().signal };
let parent = '';

beforeAll(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'uncurl-test-'));
});
afterAll(() => rm(parent, { recursive: true, force: true }));

const settings = async (): Promise<ExportSettings> => exportSettingsIn(await temporaryFolder());

interface Pair {
  readonly checkpoint: Checkpoint;
  /** An untouched export: tests change copies. */
  readonly exported: string;
  readonly plan: Plan;
}

const made = new Map<string, Promise<Pair>>();
const pair = (folder: string, merged = false): Promise<Pair> => {
  const key = `${path.basename(folder)}${merged ? '-merged' : ''}`;
  const make = async (): Promise<Pair> => {
    const checkpoint = await openCheckpoint(folder);
    const wanted = merged ? mergeEvenly(checkpoint, 4, 'mean-row') : plan;
    const { folder: exported } = await exportPlan({
      checkpoint,
      plan: wanted,
      destination: path.join(parent, key),
      settings: await settings(),
      control,
    });
    return { checkpoint, exported, plan: wanted };
  };
  const pending = made.get(key) ?? make();
  made.set(key, pending);
  return pending;
};

const verify = async ({ checkpoint, plan: wanted }: Pair, exported: string): Promise<Verification> => {
  const result = await verifyExport({ exported, checkpoint, plan: wanted, settings: await settings(), control });
  // Results for the command line and the window must survive JSON.
  expect(verificationSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  return result;
};

/** Verifies a copy of an export after a change; the checksum list is removed to test only the other checks. */
const tampered = async (
  of: Pair,
  change: (folder: string) => Promise<unknown>,
  checksums = false,
): Promise<Verification> => {
  const folder = await changeableCopy(of.exported);
  if (!checksums) await rm(path.join(folder, 'checksums.sha256'));
  await change(folder);
  return verify(of, folder);
};

const editWeights =
  (edit: (tensors: Map<string, StoredTensor>) => void) =>
  (folder: string): Promise<void> =>
    editTensors(path.join(folder, 'model.safetensors'), edit);
const tensorOf = (tensors: ReadonlyMap<string, StoredTensor>, name: string): StoredTensor =>
  tensors.get(name) ?? expect.fail(`no ${name}`);
const mixtral = checkpointFixture('mixtral');
const experts = 'model.layers.1.block_sparse_moe.experts';

describe('an untouched export', () => {
  it.each([
    ['mixtral', false],
    ['mixtral', true],
    ['mixtral-bf16-sharded', false],
    ['mixtral-fused', false],
    ['mixtral-fused', true],
  ])('of %s (merged: %s) is proven', async (name, merged) => {
    const of = await pair(checkpointFixture(name), merged);
    const result = await verify(of, of.exported);
    expect(result).toMatchObject({
      ok: true,
      problems: [],
      sameTensors: true,
      sameExperts: true,
      tolerance: LOGIT_TOLERANCE,
    });
    expect(result.sequences).toBeGreaterThanOrEqual(5);
    expect(result.tokens).toBeGreaterThan(200);
    expect(result.maxLogitDifference).toBeLessThanOrEqual(LOGIT_TOLERANCE);
  });

  it('needs neither checksums nor a plan file, and may be sharded in another way', async () => {
    const of = await pair(mixtral);
    const result = await tampered(of, async (folder) => {
      await rm(path.join(folder, 'uncurl-plan.json'));
      await reshard(folder, 2, (_name, position) => (position % 2) + 1);
    });
    expect(result).toMatchObject({ ok: true, problems: [] });
  });
});

describe('a tampered export is detected, with the position', () => {
  it('one flipped bit of one tensor', async () => {
    const result = await tampered(
      await pair(mixtral),
      editWeights((tensors) => {
        tensorOf(tensors, `${experts}.2.w1.weight`).bytes[1001]! ^= 1;
      }),
    );
    expect(result).toMatchObject({ ok: false, sameTensors: false });
    expect(result.problems[0]).toBe(
      `tensor "${experts}.2.w1.weight" is not expert 4 of the source: byte 1001 of 3072 differs.`,
    );
  });

  it('one flipped bit of a stacked tensor, and of a merged expert', async () => {
    const stacked = await tampered(
      await pair(checkpointFixture('mixtral-fused')),
      editWeights((tensors) => {
        const { bytes } = tensorOf(tensors, 'model.layers.0.mlp.experts.down_proj');
        bytes[bytes.length - 1]! ^= 64;
      }),
    );
    expect(stacked.problems[0]).toMatch(
      /^tensor "model\.layers\.0\.mlp\.experts\.down_proj" is not expert 6 of the source: byte \d+ of \d+ differs \(part 4 of 4\)\.$/,
    );
    expect(stacked.maxLogitDifference).toBeGreaterThan(LOGIT_TOLERANCE);
    const merged = await tampered(
      await pair(mixtral, true),
      editWeights((tensors) => {
        tensorOf(tensors, `${experts}.3.w2.weight`).bytes[0]! ^= 1;
      }),
    );
    expect(merged.problems[0]).toMatch(/experts\.3\.w2\.weight" is not the merge of group 3: byte 0 of/);
  });

  it('two swapped experts: bytes, choices and logits', async () => {
    const result = await tampered(
      await pair(mixtral),
      editWeights((tensors) => {
        for (const matrix of ['w1', 'w2', 'w3']) {
          const [one, other] = [0, 3].map((expert) => `${experts}.${expert}.${matrix}.weight`) as [string, string];
          const first = tensorOf(tensors, one);
          tensors.set(one, tensorOf(tensors, other));
          tensors.set(other, first);
        }
      }),
    );
    expect(result).toMatchObject({ ok: false, sameTensors: false });
    expect(result.maxLogitDifference).toBeGreaterThan(LOGIT_TOLERANCE);
    expect(result.problems.filter((problem) => problem.includes('experts.0.'))).toHaveLength(3);
    expect(result.problems.filter((problem) => problem.includes('experts.3.'))).toHaveLength(3);
    expect(
      result.problems.some((problem) =>
        /^sequence \d+, position \d+: the logit of token \d+ is \S+ instead of \S+\.$/.test(problem),
      ),
    ).toBe(true);
  });

  it('an edited router row: bytes and choices', async () => {
    const result = await tampered(
      await pair(mixtral),
      editWeights((tensors) => {
        const { bytes } = tensorOf(tensors, 'model.layers.0.block_sparse_moe.gate.weight');
        const row = bytes.slice(0, 128);
        bytes.copyWithin(0, 128, 256);
        bytes.set(row, 128);
      }),
    );
    expect(result).toMatchObject({ ok: false, sameTensors: false, sameExperts: false });
    expect(result.problems[0]).toMatch(
      /gate\.weight" is not expert 0 of the source: byte \d+ of 512 differs \(part 1 of 4\)/,
    );
    expect(
      result.problems.some((problem) =>
        /layer 0, position \d+: the export chose experts \d+, \d+ instead of \d+, \d+/.test(problem),
      ),
    ).toBe(true);
  });

  it('a changed config: one with which the model still opens, and one with which it does not', async () => {
    const of = await pair(mixtral);
    const config =
      (change: Readonly<Record<string, unknown>>) =>
      (folder: string): Promise<void> =>
        editJson(path.join(folder, 'config.json'), (json) => Object.assign(json, change));
    const theta = await tampered(of, config({ rope_theta: 500 }));
    expect(theta).toMatchObject({ ok: false, sameTensors: true });
    expect(theta.problems[0]).toBe('config.json: "rope_theta" is 500 instead of 1000000.');
    expect(theta.maxLogitDifference).toBeGreaterThan(LOGIT_TOLERANCE);
    const harmless = await tampered(of, config({ eos_token_id: 7, note: 'x' }));
    expect(harmless).toMatchObject({ ok: false, sameTensors: true, sameExperts: true });
    expect(harmless.problems).toEqual([
      'config.json: "eos_token_id" is 7 instead of 2.',
      'config.json: "note" is "x" instead of missing.',
    ]);
    const topK = await tampered(of, config({ num_experts_per_tok: 1 }));
    expect(topK).toMatchObject({ ok: false, sameExperts: false });
    const positions = await tampered(of, config({ max_position_embeddings: 16 }));
    expect(
      positions.problems.some((problem) =>
        /The export refuses input that the original accepts: sequence \d has \d+ tokens/.test(problem),
      ),
    ).toBe(true);
    const experts8 = await tampered(of, config({ num_local_experts: 8 }));
    expect(experts8).toMatchObject({ ok: false, sameTensors: false, sameExperts: false, sequences: 0 });
    expect(experts8.problems[0]).toMatch(
      /^The folder does not open: .*has shape \[4, 32\] where config\.json asks for \[8, 32\]/,
    );
  });

  it('a dropped shard, a truncated file, a missing and an extra tensor', async () => {
    const sharded = await pair(checkpointFixture('mixtral-bf16-sharded'));
    const shard = await tampered(sharded, (folder) => rm(path.join(folder, 'model-00004-of-00009.safetensors')), true);
    expect(shard.ok).toBe(false);
    expect(shard.problems[0]).toMatch(
      /shard model-00004-of-00009\.safetensors, named by model\.safetensors\.index\.json, is missing/,
    );
    expect(shard.problems[1]).toBe('model-00004-of-00009.safetensors is missing, although checksums.sha256 lists it.');
    const of = await pair(mixtral);
    expect(
      (await tampered(of, (folder) => truncate(path.join(folder, 'model.safetensors'), 90_000))).problems[0],
    ).toMatch(/\(truncated\)/);
    expect(
      (
        await tampered(
          of,
          editWeights((tensors) => {
            tensors.delete('lm_head.weight');
          }),
        )
      ).problems[0],
    ).toMatch(/tensor "lm_head\.weight" is missing/);
    const extra = await tampered(
      of,
      editWeights((tensors) => {
        tensors.set('model.layers.0.self_attn.rotary_emb.inv_freq', {
          dtype: 'F32',
          shape: [1],
          bytes: new Uint8Array(4),
        });
      }),
    );
    expect(extra.problems).toEqual([
      'tensor "model.layers.0.self_attn.rotary_emb.inv_freq" does not belong in the export.',
    ]);
  });

  it('a tensor of another precision', async () => {
    const of = await pair(checkpointFixture('mixtral-fused'));
    const result = await tampered(
      of,
      editWeights((tensors) => {
        const { shape, bytes } = tensorOf(tensors, 'model.norm.weight');
        const upper = Uint8Array.from(
          { length: bytes.length / 2 },
          (_, index) => bytes[4 * Math.floor(index / 2) + 2 + (index % 2)]!,
        );
        tensors.set('model.norm.weight', { dtype: 'BF16', shape, bytes: upper });
      }),
    );
    expect(result.problems[0]).toBe('tensor "model.norm.weight" is BF16 [32] instead of F32 [32].');
  });

  it('files that the checksum list names, and a damaged list', async () => {
    const of = await pair(mixtral);
    const card = await tampered(
      of,
      (folder) => appendFile(path.join(folder, 'README.md'), 'better than the original'),
      true,
    );
    expect(card.problems).toEqual(['README.md was changed: its checksum is not the one in checksums.sha256.']);
    const list = await tampered(
      of,
      (folder) => appendFile(path.join(folder, 'checksums.sha256'), 'abc  ../README.md\n'),
      true,
    );
    expect(list.problems).toEqual(['checksums.sha256: "abc  ../README.md" is not a line of a checksum list.']);
  });

  it('another tokenizer', async () => {
    const of = await pair(scoringFixture('mixtral-byte-fallback'));
    const changed = await tampered(of, (folder) =>
      editJson(path.join(folder, 'tokenizer.json'), (json) => {
        json['version'] = '0.9';
      }),
    );
    expect(changed.problems).toEqual(["tokenizer.json differs from the source's."]);
    expect((await tampered(of, (folder) => rm(path.join(folder, 'tokenizer.json')))).problems).toEqual([
      'tokenizer.json is missing.',
    ]);
  });

  it('the wrong plan: other experts, another count, another merge', async () => {
    const of = await pair(mixtral);
    const other = await verify(
      {
        ...of,
        plan: {
          kept: [
            [0, 2, 3, 6],
            [1, 3, 4, 7],
          ],
        },
      },
      of.exported,
    );
    expect(other).toMatchObject({ ok: false, sameTensors: false });
    expect(other.problems[0]).toBe(
      'uncurl-plan.json: the export was made with another plan: layer 1 has the experts 1, 3, 4, 5 instead ' +
        'of the experts 1, 3, 4, 7.',
    );
    expect(
      other.problems.some((problem) => problem.includes(`"${experts}.3.w1.weight" is not expert 7 of the source`)),
    ).toBe(true);
    const fewer = await verify(
      {
        ...of,
        plan: {
          kept: [
            [0, 2, 3],
            [1, 3, 4],
          ],
        },
      },
      of.exported,
    );
    expect(fewer.ok).toBe(false);
    expect(fewer.problems).toContain('config.json: "num_local_experts" is 4 instead of 3.');
    expect(
      fewer.problems.some((problem) => problem === `tensor "${experts}.3.w1.weight" does not belong in the export.`),
    ).toBe(true);
    const merge = await verify({ ...of, plan: mergeEvenly(of.checkpoint, 4, 'reference-row') }, of.exported);
    expect(merge.problems[0]).toBe('uncurl-plan.json: the export was made with another plan: it drops experts.');
    const merged = await pair(mixtral, true);
    const router = await verify({ ...merged, plan: mergeEvenly(of.checkpoint, 4, 'reference-row') }, merged.exported);
    expect(router.problems[0]).toBe(
      'uncurl-plan.json: the export was made with another plan: its router treatment, its alignment, its merge ' +
        'rule, its gates or its refitted weights differ.',
    );
  });

  it('an export of another model', async () => {
    const of = await pair(mixtral);
    const foreign = await pair(checkpointFixture('mixtral-window'));
    expect(await verify(of, foreign.exported)).toMatchObject({ ok: false, sameTensors: false });
  });
});

describe('a verification is refused', () => {
  it('for a folder that is not a model, and a plan that does not fit', async () => {
    const of = await pair(mixtral);
    await expect(verify(of, await temporaryFolder())).rejects.toMatchObject({ code: 'no-model', kind: 'refused' });
    await expect(verify(of, path.join(parent, 'absent'))).rejects.toThrow(/it contains no config\.json/);
    await expect(verify({ ...of, plan: { kept: [[0, 1]] } }, of.exported)).rejects.toMatchObject({
      code: 'plan-invalid',
      kind: 'refused',
    });
  });

  it('when it is cancelled', async () => {
    const of = await pair(mixtral);
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const verifying = verifyExport({
      exported: of.exported,
      checkpoint: of.checkpoint,
      plan,
      settings: await settings(),
      control: { signal: controller.signal, onProgress },
    });
    await expect(verifying).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

test('only folders of weights that transformers opens are verified by another engine', async () => {
  const why = async (folder: string, form: Partial<ExportRequest>, wanted: Plan = plan): Promise<string | null> => {
    const request = await exportRequest(folder, wanted);
    const { folder: exported } = await exportPlan({ ...request, ...form });
    return notRunFromWeights(exported, request.checkpoint);
  };
  expect(await why(mixtral, {})).toBeNull();
  expect(await why(mixtral, { format: 'onnx' })).toBe('an ONNX graph');
  const llama = await llamaModel('mixtral');
  expect(await why(llama, { format: 'gguf' })).toBe('a GGUF file, which is not run');
  expect(await why(await ggufOf(llama, 'q8_0'), { format: 'gguf' })).toBe('an export of a GGUF file');
  const bundled = 'resources/models/uncurl-8';
  const kept = [0, 1, 2].map(() => [1, 3, 4, 6]);
  expect(await why(bundled, { hfType: 'int8' }, { kept })).toBe('quantised weights, which are not run');
  // Scales that the source has too are weights as stored.
  const float8 = checkpointFixture('deepseek_v3-fp8');
  const { info } = await openCheckpoint(float8);
  const half = Array.from({ length: info.moeLayers }, () => Array.from({ length: info.experts / 2 }, (_, e) => 2 * e));
  expect(await why(float8, {}, { kept: half })).toBeNull();
});
