import {
  type CalibrationChoice,
  type CalibrationTrial,
  DEFAULT_SHARE,
  DEFAULT_SPLIT_SEED,
  splitSeed,
  splitShare,
  writingRule,
} from '../../../main/contract/calibration.ts';
import type { ModelEntry, PathHandle } from '../../../main/contract/model.ts';
import { answersOf, type TaskEntry } from '../../../main/contract/task.ts';
import { minOf } from '../../../main/statistics/extremes.ts';
import { wideningBySplit } from '../../../main/evaluation/verdicts.ts';
import { formatCount, formatRoughPercent } from '../../../main/words/numbers.ts';

/** A mix is chosen on the command line. */
export type CalibrationOrigin = Exclude<CalibrationChoice['from'], 'mix'>;

/** Fields of the form; each source keeps its input while another one is selected. */
export interface CalibrationFields {
  readonly from: CalibrationOrigin;
  /** Percent, as typed. */
  readonly percent: number;
  readonly seed: number;
  readonly file: { readonly handle: PathHandle; readonly path: string | null } | null;
  readonly task: PathHandle | null;
  /** Stop strings, as `stopText`, and the most new tokens; null where answers are not written. */
  readonly writing: { readonly until: string; readonly maxNewTokens: number } | null;
}

/** Stop strings on one line: "\\n | Q:". */
export const stopText = (until: readonly string[]): string =>
  until.map((stop) => stop.replaceAll('\n', '\\n').replaceAll('\t', '\\t')).join(' | ');

const stopsTyped = (text: string): readonly string[] =>
  text
    .split(' | ')
    .map((stop) => stop.replaceAll('\\n', '\n').replaceAll('\\t', '\t'))
    .filter((stop) => stop !== '');

/** New tokens that leave half of the smallest model's positions for the prompt. */
const mostThatFits = (models: readonly ModelEntry[]): number =>
  Math.max(1, Math.floor(minOf(models.flatMap(({ info }) => info?.maxPositions ?? [])) / 2));

/** Why the new tokens are fewer than the task's own; empty where they are not. */
export const cappedText = ({ writing }: Pick<TaskEntry, 'writing'>, models: readonly ModelEntry[]): string => {
  const most = mostThatFits(models);
  return writing === undefined || writing.maxNewTokens <= most
    ? ''
    : `${formatCount(most)} new tokens instead of ${formatCount(writing.maxNewTokens)}: half of the positions of ` +
        `${models.map(({ name }) => name).join(', ')}, which leaves the other half for the prompt.`;
};

/** Initial fields: the task's earlier choice, else a split; new tokens that fit the models. */
export const firstFields = (
  { calibrated, writing }: Pick<TaskEntry, 'calibrated' | 'writing'>,
  models: readonly ModelEntry[],
): CalibrationFields => {
  const choice = calibrated?.choice;
  return {
    writing:
      writing === undefined
        ? null
        : {
            until: stopText(writing.until),
            maxNewTokens:
              choice === undefined ? Math.min(writing.maxNewTokens, mostThatFits(models)) : writing.maxNewTokens,
          },
    from: choice === undefined || choice.from === 'mix' ? 'split' : choice.from,
    percent: 100 * (choice?.from === 'split' ? choice.share : DEFAULT_SHARE),
    seed: choice?.from === 'split' ? choice.seed : DEFAULT_SPLIT_SEED,
    file: choice?.from === 'file' ? { handle: choice.file, path: null } : null,
    task: choice?.from === 'task' ? choice.task : null,
  };
};

/** The choice described by the fields; null if incomplete or invalid. */
export const choiceOf = (fields: CalibrationFields): CalibrationChoice | null => {
  const source = sourceOf(fields);
  if (source === null || fields.writing === null) return source;
  const rule = writingRule.safeParse({
    until: stopsTyped(fields.writing.until),
    maxNewTokens: fields.writing.maxNewTokens,
  });
  return rule.success ? { ...source, writing: rule.data } : null;
};

const sourceOf = ({ from, percent, seed, file, task }: CalibrationFields): CalibrationChoice | null => {
  switch (from) {
    case 'split': {
      const share = splitShare.safeParse(percent / 100);
      const start = splitSeed.safeParse(seed);
      return share.success && start.success ? { from, share: share.data, seed: start.data } : null;
    }
    case 'file':
      return file === null ? null : { from, file: file.handle };
    default:
      return task === null ? null : { from, task };
  }
};

/** Tasks whose calibration items this task can use: those of the same kind that have some. */
export const tasksToTakeFrom = (own: TaskEntry, tasks: readonly TaskEntry[]): readonly TaskEntry[] =>
  tasks.filter(
    (task) =>
      task.handle !== own.handle &&
      task.items.calibration > 0 &&
      answersOf(task) === answersOf(own) &&
      (task.metric === 'perplexity') === (own.metric === 'perplexity'),
  );

/** The cost of a split, which explains the default. */
export const splitReason = (percent: number): string => {
  const wider = (share: number): string => formatRoughPercent(wideningBySplit(share) - 1);
  if (!(percent > 0 && percent < 100)) return 'Enter a share between 0 and 100 %.';
  const cost = `Calibration items are not tested, so intervals become about ${wider(percent / 100)} wider`;
  return percent === 100 * DEFAULT_SHARE ? `${cost} (with one half: ${wider(0.5)}). This is the default.` : `${cost}.`;
};

/** Describes the result of a choice. */
export const trialText = ({ calibration, test, leftOut, groups }: CalibrationTrial): string =>
  [
    `${formatCount(calibration)} calibration items, ${formatCount(test)} test items.`,
    groups === null ? '' : `Items of the same group or text stay together: they form ${formatCount(groups)} sets.`,
    leftOut === 0 ? '' : `${formatCount(leftOut)} left out, because they are also tested.`,
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
