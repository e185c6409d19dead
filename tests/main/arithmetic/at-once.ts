import { multiply } from '../../../main/arithmetic/product.ts';
import type { Steps } from '../../../main/arithmetic/steps.ts';

/** Runs steps to the end without pauses, with products in plain loops. */
export const atOnce = <T>(steps: Steps<T>): T => {
  let step = steps.next();
  while (step.done !== true) step = steps.next(step.value === undefined ? undefined : multiply(step.value));
  return step.value;
};
