import { z } from 'zod';
import { assertNever } from './errors.ts';
import { pathHandle } from './model.ts';

/** More tokens than any context window. */
const MOST_NEW_TOKENS = 1_000_000;

/** Share of the items drawn for calibration; at least one item stays on each side. */
export const splitShare = z.number().gt(0).lt(1);
export const splitSeed = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** For answers that the model writes: the strings that end the text, and its most tokens. */
export const writingRule = z.object({
  until: z.array(z.string().min(1).max(200)).min(1).max(16),
  maxNewTokens: z.number().int().min(1).max(MOST_NEW_TOKENS),
});
export type WritingRule = z.infer<typeof writingRule>;

/** For a file of written items: the rule in the place of the format's default. */
const writing = { writing: writingRule.optional() };

const split = z.object({ from: z.literal('split'), share: splitShare, seed: splitSeed, ...writing });

/** Several files or tasks by their weights: shares of the profiled text. */
const mixOf = <Path extends z.ZodType>(path: Path) =>
  z.object({
    from: z.literal('mix'),
    parts: z
      .array(z.object({ path, weight: z.number().positive().max(1_000_000) }))
      .min(2)
      .max(32),
    seed: splitSeed,
    ...writing,
  });

/**
 * Source of calibration items for a task that has only test items: some of its own, drawn by a seed; the items of a
 * second file; the calibration items of another task; or a mix of these. Files and tasks by their handles.
 */
export const calibrationChoice = z.discriminatedUnion('from', [
  split,
  z.object({ from: z.literal('file'), file: pathHandle, ...writing }),
  z.object({ from: z.literal('task'), task: pathHandle, ...writing }),
  mixOf(pathHandle),
]);
export type CalibrationChoice = z.infer<typeof calibrationChoice>;

const recordedPath = z.string().min(1).max(4096);

/** `calibrationChoice` as recorded in a file: paths instead of handles. */
export const recordedCalibration = z.discriminatedUnion('from', [
  split,
  z.object({ from: z.literal('file'), file: recordedPath, ...writing }),
  z.object({ from: z.literal('task'), task: recordedPath, ...writing }),
  mixOf(recordedPath),
]);
export type RecordedCalibration = z.infer<typeof recordedCalibration>;

type Calibration<Path> =
  | z.infer<typeof split>
  | { readonly from: 'file'; readonly file: Path; readonly writing?: WritingRule | undefined }
  | { readonly from: 'task'; readonly task: Path; readonly writing?: WritingRule | undefined }
  | {
      readonly from: 'mix';
      readonly parts: { readonly path: Path; readonly weight: number }[];
      readonly seed: number;
      readonly writing?: WritingRule | undefined;
    };

/** The same choice with its files and tasks mapped, from handle to path or back. */
export const calibrationAt = <From, To>(
  calibration: Calibration<From>,
  pathOf: (path: From) => To,
): Calibration<To> => {
  switch (calibration.from) {
    case 'split':
      return calibration;
    case 'file':
      return { ...calibration, file: pathOf(calibration.file) };
    case 'task':
      return { ...calibration, task: pathOf(calibration.task) };
    case 'mix':
      return { ...calibration, parts: calibration.parts.map(({ path, weight }) => ({ path: pathOf(path), weight })) };
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
