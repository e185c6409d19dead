import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sealOf, writeSealedTensors } from '../../../main/checkpoint/sealed-tensors.ts';
import { WINDOW } from '../../../main/profile/choice-sample.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import {
  openProfileParts,
  OPTIONAL_STATISTICS,
  PROFILED,
  profileContent,
  readProfileFile,
  writeProfileFile,
} from '../../../main/workspace/profile-file.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Fills every statistic; the optional ones only if `isFull`. */
const statisticsFrom = (layers: number, experts: number, isFull: boolean, next: () => number): RoutingStatistics => {
  const filled = (length: number): Float64Array => Float64Array.from({ length }, next);
  const base = { ...emptyRoutingStatistics(layers, experts, 2), items: 3, tokens: 17 };
  for (const value of Object.values(base)) {
    if (value instanceof Float64Array) value.set(filled(value.length));
  }
  if (!isFull) return base;
  const [vector, square, hidden] = [layers * experts, layers * experts * experts, 3];
  return {
    ...base,
    peakOutputs: filled(vector),
    residualSum: filled(vector),
    outputs: {
      hidden,
      routedSum: filled(vector * hidden),
      everywhere: { sum: filled(vector * hidden), cosineSum: filled(square) },
    },
    sample: {
      size: 2,
      windows: Int32Array.from({ length: 2 * WINDOW }, (_, at) => at - 1),
      positions: Int32Array.of(0, 7),
      experts: Int32Array.from({ length: layers * 2 * 2 }, (_, at) => at % experts),
      weights: Float32Array.from({ length: layers * 2 * 2 }, (_, at) => at / 8),
    },
    elimination: { kept: filled(square), loss: filled(vector), single: filled(vector), exhaustive: filled(vector) },
  };
};

test('every statistic of every task is restored bit for bit', async () => {
  const folder = await temporaryFolder();
  let file = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 5 }),
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.double({ noNaN: true }), { minLength: 1 }),
      fc.boolean(),
      async (layers, experts, names, values, isFull) => {
        let drawn = 0;
        const next = (): number => values[drawn++ % values.length] ?? 0;
        const tasks = names.map((name) => ({
          name,
          hash: `hash of ${name}`,
          statistics: statisticsFrom(layers, experts, isFull, next),
        }));
        const profile = { model: 'tiny', fingerprint: 'abc', tasks };
        const path = join(folder, `${String(file++)}.safetensors`);
        await writeProfileFile(path, profile);
        expect(await readProfileFile(path)).toEqual(profile);
      },
    ),
    { numRuns: 25 },
  );
});

test('a layer read alone equals that layer of the whole profile', async () => {
  const file = join(await temporaryFolder(), 'p.safetensors');
  let drawn = 0;
  const statistics = statisticsFrom(3, 4, true, () => drawn++);
  await writeProfileFile(file, { model: 'm', fingerprint: 'f', tasks: [{ name: 't', hash: 'h', statistics }] });
  const parts = await openProfileParts(file);
  expect(parts).toMatchObject({ layers: 3, experts: 4, topK: 2, items: 3, tokens: 17 });
  expect(await parts.required(PROFILED.counts, 1)).toEqual(statistics.counts.slice(4, 8));
  expect(await parts.required(PROFILED.coactivation, 2)).toEqual(statistics.coactivation.slice(32, 48));
  expect(await parts.layer(OPTIONAL_STATISTICS.everywhereCosineSum, 0)).toEqual(
    statistics.outputs?.everywhere?.cosineSum.slice(0, 16),
  );
  const { sample } = statistics;
  expect(await parts.sample(1)).toEqual({
    size: 2,
    topK: 2,
    windows: sample?.windows,
    positions: sample?.positions,
    experts: sample?.experts.slice(4, 8),
    weights: sample?.weights.slice(4, 8),
  });
  await expect(parts.sample(3)).rejects.toThrow('layer 3');

  const bare = join(await temporaryFolder(), 'b.safetensors');
  const plain = statisticsFrom(1, 2, false, () => 1);
  await writeProfileFile(bare, { model: 'm', fingerprint: 'f', tasks: [{ name: 't', hash: 'h', statistics: plain }] });
  const bareParts = await openProfileParts(bare);
  expect(await bareParts.sample(0)).toBeUndefined();
  expect(await bareParts.layer(OPTIONAL_STATISTICS.everywhereCosineSum, 0)).toBeUndefined();
});

test('refuses a safetensors file that is not a profile', async () => {
  const file = join(await temporaryFolder(), 'other.safetensors');
  const header = Buffer.from('{}');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(2n);
  await writeFile(file, Buffer.concat([length, header]));
  await expect(readProfileFile(file)).rejects.toMatchObject({ code: 'bad-profile', kind: 'refused' });
});

test('the hash of a model in a stored profile leaves the seal of its file alone', async () => {
  const file = join(await temporaryFolder(), 'step.safetensors');
  const [key, sha256] = ['a'.repeat(64), 'b'.repeat(64)];
  const tasks = [{ name: 'sums', hash: 'c', statistics: emptyRoutingStatistics(1, 4, 2) }];
  const seal = await writeSealedTensors(
    file,
    key,
    profileContent({ model: 'tiny', fingerprint: 'abc', sha256, tasks }),
  );
  expect(await sealOf(file, key)).toEqual({ sha256: seal, marks: '' });
  expect(await readProfileFile(file)).toMatchObject({ model: 'tiny', sha256 });
});
