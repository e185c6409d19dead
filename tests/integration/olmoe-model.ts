import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fromFloat32 } from '../../main/checkpoint/read-tensor.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { checkpointFixture, editJson, editTensors, scoringFixture } from '../main/checkpoint/checkpoint-files.ts';

/** Tokens of the tokenizer. */
const VOCABULARY = 620;

/**
 * Files of a repository with an OLMoE-shaped checkpoint: the reference checkpoint of that family with random embeddings
 * for a real tokenizer (BPE that falls back to bytes), so many positions, and a card.
 */
export const olmoeFiles = async (positions: number): Promise<Readonly<Record<string, Buffer>>> => {
  const folder = mkdtempSync(path.join(tmpdir(), 'uncurl-olmoe-'));
  try {
    for (const name of ['config.json', 'model.safetensors'])
      cpSync(path.join(checkpointFixture('olmoe'), name), path.join(folder, name));
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      cpSync(path.join(scoringFixture('mixtral-byte-fallback'), name), path.join(folder, name));
    await editTensors(path.join(folder, 'model.safetensors'), (tensors) => {
      const random = seededRandom(39);
      for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) {
        const hidden = tensors.get(name)?.shape[1] ?? 0;
        const floats = Float32Array.from({ length: VOCABULARY * hidden }, () => 2 * random.float() - 1);
        tensors.set(name, { dtype: 'F16', shape: [VOCABULARY, hidden], bytes: fromFloat32(floats, 'F16') });
      }
    });
    await editJson(path.join(folder, 'config.json'), (config) => {
      Object.assign(config, { vocab_size: VOCABULARY, max_position_embeddings: positions });
    });
    return {
      ...Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name))])),
      'README.md': Buffer.from('---\nlicense: apache-2.0\n---\n'),
      'pytorch_model.bin': Buffer.from('pickle'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
