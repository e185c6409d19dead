import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sweepOnDisk } from '../main/report/sweep-on-disk.ts';
import { temporaryFolder, uncurlHere } from './run-uncurl.ts';

test('uncurl report writes one page, overwrites it only if forced, and figures include the sizes', async () => {
  const { workspace, run } = await sweepOnDisk();
  const folder = await temporaryFolder();
  const out = join(folder, 'report.html');
  const paths = ['--workspace', workspace.path, '--out', out];
  const made = await uncurlHere(['report', run, ...paths, '--json']);
  expect([made.stderr, made.code]).toEqual(['', 0]);
  const page = await readFile(out, 'utf8');
  expect(page).toMatch(/^<!DOCTYPE html>/);
  expect(JSON.parse(made.stdout)).toMatchObject({ out, run, sizeBytes: Buffer.byteLength(page) });

  const again = await uncurlHere(['report', run, ...paths]);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('--force')]);
  await writeFile(out, 'old');
  expect((await uncurlHere(['report', run, ...paths, '--force', '--delta', '0.5'])).code).toBe(0);
  expect(await readFile(out, 'utf8')).toContain('-50 percentage points');

  const drawn = await uncurlHere([
    'figures',
    run,
    '--workspace',
    workspace.path,
    '--out',
    join(folder, 'figures'),
    '--json',
  ]);
  const { files } = JSON.parse(drawn.stdout) as { readonly files: readonly string[] };
  expect(files).toEqual(
    expect.arrayContaining(['findings.md', 'thresholds-by-experts.svg', 'pruned-against-scratch.svg']),
  );
});
