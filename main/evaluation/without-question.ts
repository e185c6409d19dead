import type { ChoiceItem, TaskItem } from '../contract/task.ts';

/**
 * The items with their questions exchanged: each item's choices follow the context of the next item (the last one's
 * that of the first). A model's accuracy on them shows what the choices reveal; about chance where they reveal nothing.
 * Null where there is no question to exchange: texts, or a single item.
 */
export const exchangeQuestions = (items: readonly TaskItem[]): readonly ChoiceItem[] | null => {
  const choices = items.filter((item): item is ChoiceItem => 'choices' in item);
  if (choices.length !== items.length || choices.length < 2) return null;
  return choices.map((item, index) => ({
    ...item,
    context: choices[(index + 1) % choices.length]?.context ?? item.context,
  }));
};
