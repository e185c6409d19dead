import { refuse } from '../../contract/errors.ts';
import {
  answerChange,
  type ItemAnswers,
  MOST_ITEMS,
  type OutcomesDocument,
  type ShownAnswer,
} from '../../contract/outcomes.ts';
import { type PointInTask, sliceBy, type SlicesDocument, slicesRequest } from '../../contract/slices.ts';
import { type SweepDocument, type SweepResult, UNPRUNED } from '../../contract/sweep.ts';
import type { Engine } from '../../engine/engine.ts';
import { textDifference } from '../../evaluation/item-answers.ts';
import { pointInTaskText, sliceColumns, sliceKindText, sliceName } from '../../figures/slice-table.ts';
import { checkNotes, endingWords } from '../../words/verdicts.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { withEngine } from '../open-engine.ts';
import { columnsTable } from '../terminal-text.ts';
import { type OptionReader, switchOption, valueOption, type Verb, type VerbResult } from '../verb.ts';
import { findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { suggestion } from '../../contract/nearest-name.ts';

/** Number of items printed without --count. */
const USUAL_ITEMS = 20;
/** Tables round factors: a factor on the command line matches within this distance. */
const ROUNDING = 0.006;

const verdictOf = ({ isRight }: ShownAnswer): string => (isRight === null ? '' : isRight ? ' (right)' : ' (wrong)');

/** A text on one line, with the part that differs from `other` in brackets. */
const marked = (text: string, other: string): string => {
  const [{ before, changed, after }] = textDifference(text, other);
  const line = JSON.stringify(`${before}\u0001${changed}\u0002${after}`);
  return text === other ? JSON.stringify(text) : line.replace('\\u0001', '[').replace('\\u0002', ']');
};

const answerText = (answer: ShownAnswer, other: ShownAnswer, asked: ItemAnswers['asked']): string => {
  switch (answer.kind) {
    case 'written': {
      const filtered = answer.filtered === null ? '' : `, read as ${JSON.stringify(answer.filtered)}`;
      const cut = answer.stopped === 'length' ? `, ${endingWords(answer)}` : '';
      return `${marked(answer.text, other.kind === 'written' ? other.text : '')}${filtered}${cut}`;
    }
    case 'choice': {
      const named = asked?.choices[answer.chosen];
      const logprobs = answer.logprobs.map((logprob) => logprob.toFixed(3)).join(', ');
      return `choice ${answer.chosen + 1}${named === undefined ? '' : ` ${JSON.stringify(named)}`} of [${logprobs}]`;
    }
    case 'text':
      return `log-likelihood ${answer.logprob.toFixed(4)} over ${answer.tokens} tokens`;
  }
};

const itemText =
  ([one, other]: readonly [string, string]) =>
  ({ item, asked, unpruned, candidate, change, truncatedTokens }: ItemAnswers): string => {
    const width = Math.max(one.length, other.length, 'asked'.length);
    const line = (name: string, text: string): string => `  ${name.padEnd(width)}  ${text}`;
    return [
      `${item}: ${change}${truncatedTokens > 0 ? `, ${truncatedTokens} tokens of its context cut` : ''}`,
      ...(asked === null ? [] : [line('asked', JSON.stringify(asked.context))]),
      ...(asked === null || asked.right.length === 0
        ? []
        : [line('right', asked.right.map((right) => JSON.stringify(right)).join(' or '))]),
      line(one, `${answerText(unpruned, candidate, asked)}${verdictOf(unpruned)}`),
      line(other, `${answerText(candidate, unpruned, asked)}${verdictOf(candidate)}`),
    ].join('\n');
  };

const pageText = (from: number, count: number, total: number): string =>
  `Items ${from + 1} to ${from + count} of ${total}: --from and --count show others.`;

const outcomesText = (document: OutcomesDocument): string => {
  const { model, task, method, seed, factor, counts, total, from, items, note } = document;
  const { lost, gained, same, otherwise } = counts;
  const seeded = seed === null ? '' : ` (seed ${seed})`;
  return [
    `${model}  ${task}  ${method}${seeded}  factor ${factor.toFixed(2)}: ${lost} lost, ` +
      `${gained} gained, ` +
      `${same} the same; ${otherwise} answered differently.`,
    ...items.map(itemText(['unpruned', 'pruned'])),
    ...(items.length < total ? [pageText(from, items.length, total)] : []),
    ...(note === null ? [] : [note]),
  ].join('\n\n');
};

const slicesText = (document: SlicesDocument): string => {
  const { model, task, metric, first, second, slices, total, from, items, notes } = document;
  const [whole] = slices;
  const rows = slices.map((slice) => ({ ...slice, metric }));
  return [
    `${model}  ${task}: ${pointInTaskText(second)} minus ${pointInTaskText(first)}` +
      `${whole === undefined ? '' : `, ${whole.lost} lost, ${whole.gained} gained`}.`,
    ...sliceBy.options.flatMap((by) => {
      const matchingRows = rows.filter((row) => row.by === by);
      return matchingRows.length === 0 ? [] : [`By ${sliceKindText(by)}:`, columnsTable(sliceColumns, matchingRows)];
    }),
    ...items.map(itemText([pointInTaskText(first), pointInTaskText(second)])),
    ...(items.length < total ? [pageText(from, items.length, total)] : []),
    ...notes,
  ].join('\n\n');
};

/** The point of `--against`, `--against-factor` and `--against-seed`; by default the unpruned model. */
const otherPoint = (reader: OptionReader, document: SweepDocument, { model, task }: SweepResult): PointInTask => {
  const method = reader.text('against') ?? UNPRUNED;
  const matchingResults = document.results.filter((result) => result.model === model && result.task === task);
  const names = [...new Set(matchingResults.map((entry) => entry.method))];
  if (!names.includes(method))
    throw refuse('no-such-point', `--against "${method}" was not measured.`, suggestion(method, names));
  const { factor, seed } = pickPoint(
    matchingResults.filter((entry) => entry.method === method),
    { factor: reader.real('against-factor', 1), seed: reader.whole('against-seed', 0) },
    'against-',
  );
  return { method, factor, seed };
};

/** Options that group items. */
const OF_SLICES = ['slices', 'against', 'against-factor', 'against-seed', 'slice'] as const;

const compareOutcomes = async (
  reader: OptionReader,
  engine: Engine,
  sweep: SweepDocument,
  page: { readonly from: number; readonly count: number },
): Promise<VerbResult> => {
  const show = reader.choice('show', slicesRequest.shape.show.unwrap().options) ?? 'lost';
  const point = namedPoint(reader, sweep);
  const { model, task, method, seed, factor } = point;
  const [first, second] = [otherPoint(reader, sweep, point), { method, seed, factor }];
  const asked = { run: sweep.run, model, task, first, second, show };
  const named = reader.text('slice');
  const whole = await engine.call('outcomes.compare', { ...asked, ...(named === undefined ? page : { count: 0 }) });
  if (named === undefined) return { document: whole, text: [...checkNotes(sweep), slicesText(whole)].join('\n\n') };
  const found = whole.slices.find((slice) => slice.name === named || sliceName(slice) === named);
  if (found === undefined)
    throw refuse(
      'no-such-slice',
      `--slice "${named}" is no slice of these items.`,
      suggestion(named, whole.slices.map(sliceName)),
    );
  const { by, name } = found;
  const document = await engine.call('outcomes.compare', { ...asked, ...page, slice: { by, name } });
  return { document, text: [...checkNotes(sweep), slicesText(document)].join('\n\n') };
};

/** The point that the options name; by default the first measured model, task and seed. */
const namedPoint = (reader: OptionReader, { results }: SweepDocument): SweepResult => {
  const pick = (option: 'model' | 'task' | 'method', left: readonly SweepResult[]): readonly SweepResult[] => {
    const names = [...new Set(left.map((result) => result[option]))];
    const name = reader.text(option) ?? (option === 'method' ? undefined : names[0]);
    if (name === undefined || !names.includes(name))
      throw refuse(
        'no-such-point',
        `--${option} ${name === undefined ? 'is missing' : `"${name}" was not measured`}.`,
        name === undefined ? `Give one of ${names.join(', ')}.` : suggestion(name, names),
      );
    return left.filter((result) => result[option] === name);
  };
  const ofMethod = pick('method', pick('task', pick('model', results)));
  return pickPoint(ofMethod, { factor: reader.real('factor', 1), seed: reader.whole('seed', 0) }, '');
};

/** The first point of a method with this seed and factor, if they are given; `prefix` is that of their options. */
const pickPoint = (
  ofMethod: readonly SweepResult[],
  { factor, seed }: { readonly factor: number | undefined; readonly seed: number | undefined },
  prefix: 'against-' | '',
): SweepResult => {
  const ofSeed = seed === undefined ? ofMethod : ofMethod.filter((result) => result.seed === seed);
  const found = ofSeed.find((result) => factor === undefined || Math.abs(result.factor - factor) < ROUNDING);
  if (found !== undefined) return found;
  const factors = [...new Set(ofSeed.map((result) => result.factor.toFixed(2)))];
  throw refuse(
    'no-such-point',
    ofSeed.length === 0
      ? `--${prefix}seed ${String(seed)} was not measured.`
      : `--${prefix}factor ${String(factor)} was not measured.`,
    ofSeed.length === 0 ? 'Give a seed of the sweep.' : `Give one of ${factors.join(', ')}.`,
  );
};

export const outcomes: Verb = {
  name: 'outcomes',
  usage:
    'RUN --method M [--model NAME] [--task T] [--factor X] [--show lost|gained|same] [--slices] [--against M] ' +
    '[--workspace DIR]',
  summary:
    'Answers of the unpruned model and of a candidate of a sweep, item by item, with differences marked; or grouped ' +
    'by length and first token, against the unpruned model or another candidate.',
  positionals: [1, 1],
  options: {
    model: valueOption('NAME', 'Model of the sweep (default: its first).'),
    task: valueOption('T', 'Task of the sweep (default: its first).'),
    method: valueOption('M', 'Method, or curve, of the sweep.'),
    factor: valueOption('X', 'Pruning factor (default: the smallest that was measured).'),
    seed: valueOption('N', 'Which draw of a method that was drawn several times (default: its first).'),
    show: valueOption('WHICH', 'Only items that pruning lost, gained, or left right or wrong (same); default: all.'),
    slices: switchOption(
      'Group the items by length, and by class and first token of the answer, with the paired difference of each.',
    ),
    against: valueOption('M', 'The same against this method or curve instead of the unpruned model.'),
    'against-factor': valueOption('X', 'Its pruning factor (default: the smallest that was measured).'),
    'against-seed': valueOption('N', 'Its draw (default: its first).'),
    slice: valueOption('NAME', 'Show the items of one slice only, by its name in the table.'),
    from: valueOption('N', 'Number of the first item to show (default 1).'),
    count: valueOption('N', `Items to show (default ${USUAL_ITEMS}, at most ${MOST_ITEMS}).`),
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    const from = (reader.whole('from', 1) ?? 1) - 1;
    const count = Math.min(MOST_ITEMS, reader.whole('count', 1) ?? USUAL_ITEMS);
    // A missing workspace is refused, not created.
    await openExistingWorkspace(workspace);
    return withEngine(
      reader,
      host,
      async (engine) => {
        const sweep = await engine.call('sweep.read', { run });
        if (OF_SLICES.some((name) => reader.options[name] !== undefined))
          return compareOutcomes(reader, engine, sweep, { from, count });
        const { model, task, method, seed, factor } = namedPoint(reader, sweep);
        const point = { run, model, task, method, seed, factor };
        const show = reader.choice('show', [...answerChange.options, 'all'] as const) ?? 'all';
        const document = await engine.call('outcomes.read', { ...point, show, from, count });
        return { document, text: [...checkNotes(sweep), outcomesText(document)].join('\n\n') };
      },
      { workspace },
    );
  },
};
