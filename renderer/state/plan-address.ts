import { z } from 'zod';
import type { PathHandle } from '../../main/contract/model.ts';
import { PLAN_KEYS } from '../../main/contract/page-fragment.ts';
import { describedPlanSettings, methodName, methodOptions } from '../../main/contract/plan.ts';
import { changedSettings, settingsOf, valueIn } from '../../main/contract/setting.ts';
import { plainPlan } from './plan-settings.ts';
import type { OptionsByMethod, PlanSettings } from './plan-settings.ts';

// The plan's part of the address: `budget=global&seed=3&options={"uncurl":{"clusters":4}}`. Defaults are left out, and
// so are imported files.

/** Context of a plan's address: layer counts belong to a model and a factor, weights to tasks by name. */
interface Subject {
  readonly model: PathHandle | null;
  readonly factor: number;
}

const changedOptions = (options: OptionsByMethod): OptionsByMethod =>
  Object.fromEntries(Object.entries(options).filter(([, own]) => Object.keys(own).length > 0));

/** Keys and values of the address. */
export const planAddress = (
  { counts, options, chat, madeFor, taskWeights, ...described }: PlanSettings,
  { model, factor, tasks }: Subject & { readonly tasks: readonly { readonly handle: PathHandle }[] },
  taskName: (handle: PathHandle) => string,
): readonly (readonly [string, string])[] => {
  const words = changedSettings(describedPlanSettings, described).map(({ setting, value }): [string, string] => [
    setting.name,
    String(value),
  ]);
  const changed = changedOptions(options);
  const weights = tasks.flatMap(({ handle }) => {
    const weight = taskWeights[handle] ?? 1;
    return weight === 1 ? [] : [[taskName(handle), weight] as const];
  });
  if (described.budget === 'manual' && counts !== null && counts.model === model && counts.factor === factor)
    words.push(['counts', counts.values.join('.')]);
  if (Object.keys(changed).length > 0) words.push(['options', JSON.stringify(changed)]);
  if (chat) words.push(['chat', 'on']);
  if (madeFor !== plainPlan.madeFor) words.push(['for', madeFor]);
  if (weights.length > 0) words.push(['weights', JSON.stringify(Object.fromEntries(weights))]);
  return words;
};

const optionsWritten = z.record(methodName, methodOptions);
const weightsWritten = z.record(z.string(), z.number().min(0));
const count = z.coerce.number().int().min(1);

/** Parses JSON with a schema; null if it does not match. */
const parsed = <T>(schema: z.ZodType<T>, text: string | null): T | null => {
  if (text === null) return null;
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
};

/** Parses the plan's part of an address; null if there is none. */
export const readPlanAddress = (
  read: (key: string) => string | null,
  { model, factor }: Subject,
  taskOf: (word: string) => PathHandle | null,
): PlanSettings | null => {
  if (PLAN_KEYS.every((key) => read(key) === null)) return null;
  const counts = z.array(count).safeParse(read('counts')?.split('.'));
  const weights = Object.entries(parsed(weightsWritten, read('weights')) ?? {}).flatMap(([word, weight]) => {
    const task = taskOf(word);
    return task === null ? [] : [[task, weight] as const];
  });
  const described = settingsOf(describedPlanSettings).flatMap((setting) => {
    const word = read(setting.name);
    const value = word === null ? undefined : valueIn(setting, word);
    return value !== undefined && setting.fits(value) ? [[setting.name, value] as const] : [];
  });
  return {
    ...plainPlan,
    ...describedPlanSettings.parse(Object.fromEntries(described)),
    counts: counts.success && model !== null ? { model, factor, values: counts.data } : null,
    options: parsed(optionsWritten, read('options')) ?? plainPlan.options,
    chat: read('chat') === 'on',
    madeFor: read('for') === 'ticked' ? 'ticked' : 'task',
    taskWeights: Object.fromEntries(weights),
  };
};
