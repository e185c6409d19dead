import { curveLabel } from '../contract/method.ts';
import { makeJointPlan } from './plan-step.ts';
import type { PlannedStep } from './step.ts';
import { measurePlans } from './sweep-points.ts';
import { type CurvePlan, isSameCurve, type PlannedStage, type Stage } from './sweep-stages.ts';

/**
 * Plans of a sweep on the tasks that they were not made for. A plan is made once, for its own task, and is a mask over
 * the same model on every other one. Beside them a plan made for all tasks at once is measured on each task.
 */

/** A plan of a curve, and the task that it was made for; null: all tasks at once. */
interface MadePlan extends CurvePlan {
  readonly madeFor: string | null;
}

export const stagesByModel = <S extends Pick<Stage, 'measurement'>>(
  stages: readonly S[],
): readonly (readonly S[])[] => [...Map.groupBy(stages, ({ measurement }) => measurement.model.name).values()];

/** The steps that measure the plans of a model elsewhere: on each task those of the others, and one for all tasks. */
export const elsewhereSteps = (
  stages: readonly Pick<PlannedStage, 'measurement' | 'curves'>[],
): readonly PlannedStep[] =>
  stages.flatMap(({ measurement, curves }) =>
    curves.flatMap(({ counts }) => counts.flatMap(() => stages.map(() => measurement))),
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

/** Measures the plans of a model on the tasks that they were not made for. `stages`: its tasks, measured. */
export const measureElsewhere = async (stages: readonly Stage[]): Promise<void> => {
  const joint = await jointPlans(stages);
  for (const stage of stages) {
    const { context, measurement, record } = stage;
    if (joint.without.size > 0) record.note({ code: 'not-for-all-tasks', methods: [...joint.without] });
    const others = stages.filter((other) => other !== stage).flatMap(ownPlans);
    const planned = elsewhereSteps([stage]).length * stages.length;
    context.meter.leftOut(measurement.work * (planned - others.length - joint.plans.length));
    await measurePlans(stage, [...others, ...joint.plans], ({ madeFor }, result) =>
      record.add({ what: 'elsewhere', point: { madeFor, result } }),
    );
  }
};
