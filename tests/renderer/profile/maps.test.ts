import { expect, test } from 'vitest';
import { type ModelEntry, pathHandle } from '../../../main/contract/model.ts';
import type { ExpertFate } from '../../../renderer/plan/expert-fates.ts';
import { comparableModels } from '../../../renderer/profile/use-routing-matrix.ts';
import { orderOfFates } from '../../../renderer/profile/use-expert-order.ts';
import { modelInfoOf } from '../../main/contract/model-info-of.ts';

const kept: ExpertFate = { kind: 'kept' };
const dropped: ExpertFate = { kind: 'dropped' };

test('in the order by plan, groups follow their reference, and dropped experts come last', () => {
  expect(
    orderOfFates([
      { kind: 'merged', into: 3, weight: 0.5 },
      dropped,
      kept,
      { kind: 'reference', members: [0, 3, 4], weight: 0.3 },
      { kind: 'merged', into: 3, weight: 0.2 },
    ]),
  ).toEqual([2, 3, 0, 4, 1]);
  expect(orderOfFates([dropped, kept])).toEqual([1, 0]);
});

const entry = (name: string, experts: number, moeLayers: number): ModelEntry => ({
  handle: pathHandle.parse(name),
  name,
  path: `/${name}`,
  bundled: false,
  fingerprint: name,
  error: null,
  info: modelInfoOf({ layers: moeLayers, moeLayers, experts }),
});

test('a map can be compared with models of its shape, its pruned copies and its source, and nothing else', () => {
  const [own, twin, copy, other] = [entry('own', 4, 1), entry('twin', 4, 1), entry('copy', 2, 1), entry('other', 2, 1)];
  const pruned = { copies: [{ model: copy.handle, standsFor: [[1, 3]] }], source: null };
  const models = [own, twin, copy, other];
  expect(comparableModels(models, own, pruned).map(({ entry: { name }, relation }) => [name, relation])).toEqual([
    ['twin', 'shape'],
    ['copy', 'pruned'],
  ]);
  expect(comparableModels(models, own, pruned)[1]?.indices).toEqual([[null, 0, null, 1]]);
  const back = { copies: [], source: { model: own.handle, standsFor: [[1, 3]] } };
  expect(comparableModels(models, copy, back).map(({ entry: { name }, indices }) => [name, indices])).toEqual([
    ['own', [[1, 3]]],
    ['other', null],
  ]);
});
