import { createHash } from 'node:crypto';
import type { MetricName, TaskItem } from '../contract/task.ts';
import { canonicalJson } from '../workspace/canonical-json.ts';

/** SHA-256 (hexadecimal) over items in order, each reduced to the fields that count. */
export const hashItems = (items: readonly TaskItem[]): string => {
  const hash = createHash('sha256');
  for (const item of items) hash.update(canonicalJson(item)).update('\n');
  return hash.digest('hex');
};

/** Hash of a whole task: metric and both splits. Name, title and place do not change what is measured. */
export const hashTask = (metric: MetricName, calibration: readonly TaskItem[], test: readonly TaskItem[]): string =>
  createHash('sha256')
    .update(canonicalJson({ metric, calibration: hashItems(calibration), test: hashItems(test) }))
    .digest('hex');
