import { describe, expect, it } from 'vitest';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { modelCharts } from '../../../main/figures/model-charts.ts';
import { figures } from '../../../main/figures/figures.ts';
import { definitionNamed } from '../../../renderer/definitions/definitions.ts';
import { expectInFrame } from './expect-in-frame.ts';
import { sampleManifest, sampleSweep } from './sample-run.ts';
import { findAll, parseXml } from './xml-outline.ts';

const bare = sampleSweep();
/** Half of the weights are in experts, and half of the experts get a tenth of the choices. */
const document: SweepDocument = {
  ...bare,
  results: bare.results.map((result) => ({
    ...result,
    droppedShare: result.factor === 1 ? 0 : 0.1 * Math.log2(result.factor) + 0.01 * (result.seed ?? 0),
    answerLoss: { mean: Math.log2(result.factor) / 2, low: 0, high: 3 },
    fidelity: {
      positions: 900,
      kl: { mean: Math.log2(result.factor) / 10, low: 0, high: 1 },
      reverseKl: { mean: 0, low: 0, high: 1 },
      changed: { mean: 0, low: 0, high: 1 },
      acceptance: { mean: 1, low: 0, high: 1 },
    },
    cost: { bytes: 1e9 * (0.5 + 0.5 / result.factor), activeParameters: 1e8, cacheBytesPerToken: 512 },
  })),
};
const filesOf = (drawn: SweepDocument) =>
  figures({ manifest: sampleManifest, document: drawn, profiles: [], deflate: (bytes) => bytes });

const model = bare.results[0]?.model ?? '';

describe('quality against another axis than the factor', () => {
  it('is explained by a definition that the window has', () => {
    const named = modelCharts
      .flatMap(({ make }) => make(document, model, figureTheme('light'))?.charts ?? [])
      .map(({ definition }) => definition);
    expect(new Set(named)).toEqual(new Set(['pairedDifference', 'droppedShare', 'answerLoss', 'klToUnpruned']));
    expect(named.map(definitionNamed)).toEqual(named);
  });

  it('is drawn if points have a position on the axis, and not otherwise', () => {
    const made = (drawn: SweepDocument) =>
      modelCharts.filter(({ make }) => make(drawn, model, figureTheme('light')) !== null).map(({ name }) => name);
    expect(made(document)).toEqual(['absolute', 'kept', 'bytes', 'dropped', 'loss', 'kl']);
    expect(made(bare)).toEqual(['absolute', 'kept', 'loss']);
    const names = (drawn: SweepDocument) => filesOf(drawn).map(({ name }) => name);
    for (const axis of ['bytes', 'dropped', 'kl']) {
      expect(names(bare)).not.toContain(`${axis}-${model}.svg`);
      expect(names(document)).toContain(`${axis}-${model}.svg`);
    }
    expect(names(bare)).toContain(`kept-${model}.svg`);
  });

  it.each([
    ['kept', 'experts kept per layer'],
    ['bytes', 'weights (MB)'],
    ['dropped', 'dropped share of the routed choices (%)'],
    ['loss', 'answer loss (nats)'],
    ['kl', 'KL to unpruned (nats)'],
  ])('has by %s a panel per task, a mark per pruned point and a line per draw, within its canvas', (axis, across) => {
    const contents = filesOf(document).find(({ name }) => name.startsWith(`${axis}-`))?.contents;
    const svg = typeof contents === 'string' ? contents : '';
    expectInFrame(svg);
    const outline = parseXml(svg);
    const texts = findAll(outline, 'text').map(({ text }) => text);
    const own = document.results.filter((result) => result.model === model);
    const tasks = new Set(own.map(({ task }) => task));
    expect(texts.filter((text) => text === across)).toHaveLength(tasks.size);
    const lines = findAll(outline, 'path').filter(({ attributes }) => attributes['fill'] === 'none');
    const curves = new Set(
      own.filter(({ factor }) => factor > 1).map(({ task, method, seed }) => JSON.stringify([task, method, seed])),
    );
    expect(lines).toHaveLength(curves.size);
    // The axis is monotonic along a line.
    for (const { attributes } of lines) {
      const xs = [...(attributes['d'] ?? '').matchAll(/[ML]([\d.]+) /g)].map(([, x]) => Number(x));
      expect(xs).toEqual([...xs].sort((a, b) => a - b));
    }
  });

  it('has a line per type of weights through its undominated models, and a broad one through those of all', () => {
    const measured: SweepDocument = {
      ...document,
      results: document.results
        .filter(({ task, seed }) => task === 'sums' && seed === null)
        .flatMap((result) => [
          result,
          {
            ...result,
            method: `${result.method}@q4_0`,
            cost: { bytes: (result.cost?.bytes ?? 0) / 4, activeParameters: 1, cacheBytesPerToken: 1 },
          },
        ]),
    };
    const contents = filesOf(measured).find(({ name }) => name === `frontier-${model}.svg`)?.contents;
    const svg = typeof contents === 'string' ? contents : '';
    expectInFrame(svg);
    const outline = parseXml(svg);
    const lines = findAll(outline, 'path').filter(({ attributes }) => attributes['fill'] === 'none');
    expect(lines.map(({ attributes }) => attributes['stroke-width'])).toEqual(['6', '1.6', '1.6']);
    expect(findAll(outline, 'text').map(({ text }) => text)).toEqual(
      expect.arrayContaining(['stored', 'q4_0', 'REAP', 'weights (MB)']),
    );
    const undominated = String(filesOf(measured).find(({ name }) => name === 'frontier.csv')?.contents)
      .split('\n')
      .filter((row) => row.endsWith(',1'));
    expect(lines[0]?.attributes['d']?.match(/[ML]/g)).toHaveLength(undominated.length);
    for (const { attributes } of lines) {
      const ys = [...(attributes['d'] ?? '').matchAll(/ ([\d.]+)/g)].map(([, y]) => Number(y));
      // More bytes, more accuracy: upwards is less.
      expect(ys).toEqual([...ys].sort((a, b) => b - a));
    }
    expect(filesOf(document).map(({ name }) => name)).not.toContain('frontier.csv');
  });

  it('is a column in results.csv', () => {
    const csv = filesOf(document).find(({ name }) => name === 'results.csv')?.contents;
    const [header = '', row = ''] = String(csv).split('\n');
    expect(header).toMatch(
      /,bytes,active_parameters,cache_bytes_per_token,prompt_tokens_per_second,decode_tokens_per_second,dropped_share$/,
    );
    expect(row).toMatch(/,1000000000,100000000,512,,,0$/);
  });
});
