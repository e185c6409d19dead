import type { ChoiceItem, TaskItem } from '../contract/task.ts';

/**
 * The items with their questions exchanged: before each item's choices stands the context of the item that follows it
 * (before the last one's, that of the first). What a model still answers rightly then, the choices gave away; where
 * they give nothing away that is about chance. Null where there is no question to exchange: texts, or a single item.
 */
export const exchangeQuestions = (items: readonly TaskItem[]): readonly ChoiceItem[] | null => {
  const choices = items.filter((item): item is ChoiceItem => 'choices' in item);
  if (choices.length !== items.length || choices.length < 2) return null;
  return choices.map((item, index) => ({
    ...item,
    context: choices[(index + 1) % choices.length]?.context ?? item.context,
  }));
};
