import { refuse } from '../../contract/errors.ts';
import {
  answerChange,
  type ItemAnswers,
  MOST_ITEMS,
  type OutcomesDocument,
  type ShownAnswer,
} from '../../contract/outcomes.ts';
import type { SweepDocument, SweepResult } from '../../contract/sweep.ts';
import { textDifference } from '../../evaluation/item-answers.ts';
import { checkNotes, endingWords } from '../../words/verdicts.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { withEngine } from '../open-engine.ts';
import { type OptionReader, valueOption, type Verb } from '../verb.ts';
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
      return (
        `choice ${String(answer.chosen + 1)}${named === undefined ? '' : ` ${JSON.stringify(named)}`} of ` +
        `[${logprobs}]`
      );
    }
    case 'text':
      return `log-likelihood ${answer.logprob.toFixed(4)} over ${String(answer.tokens)} tokens`;
  }
};

const itemText = ({ item, asked, unpruned, candidate, change, truncatedTokens }: ItemAnswers): string =>
  [
    `${item}: ${change}${truncatedTokens > 0 ? `, ${String(truncatedTokens)} tokens of its context cut` : ''}`,
    ...(asked === null ? [] : [`  asked     ${JSON.stringify(asked.context)}`]),
    ...(asked === null || asked.right.length === 0
      ? []
      : [`  right     ${asked.right.map((right) => JSON.stringify(right)).join(' or ')}`]),
    `  unpruned  ${answerText(unpruned, candidate, asked)}${verdictOf(unpruned)}`,
    `  pruned    ${answerText(candidate, unpruned, asked)}${verdictOf(candidate)}`,
  ].join('\n');

const outcomesText = (document: OutcomesDocument): string => {
  const { model, task, method, seed, factor, counts, total, from, items, note } = document;
  const { lost, gained, same, otherwise } = counts;
  const seeded = seed === null ? '' : ` (seed ${String(seed)})`;
  return [
    `${model}  ${task}  ${method}${seeded}  factor ${factor.toFixed(2)}: ${String(lost)} lost, ` +
      `${String(gained)} gained, ` +
      `${String(same)} the same; ${String(otherwise)} answered differently.`,
    ...items.map(itemText),
    ...(items.length < total
      ? [
          `Items ${String(from + 1)} to ${String(from + items.length)} of ${String(total)}: --from and ` +
            `--count show others.`,
        ]
      : []),
    ...(note === null ? [] : [note]),
  ].join('\n\n');
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
  const factor = reader.real('factor', 1);
  const seed = reader.whole('seed', 0);
  const ofSeed = seed === undefined ? ofMethod : ofMethod.filter((result) => result.seed === seed);
  const found = ofSeed.find((result) => factor === undefined || Math.abs(result.factor - factor) < ROUNDING);
  if (found !== undefined) return found;
  const factors = [...new Set(ofSeed.map((result) => result.factor.toFixed(2)))];
  throw refuse(
    'no-such-point',
    ofSeed.length === 0 ? `--seed ${String(seed)} was not measured.` : `--factor ${String(factor)} was not measured.`,
    ofSeed.length === 0 ? 'Give a seed of the sweep.' : `Give one of ${factors.join(', ')}.`,
  );
};

export const outcomes: Verb = {
  name: 'outcomes',
  usage: 'RUN --method M [--model NAME] [--task T] [--factor X] [--show lost|gained|same] [--workspace DIR]',
  summary: 'Answers of the unpruned model and of a candidate of a sweep, item by item, with differences marked.',
  positionals: [1, 1],
  options: {
    model: valueOption('NAME', 'Model of the sweep (default: its first).'),
    task: valueOption('T', 'Task of the sweep (default: its first).'),
    method: valueOption('M', 'Method, or curve, of the sweep.'),
    factor: valueOption('X', 'Pruning factor (default: the smallest that was measured).'),
    seed: valueOption('N', 'Which draw of a method that was drawn several times (default: its first).'),
    show: valueOption('WHICH', 'Only items that pruning lost, gained, or left right or wrong (same); default: all.'),
    from: valueOption('N', 'Number of the first item to show (default 1).'),
    count: valueOption('N', `Items to show (default ${String(USUAL_ITEMS)}, at most ${String(MOST_ITEMS)}).`),
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    const { workspace, run } = findRun(reader.positionals[0] ?? '', reader, host);
    const show = reader.choice('show', [...answerChange.options, 'all'] as const) ?? 'all';
    const from = (reader.whole('from', 1) ?? 1) - 1;
    const count = Math.min(MOST_ITEMS, reader.whole('count', 1) ?? USUAL_ITEMS);
    // A missing workspace is refused, not created.
    await openExistingWorkspace(workspace);
    return withEngine(
      reader,
      host,
      async (engine) => {
        const sweep = await engine.call('sweep.read', { run });
        const { model, task, method, seed, factor } = namedPoint(reader, sweep);
        const point = { run, model, task, method, seed, factor };
        const document = await engine.call('outcomes.read', { ...point, show, from, count });
        return { document, text: [...checkNotes(sweep), outcomesText(document)].join('\n\n') };
      },
      { workspace },
    );
  },
};
