import type { ExperimentAnswer, ExperimentArm, ExperimentDocument } from '../contract/experiment.ts';
import type { Engine } from '../engine/engine.ts';
import { spreadOf } from '../evaluation/draws.ts';
import { accuracyOf } from '../evaluation/experiment/pairs.ts';
import {
  experimentThresholdColumns,
  matrixColumns,
  publishedColumns,
  thresholdLines,
} from '../figures/experiment-tables.ts';
import { experimentReproductionText } from '../reproduction/experiment-differences.ts';
import { columnsTable, printedShare, terminalText, textTable } from './terminal-text.ts';
import { armWords } from '../words/methods.ts';
import type { VerbResult } from './verb.ts';

const answerText = (answer: ExperimentAnswer, tasks: readonly string[]): readonly string[] => [
  answer.title,
  columnsTable(matrixColumns(answer, tasks), answer.rows),
  columnsTable(experimentThresholdColumns, thresholdLines(answer)),
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
        ? `${name.model}, ${armWords(name)}`
        : `${name.model} to ${name.kept} by ${name.method}, ${armWords(name)}`,
      name.kept,
      ...names.map((task) => {
        const draws = arms.filter(
          (arm) =>
            arm.task === task &&
            arm.model === name.model &&
            arm.kept === name.kept &&
            arm.method === name.method &&
            arm.treatment === name.treatment &&
            arm.gates === name.gates,
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
        columnsTable(publishedColumns(published), published.rows),
      ];

/** An experiment as tables: accuracies, both questions with thresholds, and the paper's own numbers. */
const experimentText = (document: ExperimentDocument): string => {
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

/** The result of a finished experiment. For a reproduction: the differences, and a failure if there are any. */
export const experimentResult = async (engine: Engine, run: string): Promise<VerbResult> => {
  const document = await engine.call('experiment.read', { run });
  const { reproduction } = document;
  if (reproduction === null) return { document, text: experimentText(document) };
  // Arms that cannot be computed on this machine are listed, but are no difference.
  const failed = reproduction.changed.length > 0 || reproduction.signs.length > 0 || reproduction.arms === 0;
  return {
    document: { ...reproduction, provenance: document.provenance },
    text: experimentReproductionText(reproduction),
    failed,
  };
};
