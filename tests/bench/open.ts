/**
 * Time and memory to open a sharded 10 GB checkpoint: headers, descriptor and fingerprint, no weights.
 *
 * Method: two checkpoints in bfloat16 with real config, index and headers over sparse files of zeros (nothing is
 * allocated on disk): Mixtral-like (8 experts per layer, 3 shards) and fine-grained (128 experts per layer, 24 shards,
 * about 18,000 tensors), each once with large shards and once cut into shards of 50 MB. Each is opened ROUNDS times,
 * each time in a new process. Prints the median time of the first open in the process, the range, and the peak resident
 * memory of the process beside that of a process that only loads the same code. Usage: npx node tests/bench/open.ts
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { writeHeaderFile, type NamedTensor } from '../main/checkpoint/header-files.ts';
import { median } from './statistics.ts';

const ROUNDS = 7;
const BYTES_PER_VALUE = 2;

interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly experts: number;
  readonly topK: number;
  readonly width: number;
  readonly vocabulary: number;
}

const mixtralLike: Shape = {
  layers: 8,
  hidden: 2048,
  heads: 16,
  keyValueHeads: 8,
  experts: 8,
  topK: 2,
  width: 12_288,
  vocabulary: 32_000,
};
const fineGrained: Shape = {
  layers: 48,
  hidden: 1024,
  heads: 16,
  keyValueHeads: 4,
  experts: 128,
  topK: 8,
  width: 256,
  vocabulary: 151_936,
};

const tensorsOf = ({
  layers,
  hidden,
  heads,
  keyValueHeads,
  experts,
  width,
  vocabulary,
}: Shape): readonly NamedTensor[] => {
  const tensor = (name: string, ...shape: readonly number[]): NamedTensor => ({ name, dtype: 'BF16', shape });
  const keyWidth = (hidden / heads) * keyValueHeads;
  const layerTensors = (layer: number): readonly NamedTensor[] => {
    const prefix = `model.layers.${String(layer)}.`;
    return [
      tensor(`${prefix}input_layernorm.weight`, hidden),
      tensor(`${prefix}self_attn.q_proj.weight`, hidden, hidden),
      tensor(`${prefix}self_attn.k_proj.weight`, keyWidth, hidden),
      tensor(`${prefix}self_attn.v_proj.weight`, keyWidth, hidden),
      tensor(`${prefix}self_attn.o_proj.weight`, hidden, hidden),
      tensor(`${prefix}post_attention_layernorm.weight`, hidden),
      tensor(`${prefix}block_sparse_moe.gate.weight`, experts, hidden),
      ...Array.from({ length: experts }, (_, expert) => `${prefix}block_sparse_moe.experts.${String(expert)}.`).flatMap(
        (own) => [
          tensor(`${own}w1.weight`, width, hidden),
          tensor(`${own}w2.weight`, hidden, width),
          tensor(`${own}w3.weight`, width, hidden),
        ],
      ),
    ];
  };
  const ofLayers = Array.from({ length: layers }, (_, layer) => layerTensors(layer)).flat();
  return [
    tensor('model.embed_tokens.weight', vocabulary, hidden),
    ...ofLayers,
    tensor('model.norm.weight', hidden),
    tensor('lm_head.weight', vocabulary, hidden),
  ];
};

const bytesOf = ({ shape }: NamedTensor): number =>
  shape.reduce((product, length) => product * length, BYTES_PER_VALUE);

/**
 * Writes the checkpoint in shards of at most `shardBytes` (a larger tensor has its own shard). Returns size and counts.
 */
const writeSparse = async (
  folder: string,
  shape: Shape,
  shardBytes: number,
): Promise<{ readonly bytes: number; readonly shards: number; readonly tensors: number }> => {
  mkdirSync(folder);
  const tensors = tensorsOf(shape);
  const shards: NamedTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (bytes > room) {
      shards.push([]);
      room = shardBytes;
    }
    shards.at(-1)?.push(tensor);
    room -= bytes;
  }
  const nameOf = (shard: number): string =>
    `model-${String(shard + 1).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.safetensors`;
  for (const [shard, held] of shards.entries()) await writeHeaderFile(path.join(folder, nameOf(shard)), held);
  const bytes = tensors.reduce((total, tensor) => total + bytesOf(tensor), 0);
  const map = shards.flatMap((held, shard) => held.map(({ name }) => [name, nameOf(shard)]));
  writeFileSync(
    path.join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: { total_size: bytes }, weight_map: Object.fromEntries(map) }),
  );
  const config = {
    architectures: ['MixtralForCausalLM'],
    model_type: 'mixtral',
    hidden_act: 'silu',
    hidden_size: shape.hidden,
    intermediate_size: shape.width,
    max_position_embeddings: 4096,
    num_attention_heads: shape.heads,
    num_experts_per_tok: shape.topK,
    num_hidden_layers: shape.layers,
    num_key_value_heads: shape.keyValueHeads,
    num_local_experts: shape.experts,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
    sliding_window: null,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    vocab_size: shape.vocabulary,
  };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  return { bytes, shards: shards.length, tensors: tensors.length };
};

const measurement = z.object({ seconds: z.number(), peakBytes: z.number() });

/** In the child: opens the folder (if there is none, only loads the code) and prints one line of JSON. */
const open = async (folder: string): Promise<void> => {
  const start = performance.now();
  if (folder !== '') await openCheckpoint(folder);
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
};

const measure = (folder: string): z.infer<typeof measurement> => {
  const { status, stdout } = spawnSync(process.execPath, [import.meta.filename, 'open', folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`the measurement ended with ${String(status)}`);
  return measurement.parse(JSON.parse(stdout));
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

const [, , verb, childFolder] = process.argv;
if (verb === 'open') {
  await open(childFolder ?? '');
} else {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-open-'));
  try {
    const idle = median(Array.from({ length: ROUNDS }, () => measure('').peakBytes));
    console.log(`code alone: ${megabytes(idle)} resident`);
    const cases = [
      ['Mixtral-like', mixtralLike, 5e9],
      ['Mixtral-like, small shards', mixtralLike, 5e7],
      ['fine-grained', fineGrained, 5e8],
      ['fine-grained, small shards', fineGrained, 5e7],
    ] as const;
    for (const [name, shape, shardBytes] of cases) {
      const own = path.join(folder, name);
      const { bytes, shards, tensors } = await writeSparse(own, shape, shardBytes);
      const measured = Array.from({ length: ROUNDS }, () => measure(own));
      const seconds = measured.map((each) => each.seconds);
      const peak = Math.max(...measured.map(({ peakBytes }) => peakBytes));
      console.log(
        `${name}: ${(bytes / 1e9).toFixed(1)} GB, ${String(shards)} shards, ${String(tensors)} tensors: ` +
          `opened in ${median(seconds).toFixed(3)} s ` +
          `(${Math.min(...seconds).toFixed(3)} to ${Math.max(...seconds).toFixed(3)}), peak ` +
          `${megabytes(peak)} resident`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
