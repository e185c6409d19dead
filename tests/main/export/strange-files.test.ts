import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { INDEX_FILE, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import type { ExportFormat } from '../../../main/contract/export.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { verifyExport } from '../../../main/export/verify-export.ts';
import { changeableCopy, checkpointFixture, editJson } from '../checkpoint/checkpoint-files.ts';
import { exportRequest } from './export-settings.ts';
import { llamaModel } from './gguf/llama-models.ts';

const plan = {
  kept: [
    [0, 2, 3, 6],
    [1, 3, 4, 5],
  ],
};

/** Files that programs look for by name in a folder, beside or before the weights of an export; and an index of these. */
const strangers: Readonly<Record<string, string>> = {
  'more weights, which vLLM loads with the others': 'extra.safetensors',
  'weights of another variant': 'model.fp16.safetensors',
  'weights in the form of Mistral': 'consolidated.safetensors',
  'the index of that form': 'consolidated.safetensors.index.json',
  'the config of that form': 'params.json',
  'an adapter, whose base model transformers loads in its place': 'adapter_config.json',
  "the adapter's weights": 'adapter_model.safetensors',
  'weights as a pickle': 'pytorch_model.bin',
  'an index of pickles': 'pytorch_model.bin.index.json',
  'weights as a pickle that vLLM loads': 'weights.pt',
  'a GGUF file': 'other.gguf',
  'a second graph': 'decoder_model.onnx',
  'the config of onnxruntime-genai': 'genai_config.json',
  'code that transformers runs if it is trusted': 'modeling_mixtral.py',
  'a quantisation': 'quantize_config.json',
  'another quantisation': 'hf_quant_config.json',
  'a chat template': 'chat_template.jinja',
  'a tokenizer': 'tokenizer.model',
  'a vocabulary': 'vocab.json',
  'special tokens': 'special_tokens_map.json',
  'generation settings': 'generation_config.json',
  'a processor': 'preprocessor_config.json',
  'a list of modules': 'modules.json',
  'a hidden file': '.gitattributes',
};
const folders = ['onnx', 'original', 'chat_templates', '.cache'];

const forms: readonly ExportFormat[] = ['hf', 'onnx', 'hf,onnx', 'gguf'];

type Problems = (change: (folder: string) => Promise<unknown>) => Promise<readonly string[]>;

/** Exports a model, and returns the problems of copies after a change. */
const exportedAs = async (
  format: ExportFormat,
): Promise<{ readonly problems: Problems; readonly sourceFiles: readonly string[] }> => {
  const source = format === 'gguf' ? await llamaModel('mixtral') : checkpointFixture('mixtral');
  const request = { ...(await exportRequest(source, plan)), format };
  const { folder } = await exportPlan(request);
  return {
    sourceFiles: await readdir(source),
    problems: async (change) => {
      const copy = await changeableCopy(folder);
      await change(copy);
      const { ok, problems } = await verifyExport({ ...request, exported: copy });
      expect(ok).toBe(problems.length === 0);
      return problems;
    },
  };
};

describe.each(forms)('an export as %s', (format) => {
  it('is equal with its own files only, and not with any other that a program looks for', async () => {
    const { problems, sourceFiles } = await exportedAs(format);
    expect(await problems(() => Promise.resolve())).toEqual([]);
    const missed: string[] = [];
    // Fewer at once than a list of problems names.
    const named = Object.entries(strangers);
    for (const some of [named.slice(0, 12), named.slice(12)]) {
      const found = await problems(async (folder) => {
        for (const [, name] of some) await writeFile(path.join(folder, name), '{"weight_map": {}}');
      });
      for (const [what, name] of some) {
        const wanted = sourceFiles.includes(name)
          ? `${name} differs from the source's.`
          : `${JSON.stringify(name)} does not belong to the export.`;
        if (!found.includes(wanted)) missed.push(`${what}: ${found.join(' ')}`);
      }
    }
    const indexed = await problems((folder) => writeFile(path.join(folder, INDEX_FILE), '{"weight_map": {}}'));
    // Without other weights an index counts as that of the export, and lists nothing.
    const isUnopened = indexed[0]?.startsWith('The folder does not open: ') === true;
    if (!isUnopened && !indexed.includes(`${JSON.stringify(INDEX_FILE)} does not belong to the export.`))
      missed.push(`an index that names other weights: ${indexed.join(' ')}`);
    const found = await problems(async (folder) => {
      for (const name of folders) await mkdir(path.join(folder, name));
    });
    for (const name of folders)
      if (!found.includes(`${JSON.stringify(name)} does not belong to the export.`)) missed.push(name);
    expect(missed).toEqual([]);
  });

  it('is not equal with another end token in its config, or with the same config in other words', async () => {
    const { problems } = await exportedAs(format);
    const otherToken = await problems((folder) =>
      editJson(path.join(folder, 'config.json'), (config) => {
        config['eos_token_id'] = 7;
      }),
    );
    expect(otherToken).toContainEqual(expect.stringMatching(/^config\.json: "eos_token_id" is 7 instead of /));
    const otherWords = await problems(async (folder) => {
      const file = path.join(folder, 'config.json');
      const text = await readFile(file, 'utf8');
      const changed = text.replace(/(?<key>"num_local_experts": ?)4/, '$<key>4.0');
      expect(changed).not.toBe(text);
      await writeFile(file, changed);
    });
    expect(otherWords).toContainEqual("config.json is not the source's text with the plan's changes.");
  });
});

it('a side file that is missing, or has a byte more, is found', async () => {
  const { problems, sourceFiles } = await exportedAs('gguf');
  const names = ['tokenizer.json', 'tokenizer_config.json'];
  expect(sourceFiles).toEqual(expect.arrayContaining(names));
  for (const name of names) {
    const longer = await problems((folder) => appendFile(path.join(folder, name), ' '));
    expect(longer).toContainEqual(`${name} differs from the source's.`);
    const missing = await problems((folder) => rm(path.join(folder, name)));
    expect(missing).toContainEqual(`${name} is missing.`);
  }
});

it('another end token in generation_config.json is found', async () => {
  const source = await changeableCopy(checkpointFixture('mixtral'));
  await writeFile(path.join(source, 'generation_config.json'), '{"eos_token_id": 2}');
  const request = await exportRequest(source, plan);
  const { folder } = await exportPlan(request);
  await rm(path.join(folder, 'checksums.sha256'));
  await writeFile(path.join(folder, 'generation_config.json'), '{"eos_token_id": 3}');
  const { problems } = await verifyExport({ ...request, exported: folder });
  expect(problems).toEqual(["generation_config.json differs from the source's."]);
});

it('bytes after a GGUF file are found', async () => {
  const { problems } = await exportedAs('gguf');
  const found = await problems((folder) => appendFile(path.join(folder, 'model.gguf'), Buffer.alloc(32)));
  expect(found).toContainEqual(expect.stringMatching(/^model\.gguf has \d+ bytes instead of \d+\.$/));
});

it('a GGUF file beside the weights is found', async () => {
  const { problems } = await exportedAs('hf');
  const found = await problems((folder) => writeFile(path.join(folder, 'model.gguf'), 'garbage'));
  expect(found).toEqual(['"model.gguf" does not belong to the export.']);
});

it('a model folder is opened with the weights that transformers loads, and its export has only these', async () => {
  const source = await changeableCopy(checkpointFixture('mixtral'));
  const own = await openCheckpoint(source);
  await writeFile(
    path.join(source, 'model.safetensors.index.json'),
    JSON.stringify({ weight_map: { 'lm_head.weight': 'other.safetensors' } }),
  );
  await cp(path.join(source, 'model.safetensors'), path.join(source, 'other.safetensors'));
  const opened = await openCheckpoint(source);
  expect(opened.weightFiles.map(({ name }) => name)).toEqual(['model.safetensors']);
  expect(opened.fingerprint).toBe(own.fingerprint);
  const request = await exportRequest(source, plan);
  const { folder } = await exportPlan(request);
  expect((await readdir(folder)).filter((name) => name.includes('safetensors'))).toEqual(['model.safetensors']);
});
