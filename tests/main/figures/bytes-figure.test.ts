import { describe, expect, it } from 'vitest';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { hasBytes } from '../../../main/figures/bytes-figure.ts';
import { figures } from '../../../main/figures/figures.ts';
import { expectInFrame } from './expect-in-frame.ts';
import { sampleManifest, sampleSweep } from './sample-run.ts';
import { findAll, parseXml } from './xml-outline.ts';

const bare = sampleSweep();
/** Half of the weights are experts. */
const document: SweepDocument = {
  ...bare,
  results: bare.results.map((result) => ({
    ...result,
    cost: { bytes: 1e9 * (0.5 + 0.5 / result.factor), activeParameters: 1e8, cacheBytesPerToken: 512 },
  })),
};
const filesOf = (drawn: SweepDocument) =>
  figures({ manifest: sampleManifest, document: drawn, profiles: [], deflate: (bytes) => bytes });

describe('quality against bytes', () => {
  it('is drawn where points tell their size, and not where they do not', () => {
    const model = bare.results[0]?.model ?? '';
    expect([hasBytes(document, model), hasBytes(bare, model)]).toEqual([true, false]);
    expect(filesOf(bare).map(({ name }) => name)).not.toContain(`bytes-${model}.svg`);
    expect(filesOf(document).map(({ name }) => name)).toContain(`bytes-${model}.svg`);
  });

  it('has a panel per task and a mark per pruned point, within its canvas', () => {
    const contents = filesOf(document).find(({ name }) => name.startsWith('bytes-'))?.contents;
    const svg = typeof contents === 'string' ? contents : '';
    expectInFrame(svg);
    const outline = parseXml(svg);
    const texts = findAll(outline, 'text').map(({ text }) => text);
    const tasks = new Set(document.results.map(({ task }) => task));
    expect(texts.filter((text) => text === 'weights (MB)')).toHaveLength(tasks.size);
    const lines = findAll(outline, 'path').filter(({ attributes }) => /^M[\d.]+ [\d.]+L/.test(attributes['d'] ?? ''));
    const curves = new Set(
      document.results.filter(({ factor }) => factor > 1).map(({ task, method }) => task + method),
    );
    expect(lines.length).toBeGreaterThanOrEqual(curves.size);
  });

  it('stands beside the other numbers in results.csv', () => {
    const csv = filesOf(document).find(({ name }) => name === 'results.csv')?.contents;
    const [, header = '', row = ''] = String(csv).split('\n');
    expect(header).toMatch(
      /,bytes,active_parameters,cache_bytes_per_token,prompt_tokens_per_second,decode_tokens_per_second,dropped_share$/,
    );
    expect(row).toMatch(/,1000000000,100000000,512,,,$/);
  });
});
