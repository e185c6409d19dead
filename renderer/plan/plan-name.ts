import { keptAtFactor } from '../../main/contract/keep-from-factor.ts';
import { methodTitle } from '../../main/words/methods.ts';
import { counted, formatFactor } from '../../main/words/numbers.ts';
import { type Facts, selectedModel } from '../engine/facts.ts';
import { countsByLayer, ignoresBudget, plannedTasks, shownImport } from './plan-input.ts';

interface PlanName {
  /** "REAP \u00d72", "REAP \u00d72, 3 pins", "REAP \u00d71.8, counts by hand", or the name of a file. */
  readonly text: string;
  /** Experts before / experts after, over all layers. */
  readonly factor: number;
  /** Whether it differs from what its method makes at this factor: counts by hand, pins, or several tasks. */
  readonly isEdited: boolean;
}

/** How the plan on screen is called: what was edited is part of its name. Null without a model. */
export const planName = (facts: Facts): PlanName | null => {
  const model = selectedModel(facts);
  if (model === null || model.info === null) return null;
  const { method, factor: asked, pins, plan } = facts.selection;
  const { experts } = model.info;
  const imported = shownImport(facts);
  const isByHand = plan.budget === 'manual' && (imported !== null || !ignoresBudget(method));
  const counts = isByHand ? countsByLayer(model, { ...plan, factor: asked }) : [keptAtFactor(model.info, asked)];
  const kept = counts.reduce((sum, count) => sum + count, 0);
  const factor = kept === 0 ? asked : (experts * counts.length) / kept;
  if (imported?.kind === 'plan') return { text: imported.name, factor, isEdited: true };
  const pinned = (pins[model.handle] ?? []).length;
  const tasks = imported === null ? plannedTasks(facts).length : 1;
  const edits = [
    ...(isByHand ? ['counts by hand'] : []),
    ...(pinned > 0 ? [counted(pinned, 'pin')] : []),
    ...(tasks > 1 ? [`for ${counted(tasks, 'task')}`] : []),
  ];
  return {
    text: [`${imported?.name ?? methodTitle(method)} ${formatFactor(factor)}`, ...edits].join(', '),
    factor,
    isEdited: edits.length > 0,
  };
};
