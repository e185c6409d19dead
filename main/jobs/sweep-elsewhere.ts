import { present } from '../contract/errors.ts';
import { curveLabel } from '../contract/method.ts';
import type { SweepResult } from '../contract/sweep.ts';
import { summarise } from '../evaluation/summarise.ts';
import { evaluate, evaluationStep, uniqueSteps } from './measurement.ts';
import { makeJointPlan } from './plan-step.ts';
import type { PlannedStep } from './step.ts';
import { type CurvePlan, isSameCurve, namedPoint, type PlannedStage, type Stage } from './sweep-stages.ts';

/**
 * Plans of a sweep on the tasks that they were not made for. A plan is made once, for its own task, and is a mask over
 * the same model on every other one. Beside them a plan made for all tasks at once is measured on each task.
 */

/** A plan of a curve, and the task that it was made for; null: all tasks at once. */
interface MadePlan extends CurvePlan {
  readonly madeFor: string | null;
}

const stagesByModel = <S extends Pick<Stage, 'measurement'>>(stages: readonly S[]): readonly (readonly S[])[] => [
  ...Map.groupBy(stages, ({ measurement }) => measurement.model.name).values(),
];

/** The steps that measure the plans of a model elsewhere: on each task those of the others, and one for all tasks. */
export const elsewhereSteps = (stages: readonly PlannedStage[]): readonly PlannedStep[] =>
  stagesByModel(stages.filter(({ settings }) => settings.elsewhere === true)).flatMap((group) =>
    group.flatMap(({ measurement, curves }) =>
      curves.flatMap(({ counts }) => counts.flatMap(() => group.map(() => measurement))),
    ),
  );

/** The plans that a stage made for its own task at the listed factors; bisection may have made others. */
const ownPlans = ({ candidates, curves, measurement }: Stage): readonly MadePlan[] =>
  candidates
    .filter((candidate) => curves.find((curve) => isSameCurve(curve, candidate))?.counts.includes(candidate.keep))
    .map((candidate) => ({ ...candidate, madeFor: measurement.task.name }));

/** The plans for all tasks at once, one for each curve and count; `without`: curves that have none. */
const jointPlans = async (
  stages: readonly Stage[],
): Promise<{ readonly plans: readonly MadePlan[]; readonly without: ReadonlySet<string> }> => {
  const plans: MadePlan[] = [];
  const without = new Set<string>();
  const sources = stages.map(({ source }) => source);
  for (const { context, curves } of stages.slice(0, 1))
    for (const { counts, ...curve } of curves)
      for (const keep of counts) {
        const plan = await makeJointPlan(context, sources, curve, keep);
        if (plan === null) without.add(curveLabel(curve.method, curve.refit));
        else plans.push({ ...curve, plan, madeFor: null });
      }
  return { plans, without };
};

/** Measures the plans of each model on the tasks that they were not made for. `stages`: all of a sweep, measured. */
export const measureElsewhere = async (stages: readonly Stage[]): Promise<void> => {
  for (const group of stagesByModel(stages.filter(({ settings }) => settings.elsewhere === true))) {
    const joint = await jointPlans(group);
    for (const stage of group) {
      const { context, measurement, record, curves } = stage;
      if (joint.without.size > 0) record.note({ code: 'not-for-all-tasks', methods: [...joint.without] });
      const others = group.filter((other) => other !== stage).flatMap(ownPlans);
      const planned = curves.flatMap(({ counts }) => counts).length * group.length;
      context.meter.leftOut(measurement.work * (planned - others.length - joint.plans.length));
      await measurePlans(stage, [...others, ...joint.plans], ({ madeFor }, result) =>
        record.add({ what: 'elsewhere', point: { madeFor, result } }),
      );
    }
  }
};

/**
 * Measures plans beside the candidates of a stage, on its task, each against the unpruned model's stored answers. Plans
 * that keep the same experts share a step.
 */
export const measurePlans = async <Made extends CurvePlan>(
  stage: Stage,
  plans: readonly Made[],
  add: (made: Made, result: SweepResult) => Promise<void>,
): Promise<void> => {
  const { context, measurement, settings } = stage;
  const { task } = measurement.task;
  const stored = await evaluationStep(measurement, null).read(context.steps);
  const baseline = present(stored, `no outcomes of the unpruned model on ${task.name}`);
  const steps = plans.map(({ plan }) => evaluationStep(measurement, plan));
  await evaluate(context, measurement, uniqueSteps(steps), async ({ key }, outcomes) => {
    const paired = summarise(task.metric, baseline, outcomes, { delta: settings.delta });
    for (const [index, made] of plans.filter((_, at) => steps[at]?.key === key).entries()) {
      if (index > 0) context.meter.reuse(measurement.work, 0);
      await add(made, { ...namedPoint(stage, made), ...paired });
    }
  });
};
