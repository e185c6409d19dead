import type { MethodPage } from '../../main/contract/method.ts';

interface MethodGroup {
  readonly title: string;
  /** Describes the group. */
  readonly text: string;
  readonly pages: readonly MethodPage[];
}

const kinds = [
  {
    title: 'Drop',
    text: 'keep some experts, drop the others',
    holds: ({ kind, needs }: MethodPage) => kind === 'drop' && needs !== 'search' && needs !== 'fit',
  },
  {
    title: 'Merge',
    text: 'merge each group of experts into one',
    holds: ({ kind, needs }: MethodPage) => kind === 'merge' && needs !== 'search',
  },
  {
    title: 'Search',
    text: 'measure many candidates in a sweep',
    holds: ({ kind, needs }: MethodPage) => needs === 'search' || (needs === 'fit' && kind === 'drop'),
  },
] as const;

/** Methods grouped by what they do, in their usual order; empty groups are left out. */
export const methodGroups = (pages: readonly MethodPage[]): readonly MethodGroup[] =>
  kinds
    .map(({ title, text, holds }) => ({ title, text, pages: pages.filter(holds) }))
    .filter((group) => group.pages.length > 0);
