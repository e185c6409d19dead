import type { SizeThreshold } from '../../../main/contract/size-trend.ts';

/** A threshold for tests that depend only on the named fields. */
export const sizeThreshold = (fields: Partial<SizeThreshold>): SizeThreshold => ({
  model: 'e8',
  task: 'sums',
  method: 'reap',
  seed: null,
  factor: 2,
  lastSafe: 2,
  firstUnsafe: 4,
  firstWorse: null,
  delta: 0.02,
  n: 300,
  verdict: 'found',
  power: null,
  experts: 8,
  largestTested: 4,
  keptSafe: 4,
  keptUnsafe: 2,
  keptWorse: null,
  bytesSafe: null,
  bytesUnsafe: null,
  ...fields,
});
