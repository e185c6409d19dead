import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CHECKSUM_FILE } from '../../main/files/checksums.ts';
import { COMPRESSED, unpack } from '../../main/sample/sample-run.ts';
import { root } from './project-files.ts';

/** Generated: checksums of every file of the bundled records, which are compiled into the engine. */
export const bundledRecordsFile = path.join(root, 'main', 'workspace', 'bundled-records.ts');

const hashesOf = async (folder: string): Promise<readonly (readonly [name: string, hash: string])[]> => {
  const hashes: (readonly [string, string])[] = [];
  for (const name of (await readdir(folder)).filter((one) => one !== CHECKSUM_FILE).sort()) {
    const file = path.join(folder, name);
    const bytes = await readFile(file);
    const isPacked = name.endsWith(COMPRESSED);
    const hash = createHash('sha256').update(isPacked ? await unpack(bytes, file) : bytes);
    hashes.push([isPacked ? name.slice(0, -COMPRESSED.length) : name, hash.digest('hex')]);
  }
  return hashes;
};

/** The generated file as the records in `resources` make it. */
export const bundledRecordsText = async (): Promise<string> => {
  const resources = path.join(root, 'resources');
  const entries: string[] = [];
  for (const name of (await readdir(resources)).sort()) {
    const folder = path.join(resources, name, 'run');
    if (!(await stat(folder).catch(() => null))?.isDirectory()) continue;
    const lines = (await hashesOf(folder)).map(([file, hash]) => `    '${file}': '${hash}',\n`);
    entries.push(`  ${name}: {\n${lines.join('')}  },\n`);
  }
  return (
    '// Generated from resources/*/run by "npm run docs"; tests/structure/bundled-records.test.ts compares.\n\n' +
    '/** SHA-256 of every file of the bundled records as a workspace gets it, by record. */\n' +
    'export const bundledRecords: Readonly<Record<string, Readonly<Record<string, string>>>> = {\n' +
    `${entries.join('')}};\n`
  );
};

/** Writes the file; returns whether it changed. */
export const writeBundledRecords = async (): Promise<boolean> => {
  const [stands, computed] = [await readFile(bundledRecordsFile, 'utf8'), await bundledRecordsText()];
  if (stands !== computed) await writeFile(bundledRecordsFile, computed);
  return stands !== computed;
};
