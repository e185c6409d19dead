import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { resources } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const kept = path.join(resources, 'screenshots');
const docs = path.join(resources, 'docs');
const readme = path.join(resources, '..', 'README.md');
/** Width and height stand in the header of a PNG. */
const sizeOf = (picture: Buffer): readonly number[] => [picture.readUInt32BE(16), picture.readUInt32BE(20)];

const script = path.join(import.meta.dirname, '..', 'bench', 'pictures.ts');

test('the pictures of the README are made by a script from the window as it is', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'uncurl-pictures-made-'));
  try {
    await promisify(execFile)(process.execPath, [...process.execArgv, script, folder]);
    const made = (await readdir(folder)).sort();
    expect(made, 'pictures that the script makes, and those of the repository').toEqual(
      (await readdir(kept)).filter((name) => name.endsWith('.png')).sort(),
    );
    for (const name of made) {
      const picture = await readFile(path.join(folder, name));
      expect(sizeOf(picture), name).toEqual([1440, 900]);
      expect(sizeOf(await readFile(path.join(kept, name))), `${name} of the repository`).toEqual(sizeOf(picture));
      expect(picture.length, name).toBeGreaterThan(100_000);
    }
    // README and documentation show these pictures, and no others.
    const documents = await readdir(docs);
    const texts = await Promise.all(
      [readme, ...documents.filter((name) => name.endsWith('.md')).map((name) => path.join(docs, name))].map((file) =>
        readFile(file, 'utf8'),
      ),
    );
    const shown = texts.flatMap((text) => [...text.matchAll(/\/screenshots\/([\w-]+\.png)/g)].map(([, name]) => name));
    expect([...new Set(shown)].sort()).toEqual(made);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
