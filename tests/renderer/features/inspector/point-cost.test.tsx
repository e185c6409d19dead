import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import type { PointCost } from '../../../../main/contract/sweep.ts';
import { PointCostFacts } from '../../../../renderer/features/inspector/point-cost.tsx';

const cost: PointCost = { bytes: 3_000_000, activeParameters: 250_000, cacheBytesPerToken: 2304 };
const unpruned: PointCost = { ...cost, bytes: 12_000_000 };
const text = (markup: string): string => markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
const shown = (own: PointCost, whole: PointCost | undefined): string =>
  text(renderToStaticMarkup(<PointCostFacts cost={own} unpruned={whole} />));

test('bytes are shown with their share of the unpruned model, and speeds only if measured', () => {
  const plain = shown(cost, unpruned);
  expect(plain).toMatch(/Weights 3 MB \(25 %\)/);
  expect(plain).toContain('Cache per token');
  expect(plain).not.toContain('tokens/s');
  expect(shown(cost, undefined)).not.toContain('%');
});

test('a low speed has more digits', () => {
  const timed = shown({ ...cost, promptTokensPerSecond: 412.6, decodeTokensPerSecond: 3.456 }, unpruned);
  expect(timed).toMatch(/Prompt speed 413 tokens\/s/);
  expect(timed).toMatch(/Decode speed 3\.46 tokens\/s/);
});
