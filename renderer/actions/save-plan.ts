import { currentPlanCall } from '../features/prune/current-plan.ts';
import { keptRange } from '../features/prune/kept-counts.ts';
import { planStore } from '../state/plan-store.ts';
import type { Action } from './action.ts';

export const savePlan: Action = {
  id: 'save-plan',
  label: 'Save the current plan as JSON…',
  keywords: ['kept experts', 'download', 'file'],
  menu: 'file',
  shortcut: 'Mod+S',
  enabled: (facts) => facts.connected && currentPlanCall(facts, planStore.getState()) !== null,
  perform: async ({ bridge, cache }, facts) => {
    const call = currentPlanCall(facts, planStore.getState());
    if (call === null) return;
    const { plan, cost } =
      call.call === 'plan.make'
        ? await cache.fetch('plan.make', call.input)
        : await cache.fetch('plan.import', call.input);
    const bytes = new TextEncoder().encode(`${JSON.stringify(plan, null, 1)}\n`);
    await bridge.saveFile({
      suggestedName: `plan-${plan.method ?? 'imported'}-keep${keptRange(cost.keptPerLayer).replace('–', '-')}.json`,
      bytes,
    });
  },
};
