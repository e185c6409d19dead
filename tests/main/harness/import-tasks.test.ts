import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { AS_PUBLISHED, foundImports, IMPORT_FOLDER, type ImportedTask } from '../../../main/harness/import-tasks.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test("a name means the harness's own task, not a file that once stood in its place", async () => {
  const workspace = await temporaryFolder();
  const tasks = path.join(workspace, IMPORT_FOLDER);
  const entry = (asked: string, folder: string, more: Partial<ImportedTask> = {}): ImportedTask => ({
    asked,
    fewshot: null,
    limit: null,
    name: asked,
    folder,
    version: '0.4.13',
    ...more,
  });
  const imported = [
    entry('sciq', 'sciq-own', { inPlaceOf: '/home/me/sciq.yaml' }),
    entry('piqa', 'piqa-own', { inPlaceOf: '/home/me/piqa.yaml' }),
    entry('piqa', 'piqa-published'),
    entry('quiz', 'quiz-own'),
  ];
  for (const { folder } of imported) {
    await mkdir(path.join(tasks, folder), { recursive: true });
    await writeFile(path.join(tasks, folder, 'task.json'), '{}');
  }
  await writeFile(path.join(tasks, 'imported.json'), JSON.stringify({ imported }));
  expect(await foundImports(workspace, ['sciq', 'piqa', 'quiz'], AS_PUBLISHED)).toEqual(
    new Map([
      ['piqa', [path.join(tasks, 'piqa-published')]],
      ['quiz', [path.join(tasks, 'quiz-own')]],
    ]),
  );
});
