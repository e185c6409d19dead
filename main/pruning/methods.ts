import type { MethodName } from '../contract/plan.ts';
import type { Method } from './method.ts';
import { ean } from './methods/ean.ts';
import { easyEp } from './methods/easy-ep.ts';
import { eep } from './methods/eep.ts';
import { frequency } from './methods/frequency.ts';
import { frequencyMerging } from './methods/frequency-merging.ts';
import { gateMass } from './methods/gate-mass.ts';
import { hcSmoe } from './methods/hc-smoe.ts';
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

/** Every method: a new one is its file, its name in the contract, and its line here. */
export const methods: Readonly<Record<MethodName, Method>> = {
  random,
  frequency,
  'gate-mass': gateMass,
  ean,
  reap,
  man,
  msan,
  unified,
  'easy-ep': easyEp,
  naee,
  tsep,
  uncurl,
  'frequency-merging': frequencyMerging,
  'm-smoe': mSmoe,
  'hc-smoe': hcSmoe,
  'sub-moe': subMoe,
  ream,
  eep,
};
