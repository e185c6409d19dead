import { methodLabel } from '../../main/contract/method.ts';
import { isUsable, selectedModel } from '../engine/facts.ts';
import type { Engine } from '../engine/engine-context.tsx';
import type { Facts } from '../engine/facts.ts';
import { chooseTextFile } from '../features/prune/choose-text-file.ts';
import { keptAtFactor } from '../features/prune/kept-counts.ts';
import { layoutStore } from '../state/layout-store.ts';
import { planStore } from '../state/plan-store.ts';
import type { Action } from './action.ts';

/** Reads a plan or a ranking, which then stands in for the method. Rejects where it does not fit the selected model. */
const importText = async (
  { bridge }: Engine,
  facts: Facts,
  file: { readonly name: string; readonly text: string },
): Promise<void> => {
  const model = selectedModel(facts);
  if (model?.info === null || model === null) return;
  const keep = keptAtFactor(model.info, facts.selection.factor);
  const { kind, plan, cost } = await bridge.call('plan.import', { model: model.handle, ...file, keep });
  const kept = cost.keptPerLayer.reduce((sum, count) => sum + count, 0);
  planStore.getState().importFile({
    ...file,
    kind,
    model: model.handle,
    method:
      kind === 'ranking' || plan.method === undefined ? null : methodLabel(plan.method, plan.recovery !== undefined),
    factor: kind === 'ranking' ? null : (model.info.experts * cost.keptPerLayer.length) / kept,
  });
  layoutStore.getState().show('prune');
};

export const importPlan: Action = {
  id: 'import-plan',
  label: 'Import a plan or a ranking…',
  keywords: ['open', 'json', 'kept experts', 'order', 'file'],
  menu: 'file',
  enabled: (facts) => facts.connected && isUsable(selectedModel(facts)),
  perform: async (engine, facts) => {
    const file = await chooseTextFile('.json,application/json');
    if (file !== null) await importText(engine, facts, file);
  },
};
