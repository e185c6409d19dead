import type { ExperimentAnswer, ExperimentArm, ExperimentDocument } from '../contract/experiment.ts';
import type { Engine } from '../engine/engine.ts';
import { spreadOf } from '../evaluation/draws.ts';
import { accuracyOf } from '../evaluation/experiment/pairs.ts';
import { groupBy } from '../evaluation/threshold.ts';
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
  return textTable(
    ['arm', 'experts', ...names],
    groupBy(arms, ({ model, kept, method, treatment, gates }) => [model, kept, method, treatment, gates]).map(
      (ofArm) => {
        const [arm] = ofArm;
        const { model, kept, method } = arm;
        return [
          method === null ? `${model}, ${armWords(arm)}` : `${model} to ${kept} by ${method}, ${armWords(arm)}`,
          kept,
          ...names.map((task) => drawsText(ofArm.filter((draw) => draw.task === task))),
        ];
      },
    ),
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
