import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { exportRequest, mergeEvenly } from './export-settings.ts';

const bundled = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../resources/models/uncurl-16');

describe('the bundled model', () => {
  it.each([2, 4])('exports at factor %s, dropped and merged', async (factor) => {
    const checkpoint = await openCheckpoint(bundled);
    const { experts, moeLayers, parameters } = checkpoint.info;
    const random = seededRandom(factor);
    const kept = Array.from({ length: moeLayers }, () =>
      random.shuffle(Array.from({ length: experts }, (_, expert) => expert)).slice(0, experts / factor),
    );
    for (const plan of [{ kept }, mergeEvenly(checkpoint, experts / factor, 'reference-row')]) {
      const { folder, verification, sizeBytes } = await exportPlan(await exportRequest(bundled, plan));
      expect(verification).toMatchObject({ ok: true, problems: [] });
      const { info } = await openCheckpoint(folder);
      expect(info).toMatchObject({ experts: experts / factor, dtype: 'float16' });
      expect(info.parameters.expert).toBe(parameters.expert / factor);
      expect(sizeBytes).toBeLessThan(checkpoint.info.sizeBytes);
    }
  });
});
