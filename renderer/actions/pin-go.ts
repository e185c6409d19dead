import type { Action } from './action.ts';
import { hasExpert, togglePin } from './toggle-pin.ts';

export const pinGo: Action = {
  id: 'pin-go',
  label: 'Selected expert must go (or is free again)',
  keywords: ['pin', 'drop', 'remove', 'plan'],
  menu: 'run',
  shortcut: 'Mod+Shift+G',
  enabled: hasExpert,
  perform: (_engine, facts) => togglePin(facts, false),
};
