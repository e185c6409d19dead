import type { SizePair, SizeThreshold } from '../../../main/contract/size-trend.ts';
import type { CsvValue } from '../../figures/csv.ts';

/** Columns of saved thresholds, named as `uncurl figures` names them. */
export const thresholdColumns = [
  'method',
  'task',
  'experts',
  'model',
  'factor',
  'last_safe',
  'first_unsafe',
  'largest_tested',
  'delta',
  'n',
  'verdict',
] as const;

export const thresholdRow = (threshold: SizeThreshold): readonly CsvValue[] => [
  threshold.method,
  threshold.task,
  threshold.experts,
  threshold.model,
  threshold.factor,
  threshold.lastSafe,
  threshold.firstUnsafe,
  threshold.largestTested,
  threshold.delta,
  threshold.n,
  threshold.verdict,
];

/** Columns of saved comparisons, likewise. */
export const pairColumns = [
  'method',
  'seed',
  'task',
  'large',
  'large_experts',
  'small',
  'experts',
  'factor',
  'past_threshold',
  'metric',
  'n',
  'pruned',
  'scratch',
  'difference',
  'low',
  'high',
  'p',
  'lost',
  'gained',
  'reading',
] as const;

export const pairRow = (pair: SizePair): readonly CsvValue[] => [
  pair.method,
  pair.seed,
  pair.task,
  pair.large,
  pair.largeExperts,
  pair.small,
  pair.experts,
  pair.factor,
  pair.pastThreshold,
  pair.metric,
  pair.n,
  pair.pruned,
  pair.scratch,
  pair.difference,
  pair.low,
  pair.high,
  pair.p,
  pair.lost,
  pair.gained,
  pair.reading,
];
