import type { Action } from './action.ts';
import { hasExpert, togglePin } from './toggle-pin.ts';

export const pinStay: Action = {
  id: 'pin-stay',
  label: 'Selected expert must stay (or is free again)',
  keywords: ['pin', 'keep', 'protect', 'plan'],
  menu: 'run',
  shortcut: 'Mod+Shift+S',
  enabled: hasExpert,
  perform: (_engine, facts) => togglePin(facts, true),
};
