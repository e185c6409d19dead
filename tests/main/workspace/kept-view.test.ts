import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createKeptView } from '../../../main/engine/calls/engine.ts';
import { temporaryFolder } from './temporary-folder.ts';

test('the last view is stored; an invalid one is not returned', async () => {
  const folder = await temporaryFolder();
  const kept = createKeptView(folder, folder);
  expect(await kept.read()).toBeNull();
  await Promise.all([kept.write('view=compare'), kept.write('view=workbench&factor=4')]);
  expect(await createKeptView(folder, folder).read()).toBe('view=workbench&factor=4');
  for (const text of ['{', '{}', '{"format":"uncurl-view","address":"model=/etc"}']) {
    await writeFile(join(folder, 'view.json'), text);
    expect(await kept.read()).toBeNull();
  }
});
