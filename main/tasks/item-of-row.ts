import { refuse } from '../contract/errors.ts';
import { choiceItem, textItem, type ChoiceItem, type TaskItem } from '../contract/task.ts';

/** Every choice is a sequence of its own; published tasks have at most a few dozen. */
const MAX_CHOICES = 1_000;

export const EXPECTED_ITEM = 'Each line is {"id","context","choices":[...],"answer":0} or {"id","text"}.';

/** Refuses an item whose answer lies outside its choices, with an empty choice, or with more than a thousand. */
export const checkChoices = (item: ChoiceItem, place: string): ChoiceItem => {
  if (item.choices.length > MAX_CHOICES) {
    throw refuse('bad-item', `${place}: has ${String(item.choices.length)} choices (limit ${String(MAX_CHOICES)}).`, 'Leave some out.');
  }
  if (item.answer >= item.choices.length) {
    throw refuse(
      'bad-item',
      `${place}: answer ${String(item.answer)} is outside its ${String(item.choices.length)} choices.`,
      `The answer counts from 0 and must be at most ${String(item.choices.length - 1)}.`,
    );
  }
  const empty = item.choices.indexOf('');
  if (empty >= 0) {
    throw refuse('bad-item', `${place}: choice ${String(empty)} is empty, so it has no log-probability.`, 'Give every choice at least one character.');
  }
  return item;
};

/** An item as it stands in a JSONL or Parquet file. Refuses, naming place and id, what is none. */
export const itemOfRow = (values: Readonly<Record<string, unknown>>, place: string): TaskItem => {
  const named = typeof values['id'] === 'string' ? `${place} (id "${values['id']}")` : place;
  const isText = 'text' in values;
  if (isText && ('choices' in values || 'context' in values)) {
    throw refuse('bad-item', `${named}: has both a text and a context with choices.`, EXPECTED_ITEM);
  }
  const parsed = (isText ? textItem : choiceItem).safeParse(values);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const what = issue === undefined ? 'not an item' : `${issue.path.join('.') || 'item'}: ${issue.message}`;
    throw refuse('bad-item', `${named}: ${what}.`, EXPECTED_ITEM);
  }
  return 'text' in parsed.data ? parsed.data : checkChoices(parsed.data, named);
};
