import { access, cp, mkdir, readdir, readFile, readlink, type symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { withSeenFolder } from '../../../main/checkpoint/seen-folder.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/** Files that transformers, peft, datasets, accelerate and huggingface_hub look for or leave in a model's folder. */
const BESIDE = [
  ...['adapter_config.json', 'adapter_model.safetensors', 'adapter_model.bin', 'adapter_model.pt'],
  ...['pytorch_model.bin', 'pytorch_model.bin.index.json', 'pytorch_model-00001-of-00002.bin', 'training_args.bin'],
  ...[
    'tf_model.h5',
    'tf_model.h5.index.json',
    'flax_model.msgpack',
    'flax_model.msgpack.index.json',
    'model.ckpt.index',
  ],
  ...['model.safetensors.index.json.bak', 'model.fp16.safetensors', 'consolidated.safetensors', 'consolidated.00.pth'],
  ...['diffusion_pytorch_model.safetensors', 'diffusion_pytorch_model.bin', 'model.gguf', 'model.onnx'],
  ...['modeling_custom.py', 'configuration_custom.py', 'tokenization_custom.py', 'generate.py', '__init__.py'],
  ...['custom_generate/generate.py', 'custom_generate/requirements.txt', 'requirements.txt', 'sitecustomize.py'],
  ...[
    'preprocessor_config.json',
    'processor_config.json',
    'image_processor_config.json',
    'video_preprocessor_config.json',
  ],
  ...['feature_extractor_config.json', 'audio_tokenizer_config.json', 'modular_config.json', 'modelcard.json'],
  ...['config_sentence_transformers.json', 'modules.json', 'sentence_bert_config.json', '1_Pooling/config.json'],
  ...['quantize_config.json', 'quant_config.json', 'hf_quant_config.json', 'recipe.yaml', 'quantization_config.json'],
  ...['spiece.model', 'tekken.json'],
  ...['sentencepiece.bpe.model', 'tiktoken.model', 'tokenizer.py', 'additional_chat_templates/tool_use.jinja'],
  ...[
    'dataset_infos.json',
    'dataset_dict.json',
    'dataset_info.json',
    'state.json',
    'trainer_state.json',
    'optimizer.pt',
  ],
  ...[
    'scheduler.pt',
    'rng_state.pth',
    'assistant_model/config.json',
    'params.json',
    'original/params.json',
    'README.md',
  ],
  ...['kernels.lock', 'config.4.0.0.json', 'README.md.metadata', '.cache/huggingface/download/config.json.metadata'],
] as const;

/** The files of the bundled model, each of which is read. */
const CONSUMED = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

const strewn = async (): Promise<string> => {
  const folder = path.join(await temporaryFolder(), 'model');
  await cp('resources/models/uncurl-8', folder, { recursive: true });
  for (const name of BESIDE) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), 'poison');
  }
  return folder;
};

describe('what a computing program sees of a model', () => {
  test('are the stamped files alone, whatever lies beside them', async () => {
    const folder = await strewn();
    const checkpoint = await openCheckpoint(folder);
    const parent = await temporaryFolder();
    const seen = await withSeenFolder(
      checkpoint,
      async (own) => {
        const names = (await readdir(own, { recursive: true })).sort();
        expect(names.filter((name) => BESIDE.some((beside) => beside === name))).toEqual([]);
        for (const name of names) {
          expect(await readFile(path.join(own, name))).toEqual(await readFile(path.join(folder, name)));
          if (process.platform !== 'win32') expect(await readlink(path.join(own, name))).toBe(path.join(folder, name));
        }
        return names;
      },
      parent,
    );
    expect(seen).toEqual(checkpoint.sources.map(({ name }) => name).sort());
    expect(seen).toEqual(expect.arrayContaining([...CONSUMED]));
    expect(await readdir(parent)).toEqual([]);
  });

  test('weights are those that the index names, no others', async () => {
    const folder = path.join(await temporaryFolder(), 'model');
    await cp('resources/models/uncurl-8', folder, { recursive: true });
    const one = await openCheckpoint(folder);
    await cp(path.join(folder, 'model.safetensors'), path.join(folder, 'weights-1.safetensors'));
    const map = Object.fromEntries([...one.tensors.keys()].map((name) => [name, 'weights-1.safetensors']));
    await writeFile(path.join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    await writeFile(path.join(folder, 'weights-2.safetensors'), 'poison');
    const checkpoint = await openCheckpoint(folder);
    const names = await withSeenFolder(checkpoint, (own) => readdir(own));
    const weights = names.filter((name) => name.endsWith('.safetensors'));
    expect(weights).toEqual(checkpoint.weightFiles.map(({ name }) => name));
    expect(weights).toHaveLength(1);
  });

  test('are copies where links are refused, and the folder goes also where the work fails', async () => {
    const checkpoint = await openCheckpoint('resources/models/uncurl-8');
    const parent = await temporaryFolder();
    const refusing: typeof symlink = () => Promise.reject(Object.assign(new Error('no links here'), { code: 'EPERM' }));
    let seen = '';
    const failing = withSeenFolder(
      checkpoint,
      async (own) => {
        seen = own;
        for (const { name, file } of checkpoint.sources) {
          expect(await readFile(path.join(own, name))).toEqual(await readFile(file));
          await expect(readlink(path.join(own, name))).rejects.toThrow();
        }
        throw new Error('the work failed');
      },
      parent,
      refusing,
    );
    await expect(failing).rejects.toThrow('the work failed');
    expect(path.dirname(seen)).toBe(parent);
    await expect(access(seen)).rejects.toThrow('ENOENT');
    const broken: typeof symlink = () => Promise.reject(Object.assign(new Error('no room'), { code: 'ENOSPC' }));
    await expect(withSeenFolder(checkpoint, () => Promise.resolve(), parent, broken)).rejects.toThrow('no room');
    expect(await readdir(parent)).toEqual([]);
  });
});
