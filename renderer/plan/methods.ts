import { methodOfLabel } from '../../main/contract/method.ts';
import type { MethodPage } from '../../main/contract/method.ts';
import type { MethodName, RefitName } from '../../main/contract/plan.ts';

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
 * How the window names the curve of a method; one that it does not know (of an imported run) stands under its own name.
 */
export const methodTitle = (label: string): string => {
  const { method, refit } = methodOfLabel(label);
  if (method === null) return label;
  return refit === null ? titles[method] : `${titles[method]}, ${recovered[refit]}`;
};

interface MethodGroup {
  readonly title: string;
  /** What the methods of the group do with experts. */
  readonly text: string;
  readonly pages: readonly MethodPage[];
}

const kinds = [
  {
    title: 'Drop',
    text: 'keep some experts, drop the others',
    holds: ({ kind, needs }: MethodPage) => kind === 'drop' && needs !== 'search',
  },
  {
    title: 'Merge',
    text: 'make each group of experts into one',
    holds: ({ kind, needs }: MethodPage) => kind === 'merge' && needs !== 'search',
  },
  {
    title: 'Search',
    text: 'measure many candidates, in a sweep',
    holds: ({ needs }: MethodPage) => needs === 'search',
  },
] as const;

/** Methods by what they do, in their lasting order; groups without any are left out. */
export const methodGroups = (pages: readonly MethodPage[]): readonly MethodGroup[] =>
  kinds
    .map(({ title, text, holds }) => ({ title, text, pages: pages.filter(holds) }))
    .filter((group) => group.pages.length > 0);
