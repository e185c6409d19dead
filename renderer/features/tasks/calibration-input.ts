import { DEFAULT_SHARE, DEFAULT_SPLIT_SEED, splitSeed, splitShare } from '../../../main/contract/calibration.ts';
import type { CalibrationChoice, CalibrationTrial } from '../../../main/contract/calibration.ts';
import type { PathHandle } from '../../../main/contract/model.ts';
import { answersOf } from '../../../main/contract/task.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { wideningBySplit } from '../../../main/evaluation/items-for-verdict.ts';
import { formatCount, formatRoughPercent } from '../../../main/figures/numbers.ts';

export type CalibrationOrigin = CalibrationChoice['from'];

/** What stands in the fields: all three ways keep what was entered while another one is looked at. */
export interface CalibrationFields {
  readonly from: CalibrationOrigin;
  /** Percent, as it was typed. */
  readonly percent: number;
  readonly seed: number;
  readonly file: { readonly handle: PathHandle; readonly path: string | null } | null;
  readonly task: PathHandle | null;
}

/** What is offered first: the choice of a task that has one, else a split. */
export const firstFields = ({ calibrated }: Pick<TaskEntry, 'calibrated'>): CalibrationFields => {
  const choice = calibrated?.choice;
  return {
    from: choice?.from ?? 'split',
    percent: 100 * (choice?.from === 'split' ? choice.share : DEFAULT_SHARE),
    seed: choice?.from === 'split' ? choice.seed : DEFAULT_SPLIT_SEED,
    file: choice?.from === 'file' ? { handle: choice.file, path: null } : null,
    task: choice?.from === 'task' ? choice.task : null,
  };
};

/** The choice that the fields make; null where one is still empty or cannot be used. */
export const choiceOf = ({ from, percent, seed, file, task }: CalibrationFields): CalibrationChoice | null => {
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

/** Tasks whose calibration items another can take: those of its kind that have some. */
export const tasksToTakeFrom = (own: TaskEntry, tasks: readonly TaskEntry[]): readonly TaskEntry[] =>
  tasks.filter(
    (task) =>
      task.handle !== own.handle &&
      task.items.calibration > 0 &&
      answersOf(task) === answersOf(own) &&
      (task.metric === 'perplexity') === (own.metric === 'perplexity'),
  );

/** What a split costs, which is the reason of the default. */
export const splitReason = (percent: number): string => {
  const wider = (share: number): string => formatRoughPercent(wideningBySplit(share) - 1);
  if (!(percent > 0 && percent < 100)) return 'Give a share between 0 and 100 %.';
  const cost = `What is drawn is not tested: the interval of a verdict becomes about ${wider(percent / 100)} wider`;
  return percent === 100 * DEFAULT_SHARE
    ? `${cost} (a half would make it ${wider(0.5)}). That is the default.`
    : `${cost}.`;
};

/** What a choice gives, in words. */
export const trialText = ({ calibration, test, leftOut, groups }: CalibrationTrial): string =>
  [
    `${formatCount(calibration)} calibration items, ${formatCount(test)} test items.`,
    groups === null ? '' : `Items of one group or one text stay on one side: they make ${formatCount(groups)} sets.`,
    leftOut === 0 ? '' : `${formatCount(leftOut)} left out, because they are also tested.`,
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
