import type { ItemOutcome } from '../../contract/outcome.ts';
import type { FilterPipeline, TaskItem, WrittenItem } from '../../contract/task.ts';
import { counted } from '../../words/numbers.ts';
import { isWrittenItem } from '../task.ts';
import { compileFilter, TAKE_FIRST } from './compile-filter.ts';
import type { Judging } from './judging.ts';
import { cutAtStops } from './stop-rule.ts';

/** Filters that leave their own results unchanged, one after the other too: no other text is a result of theirs. */
const NORMALISING: ReadonlySet<string> = new Set(['remove_whitespace', 'lowercase', 'uppercase']);
/** Filters whose results are parts of the text or of the filter's settings. */
const EXTRACTING: ReadonlySet<string> = new Set([TAKE_FIRST, 'take_first_k', 'majority_vote', 'regex']);

type Steps = FilterPipeline['filter'];

const fallbacksOf = (steps: Steps): readonly unknown[] => steps.map(({ fallback = '[invalid]' }) => fallback);

/** Why no text can equal an answer. */
interface Obstacle {
  readonly answer: string;
  /** The stop string that the answer holds; null: the filters change every text that would equal it. */
  readonly stop: string | null;
}

/**
 * Why no text that a model can write equals the answer after the filters, or null where some text may. Nothing is
 * claimed where filters or options could make another text equal: regular expressions that are ignored, filters that
 * map texts or read choices, a fallback.
 */
const obstacleOf = ({ rule, isMatch }: Judging, until: readonly string[], answer: string): Obstacle | null => {
  const steps = rule.pipelines[0]?.filter ?? [];
  const { regexes_to_ignore: ignored = [] } = rule.exactMatch;
  if (rule.right === 'ended' || ignored.length > 0) return null;
  if (steps.some((step) => !NORMALISING.has(step.function) && !EXTRACTING.has(step.function))) return null;
  const hasRegex = steps.some((step) => step.function === 'regex');
  if (hasRegex && fallbacksOf(steps).some((text) => typeof text === 'string' && isMatch(text, [answer]))) return null;
  // A match of an expression is stripped; what stands before the last one does not matter.
  const last = steps.findLastIndex((step) => step.function === 'regex');
  const normalised = steps
    .slice(last + 1)
    .filter((step) => NORMALISING.has(step.function))
    .map(compileFilter);
  const strip = compileFilter({ function: 'remove_whitespace' });
  const filters = last < 0 ? normalised : [strip, ...normalised];
  const isUnchanged = (text: string): boolean =>
    filters.reduce<readonly string[]>((left, filter) => filter(left, []), [text])[0] === text;
  const isEqual = (text: string): boolean => isMatch(text, [answer]) && isUnchanged(text);
  const canBeWritten = (text: string): boolean => cutAtStops(text, until) === text && isEqual(text);
  // A list of tasks asks this of every answer, and nearly always the answer itself can be written.
  if (canBeWritten(answer)) return null;
  const candidates = [answer, answer.toLowerCase(), answer.toUpperCase(), answer.trim(), cutAtStops(answer, until)];
  const bare = candidates.flatMap((text) => [text, text.replace(/[!-/:-@[-`{-~]/g, ''), text.replace(/[0-9]/g, '')]);
  const all = [...bare, ...bare.map((text) => text.replace(/[!-/:-@[-`{-~0-9]/g, '')), ...bare.map((t) => t.trim())];
  if (all.some(canBeWritten)) return null;
  if (!all.some(isEqual)) return { answer, stop: null };
  const stop = until.find((entry) => entry !== '' && answer.includes(entry));
  return stop === undefined ? null : { answer, stop };
};

/** Items none of whose answers any text can equal. */
export interface Unreachable {
  readonly items: number;
  readonly of: number;
  readonly first: Obstacle;
}

/** The items of a task that no text can answer; null where there are none. Texts are judged by the first pipeline. */
export const unreachableAnswers = (judging: Judging | undefined, items: readonly TaskItem[]): Unreachable | null => {
  if (judging === undefined || judging.rule.python !== undefined) return null;
  const written = items.filter(isWrittenItem);
  const obstacles = written.flatMap(({ answers, until }) => {
    const found = answers.map((answer) => obstacleOf(judging, until, answer));
    const [first] = found;
    return first !== undefined && first !== null && !found.includes(null) ? [first] : [];
  });
  const [first] = obstacles;
  return first === undefined ? null : { items: obstacles.length, of: written.length, first };
};

const LONGEST = 60;
const shown = (text: string): string =>
  JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}\u2026` : text);

/** "No text can equal the answers of 300 of 300 test items: the answer "12\n" holds the stop string "\n". ..." */
export const unreachableText = ({ items, of, first: { answer, stop } }: Unreachable): string =>
  `No text can equal the answers of ${items} of ${counted(of, 'test item')}: the answer ${shown(answer)} ` +
  (stop === null
    ? 'is changed by the filters, which change every text alike.'
    : `holds the stop string ${shown(stop)}, which ends every text before it.`) +
  ' Such items count as wrong for every model.';

const EXAMPLES = 3;

/** A model's texts beside right answers; `unreachable`: why some answers cannot be written, a fact of the task. */
export interface TextsBesideAnswers {
  readonly unreachable: string | null;
  readonly examples: { readonly text: string; readonly right: string }[];
}

/**
 * Three of a model's texts beside their answers, for a task that it answers nowhere or where answers cannot be reached;
 * null for any other task.
 */
export const textsBesideAnswers = (
  judging: Judging | undefined,
  items: readonly TaskItem[],
  outcomes: readonly ItemOutcome[],
): TextsBesideAnswers | null => {
  const unreachable = unreachableAnswers(judging, items);
  const texts = outcomes.flatMap((outcome) => (outcome.kind === 'written' ? [outcome] : []));
  const isNeverRight = texts.length > 0 && judging?.rule.right !== 'ended' && texts.every(({ correct }) => !correct);
  if (texts.length === 0 || (unreachable === null && !isNeverRight)) return null;
  const byId = new Map(items.filter(isWrittenItem).map((item): [string, WrittenItem] => [item.id, item]));
  const examples = texts.slice(0, EXAMPLES).flatMap(({ id, text }) => {
    const right = byId.get(id)?.answers[0];
    return right === undefined ? [] : [{ text: shown(text), right: shown(right) }];
  });
  return { unreachable: unreachable === null ? null : unreachableText(unreachable), examples };
};
