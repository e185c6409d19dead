import { methodOfLabel } from '../contract/method.ts';
import type { MethodName, RefitName } from '../contract/plan.ts';

/** Names short enough for legends and table heads; all else about a method is on its page (`methods.list`). */
const titles = {
  random: 'Random',
  frequency: 'Frequency',
  'gate-mass': 'Gate mass',
  ean: 'EAN',
  reap: 'REAP',
  man: 'MAN',
  msan: 'MSAN',
  unified: 'Unified',
  'easy-ep': 'EASY-EP',
  naee: 'NAEE',
  tsep: 'TSEP',
  uncurl: 'UNCURL',
  'frequency-merging': 'Frequency merging',
  'm-smoe': 'M-SMoE',
  'hc-smoe': 'HC-SMoE',
  'sub-moe': 'Sub-MoE',
  ream: 'REAM',
  eep: 'EEP',
} as const satisfies Record<MethodName, string>;

const recovered: Readonly<Record<RefitName, string>> = {
  experts: 'recovered',
  router: 'router recovered',
  'router+experts': 'router and experts recovered',
};

/**
 * How charts and tables name the curve of a method; one that it does not know (of an imported run) stands under its own
 * name.
 */
export const methodTitle = (label: string): string => {
  const { method, refit } = methodOfLabel(label);
  if (method === null) return label;
  return refit === null ? titles[method] : `${titles[method]}, ${recovered[refit]}`;
};
