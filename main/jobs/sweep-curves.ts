import { methodLabel } from '../contract/method.ts';
import type { MethodName, MethodOptions } from '../contract/plan.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import { methods } from '../pruning/methods.ts';
import { planNeeds, type PlanNeeds } from '../pruning/plan-needs.ts';

/** A curve of a sweep: one method (and seed) on one task, its plans as they are or recovered. */
export interface Curve {
  readonly method: MethodName;
  readonly seed: number | null;
  readonly isRecovered: boolean;
}

export const curvesOf = ({ methods: names, seeds, recovery }: SweepSettings): readonly Curve[] => {
  const variants = { none: [false], both: [false, true], only: [true] }[recovery];
  return [...new Set(names)].flatMap((method) =>
    (methods[method].random ? [...new Set(seeds)] : [null]).flatMap((seed) => variants.map((isRecovered): Curve => ({ method, seed, isRecovered }))),
  );
};

/** Names of a sweep's curves in the order of its methods. */
export const curveNames = (settings: SweepSettings): readonly string[] => [
  ...new Set(curvesOf(settings).map(({ method, isRecovered }) => methodLabel(method, isRecovered))),
];

/** Options of one method of a sweep. */
export const optionsOf = ({ options, uncurl }: SweepSettings, method: MethodName): MethodOptions => ({
  ...(method === 'uncurl' ? uncurl : {}),
  ...options[method],
});

/** What the plans of each method need, in the order of the methods. */
export const needsOf = (settings: SweepSettings): readonly PlanNeeds[] =>
  settings.methods.map((method) => planNeeds({ method, options: optionsOf(settings, method), budget: settings.budget, protect: settings.protect }));

/** Whether anything of the sweep looks at calibration items: profiles, searches or refits. */
export const needsCalibration = (settings: SweepSettings): boolean =>
  settings.recovery !== 'none' || needsOf(settings).some(({ profile, search }) => profile || search !== null);

export const needsProfile = (settings: SweepSettings): boolean => needsOf(settings).some(({ profile }) => profile);
