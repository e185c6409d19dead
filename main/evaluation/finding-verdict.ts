import type { Finding } from '../contract/family.ts';
import { LEVEL } from './finding-text.ts';
import { mcnemarExact } from './mcnemar.ts';

/** Tasks by what they say to a question: for it, against it, neither, or nothing that can be told. */
export interface TaskCounts {
  readonly supporting: number;
  readonly opposing: number;
  readonly neither: number;
  readonly unknown: number;
}

/**
 * The exact two-sided sign test over tasks (the same sum as McNemar's): each task that takes a side is one draw, under
 * the null hypothesis that either side is as likely. Null where no task takes a side.
 *
 * The verdict is `supported` or `opposed` below the 5 % level. Above it: `mixed` where tasks take both sides,
 * `unchanged` where none takes a side and more tasks say so than say nothing, `cannot-tell` otherwise: the few tasks on
 * one side could be chance.
 */
export const readTasks = ({ supporting, opposing, neither, unknown }: TaskCounts): Pick<Finding, 'verdict' | 'p'> => {
  if (supporting + opposing === 0) return { verdict: neither > unknown ? 'unchanged' : 'cannot-tell', p: null };
  const p = mcnemarExact(opposing, supporting);
  if (p < LEVEL) return { verdict: supporting > opposing ? 'supported' : 'opposed', p };
  return { verdict: supporting > 0 && opposing > 0 ? 'mixed' : 'cannot-tell', p };
};

/** The verdict over several methods: theirs where they agree; `mixed` where they do not. */
export const commonVerdict = (verdicts: readonly Finding['verdict'][]): Finding['verdict'] => {
  const [first = 'cannot-tell'] = verdicts;
  return verdicts.every((verdict) => verdict === first) ? first : 'mixed';
};
