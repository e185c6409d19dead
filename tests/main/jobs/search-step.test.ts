import { expect, test } from 'vitest';
import type { DropPlan } from '../../../main/contract/plan.ts';
import { budgetPlan, searchFitness } from '../../../main/jobs/search-step.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { choiceOutcome, textOutcome } from '../evaluation/outcomes.ts';
import { openRunner, uncancelled } from '../inference/open-runner.ts';
import path from 'node:path';

test('candidates are judged by the metric of their task', () => {
  const right = choiceOutcome('a', true);
  const wrong = choiceOutcome('b', false);
  const outcomes = [
    right,
    wrong,
    { ...wrong, id: 'c', chosenNorm: wrong.answer },
    { ...wrong, id: 'd', chosenNorm: wrong.answer },
  ].map((outcome, at) => (at === 0 ? { ...outcome, chosenNorm: outcome.answer } : outcome));
  expect(searchFitness('acc', outcomes)).toBe(0.25);
  expect(searchFitness('acc_norm', outcomes)).toBe(0.75);
  expect(searchFitness('acc', [textOutcome('t', -3, 2)])).toBe(0);
  expect(searchFitness('acc', [])).toBe(0);
});

test('the allocation found is accepted more often than the uniform one, and keeps the best experts', async () => {
  const task = await loadTask(path.resolve('resources/tasks/add'));
  const calibration = task.calibration.slice(0, 24);
  const runner = await openRunner(path.resolve('resources/models/uncurl-8'));
  const { moeLayers: layers, experts, topK } = runner.checkpoint.info;
  const statistics = await runner.profile(calibration, uncancelled);
  const settings = { evaluations: 12, population: 6, parents: 2, shifts: 2, shift: 2, items: 20, order: 'frequency' };
  const tried: number[] = [];
  const request = { runner, statistics, calibration, keep: 4, seed: 1, settings, signal: uncancelled.signal };
  const plan = await budgetPlan({ ...request, onProgress: (_measured, best) => tried.push(best) });
  expect(await budgetPlan(request)).toEqual(plan);
  expect(plan.kept.flat()).toHaveLength(4 * layers);
  for (const [layer, kept] of plan.kept.entries()) {
    expect(kept.length).toBeGreaterThanOrEqual(topK);
    const counts = statistics.counts.subarray(layer * experts, (layer + 1) * experts);
    const dropped = [...counts.keys()].filter((expert) => !kept.includes(expert));
    expect(Math.min(...kept.map((expert) => counts[expert]!))).toBeGreaterThanOrEqual(
      Math.max(0, ...dropped.map((expert) => counts[expert]!)),
    );
  }
  // The acceptance again, at the answers of the first 20 items; the uniform allocation is the first one measured.
  const items = calibration.slice(0, 20).map((item) => {
    if (!('choices' in item)) throw new Error('sums have choices');
    return { id: item.id, context: item.context, choices: [item.choices[item.answer]!], answer: 0 };
  });
  const acceptance = async (of: Pick<DropPlan, 'kept'>): Promise<number> => {
    const control = { ...uncancelled, fidelity: 'a test' };
    const outcomes = (await runner.evaluate(items, [{ key: 'plan', plan: of }], control)).get('plan')!;
    const positions = outcomes.reduce((sum, { fidelity }) => sum + fidelity!.positions, 0);
    return outcomes.reduce((sum, { fidelity }) => sum + fidelity!.positions * fidelity!.acceptance, 0) / positions;
  };
  expect(await acceptance(plan)).toBeCloseTo(tried.at(-1)!, 9);
  expect(tried.at(-1)!).toBeGreaterThan(tried[0]!);
  await expect(budgetPlan({ ...request, signal: AbortSignal.abort() })).rejects.toThrow('cancelled');
});
