import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import type { Verification } from '../../../main/contract/export.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import { exportPlan, type ExportRequest } from '../../../main/export/export-plan.ts';
import { verifyExport } from '../../../main/export/verify-export.ts';
import { changeableCopy, checkpointFixture } from '../checkpoint/checkpoint-files.ts';
import { exportRequest } from './export-settings.ts';
import { llamaModel } from './gguf/llama-models.ts';

const plan: Plan = {
  kept: [
    [0, 2, 3, 6],
    [1, 3, 4, 5],
  ],
};

/** Replacements of a file, each of which would block an ordinary read for ever, or keep it reading. */
const strangers: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  'a pipe': (file) => Promise.resolve(execFileSync('mkfifo', [file])),
  'a device behind a link': (file) => symlink('/dev/zero', file),
  'a folder': (file) => mkdir(file),
  'a link to itself': (file) => symlink(path.basename(file), file),
  'a file of a hundred megabytes': async (file) => {
    await writeFile(file, '');
    await truncate(file, 1e8);
  },
};
const notFiles = Object.entries(strangers).filter(([name]) => name !== 'a file of a hundred megabytes');

const replaced = async (file: string, put: (file: string) => Promise<unknown>): Promise<void> => {
  await rm(file, { force: true });
  await put(file);
};

const verified = async (
  format: 'hf' | 'gguf',
  change: (folder: string) => Promise<unknown>,
): Promise<{ readonly result: Verification; readonly request: ExportRequest }> => {
  const source = format === 'gguf' ? await llamaModel('mixtral') : checkpointFixture('mixtral');
  const request = { ...(await exportRequest(source, plan)), format };
  const { folder } = await exportPlan(request);
  await change(folder);
  return { result: await verifyExport({ ...request, exported: folder }), request };
};

describe.each(Object.entries(strangers))('%s in an export', (_what, put) => {
  it.each(['uncurl-plan.json', 'checksums.sha256'])('in place of %s is a finding', async (name) => {
    const { result } = await verified('hf', (folder) => replaced(path.join(folder, name), put));
    expect(result.ok).toBe(false);
    expect(result.problems).toEqual([expect.stringContaining(name), ...result.problems.slice(1)]);
  });
});

test.each(notFiles)('%s that a checksum list names is a finding', async (_what, put) => {
  const { result } = await verified('hf', (folder) => replaced(path.join(folder, 'README.md'), put));
  expect(result).toMatchObject({ ok: false, problems: [expect.stringContaining('README.md')] });
});

test('a line with a NUL in its name is not a line of a list', async () => {
  const line = `${'0'.repeat(64)}  README\0.md\n`;
  const { result } = await verified('hf', (folder) => writeFile(path.join(folder, 'checksums.sha256'), line));
  expect(result.problems).toEqual([expect.stringContaining('is not a line of a checksum list')]);
});

test('a list that names a file twice is a finding, and the file is read once', async () => {
  const line = `${'0'.repeat(64)}  README.md\n`;
  const { result } = await verified('hf', (folder) => writeFile(path.join(folder, 'checksums.sha256'), line.repeat(3)));
  expect(result.problems).toEqual([
    expect.stringContaining('README.md was changed'),
    'checksums.sha256 lists README.md twice.',
    'checksums.sha256 lists README.md twice.',
  ]);
});

test.each(notFiles)('%s in place of the tokenizer or config of a GGUF export is refused', async (_what, put) => {
  const { result } = await verified('gguf', (folder) => replaced(path.join(folder, 'tokenizer.json'), put));
  expect(result.problems).toContainEqual(expect.stringContaining('tokenizer.json'));
  await expect(verified('gguf', (folder) => replaced(path.join(folder, 'config.json'), put))).rejects.toMatchObject({
    code: 'no-model',
    kind: 'refused',
  });
});

test.each([
  ['no JSON', '{'],
  ['no object', '[1]'],
  ['nested a million deep', `{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`],
  ['of another model', '{"num_local_experts":4}'],
])('a GGUF export whose config is %s is a finding', async (_what, text) => {
  const { result } = await verified('gguf', async (folder) => {
    await rm(path.join(folder, 'checksums.sha256'));
    await writeFile(path.join(folder, 'config.json'), text);
  });
  expect(result.ok).toBe(false);
  expect(result.problems[0]).toContain('config.json');
});

test.each(Object.entries(strangers))('%s in place of a model card ends an export with its name', async (_what, put) => {
  const source = await changeableCopy(checkpointFixture('mixtral'));
  const request = await exportRequest(source, plan);
  await replaced(path.join(source, 'README.md'), put);
  await expect(exportPlan(request)).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringContaining(path.join(source, 'README.md')),
  });
});

test.each(['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])(
  'a pipe in place of %s ends a GGUF export with its name',
  async (name) => {
    const source = await changeableCopy(await llamaModel('mixtral'));
    const request = { ...(await exportRequest(source, plan)), format: 'gguf' as const };
    await replaced(path.join(source, name), strangers['a pipe'] ?? expect.fail());
    await expect(exportPlan(request)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(name),
    });
  },
);

test.each([
  ['tokenizer.json', '{"model":{"type":"BPE"}}'],
  ['tokenizer_config.json', '{"unk_token":7}'],
])('a %s of another form ends a GGUF export in words', async (name, text) => {
  const source = await changeableCopy(await llamaModel('mixtral'));
  const request = { ...(await exportRequest(source, plan)), format: 'gguf' as const };
  await writeFile(path.join(source, name), text);
  await expect(exportPlan(request)).rejects.toMatchObject({ kind: 'refused' });
});

test('a shard that became a pipe after the model was opened ends an export with its name', async () => {
  const source = await changeableCopy(checkpointFixture('mixtral-bf16-sharded'));
  const request = await exportRequest(source, plan);
  const shard = request.checkpoint.weightFiles[1] ?? expect.fail('no second shard');
  await replaced(shard.file, strangers['a pipe'] ?? expect.fail());
  await expect(exportPlan(request)).rejects.toMatchObject({
    code: 'not-a-file',
    message: expect.stringContaining(shard.name),
  });
});
