import { refuse } from '../contract/errors.ts';
import { methodOptions, type MethodName, type MethodOptions } from '../contract/plan.ts';
import { suggestion } from '../contract/nearest-name.ts';
import type { Method } from './method.ts';
import { ean } from './methods/ean.ts';
import { easyEp } from './methods/easy-ep.ts';
import { eep } from './methods/eep.ts';
import { evoEsap } from './methods/evo-esap.ts';
import { frequency } from './methods/frequency.ts';
import { frequencyMerging } from './methods/frequency-merging.ts';
import { gateMass } from './methods/gate-mass.ts';
import { grape } from './methods/grape.ts';
import { hcSmoe } from './methods/hc-smoe.ts';
import { mergeMoe } from './methods/merge-moe.ts';
import { mone } from './methods/mone.ts';
import { mSmoe } from './methods/m-smoe.ts';
import { man } from './methods/man.ts';
import { msan } from './methods/msan.ts';
import { naee } from './methods/naee.ts';
import { random } from './methods/random.ts';
import { reap } from './methods/reap.ts';
import { ream } from './methods/ream.ts';
import { subMoe } from './methods/sub-moe.ts';
import { tsep } from './methods/tsep.ts';
import { uncurl } from './methods/uncurl.ts';
import { unified } from './methods/unified.ts';

/** Every method, in the order of all lists. A new one needs its file and its line here, nothing else. */
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
