import type { FlippedItem, PointName, Reproduction } from '../contract/reproduction.ts';
import type { Threshold } from '../contract/sweep.ts';
import { counted, printedFactor } from '../evaluation/finding-text.ts';

export type Findings = Omit<Reproduction, 'run' | 'of' | 'matches' | 'sentence' | 'before' | 'after'>;

/** Whether every value, every answer and every point is the same. Plans and scores may differ where nothing else does. */
export const isMatch = ({ changed, flipped, thresholds, missing, added }: Findings): boolean =>
  [changed, flipped, thresholds, missing, added].every((list) => list.length === 0);

const printedScore = (score: number): string => Number(score.toPrecision(2)).toString();

/** The verdict in words. */
export const reproductionSentence = (findings: Findings): string => {
  const { points, items, changed, flipped, thresholds, missing, added, largestScoreDifference } = findings;
  const compared = `${counted(points, 'value')} over ${counted(items, 'item outcome')}`;
  const rounding = largestScoreDifference === 0 ? 'to the last digit' : `scores differ by rounding, at most ${printedScore(largestScoreDifference)}`;
  if (isMatch(findings)) return `Every number matches: ${compared}, ${rounding}.`;
  const parts = [
    `${counted(changed.length, 'value')} of ${String(points)} changed`,
    `${counted(flipped.length, 'item outcome')} of ${String(items)} flipped`,
    `${counted(thresholds.length, 'threshold')} changed`,
    ...(missing.length === 0 ? [] : [`${counted(missing.length, 'point')} missing`]),
    ...(added.length === 0 ? [] : [`${counted(added.length, 'point')} new`]),
  ];
  return `Not every number matches: ${parts.join(', ')}.`;
};

const named = ({ model, task, method, seed, factor }: PointName): string =>
  `${model}  ${task}  ${method}${seed === null ? '' : ` (seed ${String(seed)})`}  factor ${printedFactor(factor)}`;

const scores = ({ chosen, scores: all }: FlippedItem['before']): string =>
  `chose ${String(chosen)} of [${all.map((score) => score.toFixed(6)).join(', ')}]`;

const verdictOf = ({ factor, lastSafe, firstUnsafe, verdict }: Threshold): string => {
  const printed = (value: number | null): string => (value === null ? '-' : printedFactor(value));
  return `${printed(factor)} (${verdict}, last safe ${printed(lastSafe)}, first unsafe ${printed(firstUnsafe)})`;
};

const section = (title: string, lines: readonly string[]): readonly string[] => (lines.length === 0 ? [] : [[title, ...lines.map((line) => `  ${line}`)].join('\n')]);

const deviceOf = ({ device, versions }: Reproduction['before']): string =>
  `${device.processor}, ${device.provider}, ${device.precision}; ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}`;

/** Everything that a reproduction found, in words: the verdict, then what differs, item by item. */
export const reproductionText = (found: Reproduction): string =>
  [
    found.sentence,
    ...section('Values that changed:', found.changed.map((point) => `${named(point)}: ${String(point.before)}, now ${String(point.after)}`)),
    ...section(
      'Items that flipped (choices and answers counted from 0):',
      found.flipped.map((flip) => `${named(flip)}  item ${flip.item}, right answer ${String(flip.answer)}: ${scores(flip.before)}, now ${scores(flip.after)}`),
    ),
    ...section(
      'Thresholds that changed:',
      found.thresholds.map(({ before, after }) => `${before.model}  ${before.task}  ${before.method}${before.seed === null ? '' : ` (seed ${String(before.seed)})`}: ${verdictOf(before)}, now ${verdictOf(after)}`),
    ),
    ...section('Points that were not measured again:', found.missing.map(named)),
    ...section('Points that the first run did not measure:', found.added.map(named)),
    ...section('Points whose plan came out otherwise:', (found.replanned ?? []).map(named)),
    `First run:  ${deviceOf(found.before)}\nSecond run: ${deviceOf(found.after)}`,
  ].join('\n\n');
