import { refuse } from '../../contract/errors.ts';
import type { HarnessConfig } from './harness-config.ts';

/** Splits of a task to measure, to profile, and to draw examples from. */
export interface SplitNames {
  readonly test: string;
  readonly calibration: string | null;
  readonly examples: string | null;
  /** Examples are drawn from the measured split, without the item itself. */
  readonly examplesAreMeasured: boolean;
}

/**
 * Chooses the splits. Measured: the test split, else the validation split. Profiled: the training split, else the
 * validation split, else the few-shot split. Examples: the few-shot split, else the training, the validation or the
 * test split.
 *
 * Refuses a split that would be both measured and profiled, and examples from the measured split if
 * lm-evaluation-harness 0.4.13 does not leave out the item itself. It only does so if the few-shot split is named as
 * the test split, or if neither is named.
 */
export const splitNames = (config: HarnessConfig, file: string): SplitNames => {
  const test = config.test_split ?? config.validation_split;
  if (test === undefined)
    throw refuse(
      'bad-task',
      `${file}: neither test_split nor validation_split is named.`,
      'Name the split that is measured.',
    );
  const named = config.fewshot_config?.split ?? config.fewshot_split;
  const calibration =
    config.training_split ??
    (config.test_split === undefined ? undefined : config.validation_split) ??
    (named === test ? undefined : named) ??
    null;
  if (calibration === test) {
    throw refuse(
      'shared-splits',
      `${file}: the split "${test}" is measured, and profiles would be taken from it.`,
      'Name another split: test items must never enter a profile.',
    );
  }
  const examples = named ?? config.training_split ?? config.validation_split ?? test;
  const examplesAreMeasured = examples === test && config.num_fewshot > 0;
  if (examplesAreMeasured && named !== config.test_split) {
    throw refuse(
      'shared-splits',
      `${file}: the split "${test}" is measured, and few-shot examples would be taken from it, the item ` +
        `itself among them.`,
      'Name a fewshot_split that is not measured, or name the measured split as test_split and fewshot_split.',
    );
  }
  return { test, calibration, examples, examplesAreMeasured };
};
