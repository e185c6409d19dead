import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { familyOf } from '../../main/checkpoint/families/families.ts';
import { type Checkpoint, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { readTensor, readTensorBytes } from '../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import type { DropPlan } from '../../main/contract/plan.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import type { ForwardResult, ModelRunner } from '../../main/inference/model-runner.ts';
import { exportSettingsIn, openModelRunner } from '../open-model-runner.ts';
import { removeFolder } from '../remove-folder.ts';
import { numberDifference } from '../main/inference/open-runner.ts';
import { prefixedRequests, scoreTogether } from '../main/inference/prefixed-requests.ts';

/** Largest difference to the reference, relative to the largest number of the sequence. */
const RELATIVE_TOLERANCE = 1e-4;

const root = process.env['CHECKPOINTS'] ?? '';
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const control = { signal: new AbortController().signal };

const modelType = (folder: string): string =>
  z.object({ model_type: z.string() }).parse(JSON.parse(readFileSync(path.join(root, folder, 'config.json'), 'utf8')))
    .model_type;

it(`has checkpoints in ${root}`, () => {
  expect(folders.length).toBeGreaterThan(0);
});

const supported = folders.filter((folder) => familyOf(modelType(folder)) !== undefined);
it.each(folders.filter((folder) => !supported.includes(folder)))('%s is of a supported family', (folder) => {
  expect.fail(`the family ${modelType(folder)} is not supported yet`);
});

/** Reference results in a checkpoint's folder. */
class Reference {
  readonly checkpoint: Checkpoint;
  readonly tokens: readonly (readonly number[])[];
  readonly kept: DropPlan;

  constructor(checkpoint: Checkpoint, tokens: readonly (readonly number[])[], kept: DropPlan) {
    this.checkpoint = checkpoint;
    this.tokens = tokens;
    this.kept = kept;
  }

  static async open(folder: string): Promise<Reference> {
    const read = async (name: string): Promise<unknown> =>
      JSON.parse(await readFile(path.join(root, folder, name), 'utf8'));
    return new Reference(
      await openCheckpoint(path.join(root, folder)),
      z.array(z.array(z.number())).parse(await read('tokens.json')),
      z.object({ kept: z.array(z.array(z.number())) }).parse(await read('kept.json')),
    );
  }

  async floats(file: string, tensor: string): Promise<Float32Array> {
    return readTensor(await this.#view(file, tensor));
  }

  async integers(file: string, tensor: string): Promise<Int32Array> {
    const bytes = await readTensorBytes(await this.#view(file, tensor));
    return new Int32Array(bytes.buffer);
  }

  /** Kept experts of each layer, and its rows for experts that give back their input. */
  #withIdentities(kept: readonly (readonly number[])[]): readonly (readonly number[])[] {
    return this.checkpoint.descriptor.moeLayers.map(({ moe: { experts, identities } }, layer) => [
      ...(kept[layer] ?? []),
      ...Array.from({ length: identities }, (_, number) => experts + number),
    ]);
  }

  async #view(file: string, tensor: string): Promise<Parameters<typeof readTensor>[0]> {
    const view = (await readSafetensorsHeader(path.join(this.checkpoint.folder, file))).tensors.get(tensor);
    if (view === undefined) throw new Error(`${file} lacks ${tensor}`);
    return view;
  }

  /** Runs the three sequences. */
  forward(runner: ModelRunner, plan: DropPlan | null): Promise<readonly ForwardResult[]> {
    return runner.forward(this.tokens, plan, control);
  }

  /** Compares logits and router logits of every sequence with `file`; `experts`: our columns that the reference has. */
  async compare(
    results: readonly ForwardResult[],
    file: string,
    experts: readonly (readonly number[])[] | null,
  ): Promise<void> {
    expect(results.length).toBe(this.tokens.length);
    for (const [sequence, { logits, routerLogits }] of results.entries()) {
      expectClose(logits, await this.floats(file, `logits.${sequence}`));
      const columns =
        experts === null
          ? routerLogits
          : keepColumns(routerLogits, this.#withIdentities(experts), this.tokens[sequence]?.length ?? 0);
      expectClose(columns, await this.floats(file, `router_logits.${sequence}`));
    }
  }
}

const expectClose = (ours: Float32Array, reference: Float32Array): void => {
  expect(ours.length).toBe(reference.length);
  const scale = reference.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const difference = ours.reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (reference[index] ?? NaN))),
    0,
  );
  expect(difference / scale).toBeLessThanOrEqual(RELATIVE_TOLERANCE);
};

/** [L, T, E] -> [L, T, kept]. */
const keepColumns = (matrix: Float32Array, kept: readonly (readonly number[])[], tokens: number): Float32Array => {
  const experts = matrix.length / (kept.length * tokens);
  return Float32Array.from(
    kept.flatMap((columns, layer) =>
      Array.from({ length: tokens }, (_, token) =>
        columns.map((expert) => matrix[(layer * tokens + token) * experts + expert] ?? NaN),
      ).flat(),
    ),
  );
};

/** What a model writes behind the beginnings of the sequences; a token behind the first reads keys and values. */
const write = async (
  runner: ModelRunner,
  sequences: readonly (readonly number[])[],
  plan: DropPlan | null,
): Promise<readonly (readonly number[])[]> => {
  const rows = sequences.map((tokens, row) => ({
    tokens: tokens.slice(0, 2 + 3 * row),
    candidate: 'own',
    mostNewTokens: 4,
  }));
  const written: (readonly number[])[] = [];
  for await (const { row, tokens } of runner.decode(rows, [{ key: 'own', plan }], control)) written[row] = tokens;
  return written;
};

/** The K experts of every token in every layer, in ascending order. */
const choices = (experts: Int32Array, topK: number): readonly string[] =>
  Array.from({ length: experts.length / topK }, (_, token) =>
    [...experts.subarray(token * topK, (token + 1) * topK)].sort((a, b) => a - b).join(','),
  );

describe.each(supported)('%s', (folder) => {
  let scratch: string;
  let reference: Reference;
  /** The checkpoint with every block resident, and with one at a time: what runs on it leaves nothing behind. */
  let runners: { readonly resident: ModelRunner; readonly streamed: ModelRunner };

  const open = (checkpoint: Checkpoint, streamed: boolean): Promise<ModelRunner> =>
    openModelRunner(checkpoint, {
      threads: 1,
      memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
      streamed,
      overlayFolder: path.join(scratch, 'overlays'),
    });
  beforeAll(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), 'uncurl-checkpoint-'));
    reference = await Reference.open(folder);
    const { checkpoint } = reference;
    runners = { resident: await open(checkpoint, false), streamed: await open(checkpoint, true) };
  });
  afterAll(async () => {
    await runners.resident.dispose();
    await runners.streamed.dispose();
    await removeFolder(scratch);
  });

  it.each(['resident', 'streamed'] as const)(
    'gives the reference logits, router logits and choices when %s',
    async (mode) => {
      const results = await reference.forward(runners[mode], null);
      await reference.compare(results, 'reference.safetensors', null);
      const { topK } = reference.checkpoint.info;
      for (const [sequence, { experts }] of results.entries()) {
        expect(choices(experts, topK)).toEqual(
          choices(await reference.integers('routing.safetensors', `experts.${sequence}`), topK),
        );
      }
    },
  );

  it('gives the logits of its pruned copy under a mask', async () => {
    const { kept } = reference;
    await reference.compare(await reference.forward(runners.resident, kept), 'pruned.safetensors', kept.kept);
  });

  it('scores a shared prefix like whole sequences, unpruned and masked, and masked when streamed', async () => {
    const { checkpoint, kept } = reference;
    const { resident, streamed } = runners;
    const requests = prefixedRequests(checkpoint.descriptor);
    for (const plan of [null, kept]) {
      const { together, alone } = await scoreTogether(resident, requests, plan);
      expect(numberDifference(together.logprobs, alone.logprobs)).toBeLessThanOrEqual(1e-5);
      expect(together.tokens).toBeLessThan(0.6 * alone.tokens);
      // A mask is one more input of the graphs that run unpruned, whose sessions a streamed model opens anew each time.
      if (plan !== null)
        expect((await streamed.score(requests, plan, control)).map(({ logprob }) => logprob)).toEqual(
          together.logprobs,
        );
    }
  });

  // What is written under a mask is what transformers writes: tests/reference/generation.test.ts.
  it('as an export, verified with its graph, gives the logits of its pruned copy and writes as masked', async () => {
    const { checkpoint, kept: plan } = reference;
    const settings = exportSettingsIn(path.join(scratch, 'export-overlays'));
    // An export ends with its verification.
    const { folder: exported, verification } = await exportPlan({
      checkpoint,
      plan,
      destination: path.join(scratch, 'pruned'),
      format: 'hf,onnx',
      settings,
      control,
    });
    const reopened = await open(await openCheckpoint(exported), false);
    try {
      await reference.compare(await reference.forward(reopened, null), 'pruned.safetensors', null);
      const written = await write(reopened, reference.tokens, null);
      expect(written.map(({ length }) => length)).toEqual(reference.tokens.map(() => 4));
      expect(written).toEqual(await write(runners.resident, reference.tokens, plan));
    } finally {
      await reopened.dispose();
    }
    expect(verification).toMatchObject({ ok: true, problems: [], sameExperts: true, sameTensors: true });
    expect(verification.maxLogitDifference).toBeLessThanOrEqual(1e-5);
  });
});
