import { isNothingToLose, type Threshold } from '../contract/sweep.ts';
import { methodTitle } from './methods.ts';
import { formatFactor } from './numbers.ts';

/** The best threshold of several methods, and the methods that reach it. */
interface Reached {
  readonly best: Pick<Threshold, 'verdict' | 'lastSafe' | 'firstUnsafe'>;
  readonly methods: readonly string[];
}

/** "safe to \u00d74 by REAP", "safe to \u00d78 or more by REAP and 1 more"; what is known instead where no factor is safe. */
const reached = ({ best, methods }: Reached): string => {
  const { verdict, lastSafe, firstUnsafe } = best;
  if (isNothingToLose(verdict)) return 'nothing to lose';
  if (verdict === 'cannot-tell' || lastSafe === null) return 'too few items to tell';
  if (lastSafe <= 1)
    return `not safe at ${firstUnsafe === null ? 'any factor' : formatFactor(firstUnsafe)} by any method`;
  const [first, ...others] = methods;
  const by = first === undefined ? '' : ` by ${methodTitle(first)}`;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `safe to ${formatFactor(lastSafe)}${firstUnsafe === null ? ' or more' : ''}${by}${more}`;
};

/** "safe to \u00d74 by REAP; written: safe to \u00d72 by Frequency": chosen answers, then written ones; null: not measured. */
export const safetySentence = (chosen: Reached | null, written: Reached | null): string => {
  if (chosen === null && written === null) return 'not measured in this sweep.';
  const parts = [
    ...(chosen === null ? [] : [reached(chosen)]),
    ...(written === null ? [] : [`written: ${reached(written)}`]),
  ];
  return `${parts.join('; ')}.`;
};
