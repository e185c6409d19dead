import { stepSummary } from '../words/sweep-facts.ts';
import { ranOutOf } from '../words/truncation.ts';
import { writeFile } from 'node:fs/promises';
import type { DamageDocument, DamageSettings } from '../contract/damage.ts';
import { at, refuse } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/model.ts';
import type { DropPlan } from '../contract/plan.ts';
import { summarise } from '../evaluation/summarise.ts';
import { validatePlan } from '../pruning/validate-plan.ts';
import { evaluateAll, evaluationStep, measurementOf } from './measurement.ts';
import { type Job, jobOn, type RunModel, type RunTask, writeResult } from './job-context.ts';
import { totalWork } from './step.ts';
import { askedTasks } from './task-work.ts';

/** Name of the result file in the run's folder. */
export const DAMAGE_FILE = 'damage.json';

const numbersTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** The plan that drops one expert of one MoE layer and nothing else. */
export const planWithout = ({ moeLayers, experts }: ModelInfo, layer: number, expert: number): DropPlan => ({
  kept: numbersTo(moeLayers).map((at) => numbersTo(experts).filter((each) => at !== layer || each !== expert)),
});

/**
 * The experts to leave out, each once, ascending.
 *
 * @throws WorkbenchError `no-such-layer`, `no-such-expert`; `plan-invalid` where the model needs all of its experts.
 */
export const leftOutExperts = (info: ModelInfo, { layer, experts }: DamageSettings): readonly number[] => {
  if (layer >= info.moeLayers)
    throw refuse(
      'no-such-layer',
      `Layer ${layer} is not among the ${info.moeLayers} MoE layers of the model.`,
      `Name a layer from 0 to ${info.moeLayers - 1}.`,
    );
  const unknown = experts?.find((expert) => expert >= info.experts);
  if (unknown !== undefined)
    throw refuse(
      'no-such-expert',
      `Expert ${unknown} is not among the ${info.experts} of a layer.`,
      `Name an expert from 0 to ${info.experts - 1}.`,
    );
  const leftOut = [...new Set(experts ?? numbersTo(info.experts))].sort((a, b) => a - b);
  for (const expert of leftOut) validatePlan(planWithout(info, layer, expert), info);
  return leftOut;
};

/**
 * Measures a task with one expert removed at a time. The steps are those of a sweep (the same plan is never measured
 * twice); the result is one file with the paired difference of each expert to the unpruned model.
 */
export const damageJob = (model: RunModel, plain: RunTask, settings: DamageSettings): Job =>
  jobOn([model.checkpoint], async (context) => {
    const { meter } = context;
    meter.describe('Reading the task');
    const task = at(await askedTasks(model, [plain], settings.chat, context.madeAt), 0, 'a task without its form');
    const { info } = model.checkpoint;
    const leftOut = leftOutExperts(info, settings);
    const items = task.task.test;
    const measurement = await measurementOf(context, model, task, items);
    const plans = [null, ...leftOut.map((expert) => planWithout(info, settings.layer, expert))];
    const steps = plans.map((plan) => evaluationStep(measurement, plan));
    meter.setTotal(totalWork(steps));
    const [unpruned, ...candidates] = await evaluateAll(context, measurement, steps);
    if (unpruned === undefined) throw new Error('no outcomes of the unpruned model');
    const { metric } = task.task;
    const whole = summarise(metric, unpruned, null);
    const ranOut = ranOutOf(metric, unpruned);
    const document: DamageDocument = {
      model: model.name,
      task: task.name,
      layer: settings.layer,
      experts: info.experts,
      metric,
      n: whole.n,
      unpruned: whole.value,
      ...(ranOut === undefined ? {} : { ranOut }),
      results: candidates.map((candidate, index) => {
        const { value, difference, low, high, p, lost, gained } = summarise(metric, unpruned, candidate);
        return { expert: at(leftOut, index), value, difference, low, high, p, lost, gained };
      }),
    };
    const output = await writeResult(context, DAMAGE_FILE, (file) =>
      writeFile(file, `${JSON.stringify(document, null, 1)}\n`),
    );
    return { output, summary: stepSummary(meter) };
  });
