import { refuse } from '../contract/errors.ts';
import { methodOptions, type MethodName, type MethodOptions } from '../contract/plan.ts';
import { suggestion } from '../contract/nearest-name.ts';
import type { Method } from './method.ts';
import { frequencyMerging, mergeMoe, mSmoe, ream } from './methods/merges-into-leaders.ts';
import { subMoe, uncurl } from './methods/merges-by-k-means.ts';
import { grape, hcSmoe } from './methods/merges-of-nearest.ts';
import { ean, easyEp, frequency, gateMass, man, mone, msan, random, reap, unified } from './methods/scores.ts';
import { eep, evoEsap, naee } from './methods/searches.ts';
import { tsep } from './methods/tsep.ts';

/** Every method, in the order of all lists. A new one needs its definition and its line here, nothing else. */
export const methods: readonly Method[] = [
  random,
  frequency,
  gateMass,
  ean,
  reap,
  man,
  msan,
  unified,
  easyEp,
  mone,
  naee,
  tsep,
  uncurl,
  frequencyMerging,
  mSmoe,
  hcSmoe,
  subMoe,
  grape,
  mergeMoe,
  ream,
  eep,
  evoEsap,
];

/** Names of all methods, in their order. */
export const methodNames: readonly MethodName[] = methods.map(({ name }) => name);

/** @throws WorkbenchError `no-such-method`, with the nearest name or all of them. */
export const methodNamed = (name: string): Method => {
  const found = methods.find((method) => method.name === name);
  if (found === undefined)
    throw refuse('no-such-method', `There is no method "${name}".`, suggestion(name, methodNames));
  return found;
};

/**
 * A method's options with its defaults filled in; unchanged for options that it refuses, and for names of no method.
 */
export const completeOptions = (name: string, given: MethodOptions): MethodOptions => {
  const complete = methods.find((method) => method.name === name)?.options.safeParse(given).data;
  return { ...methodOptions.safeParse(complete).data, ...given };
};
