import { withoutDefaultOptimiser } from '../../main/contract/optimiser.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { GatesName, MethodName, MethodOptions } from '../../main/contract/plan.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { sweepSettings } from '../../main/contract/sweep.ts';
import type { SweepSettings } from '../../main/contract/sweep.ts';
import { onceFor } from '../engine/once-for.ts';
import { ignoresBudget } from '../plan/plan-input.ts';

/** How a plan was made, besides its method and factor. */
export interface PlanMaking {
  readonly budget: SweepSettings['budget'];
  readonly protect: SweepSettings['protect'];
  readonly gates: SweepSettings['gates'];
  readonly options: MethodOptions;
  readonly chat: boolean;
}

const settingsIn = onceFor((spec: RunManifest['spec']): SweepSettings | null => {
  const read = sweepSettings.safeParse(spec['settings'] ?? spec);
  return read.success ? read.data : null;
});

/** Settings recorded by a sweep; null if they cannot be read. */
export const sweepSettingsOf = ({ spec }: Pick<RunManifest, 'spec'>): SweepSettings | null => settingsIn(spec);

/** A model whose plans are made: its facts, where they are known. */
export interface PlannedEntry {
  readonly info?: ModelEntry['info'];
}

/** The gates of a model's plans: all the same where deleting experts does not change them. */
export const gatesThere = (model: PlannedEntry | null | undefined, gates: GatesName): GatesName =>
  model?.info?.gatesGrow === true ? gates : 'folded';

/** How a sweep made the plans of a method for a model. */
export const makingOf = (
  settings: SweepSettings,
  method: MethodName | null,
  model: PlannedEntry | null | undefined,
): PlanMaking => ({
  budget: method !== null && ignoresBudget(method) ? 'uniform' : settings.budget,
  protect: settings.protect,
  gates: gatesThere(model, settings.gates),
  options: withoutDefaultOptimiser((method === null ? undefined : settings.options[method]) ?? {}),
  chat: settings.chat === true,
});
