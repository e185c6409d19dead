import type { HarnessEntry, HarnessFacts } from '../../../main/contract/harness.ts';
import { formatCount } from '../../../main/words/numbers.ts';

const ANSWERS: Readonly<Record<string, string>> = {
  multiple_choice: 'chosen answers',
  generate_until: 'written answers',
  loglikelihood_rolling: 'texts (perplexity)',
  loglikelihood: 'one continuation, which is not measured here',
};

const answersOf = ({ output }: HarnessEntry): string => ANSWERS[output] ?? output;

/** "Task", "Group of 57 tasks": what a name is. */
export const harnessKind = ({ kind, tasks }: HarnessEntry): string =>
  kind === 'task' ? 'Task' : `${kind === 'group' ? 'Group' : 'Set'} of ${formatCount(tasks)} tasks`;

/** A line under the name. */
export const harnessNote = (entry: HarnessEntry): string =>
  [
    ...(entry.kind === 'task' ? [] : [harnessKind(entry)]),
    answersOf(entry),
    ...(entry.data === '' ? [] : [entry.data]),
    ...(entry.fewshot === 0 ? [] : [`${formatCount(entry.fewshot)} examples`]),
    ...(entry.runsPrograms ? ['runs programs that the model writes'] : []),
  ].join(' · ');

const splitsOf = ({ test, calibration }: HarnessEntry): string =>
  `test items of ${test === '' ? 'an unnamed split' : `“${test}”`}, ` +
  (calibration === '' ? 'no split for calibration items' : `calibration items of “${calibration}”`);

/** Facts about a name, each with its term; of a group, those of its first task say so. */
export const heldBy = ({ entry, items, licence, unread }: HarnessFacts): readonly (readonly [string, string])[] => {
  const first = entry.kind === 'task' ? '' : ' (of its first task)';
  const unknown = unread === null ? 'the import counts them' : `not known: ${unread}`;
  return [
    ...(entry.members.length === 0
      ? []
      : [['Members', entry.members.slice(0, 12).join(', ') + (entry.members.length > 12 ? ', …' : '')] as const]),
    ['Answers', `${answersOf(entry)}, measured by ${entry.metrics.join(', ') || 'its own rule'}${first}`],
    ['Data set', `${entry.data === '' ? 'made by the task itself' : `${entry.data} ${entry.dataName}`.trim()}${first}`],
    ['Splits', `${splitsOf(entry)}${first}`],
    [
      'Items',
      items === null
        ? unknown
        : `${formatCount(items.test)} test items, ${formatCount(items.calibration)} to draw calibration items from`,
    ],
    ['Examples in each prompt', `${formatCount(entry.fewshot)}${first}`],
    ['Licence', licence === '' ? (unread === null ? 'its card names none' : 'not known') : licence],
  ];
};
