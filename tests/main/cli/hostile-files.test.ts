import { existsSync } from 'node:fs';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { commandLineHere } from './command-line-here.ts';

/** Exit code and error message of a command line in this process. */
const refusal = async (...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> => {
  const { code, stdout, stderr } = await commandLineHere(...args);
  return { code, said: stdout + stderr };
};

test.each(['100000', '1e9', '-1', '0', 'many'])('--threads %s is refused before anything starts', async (threads) => {
  const workspace = path.join(await temporaryFolder(), 'workspace');
  const sweep = ['sweep', 'uncurl-8', '--task', 'capital', '--method', 'reap', '--factors', '1,2'];
  const { code, said } = await refusal(...sweep, '--workspace', workspace, '--threads', threads);
  expect(code).toBe(2);
  expect(said).toContain('--threads');
  expect(existsSync(workspace)).toBe(false);
});

const cases: readonly (readonly [string, RegExp, (file: string) => Promise<unknown>])[] = [
  ['a device', /is a device/, (file) => symlink('/dev/zero', file)],
  ['a folder', /is a folder/, (file) => mkdir(file)],
  ['missing', /does not exist/, () => Promise.resolve()],
  [
    'larger than any',
    /too large/,
    async (file) => {
      await writeFile(file, '');
      await truncate(file, 2 ** 33);
    },
  ],
  ['of four million lines', /more than 4000000 lines/, (file) => writeFile(file, Buffer.alloc(4_000_001, '\n'))],
  ['nested a million deep', /nested deeper|no JSON|not JSON/, (file) => writeFile(file, '['.repeat(1e6))],
];

test.each(cases)(
  'requests, tokens, plans and rankings that are %s are refused with exit code 2',
  async (_, why, put) => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'given.json');
    await put(file);
    const out = path.join(folder, 'out');
    for (const args of [
      ['score', 'uncurl-8', '--requests', file, '--out', out],
      ['generate', 'uncurl-8', '--requests', file, '--out', out],
      ['forward', 'uncurl-8', '--tokens', file, '--out', out],
      ['export', 'uncurl-8', '--plan', file, '--out', out],
      ['plan', 'uncurl-8', '--method', `file:mine=${file}`, '--factor', '2', '--out', out],
    ]) {
      const { code, said } = await refusal(...args);
      expect(code, `${args.join(' ')}: ${said}`).toBe(2);
      expect(said).toMatch(why);
    }
  },
);

test.each([
  ['a line of 40 MB', /characters long \(limit/, () => `{"id":"a","contextTokens":[${'0,'.repeat(2e7)}0]`],
  [
    'too many tokens together',
    /more than 16777216 tokens/,
    () => {
      const tokens = `${'0,'.repeat(999_999)}0`;
      return Array.from(
        { length: 18 },
        (_, id) => `{"id":"${String(id)}","contextTokens":[${tokens}],"continuationTokens":[1]}\n`,
      ).join('');
    },
  ],
] as const)('requests with %s are refused before they fill the memory', async (_, why, text) => {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'requests.jsonl');
  await writeFile(file, text());
  const { code, said } = await refusal('score', 'uncurl-8', '--requests', file, '--out', path.join(folder, 'out'));
  expect(code).toBe(2);
  expect(said).toMatch(why);
});
