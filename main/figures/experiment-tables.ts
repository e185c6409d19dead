import type {
  ExperimentArm,
  ExperimentCell,
  ExperimentDocument,
  ExperimentPair,
  ExperimentThreshold,
} from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { accuracyOf } from '../evaluation/experiment/pairs.ts';
import type { ThemeName } from './colors.ts';
import { figureTheme } from './colors.ts';
import { type Columns, csvTable } from './csv.ts';
import { experimentFigure } from './experiment-figure.ts';

const armColumns: Columns<ExperimentArm> = [
  ['task', ({ task }) => task],
  ['model', ({ model }) => model],
  ['experts', ({ experts }) => experts],
  ['kept', ({ kept }) => kept],
  ['method', ({ method }) => method],
  ['arm', ({ treatment }) => treatment],
  ['seed', ({ seed }) => seed],
  ['n', ({ right }) => right.length],
  ['accuracy', ({ right }) => accuracyOf(right)],
  ['training_steps', ({ training }) => training?.steps ?? null],
  ['first_loss', ({ training }) => training?.firstLoss ?? null],
  ['last_loss', ({ training }) => training?.lastLoss ?? null],
  ['right', ({ right }) => `'${right}`],
];

const pairColumns: Columns<ExperimentPair> = [
  ['against', ({ question }) => question],
  ['task', ({ task }) => task],
  ['method', ({ method }) => method],
  ['arm', ({ treatment }) => treatment],
  ['seed', ({ seed }) => seed],
  ['model', ({ model }) => model],
  ['reference', ({ reference }) => reference],
  ['experts', ({ experts }) => experts],
  ['kept', ({ kept }) => kept],
  ['factor', ({ factor }) => factor],
  ['n', ({ n }) => n],
  ['pruned', ({ pruned }) => pruned],
  ['reference_accuracy', ({ against }) => against],
  ['difference', ({ difference }) => difference],
  ['low', ({ low }) => low],
  ['high', ({ high }) => high],
  ['p', ({ p }) => p],
  ['lost', ({ lost }) => lost],
  ['gained', ({ gained }) => gained],
  ['sign', ({ sign }) => sign],
  ['verdict', ({ verdict }) => verdict],
];

const cellColumns: Columns<ExperimentCell> = [
  ['against', ({ question }) => question],
  ['task', ({ task }) => task],
  ['method', ({ method }) => method],
  ['arm', ({ treatment }) => treatment],
  ['model', ({ model }) => model],
  ['experts', ({ experts }) => experts],
  ['kept', ({ kept }) => kept],
  ['factor', ({ factor }) => factor],
  ['n', ({ n }) => n],
  ['draws', ({ draws }) => draws],
  ['difference', ({ difference }) => difference],
  ['lowest', ({ lowest }) => lowest],
  ['highest', ({ highest }) => highest],
  ['low', ({ low }) => low],
  ['high', ({ high }) => high],
  ['sign', ({ sign }) => sign],
  ['draws_plus', ({ plus }) => plus],
  ['draws_minus', ({ minus }) => minus],
  ['draws_cannot_tell', ({ cannotTell }) => cannotTell],
  ['draws_safe', ({ safe }) => safe],
  ['draws_worse', ({ worse }) => worse],
];

const thresholdColumns: Columns<ExperimentThreshold & { readonly against: string }> = [
  ['against', ({ against }) => against],
  ['model', ({ model }) => model],
  ['experts', ({ experts }) => experts],
  ['task', ({ task }) => task],
  ['method', ({ method }) => method],
  ['arm', ({ treatment }) => treatment],
  ['n', ({ n }) => n],
  ['delta', ({ delta }) => delta],
  ['factor', ({ factor }) => factor],
  ['verdict', ({ verdict }) => verdict],
  ['last_safe', ({ lastSafe }) => lastSafe],
  ['first_unsafe', ({ firstUnsafe }) => firstUnsafe],
  ['first_worse', ({ firstWorse }) => firstWorse],
  ['largest_tested', ({ largestTested }) => largestTested],
  ['by_sign', ({ bySign }) => bySign],
];

/** Figures and tables of an experiment as files, each with the run's manifest inside. */
export const experimentFiles = (
  document: ExperimentDocument,
  manifest: RunManifest,
  theme: ThemeName = 'light',
): readonly { readonly name: string; readonly contents: string }[] => [
  ...document.answers
    .filter(({ pairs }) => pairs.length > 0)
    .map((answer) => ({
      name: `pruned-against-${answer.question}.svg`,
      contents: experimentFigure(document, answer, manifest, figureTheme(theme)).svg,
    })),
  { name: 'experiment-arms.csv', contents: csvTable(manifest, armColumns, document.arms) },
  {
    name: 'experiment-pairs.csv',
    contents: csvTable(
      manifest,
      pairColumns,
      document.answers.flatMap(({ pairs }) => pairs),
    ),
  },
  {
    name: 'experiment-matrix.csv',
    contents: csvTable(
      manifest,
      cellColumns,
      document.answers.flatMap(({ cells }) => cells),
    ),
  },
  {
    name: 'experiment-thresholds.csv',
    contents: csvTable(
      manifest,
      thresholdColumns,
      document.answers.flatMap(({ question, thresholds }) =>
        thresholds.map((threshold) => ({ ...threshold, against: question })),
      ),
    ),
  },
];
