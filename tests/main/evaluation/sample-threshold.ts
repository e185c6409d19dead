import type { FamilyThreshold } from '../../../main/contract/family.ts';

/** A threshold of a family that nothing but the named fields depends on. */
export const familyThreshold = (fields: Partial<FamilyThreshold>): FamilyThreshold => ({
  model: 'e8',
  task: 'sums',
  method: 'reap',
  seed: null,
  factor: 2,
  lastSafe: 2,
  firstUnsafe: 4,
  delta: 0.02,
  n: 300,
  verdict: 'found',
  experts: 8,
  largestTested: 4,
  ...fields,
});
