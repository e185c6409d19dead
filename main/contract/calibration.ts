import { z } from 'zod';
import { assertNever } from './errors.ts';
import { pathHandle } from './model.ts';

/** Share of the items drawn for calibration; at least one item stays on each side. */
export const splitShare = z.number().gt(0).lt(1);
export const splitSeed = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const split = z.object({ from: z.literal('split'), share: splitShare, seed: splitSeed });

/**
 * Source of calibration items for a task that has only test items: some of its own, drawn by a seed; the items of a
 * second file; or the calibration items of another task. Files and tasks by their handles.
 */
export const calibrationChoice = z.discriminatedUnion('from', [
  split,
  z.object({ from: z.literal('file'), file: pathHandle }),
  z.object({ from: z.literal('task'), task: pathHandle }),
]);
export type CalibrationChoice = z.infer<typeof calibrationChoice>;

const recordedPath = z.string().min(1).max(4096);

/** `calibrationChoice` as recorded in a file: paths instead of handles. */
export const recordedCalibration = z.discriminatedUnion('from', [
  split,
  z.object({ from: z.literal('file'), file: recordedPath }),
  z.object({ from: z.literal('task'), task: recordedPath }),
]);
export type RecordedCalibration = z.infer<typeof recordedCalibration>;

type Calibration<Path> =
  | z.infer<typeof split>
  | { readonly from: 'file'; readonly file: Path }
  | { readonly from: 'task'; readonly task: Path };

/** The same choice with its file or task mapped, from handle to path or back. */
export const calibrationAt = <From, To>(
  calibration: Calibration<From>,
  pathOf: (path: From) => To,
): Calibration<To> => {
  switch (calibration.from) {
    case 'split':
      return calibration;
    case 'file':
      return { from: 'file', file: pathOf(calibration.file) };
    case 'task':
      return { from: 'task', task: pathOf(calibration.task) };
    default:
      return assertNever(calibration);
  }
};

/** Result of trying a choice without making it. */
export const calibrationTrial = z.object({
  calibration: z.number(),
  test: z.number(),
  /** Items of the other source that are also test items: they are left out of calibration. */
  leftOut: z.number(),
  /** Sets of items that share a group or a text; null where all items are independent. */
  groups: z.number().nullable(),
});
export type CalibrationTrial = z.infer<typeof calibrationTrial>;

/** Share offered by default. */
export const DEFAULT_SHARE = 0.2;
export const DEFAULT_SPLIT_SEED = 0;
