import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from './workbench.ts';

const script = path.join(import.meta.dirname, '..', 'bench', 'pictures.ts');

test('the pictures of the README are made by a script from the window as it is', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'uncurl-pictures-made-'));
  try {
    await promisify(execFile)(process.execPath, [...process.execArgv, script, folder]);
    for (const name of ['workbench', 'thresholds']) {
      const picture = await readFile(path.join(folder, `${name}.png`));
      // Width and height stand in the header of a PNG.
      expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([1440, 900]);
      expect(picture.length).toBeGreaterThan(100_000);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
