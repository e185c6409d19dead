import { LARGEST_MARGIN, SMALLEST_MARGIN } from '../../contract/bounds.ts';
import { answerKind } from '../../contract/task.ts';
import { type CompareDocument, MOST_SWEEPS, type SweepsComparison } from '../../contract/compare.ts';
import { refuse } from '../../contract/errors.ts';
import { pick } from '../../figures/columns.ts';
import {
  COMPARE_SHOWN,
  compareColumns,
  compareLines,
  overviewColumns,
  recoveryLines,
  recoveryTaskColumns,
  sweepsColumns,
} from '../../figures/compare-tables.ts';
import { findRun, READING_OPTIONS, withReader, WORKSPACE_OPTION } from '../subjects.ts';
import { valueOption, type Verb, type OptionReader, type VerbHost, type VerbResult } from '../verb.ts';
import { columnsTable, printedFactor, terminalText, textTable } from '../terminal-text.ts';
import { answersText, RANK_CAPTION, referenceText } from '../../words/comparisons.ts';
import { UNITS_NOTE } from '../../words/numbers.ts';
import { sweepsOverview } from '../../evaluation/sweeps/compare-sweeps.ts';

const MOST_LETTERS = 48;

const cut = (text: string): string => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 3)}...` : text);

/** Sweeps against the first of them, as tables: differences in the settings, then candidate by candidate. */
const sweepsText = (comparison: SweepsComparison): string => {
  const { runs, settings, sameSettings, rows, notes } = comparison;
  const [reference, ...others] = runs;
  return [
    `Compared with ${reference?.name ?? ''} (${reference?.run ?? ''}):`,
    settings.length === 0
      ? `All ${sameSettings} settings are the same.`
      : textTable(
          ['setting', ...runs.map(({ run }) => run)],
          settings.map(({ key, values }) => [key, ...values.map((value) => cut(terminalText(value)))]),
        ) + `\n${sameSettings} settings are the same.`,
    ...others.flatMap(({ run, name }) => {
      const matchingRows = rows.filter((row) => row.run === run);
      if (matchingRows.length === 0) return [];
      return [`${name} (${run})`, columnsTable(sweepsColumns, matchingRows)];
    }),
    terminalText(sweepsOverview(comparison)),
    ...notes,
  ].join('\n\n');
};

const MAX_FACTOR = 1e6;

/** Methods against each other as tables: over all tasks, per task, and the effect of recovery. */
const compareText = (document: CompareDocument): string => {
  const { run, model, factor, factors, reference, overview, recoveries, findings, notes } = document;
  return [
    `${model} at factor ${printedFactor(factor)} (measured: ${factors.map(printedFactor).join(', ')}), ` +
      `against ${referenceText(reference)}${answersText(document)}.`,
    columnsTable(overviewColumns, overview),
    columnsTable(pick(compareColumns, COMPARE_SHOWN), compareLines(document)),
    ...(recoveries.length === 0 ? [] : [columnsTable(recoveryTaskColumns, recoveryLines(document))]),
    `${RANK_CAPTION} ${UNITS_NOTE}`,
    ...findings,
    ...notes,
    `Run ${run}.`,
  ].join('\n\n');
};

/** Options that select a part of one sweep. */
const OF_ONE_SWEEP = ['model', 'factor', 'answers', 'reference', 'delta', 'familywise'];

const compareRuns = async (reader: OptionReader, host: VerbHost): Promise<VerbResult> => {
  const unused = OF_ONE_SWEEP.find((name) => reader.options[name] !== undefined);
  if (unused !== undefined)
    throw refuse(
      'bad-usage',
      `--${unused} applies to the comparison of methods in one sweep only.`,
      'Leave it out, or name one sweep.',
    );
  const named = reader.positionals.map((run) => findRun(run, reader, host));
  const [{ workspace } = { workspace: '' }] = named;
  const stranger = named.find((entry) => entry.workspace !== workspace);
  if (stranger !== undefined)
    throw refuse(
      'bad-usage',
      `${stranger.run} is in ${stranger.workspace}, not in ${workspace}.`,
      'Compare sweeps of one workspace.',
    );
  const document = await withReader(host, workspace, (runs) =>
    runs.read({ read: 'sweeps', runs: named.map(({ run }) => run) }),
  );
  return { document, text: sweepsText(document) };
};

export const compare: Verb = {
  name: 'compare',
  usage:
    'RUN [RUN...] [--model NAME] [--factor X] [--answers chosen|written] [--reference M] [--delta X] [--familywise] ' +
    '[--workspace DIR]',
  summary:
    'The methods of a sweep against each other: ranks and paired differences per task, for one model and factor; or ' +
    'several sweeps against the first: what differs in their settings, and every difference, paired where items are ' +
    'shared.',
  positionals: [1, MOST_SWEEPS],
  options: {
    model: valueOption('NAME', 'Model of the sweep (default: its first).'),
    factor: valueOption('X', 'Pruning factor (default: the middle one); the nearest measured factor is used.'),
    answers: valueOption('KIND', 'Tasks whose answers are chosen, or written (default: chosen where there are such).'),
    reference: valueOption(
      'M',
      'Reference of the differences: best (default: the best method of each task), unpruned, or a method.',
    ),
    ...READING_OPTIONS,
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    if (reader.positionals.length > 1) return compareRuns(reader, host);
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    const document = await withReader(host, workspace, (runs) =>
      runs.read({
        read: 'comparison',
        run,
        model: reader.text('model'),
        factor: reader.real('factor', 1, MAX_FACTOR),
        answers: reader.choice('answers', answerKind.options),
        reference: reader.text('reference'),
        delta: reader.real('delta', SMALLEST_MARGIN, LARGEST_MARGIN),
        familywise: reader.flag('familywise'),
      }),
    );
    return { document, text: compareText(document) };
  },
};
