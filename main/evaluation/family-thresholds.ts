import type { FamilyModel, FamilyThreshold } from '../contract/family.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { headlineThresholds } from './sweep-thresholds.ts';

/** The headline thresholds of a sweep with E and the largest factor measured, by rising E. */
export const familyThresholds = (document: Pick<SweepDocument, 'results' | 'thresholds'>, models: readonly FamilyModel[]): FamilyThreshold[] => {
  const headlines = headlineThresholds(document.thresholds);
  return models.flatMap(({ name, experts }) =>
    headlines
      .filter(({ model }) => model === name)
      .map((threshold) => {
        const { model, task, method } = threshold;
        const measured = document.results.filter((one) => one.model === model && one.task === task && one.method === method);
        return { ...threshold, experts, largestTested: Math.max(1, ...measured.map(({ factor }) => factor)) };
      }),
  );
};
