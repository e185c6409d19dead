import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import type { DamageDocument } from '../../../../main/contract/damage.ts';
import type { RunManifest } from '../../../../main/contract/run.ts';
import { DamageChart, DamageFacts } from '../../../../renderer/features/inspector/expert-damage.tsx';
import { areaDamage, damageRuns, knownDamage } from '../../../../renderer/profile/damage-runs.ts';
import { runOf } from '../../../main/contract/run-of.ts';

const result = (expert: number, difference: number) => ({
  expert,
  value: 0.9 + difference,
  difference,
  low: difference - 0.02,
  high: difference + 0.02,
  p: 0.5,
  lost: 3,
  gained: 1,
});

const document = (...results: DamageDocument['results']): DamageDocument => ({
  model: 'm',
  task: 't',
  layer: 1,
  experts: 4,
  metric: 'acc',
  n: 100,
  unpruned: 0.9,
  results,
});

const run = (id: string, spec: RunManifest['spec'], rest: Partial<RunManifest> = {}): RunManifest =>
  runOf({
    id,
    kind: 'damage',
    title: id,
    createdAt: `2026-01-0${id.length}T00:00:00.000Z`,
    spec,
    models: [{ name: 'm', path: '/m', fingerprint: 'f' }],
    tasks: [{ name: 't', path: '/t', hash: 'h' }],
    ...rest,
  });

test('only finished runs of this layer, model, task and prompt settings count, newest first', () => {
  const runs = [
    run('a', { layer: 1 }),
    run('aa', { layer: 1, experts: [2] }),
    run('b', { layer: 2 }),
    run('c', { layer: 1, chat: true }),
    run('d', { layer: 1 }, { state: 'cancelled' }),
    run('e', { layer: 1 }, { tasks: [{ name: 't', path: '/t', hash: 'other' }] }),
    run('g', {}, { kind: 'profile' }),
  ];
  const found = (chat: boolean) => damageRuns(runs, { fingerprint: 'f' }, { hash: 'h' }, 1, chat).map(({ id }) => id);
  expect(found(false)).toEqual(['aa', 'a']);
  expect(found(true)).toEqual(['c']);
});

test('the latest measurement of an expert counts', () => {
  const known = knownDamage([document(result(2, -0.1)), document(result(1, 0), result(2, -0.3))]);
  expect([...known].map(([expert, { difference }]) => [expert, difference])).toEqual([
    [2, -0.1],
    [1, 0],
  ]);
});

test('an area names the largest loss of its experts that were removed alone, and how many were', () => {
  const cells = [1, 2, 3].map((expert) => ({ layer: 1, expert }));
  const measured = [document(result(1, 0.01), result(2, -0.2)), { ...document(result(3, -0.9)), layer: 0 }];
  expect(areaDamage(cells, measured)).toMatchObject({ measured: 2, worst: { expert: 2 }, metric: 'acc' });
  expect(areaDamage([{ layer: 2, expert: 1 }], measured)).toBeNull();
  const rises = [{ ...document(result(1, 0.4), result(2, -0.2)), metric: 'perplexity' as const }];
  expect(areaDamage(cells, rises)?.worst.expert).toBe(1);
});

test('every bar states its difference and interval, and the selected one is marked', () => {
  const markup = renderToStaticMarkup(
    <DamageChart
      layer={1}
      metric="acc"
      results={[result(0, 0.01), result(1, -0.2)]}
      selected={1}
      onSelect={() => undefined}
    />,
  );
  expect(markup).toContain('aria-label="Expert 1 removed: −20.0 points [−22.0, −18.0]"');
  expect(markup).toContain('aria-label="Expert 0 removed: +1.0 points [−1.0, +3.0]"');
  expect(markup.match(/damage-bar-selected/g)).toHaveLength(1);
});

test('the facts of one expert are value, difference, interval, p, and lost and gained items', () => {
  const markup = renderToStaticMarkup(<DamageFacts damage={result(1, -0.02)} metric="acc" unpruned={0.9} n={100} />);
  for (const text of ['88.0 (unpruned 90.0)', '−2.0 points [−4.0, 0.0]', '<dd>0.5</dd>', '3 lost, 1 gained of 100'])
    expect(markup).toContain(text);
});
