import { currentPlanInput } from '../features/prune/current-plan.ts';
import { planStore } from '../state/plan-store.ts';
import type { Action } from './action.ts';

export const savePlan: Action = {
  id: 'save-plan',
  label: 'Save the current plan as JSON…',
  keywords: ['kept experts', 'download', 'file'],
  menu: 'file',
  shortcut: 'Mod+S',
  enabled: (facts) => facts.connected && currentPlanInput(facts, planStore.getState()) !== null,
  perform: async ({ bridge, cache }, facts) => {
    const input = currentPlanInput(facts, planStore.getState());
    if (input === null) return;
    const { plan } = await cache.fetch('plan.make', input);
    const bytes = new TextEncoder().encode(`${JSON.stringify(plan, null, 1)}\n`);
    await bridge.saveFile({ suggestedName: `plan-${input.method}-keep${input.keep ?? ''}.json`, bytes });
  },
};
