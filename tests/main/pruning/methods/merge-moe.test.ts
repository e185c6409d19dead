import path from 'node:path';
import { expect, test } from 'vitest';
import { atOnce } from '../../arithmetic/at-once.ts';
import { readTensor, requireWholeView } from '../../../../main/checkpoint/read-tensor.ts';
import { inputLikeness } from '../../../../main/inference/merge-by-outputs.ts';
import { groupAroundMostUsed } from '../../../../main/pruning/clustering/group-experts.ts';
import { addTokens, emptyFit, fitError, joinFits, solveFit } from '../../../../main/pruning/merging/fit-members.ts';
import { mergeGroup } from '../../../../main/pruning/merging/merge-experts.ts';
import { loadTask } from '../../../../main/tasks/load-task.ts';
import vectors from '../../../fixtures/python/methods.json' with { type: 'json' };
import { exportPlan } from '../../../../main/export/export-plan.ts';
import { exportSettingsIn } from '../../../open-model-runner.ts';
import { exportRequest } from '../../export/export-settings.ts';
import { openRunner, uncancelled } from '../../inference/open-runner.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const { gates, ups, downs, inputs, usage, cosines, groups } = vectors.mergeMoe;
const [width, hidden] = [gates[0]!.length, gates[0]![0]!.length];
const flat = (rows: readonly (readonly number[])[]): Float32Array => Float32Array.from(rows.flat());

/** Inner activations [n, I] of one expert on the inputs, by the formula. */
const innerOf = (gate: Float32Array, up: Float32Array): Float64Array =>
  Float64Array.from(
    inputs.flatMap((input) =>
      Array.from({ length: width }, (_, i) => {
        const product = (matrix: Float32Array): number =>
          input.reduce((sum, value, h) => sum + value * matrix[i * hidden + h]!, 0);
        const z = product(gate);
        return (z / (1 + Math.exp(-z))) * product(up);
      }),
    ),
  );

test('groups and fitted down projections are those of the paper’s formulas', () => {
  const found = groupAroundMostUsed(Float64Array.from(cosines.flat()), {
    counts: Float64Array.from(usage),
    keep: groups.length,
    layer: 0,
    pins: { stay: new Set(), go: new Set() },
    weights: 'activation',
  });
  expect(found.map(({ members }) => members)).toEqual(groups.map(({ members }) => members));
  const experts = gates.map((gate, at) => ({ gate: flat(gate), up: flat(ups[at]!), down: flat(downs[at]!) }));
  for (const [at, group] of found.entries()) {
    const members = group.members.map((member) => experts[member]!);
    const merged = atOnce(mergeGroup(members, { hidden, width }, group, false));
    const total = group.weights.reduce((sum, weight) => sum + weight, 0);
    const wanted = new Float64Array(inputs.length * hidden);
    members.forEach(({ gate, up, down }, index) => {
      const inner = innerOf(gate, up);
      for (let token = 0; token < inputs.length; token++)
        for (let h = 0; h < hidden; h++)
          for (let i = 0; i < width; i++)
            wanted[token * hidden + h]! +=
              (group.weights[index]! / total) * down[h * width + i]! * inner[token * width + i]!;
    });
    const inner = innerOf(merged.gate, merged.up);
    // Two halves of the tokens, added separately and joined.
    const [first, second] = [emptyFit(width, hidden), emptyFit(width, hidden)];
    atOnce(addTokens(first, inner.subarray(0, 15 * width), wanted.subarray(0, 15 * hidden)));
    atOnce(addTokens(second, inner.subarray(15 * width), wanted.subarray(15 * hidden)));
    const whole = joinFits(first, second);
    const solution = atOnce(solveFit(whole, 1e-10));
    groups[at]!.down.forEach((row, h) =>
      row.forEach((value, i) => expect(solution[i * hidden + h]).toBeCloseTo(value, 5)),
    );
    // The error from the sums is that of the tokens, and the fit has the least.
    const error = (down: Float64Array): number => {
      let sum = 0;
      for (let token = 0; token < inputs.length; token++)
        for (let h = 0; h < hidden; h++) {
          let output = 0;
          for (let i = 0; i < width; i++) output += inner[token * width + i]! * down[i * hidden + h]!;
          sum += (wanted[token * hidden + h]! - output) ** 2;
        }
      return sum;
    };
    const average = Float64Array.from({ length: width * hidden }, (_, k) => {
      const [i, h] = [Math.floor(k / hidden), k % hidden];
      return merged.down[h * width + i]!;
    });
    for (const down of [solution, average]) expect(atOnce(fitError(whole, down))).toBeCloseTo(error(down), 6);
    expect(error(solution)).toBeLessThan(error(average));
  }
});

test('a merge has no fit without tokens', () => {
  expect(atOnce(solveFit(emptyFit(2, 3), 1e-6))).toEqual(new Float64Array(6));
});

test('a bundled model: cosines of its own weights, and a plan that computes, exports and verifies', async () => {
  const model = path.resolve('resources/models/uncurl-8');
  const task = await loadTask(path.resolve('resources/tasks/add'));
  const calibration = task.calibration.slice(0, 40);
  const overlayFolder = await temporaryFolder();
  const runner = await openRunner(model, { overlayFolder });
  const { moe } = runner.checkpoint.descriptor.moeLayers[0]!;
  const likeness = await inputLikeness(moe, uncancelled.signal);
  const [a, b] = await Promise.all(
    [1, 6].map(async (expert) => {
      const read = async (role: 'gate' | 'up'): Promise<Float32Array> =>
        readTensor(requireWholeView(moe.expertTensors[expert]![role]!, 'a test'));
      return [...(await read('gate')), ...(await read('up'))];
    }),
  );
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, at) => sum + value * y[at]!, 0);
  expect(likeness[1 * moe.experts + 6]).toBeCloseTo(dot(a!, b!) / Math.sqrt(dot(a!, a!) * dot(b!, b!)), 10);

  const settings = { ridge: 1e-6, router: 'reference-row' } as const;
  const plan = await runner.mergeByOutputs(calibration, 4, settings, ['add'], uncancelled);
  expect(plan.groups.map((layer) => layer.length)).toEqual(plan.groups.map(() => 4));
  expect(plan.recovery).toMatchObject({ tasks: ['add'], items: 40 });
  for (const { lambda, left, heldOut } of plan.recovery!.layers) {
    expect(lambda).toBe(settings.ridge);
    expect(left).toBeLessThan(1);
    expect(heldOut).toBeGreaterThan(left);
  }
  expect(await runner.mergeByOutputs(calibration, 4, settings, ['add'], uncancelled)).toEqual(plan);
  const { recovery: _, ...average } = plan;
  const logits = async (tried: typeof plan): Promise<Float32Array> =>
    (await runner.forward([[3, 5, 8, 2]], tried, uncancelled))[0]!.logits;
  expect(await logits(plan)).not.toEqual(await logits(average));

  const request = await exportRequest(model, { ...plan, method: 'merge-moe', model: undefined });
  const { verification } = await exportPlan({ ...request, settings: exportSettingsIn(overlayFolder) });
  expect(verification).toMatchObject({ ok: true, problems: [] });
});
