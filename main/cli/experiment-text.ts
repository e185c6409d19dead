import type {
  ArmTreatment,
  ExperimentAnswer,
  ExperimentArm,
  ExperimentCell,
  ExperimentDocument,
} from '../contract/experiment.ts';
import { spreadOf } from '../evaluation/draws.ts';
import { signMark } from '../words/comparisons.ts';
import { treatmentWords } from '../words/methods.ts';
import { accuracyOf } from '../evaluation/experiment/pairs.ts';
import { bracketWords, thresholdValue } from '../words/verdicts.ts';
import { formatSigned } from '../words/numbers.ts';
import { printedFactor, printedShare, terminalText } from './terminal-text.ts';
import { textTable } from './text-table.ts';

const points = (share: number): string => terminalText(formatSigned(share * 100, 1));

const cell = (found: ExperimentCell | undefined): string | null =>
  found === undefined
    ? null
    : `${terminalText(signMark(found.sign))} ${points(found.difference)} ` +
      `[${points(found.low)}, ${points(found.high)}]` +
      (found.draws > 1 ? ` (${points(found.lowest)} to ${points(found.highest)})` : '');

const curvesOf = ({ rows }: ExperimentAnswer): readonly { method: string; treatment: ArmTreatment }[] => [
  ...new Map(
    rows.map(({ method, treatment }) => [JSON.stringify([method, treatment]), { method, treatment }] as const),
  ).values(),
];

const matrix = (answer: ExperimentAnswer, method: string, treatment: ArmTreatment, tasks: readonly string[]): string =>
  textTable(
    [`${method}, ${treatmentWords(treatment)}`, 'factor', ...tasks, '+', '-', '?', 'all items'],
    answer.rows
      .filter((row) => row.method === method && row.treatment === treatment)
      .map((row) => [
        `${String(row.experts)} to ${String(row.kept)}`,
        printedFactor(row.factor),
        ...tasks.map((task) =>
          cell(
            answer.cells.find(
              (found) =>
                found.task === task &&
                found.method === method &&
                found.treatment === treatment &&
                found.model === row.model &&
                found.kept === row.kept,
            ),
          ),
        ),
        row.plus,
        row.minus,
        row.cannotTell,
        row.pooled === null
          ? null
          : `${points(row.pooled.difference)} [${points(row.pooled.low)}, ${points(row.pooled.high)}]`,
      ]),
  );

const thresholdTable = ({ thresholds }: ExperimentAnswer): string =>
  textTable(
    ['model', 'task', 'method', 'arm', 'n', 'threshold', 'verdict', 'by sign'],
    thresholds.map((threshold) => [
      threshold.model,
      threshold.task,
      threshold.method,
      treatmentWords(threshold.treatment),
      threshold.n,
      terminalText(thresholdValue(threshold)),
      terminalText(bracketWords(threshold)),
      threshold.bySign === 1 ? 'none' : printedFactor(threshold.bySign),
    ]),
  );

const answerText = (answer: ExperimentAnswer, tasks: readonly string[]): readonly string[] => [
  answer.title,
  ...curvesOf(answer).map(({ method, treatment }) => matrix(answer, method, treatment, tasks)),
  thresholdTable(answer),
  answer.rule,
  ...answer.findings.map(({ sentence }) => terminalText(sentence)),
];

/** The accuracy of an arm; for several draws the mean, the lowest and the highest. */
const drawsText = (draws: readonly ExperimentArm[]): string | null => {
  const values = draws.map(({ right }) => accuracyOf(right));
  if (values.length === 0) return null;
  const { mean, lowest, highest } = spreadOf(values);
  return values.length === 1
    ? printedShare(mean)
    : `${printedShare(mean)} (${printedShare(lowest)} to ${printedShare(highest)})`;
};

const accuracyTable = ({ arms, tasks }: ExperimentDocument): string => {
  const names = tasks.map(({ name }) => name);
  const rows = new Map(
    arms.map(({ task: _, right: __, truncated: ___, training: ____, seed: _____, ...name }) => [
      JSON.stringify(name),
      name,
    ]),
  );
  return textTable(
    ['arm', 'experts', ...names],
    [...rows].map(([, name]) => [
      name.method === null
        ? `${name.model}, ${treatmentWords(name.treatment)}`
        : `${name.model} to ${String(name.kept)} by ${name.method}, ${treatmentWords(name.treatment)}`,
      name.kept,
      ...names.map((task) => {
        const draws = arms.filter(
          (one) =>
            one.task === task &&
            one.model === name.model &&
            one.kept === name.kept &&
            one.method === name.method &&
            one.treatment === name.treatment,
        );
        return drawsText(draws);
      }),
    ]),
  );
};

const publishedText = ({ published }: ExperimentDocument): readonly string[] =>
  published === null
    ? []
    : [
        `The paper's own table, by the bare difference to its scratch models in points (${published.source}). ` +
          published.note,
        textTable(
          ['method', 'sizes', 'factor', ...published.tasks, 'above'],
          published.rows.map(({ method, experts, kept, factor, differences, above, of }) => [
            method,
            `${String(experts)} to ${String(kept)}`,
            printedFactor(factor),
            ...differences.map((difference) =>
              difference === null ? null : terminalText(formatSigned(difference, 2)),
            ),
            `${String(above)} of ${String(of)}`,
          ]),
        ),
      ];

/** An experiment as tables: accuracies, both questions with thresholds, and the paper's own numbers. */
export const experimentText = (document: ExperimentDocument): string => {
  const tasks = document.tasks.map(({ name }) => name);
  return [
    accuracyTable(document),
    ...document.answers.flatMap((answer) => answerText(answer, tasks)),
    ...publishedText(document),
    'Differences are in points of accuracy, with two-sided 95 % intervals paired on the same items. ' +
      '+ better, - worse, ? the interval holds 0. Of several draws: the mean, an interval that holds those of all ' +
      'draws, and the lowest and highest difference; + and - hold in every draw.',
    ...document.notes,
    `Run ${document.run}.`,
  ].join('\n\n');
};
