import { expect, test } from 'vitest';
import { z } from 'zod';
import type { JobContext } from '../../../main/jobs/job-context.ts';
import { createProgressMeter } from '../../../main/jobs/progress-meter.ts';
import { computeSteps, reuseSteps, runStep, type SingleStep, stepSummary, totalWork } from '../../../main/jobs/step.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { nothingRuns } from './nothing-runs.ts';

const contextOf = async (signal = new AbortController().signal): Promise<JobContext> => {
  const workspace = await openWorkspace(await temporaryFolder());
  return {
    ...workspace,
    ...nothingRuns,
    run: 'sweep-1',
    folder: workspace.path,
    madeAt: new Date(0),
    numerics: { version: 1, runtime: 'none', provider: 'cpu', precision: 'float32' },
    memoryBudgetBytes: 0,
    signal,
    meter: createProgressMeter({ run: 'sweep-1', kind: 'sweep', title: '' }, () => 0),
    now: () => 0,
    emit: () => undefined,
    requireRun: () => Promise.resolve(),
  };
};

/** A step whose result is a number, and which counts how often it was computed. */
const stepOf = (number: number, changed: Partial<SingleStep<number>> = {}) => {
  const key = String(number).padStart(64, '0');
  const computed: number[] = [];
  const step: SingleStep<number> = {
    key,
    work: number,
    title: `Computing ${String(number)}`,
    checkpoint: null,
    read: (steps) => steps.readJson(key, z.number()),
    write: (steps, result) => steps.writeJson(key, result),
    compute: () => {
      computed.push(number);
      return Promise.resolve(2 * number);
    },
    ...changed,
  };
  return { step, computed };
};

test('a step is computed once and reused from disk after that, with its work counted both times', async () => {
  const context = await contextOf();
  const { step, computed } = stepOf(3);
  context.meter.setTotal(totalWork([step, step]));
  expect(await runStep(context, step)).toBe(6);
  expect(context.meter.read()).toMatchObject({ done: 3, total: 6, reused: 0, description: 'Computing 3' });
  expect(await runStep(context, step)).toBe(6);
  expect(context.meter.read()).toMatchObject({ done: 6, total: 6, reused: 1 });
  expect(computed).toEqual([3]);
  expect(stepSummary(context.meter)).toBe('1 of 2 steps computed, 1 reused from disk.');
});

test('groups are computed in the requested order, and stored before they are announced', async () => {
  const context = await contextOf();
  const steps = [1, 2, 3, 4, 5].map((number) => stepOf(number).step);
  await steps[1]?.write(context.steps, 4);
  const groups: (readonly number[])[] = [];
  const announced: unknown[] = [];
  const done = async (step: SingleStep<number>, result: number, isComputed: boolean): Promise<void> => {
    announced.push([result, isComputed, await step.read(context.steps)]);
  };
  const missing = await reuseSteps(context, steps, done);
  await computeSteps(
    context,
    missing,
    {
      title: 'Computing',
      checkpoint: null,
      inOrder: (left) => [...left].reverse(),
      groupSize: () => 3,
      compute: (group) => {
        groups.push(group.map(({ work }) => work));
        return Promise.resolve(new Map(group.map(({ key, work }) => [key, 2 * work])));
      },
    },
    done,
  );
  expect(groups).toEqual([[5, 4, 3], [1]]);
  expect(announced).toEqual([
    [4, false, 4],
    [10, true, 10],
    [8, true, 8],
    [6, true, 6],
    [2, true, 2],
  ]);
});

test('parts count as work, not as steps', async () => {
  const context = await contextOf();
  const { step } = stepOf(3, { isPart: true });
  await runStep(context, step);
  await runStep(context, step);
  expect(context.meter).toMatchObject({ computed: 0, reused: 0 });
  context.meter.setTotal(6);
  expect(context.meter.read()).toMatchObject({ done: 6 });
});

test('after a cancel nothing is computed, and a result that is missing is no result', async () => {
  const { step, computed } = stepOf(3);
  await expect(runStep(await contextOf(AbortSignal.abort()), step)).rejects.toMatchObject({ code: 'cancelled' });
  expect(computed).toEqual([]);
  const how = { title: '', checkpoint: null, groupSize: () => 1, compute: () => Promise.resolve(new Map()) };
  await expect(computeSteps(await contextOf(), [step], how, () => undefined)).rejects.toThrow('no result for step');
});
