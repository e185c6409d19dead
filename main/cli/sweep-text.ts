import { DEFAULT_DELTA, isSameCurve, type SweepDocument, UNPRUNED } from '../contract/sweep.ts';
import { luckSentences } from '../evaluation/calibration-luck.ts';
import { choiceAndWriting, reachSummary } from '../evaluation/choice-and-writing.ts';
import { elsewhereSummaries, everywhereSentence, summarySentence } from '../evaluation/elsewhere.ts';
import { pointsOverDraws } from '../evaluation/draws.ts';
import { type UnneededFactors, unneededFactors } from '../evaluation/curtailed-points.ts';
import { pick } from '../figures/columns.ts';
import { kindColumns, luckColumns, luckRows, resultColumns, thresholdColumns } from '../figures/tables.ts';
import { columnsTable, printedDifference, printedFactor, printedValue, textTable } from './terminal-text.ts';
import { methodInProse } from '../words/methods.ts';
import { curtailedText, reachText, sweepNotes } from '../words/verdicts.ts';
import { UNITS_NOTE } from '../words/numbers.ts';

/** Safe factors by choice and in writing, side by side, for curves measured both ways; empty where there are none. */
const bothKinds = (document: SweepDocument): readonly string[] => {
  const pairs = choiceAndWriting(document);
  const summary = reachSummary(pairs);
  if (pairs.length === 0) return [];
  const table = columnsTable(kindColumns, pairs);
  return summary === null ? [table] : [table, summary];
};

/** Contexts that were cut so that they and the written answers fit the model; empty where none were. */
const cutPrompts = (results: SweepDocument['results']): readonly string[] => {
  const cut = results.filter(({ method, truncated }) => method === UNPRUNED && truncated > 0);
  return cut.map(
    ({ model, task, n, truncated }) =>
      `${truncated} of ${n} contexts of ${task} were cut on the left to fit the positions of ${model}.`,
  );
};

/** Candidates that were curtailed, and larger factors that were not needed; empty where all were measured in full. */
const curtailedLines = ({ curtailed = [], notNeeded = [] }: SweepDocument): readonly string[] => {
  if (curtailed.length + notNeeded.length === 0) return [];
  const beyond = unneededFactors(notNeeded);
  // A curve may also end at a candidate that answered every item and is among the results.
  const measured = beyond.filter((curve) => !curtailed.some((point) => isSameCurve(curve, point)));
  const factorsOf = (curve: UnneededFactors | undefined): string | null =>
    curve === undefined ? null : curve.factors.map(printedFactor).join(', ');
  return [
    textTable(
      ['model', 'task', 'method', 'seed', 'factor', 'kept', 'curtailed', 'not needed'],
      [
        ...curtailed.map((point) => {
          const { model, task, method, seed, factor, kept } = point;
          const curve = beyond.find((entry) => isSameCurve(entry, point));
          return [
            ...[model, task, method, seed, printedFactor(factor), printedFactor(kept)],
            ...[curtailedText(point), factorsOf(curve)],
          ];
        }),
        ...measured.map((curve) => {
          const { model, task, method, seed } = curve;
          return [model, task, method, seed, null, null, 'measured in full', factorsOf(curve)];
        }),
      ],
    ),
  ];
};

/** Methods that were drawn several times: mean, lowest and highest over draws; empty where there are none. */
const overDraws = (document: SweepDocument): readonly string[] => {
  const drawn = pointsOverDraws(document).filter(({ draws }) => draws > 1);
  if (drawn.length === 0) return [];
  return [
    textTable(
      ['model', 'task', 'method', 'draws', 'factor', 'mean', 'lowest', 'highest', 'difference', 'safe in'],
      drawn.map(({ model, task, method, draws, factor, metric, value, difference, safe }) => [
        model,
        task,
        method,
        draws,
        printedFactor(factor),
        value === null ? null : printedValue(value.mean, metric),
        value === null ? null : printedValue(value.lowest, metric),
        value === null ? null : printedValue(value.highest, metric),
        difference === null ? null : printedDifference(difference.mean, metric),
        `${safe.count} of ${safe.of} draws`,
      ]),
    ),
  ];
};

/** Plans on tasks that they were not made for: summaries, and how far each row is safe; empty without them. */
const elsewhereLines = (document: SweepDocument): readonly string[] => {
  if (document.elsewhere === undefined) return [];
  const { thresholds, together = [] } = document;
  const delta = thresholds[0]?.delta ?? DEFAULT_DELTA;
  const rows = thresholds.flatMap((threshold) => everywhereSentence(document, threshold) ?? []);
  const joint = together.map(
    (entry) =>
      `Made for all tasks at once by ${methodInProse(entry.method)} (${entry.model}): safe on every task ` +
      `${reachText(entry)}.`,
  );
  return [
    elsewhereSummaries(document, delta)
      .map((summary) => summarySentence(summary, delta))
      .join('\n'),
    [...rows, ...joint].join('\n'),
  ];
};

/** Columns of calibration draws: of a point, and beside them those of its curve. */
const LUCK_SHOWN = 'items all lowest deviation verdict safe_draws thresholds in_common rank_correlation few_tokens';

/** Plans made from calibration items that were drawn again; empty without them. */
const luckLines = (document: SweepDocument): readonly string[] => {
  const rows = luckRows(document);
  if (rows.length === 0) return [];
  return [
    'Calibration draws: the calibration items drawn again with replacement.',
    columnsTable(pick(luckColumns, `model task method factor ${LUCK_SHOWN}`), rows),
    luckSentences(document).join('\n'),
  ];
};

const RESULTS_SHOWN =
  'model task method seed factor kept dropped_share n value difference interval p verdict ended ' +
  'looped pass_at_k answer_loss kl changed_token acceptance bytes prompt_tokens_per_second decode_tokens_per_second';

/** Results and thresholds of a sweep as tables, with the rule of the thresholds. */
export const sweepText = (document: SweepDocument): string => {
  const { run, results, thresholds, rule, multiplicity } = document;
  return [
    columnsTable(pick(resultColumns, RESULTS_SHOWN), results),
    ...overDraws(document),
    ...curtailedLines(document),
    columnsTable(
      pick(thresholdColumns, 'model task method seed factor bracket ends_verdict everywhere_verdict power'),
      thresholds,
    ),
    UNITS_NOTE,
    ...bothKinds(document),
    ...elsewhereLines(document),
    ...luckLines(document),
    rule,
    ...(multiplicity === undefined ? [] : [multiplicity.sentence]),
    ...cutPrompts(results),
    ...sweepNotes(document),
    `Run ${run}.`,
  ].join('\n\n');
};

/** `sweepText` of a sweep that has just ended, with the summary of its steps unless its notes contain it. */
export const endedSweepText = (document: SweepDocument, summary: string): string =>
  `${sweepText(document)}${sweepNotes(document).includes(summary) ? '' : `\n${summary}`}`;
