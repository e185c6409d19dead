import { copyFile, cp, mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { outlineCheckpoint } from '../../../main/checkpoint/outline-checkpoint.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { changeableCopy, checkpointFixture, editJson, editTensors, makeMixtral } from './checkpoint-files.ts';

const weights = (folder: string): string => path.join(folder, 'model.safetensors');
const config = (folder: string): string => path.join(folder, 'config.json');
const expertTensor = 'model.layers.1.block_sparse_moe.experts.3.w2.weight';

describe('a checkpoint', () => {
  it('is described without loading weights', async () => {
    const { info, descriptor, weightFiles } = await openCheckpoint(await makeMixtral({ dtype: 'BF16' }));
    expect(info).toMatchObject({
      family: 'mixtral',
      layers: 2,
      moeLayers: 2,
      experts: 6,
      topK: 2,
      hidden: 16,
      expertWidth: 12,
      sharedExperts: 0,
      normTopK: true,
      vocabulary: 40,
      maxPositions: 64,
      dtype: 'bfloat16',
      supported: true,
    });
    const expert = 3 * 16 * 12;
    const dense = 2 * 40 * 16 + 16 + 2 * (2 * 16 + 2 * 16 * 16 + 2 * 8 * 16 + 6 * 16);
    expect(info.parameters).toEqual({ total: dense + 12 * expert, expert: 12 * expert, active: dense + 4 * expert });
    expect(descriptor.moeLayers[1]?.moe.storage.prefix).toBe('model.layers.1.block_sparse_moe.experts.');
    expect(weightFiles.map(({ name }) => name)).toEqual(['model.safetensors']);
  });

  it('has the same fingerprint as a copy, also as a cache of links, and another one after any change', async () => {
    const original = checkpointFixture('mixtral-bf16-sharded');
    const { fingerprint } = await openCheckpoint(original);
    const copy = await changeableCopy(original);
    expect((await openCheckpoint(copy)).fingerprint).toBe(fingerprint);

    // A Hugging Face cache: links to files whose names are hashes, in a different order from the shards.
    const [cache, blobs] = [path.join(await temporaryFolder(), 'snapshot'), path.join(copy, 'blobs')];
    await cp(copy, cache, { recursive: true });
    await mkdir(blobs);
    for (let shard = 1; shard <= 9; shard += 1) {
      const name = `model-0000${shard}-of-00009.safetensors`;
      const blob = path.join(blobs, String(10 - shard));
      await rename(path.join(cache, name), blob);
      await symlink(blob, path.join(cache, name));
    }
    const linked = await openCheckpoint(cache);
    expect(linked.fingerprint).toBe(fingerprint);
    expect(linked.weightFiles[0]?.name).toBe('model-00001-of-00009.safetensors');

    await editTensors(path.join(copy, 'model-00003-of-00009.safetensors'), (tensors) => {
      const [first] = tensors.values();
      if (first !== undefined) first.bytes[0]! ^= 1;
    });
    expect((await openCheckpoint(copy)).fingerprint).not.toBe(fingerprint);
  });
});

describe('a folder that is not a checkpoint is refused with the reason', () => {
  const refusal = async (folder: string, code: string, message: RegExp): Promise<void> => {
    await expect(openCheckpoint(folder)).rejects.toMatchObject({ code, kind: 'refused' });
    await expect(openCheckpoint(folder)).rejects.toThrow(message);
  };

  it('no folder, no config, no weights', async () => {
    const folder = await temporaryFolder();
    await refusal(path.join(folder, 'absent'), 'no-model', /is not a folder/);
    await refusal(folder, 'no-model', /contains no config\.json/);
    await copyFile(config(checkpointFixture('mixtral')), config(folder));
    await refusal(folder, 'no-weights', /contains neither model\.safetensors nor model\.safetensors\.index\.json/);
  });

  it('names the GGUF file in a folder, as an export makes it', async () => {
    const parent = await temporaryFolder();
    for (const [name, code] of [
      ['exported', 'no-weights'],
      ['exported.gguf', 'no-model'],
    ] as const) {
      const folder = path.join(parent, name);
      await mkdir(folder);
      await copyFile(config(checkpointFixture('mixtral')), config(folder));
      await writeFile(path.join(folder, 'model.gguf'), '');
      const remedy = `Its weights are in ${path.join(folder, 'model.gguf')}: name that file.`;
      await expect(openCheckpoint(folder)).rejects.toMatchObject({ code, remedy });
      expect((await outlineCheckpoint(folder)).info.reasons[0]).toBe(remedy);
    }
  });

  it('a config that is not JSON', async () => {
    const folder = await makeMixtral();
    await writeFile(config(folder), '{"model_type":');
    await refusal(folder, 'bad-json', /config\.json is not JSON/);
  });

  it('an unknown or missing model_type', async () => {
    const folder = await makeMixtral();
    await editJson(config(folder), (json) => {
      json['model_type'] = 'llama';
    });
    await refusal(folder, 'unknown-model-type', /model_type "llama" is not supported \(supported: .*mixtral/);
    await editJson(config(folder), (json) => {
      delete json['model_type'];
    });
    await refusal(folder, 'unknown-model-type', /model_type \(missing\)/);
  });

  it('a truncated weight file', async () => {
    const folder = await changeableCopy(checkpointFixture('mixtral'));
    await truncate(weights(folder), 100_000);
    await refusal(
      folder,
      'bad-safetensors',
      /model\.safetensors is not a valid safetensors file: tensor "[^"]+" ends at byte \d+ but the file has 100000 \(truncated\)/,
    );
  });

  it('a missing shard, and a tensor that is not where the index says', async () => {
    const folder = await changeableCopy(checkpointFixture('mixtral-bf16-sharded'));
    await editTensors(path.join(folder, 'model-00003-of-00009.safetensors'), (tensors) => {
      tensors.delete([...tensors.keys()][0] ?? '');
    });
    await refusal(
      folder,
      'missing-tensor',
      /is not in model-00003-of-00009\.safetensors, where model\.safetensors\.index\.json places it/,
    );
    await rm(path.join(folder, 'model-00004-of-00009.safetensors'));
    await refusal(
      folder,
      'missing-shard',
      /shard model-00004-of-00009\.safetensors, named by model\.safetensors\.index\.json, is missing/,
    );
  });

  it('a tensor in two shards, and an index that leaves the folder', async () => {
    const folder = await changeableCopy(checkpointFixture('mixtral-bf16-sharded'));
    let copied: [string, { dtype: 'BF16' | 'F32'; shape: readonly number[]; bytes: Uint8Array }] | undefined;
    await editTensors(path.join(folder, 'model-00001-of-00009.safetensors'), (tensors) => {
      const [first] = tensors;
      if (first !== undefined) copied = [first[0], { dtype: 'BF16', shape: first[1].shape, bytes: first[1].bytes }];
    });
    await editTensors(path.join(folder, 'model-00002-of-00009.safetensors'), (tensors) => {
      if (copied !== undefined) tensors.set(...copied);
    });
    await refusal(folder, 'duplicate-tensor', /tensor "[^"]+" is also in model-00001-of-00009\.safetensors/);
    await editJson(path.join(folder, 'model.safetensors.index.json'), (json) => {
      json['weight_map'] = { 'lm_head.weight': '../elsewhere.safetensors' };
    });
    await refusal(folder, 'bad-json', /a file name without folders/);
  });

  it('a missing, a renamed, a leftover, a reshaped and an integer tensor', async () => {
    const folder = await makeMixtral();
    const damaged = async (edit: Parameters<typeof editTensors>[1]): Promise<string> => {
      const copy = await changeableCopy(folder);
      await editTensors(weights(copy), edit);
      return copy;
    };
    await refusal(
      await damaged((tensors) => {
        tensors.delete(expertTensor);
      }),
      'missing-tensor',
      new RegExp(`tensor "${expertTensor}" is missing`),
    );
    await refusal(
      await damaged((tensors) => {
        tensors.set('model.layers.0.adapter.weight', { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) });
      }),
      'unknown-tensor',
      /1 tensor\(s\) are not used in this family: "model\.layers\.0\.adapter\.weight"/,
    );
    await refusal(
      await damaged((tensors) => {
        const old = tensors.get(expertTensor);
        if (old !== undefined) tensors.set(expertTensor, { ...old, shape: [...old.shape].reverse() });
      }),
      'wrong-shape',
      /tensor "model\.layers\.1.*w2\.weight" has shape \[12, 16\] where config\.json asks for \[16, 12\]/,
    );
    await refusal(
      await damaged((tensors) => {
        const old = tensors.get(expertTensor);
        if (old !== undefined) tensors.set(expertTensor, { ...old, dtype: 'I32' });
      }),
      'wrong-dtype',
      /is I32; this layout allows F32, F16, BF16/,
    );
    await refusal(
      await damaged((tensors) => {
        for (const name of tensors.keys()) if (name.includes('experts')) tensors.delete(name);
      }),
      'unknown-layout',
      /no experts found/,
    );
    await refusal(
      await damaged((tensors) => {
        for (const name of tensors.keys()) if (name.includes('gate')) tensors.delete(name);
      }),
      'missing-tensor',
      /2 tensors are missing: "model\.layers\.0\.block_sparse_moe\.gate\.weight", "model\.layers\.1/,
    );
  });

  it('a config that does not belong to the weights, or has unsupported settings', async () => {
    const folder = await makeMixtral();
    const configured = async (change: Readonly<Record<string, unknown>>): Promise<string> => {
      const copy = await changeableCopy(folder);
      await editJson(config(copy), (json) => Object.assign(json, change));
      return copy;
    };
    await refusal(
      await configured({ num_local_experts: 5 }),
      'wrong-shape',
      /block_sparse_moe\.gate\.weight" has shape \[6, 16\] where config\.json asks for \[5, 16\]/,
    );
    await refusal(
      await configured({ num_experts: 5 }),
      'bad-config',
      /"num_local_experts" is 6 but "num_experts" is 5/,
    );
    await refusal(
      await configured({ vocab_size: 41 }),
      'wrong-shape',
      /"model\.embed_tokens\.weight" has shape \[40, 16\] where config\.json asks for \[41, 16\] \(vocab_size 41\)/,
    );
    await refusal(
      await configured({ num_experts_per_tok: 7 }),
      'bad-config',
      /num_experts_per_tok \(7\) exceeds num_local_experts \(6\)/,
    );
    await refusal(await configured({ num_hidden_layers: 1 }), 'unknown-tensor', /are not used in this family/);
    await refusal(
      await configured({ hidden_size: 'wide' }),
      'bad-config',
      /"hidden_size" is "wide", not a positive number/,
    );
    await refusal(
      await configured({ hidden_act: 'gelu' }),
      'unsupported-config',
      /"hidden_act" is "gelu"; only "silu" is supported/,
    );
    await refusal(
      await configured({ rope_scaling: { rope_type: 'longrope', factor: 2 } }),
      'unsupported-config',
      /rotary scaling "longrope" is not proven/,
    );
    await refusal(
      await configured({ quantization_config: { quant_method: 'fp8' } }),
      'unsupported-config',
      /"quantization_config": fp8 without "weight_block_size" is not supported/,
    );
    await refusal(
      await configured({ quantization_config: { quant_method: 'fp8', weight_block_size: [128] } }),
      'bad-config',
      /"weight_block_size" is \[128\], not two whole numbers/,
    );
    await refusal(
      await configured({ quantization_config: { quant_method: 'fp8', weight_block_size: [128, 128] } }),
      'bad-config',
      /"quantization_config" names fp8, but no tensor is float8/,
    );
  });

  it('stacked experts stored transposed, also if gate and up alone are square', async () => {
    const square = await makeMixtral({ stacked: true, width: 8 });
    expect((await openCheckpoint(square)).info.expertWidth).toBe(8);
    const folder = await changeableCopy(square);
    await editTensors(weights(folder), (tensors) => {
      for (const [name, tensor] of tensors) {
        const [experts = 0, rows = 0, columns = 0] = tensor.shape;
        if (name.endsWith('down_proj')) tensors.set(name, { ...tensor, shape: [experts, columns, rows] });
      }
    });
    await refusal(folder, 'wrong-shape', /down_proj" has shape \[6, 8, 16\] where config\.json asks for \[6, 16, 8\]/);
  });
});
