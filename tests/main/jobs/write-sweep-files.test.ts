import { cp, readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { TEST_LIMIT_MS } from '../../hang-limit.ts';
import { bundled, openEngine } from '../engine/open-engine.ts';
import { readProfileFile } from '../../../main/workspace/profile-file.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test(
  'models whose names differ in letters beyond ASCII have a profile file each',
  async () => {
    const [workspace, folder] = [await temporaryFolder(), await temporaryFolder()];
    const engine = await openEngine(workspace);
    const { task } = await bundled(engine, 'uncurl-8', 'mood');
    const names = ['m ü', 'm é', 'm ö'];
    for (const [index, name] of names.entries())
      await cp(`resources/models/uncurl-${index === 0 ? 16 : 8}`, path.join(folder, name), { recursive: true });
    const { run } = await engine.call('sweep.start', {
      models: names.map((name) => engine.grantPath(path.join(folder, name))),
      tasks: [task],
      settings: { methods: ['frequency'], factors: [2], limit: 4 },
    });
    await engine.finished(run);
    const written = path.join(workspace, 'runs', run);
    const files = (await readdir(written)).filter((file) => file.startsWith('profile'));
    const models: string[] = [];
    for (const file of files) models.push((await readProfileFile(path.join(written, file))).model);
    expect(models.sort()).toEqual([...names].sort());
  },
  TEST_LIMIT_MS,
);
