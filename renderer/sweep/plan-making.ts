import { withoutDefaultOptimiser } from '../../main/contract/optimiser.ts';
import type { MethodName, MethodOptions } from '../../main/contract/plan.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { recordedSweepSettings } from '../../main/contract/sweep.ts';
import type { SweepSettings } from '../../main/contract/sweep.ts';
import { ignoresBudget } from '../plan/plan-input.ts';

/** How a plan was made, besides its method and factor. */
export interface PlanMaking {
  readonly budget: SweepSettings['budget'];
  readonly protect: SweepSettings['protect'];
  readonly options: MethodOptions;
  readonly chat: boolean;
}

/** Settings recorded by a sweep; null if they cannot be read. */
export const sweepSettingsOf = ({ spec }: Pick<RunManifest, 'spec'>): SweepSettings | null => {
  const read = recordedSweepSettings.safeParse(spec['settings'] ?? spec);
  return read.success ? read.data : null;
};

/** How a sweep made the plans of a method. */
export const makingOf = (settings: SweepSettings, method: MethodName | null): PlanMaking => ({
  budget: method !== null && ignoresBudget(method) ? 'uniform' : settings.budget,
  protect: settings.protect,
  options: withoutDefaultOptimiser((method === null ? undefined : settings.options[method]) ?? {}),
  chat: settings.chat === true,
});
