import { cp, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { checksumProblems } from '../../../main/export/export-folder.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { whatItHolds } from '../../../main/export/verify-export.ts';
import { cardFindings, verifyFinished } from '../../../main/export/verify-finished.ts';
import { checksumList, CHECKSUM_FILE, fileChecksum, readChecksums } from '../../../main/files/checksums.ts';
import { duplicateKey } from '../../../main/files/parse-json.ts';
import { TEST_LIMIT_MS } from '../../hang-limit.ts';
import { exportSettingsIn } from '../../open-model-runner.ts';
import { checkpointFixture } from '../checkpoint/checkpoint-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const control = { signal: new AbortController().signal };

const bundledModel = fileURLToPath(new URL('../../../resources/models/uncurl-8', import.meta.url));
const bundledPlan = { kept: Array.from({ length: 3 }, () => [0, 1, 2, 3]) };

let checkpoint: Checkpoint;
let exported: string;
let parent: string;
const plan = {
  kept: [
    [0, 2, 3, 6],
    [1, 3, 4, 5],
  ],
};

beforeAll(async () => {
  checkpoint = await openCheckpoint(checkpointFixture('mixtral'));
  parent = await mkdtemp(join(tmpdir(), 'uncurl-test-'));
  const settings = exportSettingsIn(join(parent, 'overlays'));
  const made = await exportPlan({
    checkpoint,
    plan,
    settings,
    control,
    destination: join(parent, 'pruned'),
  });
  exported = made.folder;
}, TEST_LIMIT_MS);
afterAll(() => rm(parent, { recursive: true, force: true }));

/** Verifies a copy after a change by somebody who also wrote its checksum list anew. */
const verified = async (change: (folder: string) => Promise<void>) => {
  const folder = join(await temporaryFolder(), 'pruned');
  await cp(exported, folder, { recursive: true });
  await change(folder);
  const present = await readdir(folder);
  const names = [...((await readChecksums(folder))?.keys() ?? [])].filter((name) => present.includes(name));
  if (names.length > 0) {
    const sums = new Map<string, string>();
    for (const name of names) sums.set(name, await fileChecksum(join(folder, name)));
    await writeFile(join(folder, CHECKSUM_FILE), checksumList(sums));
  }
  const settings = exportSettingsIn(await temporaryFolder());
  return verifyFinished({ exported: folder, checkpoint, plan, settings, control });
};

const edit = async (file: string, change: (text: string) => string): Promise<void> => {
  const before = await readFile(file, 'utf8');
  const after = change(before);
  if (after === before) throw new Error('nothing changed');
  await writeFile(file, after);
};

/** Rewrites the header of a safetensors file. */
const editHeader = async (file: string, change: (json: string) => string): Promise<void> => {
  const bytes = await readFile(file);
  const length = Number(bytes.readBigUInt64LE());
  const header = Buffer.from(change(bytes.subarray(8, 8 + length).toString('utf8')));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  await writeFile(file, Buffer.concat([size, header, bytes.subarray(8 + length)]));
};

test('an untouched export is equal, with its card', async () => {
  expect(await verified(async () => Promise.resolve())).toMatchObject({ ok: true, problems: [] });
});

test('results of sweeps are said to be not compared where a card has any', () => {
  const notes = (costs: string) =>
    cardFindings(`# a\n\n## What pruning costs\n\n${costs}\n\n## Verification\n\nb`, '# a\n\n## Verification\n\nb')
      .notes;
  const none = 'Not measured: no sweep of this workspace has tested exactly this plan.';
  expect(notes(none)).toEqual([]);
  const said = [expect.stringContaining('the results of sweeps in "What pruning costs" do not follow')];
  expect(notes('Measured: plural safe.')).toEqual(said);
  expect(notes(`${none}\n\nm on plural: truncation was measured.`)).toEqual(said);
});

test('a verification counts the bytes that it compares, then those of each run, up to the total', async () => {
  const settings = exportSettingsIn(await temporaryFolder());
  const seen: (readonly [done: number, total: number])[] = [];
  const onProgress = (done: number, total: number): void => void seen.push([done, total]);
  await verifyFinished({ exported, checkpoint, plan, settings, control: { ...control, onProgress } });
  const [first, last] = [seen[0] ?? expect.fail('no progress'), seen.at(-1) ?? expect.fail('no progress')];
  expect(last[0]).toBe(last[1]);
  // Comparing is a third of the total: its first tensor is less than that, and more than nothing.
  expect(first[0]).toBeGreaterThan(0);
  expect(first[0]).toBeLessThan(last[1] / 3);
  expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).toSorted((left, right) => left - right));
});

test.each([
  ['a GGUF file', { format: 'gguf', ggufType: 'q8_0' }],
  ['quantised weights', { format: 'hf', hfType: 'int8' }],
  ['a graph', { format: 'onnx' }],
] as const)('%s is equal, with its card', async (_, form) => {
  const settings = exportSettingsIn(await temporaryFolder());
  const order = { checkpoint: await openCheckpoint(bundledModel), plan: bundledPlan, settings, control };
  const { folder } = await exportPlan({ ...order, ...form, destination: join(await temporaryFolder(), 'made') });
  expect(await verifyFinished({ ...order, exported: folder })).toMatchObject({ ok: true, problems: [] });
});

test.each([
  ['a missing checksum list', (folder: string) => rm(join(folder, CHECKSUM_FILE)), /checksums\.sha256 is missing/],
  [
    'a file that the list does not name',
    (folder: string) => edit(join(folder, CHECKSUM_FILE), (text) => text.replace(/^.* {2}README\.md\n/m, '')),
    /does not list README\.md/,
  ],
  [
    'a card that is a link',
    async (folder: string) => {
      const elsewhere = join(await temporaryFolder(), 'card.md');
      await rename(join(folder, 'README.md'), elsewhere);
      await symlink(elsewhere, join(folder, 'README.md'));
    },
    /README\.md is a link/,
  ],
  ['a missing card', (folder: string) => rm(join(folder, 'README.md')), /README\.md is missing/],
  [
    'a card with another number of experts',
    (folder: string) => edit(join(folder, 'README.md'), (text) => text.replace('pruned to 4', 'pruned to 3')),
    /README\.md is not the card of this export\./,
  ],
  [
    'a card with another proof',
    (folder: string) => edit(join(folder, 'README.md'), (text) => text.replace('byte for byte', 'bit for bit')),
    /not the card of this export, in "Verification"/,
  ],
  [
    'metadata that the source does not have',
    (folder: string) =>
      editHeader(join(folder, 'model.safetensors'), (json) =>
        json.replace(/"__metadata__":\s*\{/, '"__metadata__":{"note":"safe at 32x",'),
      ),
    /model\.safetensors has other __metadata__ than the source/,
  ],
  [
    'a repeated key of a header',
    (folder: string) =>
      editHeader(join(folder, 'model.safetensors'), (json) =>
        json.replace(/"format":\s*"pt"/, '"format":"tf","format":"pt"'),
      ),
    /model\.safetensors has the key "format" twice/,
  ],
] as const)('%s is found', async (_, change, problem) => {
  const { ok, problems } = await verified(change);
  expect(ok).toBe(false);
  expect(problems.join('\n')).toMatch(problem);
});

test('a repeated key is found in whatever object it stands, however it is written', () => {
  expect(duplicateKey('{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}')).toBeNull();
  expect(duplicateKey('{"a":1,"b":{"c":2,"\\u0063":3}}')).toBe('c');
  expect(duplicateKey('[{"x": "a", "y": "a"}, {"a": "\\"a\\":", "a" : 2}]')).toBe('a');
});

test('twenty problems of a kind are listed, and of more the rest is counted', async () => {
  const problemsOf = async (files: number) => {
    const { problems } = await verified(async (folder) => {
      for (let file = 0; file < files; file += 1) await writeFile(join(folder, `extra-${file}`), '');
    });
    const listed = problems.filter((problem) => problem.includes('does not belong to the export.'));
    return [listed.length, problems.find((problem) => problem.includes('of this kind'))];
  };
  expect(await problemsOf(20)).toEqual([20, undefined]);
  expect(await problemsOf(21)).toEqual([20, '… and 1 more of this kind.']);
});

test('a checksum list names the files that were changed or lost, and lines that are none', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'kept'), 'a');
  await writeFile(join(folder, 'changed'), 'b');
  const sum = await fileChecksum(join(folder, 'kept'));
  const problems = async (...lines: readonly string[]) => {
    await writeFile(join(folder, CHECKSUM_FILE), lines.map((line) => `${line}\n`).join(''));
    return checksumProblems(folder, control.signal);
  };
  expect(await problems(`${sum}  kept`)).toEqual([]);
  expect(await problems(`${sum}  kept`, 'no line', `${sum}  kept`, `${sum}  changed`, `${sum}  lost`)).toEqual([
    `${CHECKSUM_FILE}: "no line" is not a line of a checksum list.`,
    `${CHECKSUM_FILE} lists kept twice.`,
    `changed was changed: its checksum is not the one in ${CHECKSUM_FILE}.`,
    `lost is missing, although ${CHECKSUM_FILE} lists it.`,
  ]);
});

test('a folder holds the models whose files it has; a GGUF file counts where there is no other model', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'config.json'), '{}');
  const holding = async (...names: readonly string[]) => {
    for (const name of names) await writeFile(join(folder, name), '');
    const held = await whatItHolds(folder);
    for (const name of names) await rm(join(folder, name));
    return Object.entries(held).flatMap(([form, isHeld]) => (isHeld ? [form] : []));
  };
  expect(await holding('model.safetensors')).toEqual(['weights']);
  expect(await holding('model.safetensors.index.json', 'model.onnx')).toEqual(['weights', 'onnx']);
  expect(await holding('model.onnx')).toEqual(['onnx']);
  expect(await holding('model.gguf')).toEqual(['gguf']);
  expect(await holding('model.gguf', 'model.safetensors')).toEqual(['weights']);
  expect(await holding('model.gguf', 'model.onnx')).toEqual(['onnx']);
  // Missing weights are then what is wrong with it.
  expect(await holding()).toEqual(['weights']);
});
