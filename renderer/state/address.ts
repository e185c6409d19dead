import type { ModelEntry, PathHandle } from '../../main/contract/model.ts';
import { describedPlanSettings, methodName, methodOptions, type Pin } from '../../main/contract/plan.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import type { MapMinus, MapOrder, MapView, OptionsByMethod, PlanSettings, PointKey, Selection } from './selection.ts';
import { noSelection, plainMap, plainPlan, routingMetrics, subjects } from './selection.ts';
import { jsonIn } from '../../main/contract/errors.ts';
import { mapScalings } from '../../main/figures/map-scaling.ts';
import { z } from 'zod';
import { PLAN_KEYS } from '../../main/contract/page-fragment.ts';
import { changedSettings, settingsOf, valueIn } from '../../main/contract/setting.ts';

/** Whether a word can be the id of a run. */
export const isRunId = (word: string): boolean => /^[a-z0-9][a-z0-9-]{0,127}$/.test(word);

/** A word of an address that was encoded twice, since no value there may hold a slash. */
export const decodedWord = (word: string): string => {
  try {
    return decodeURIComponent(word);
  } catch (error) {
    // A typed address may hold a single per cent sign.
    if (error instanceof URIError) return word;
    throw error;
  }
};

// The state of the page as a URL fragment: `#view=workbench&model=uncurl-16&task=sort&factor=4`. It survives a reload
// and works as a link. Models and tasks are given by name if that is unique, else by handle.

export type Named = Pick<ModelEntry | TaskEntry, 'handle' | 'name'>;

interface Shelves {
  readonly models: readonly Named[];
  readonly tasks: readonly Named[];
}

const SEPARATOR = ',';

export const nameOf = (list: readonly Named[], handle: PathHandle): string => {
  const name = list.find((known) => known.handle === handle)?.name;
  const isPlain = name !== undefined && !name.includes(SEPARATOR);
  return isPlain && list.filter((known) => known.name === name).length === 1 ? name : handle;
};

export const named = (list: readonly Named[], word: string): PathHandle | null =>
  (list.find((known) => known.handle === word) ?? list.find((known) => known.name === word))?.handle ?? null;

const pinText = ({ layer, expert, keep }: Pin): string => `${layer}.${expert}${keep ? 's' : 'g'}`;

const pinIn = (word: string): Pin | null => {
  const found = /^(\d{1,4})\.(\d{1,5})([sg])$/.exec(word);
  return found === null ? null : { layer: Number(found[1]), expert: Number(found[2]), keep: found[3] === 's' };
};

export const pointText = ({ run, model, task, method, seed, factor }: PointKey): string =>
  [run, model, task, method, seed ?? '', factor].map(encodeURIComponent).join(SEPARATOR);

export const pointIn = (word: string): PointKey | null => {
  const parts = word.split(SEPARATOR).map(decodedWord);
  const [run = '', model = '', task = '', method = '', seed = '', factor = ''] = parts;
  const isPoint = parts.length === 6 && isRunId(run) && /^\d*$/.test(seed) && Number(factor) >= 1;
  return isPoint ? { run, model, task, method, seed: seed === '' ? null : Number(seed), factor: Number(factor) } : null;
};

/** Stored counts per layer without a factor apply to no factor. */
const NO_FACTOR = 0;

const isThere = <T>(value: T | null): value is T => value !== null;

/** The subject of the panel on the right that an address leaves out. */
const usualSubject = (point: PointKey | null): Selection['subject'] => (point === null ? noSelection.subject : 'point');

/** The fragment without its `#`; `words`: keys and values of what views show beside the selection. */
export const addressOf = (
  view: string,
  selection: Selection,
  { models, tasks }: Shelves,
  words: readonly (readonly [string, string])[] = [],
): string => {
  const { model, task, tasks: ticked, method, factor, pins, plan, map, run, beside } = selection;
  const { layer, expert, point, subject } = selection;
  const address = new URLSearchParams({ view });
  if (model !== null) address.set('model', nameOf(models, model));
  if (task !== null) address.set('task', nameOf(tasks, task));
  address.set('tasks', ticked.map((handle) => nameOf(tasks, handle)).join(SEPARATOR));
  address.set('method', method);
  address.set('factor', String(factor));
  const pinned = model === null ? [] : (pins[model] ?? []);
  if (pinned.length > 0) address.set('pins', pinned.map(pinText).join(SEPARATOR));
  for (const [key, word] of planAddress(plan, { model, factor, tasks })) address.set(key, word);
  for (const [key, word] of mapAddress(map, { models, tasks })) address.set(key, word);
  if (run !== null) address.set('run', run);
  if (beside !== null) address.set('beside', beside);
  if (layer !== null && expert !== null) address.set('expert', `${layer}.${expert}`);
  if (point !== null) address.set('point', pointText(point));
  if (subject !== usualSubject(point)) address.set('panel', subject);
  for (const [key, word] of words) address.set(key, word);
  return address.toString().replaceAll('%2C', SEPARATOR);
};

/** The members of `given` whose values in `now` are still those at the `start`; the others have been changed since. */
export const unchosen = <T extends object>(given: Partial<T>, now: T, start: T): Partial<T> => {
  const left: Partial<T> = {};
  const isUntouched = (key: keyof T): boolean => JSON.stringify(now[key]) === JSON.stringify(start[key]);
  for (const key in start) if (key in given && isUntouched(key)) left[key] = given[key];
  return left;
};

/** The content of an address, without what the user has changed before it could be followed. */
export const besideChosen = (known: Partial<Selection>, selection: Selection): Partial<Selection> => {
  const left = unchosen(known, selection, noSelection);
  if (left.model === known.model || selection.model === known.model) return left;
  const { layer: _layer, expert: _expert, ...others } = left;
  return others;
};

interface Addressed {
  readonly view: string | null;
  readonly known: Partial<Selection>;
}

/** Parses a fragment as far as it is understood and refers to known models and tasks; the rest keeps its value. */
export const readAddress = (fragment: string, { models, tasks }: Shelves): Addressed => {
  const address = new URLSearchParams(fragment.replace(/^#/, ''));
  const known: { -readonly [K in keyof Selection]?: Selection[K] } = {};
  const list = (key: string): readonly string[] | null =>
    address
      .get(key)
      ?.split(SEPARATOR)
      .filter((word) => word !== '') ?? null;
  const model = named(models, address.get('model') ?? '');
  if (model !== null) {
    known.model = model;
    const pins = list('pins')?.map(pinIn).filter(isThere);
    if (pins !== undefined && pins.length > 0) known.pins = { [model]: pins };
    const match = /^(\d{1,4})\.(\d{1,5})$/.exec(address.get('expert') ?? '');
    if (match !== null) Object.assign(known, { layer: Number(match[1]), expert: Number(match[2]) });
  }
  const task = named(tasks, address.get('task') ?? '');
  if (task !== null) known.task = task;
  const ticked = list('tasks');
  if (ticked !== null) known.tasks = ticked.map((word) => named(tasks, word)).filter(isThere);
  const method = methodName.safeParse(address.get('method'));
  if (method.success) known.method = method.data;
  const factor = Number(address.get('factor'));
  if (Number.isFinite(factor) && factor >= 1) known.factor = factor;
  const plan = readPlanAddress(address, { model, factor: known.factor ?? NO_FACTOR, tasks });
  if (plan !== null) known.plan = plan;
  const map = readMapAddress(address, { models, tasks });
  if (map !== null) known.map = map;
  for (const key of ['run', 'beside'] as const) {
    const run = address.get(key);
    if (run !== null && isRunId(run)) known[key] = run;
  }
  const point = pointIn(address.get('point') ?? '');
  if (point !== null) Object.assign(known, { point, subject: 'point' });
  const subject = subjects.find((entry) => entry === address.get('panel'));
  if (subject !== undefined) known.subject = subject;
  return { view: address.get('view'), known };
};

/** Experts of a model, by which a factor of an address is judged. */
interface Sized extends Named {
  readonly info?: { readonly experts: number; readonly topK: number } | null;
}

/** Sentences on the parts of an address that are not here and are therefore replaced. */
export const unknownIn = (
  fragment: string,
  {
    models,
    tasks,
    runs,
  }: {
    readonly models: readonly Sized[];
    readonly tasks: readonly Named[];
    readonly runs: readonly { readonly id: string }[];
  },
): readonly string[] => {
  const address = new URLSearchParams(fragment.replace(/^#/, ''));
  const [model, task, factor] = ['model', 'task', 'factor'].map((key) => address.get(key));
  const size = models.find(({ handle }) => handle === named(models, model ?? ''))?.info;
  const run = address.get('run');
  const isRun = run === null || !isRunId(run) || runs.some(({ id }) => id === run);
  const largest = size === undefined || size === null ? Infinity : size.experts / Math.max(1, size.topK);
  const isFactor = factor === null || (Number(factor) >= 1 && Number(factor) <= largest + 0.005);
  const missing = (address.get('tasks') ?? '').split(SEPARATOR).filter((word) => word !== '' && word !== task);
  return [
    ...(model !== null && model !== undefined && named(models, model) === null ? [`model “${model}”`] : []),
    ...[...(task === null || task === undefined ? [] : [task]), ...missing]
      .filter((word) => named(tasks, word) === null)
      .map((word) => `task “${word}”`),
    ...(isFactor ? [] : [`factor ${factor ?? ''}, which ${model ?? 'the model'} does not have`]),
    ...(isRun ? [] : [`run “${run}”`]),
  ].map((what) => `The link names the ${what}.`);
};

/** Keys of every address that the page wrote itself; in such an address, missing keys mean default values. */
const WRITTEN_ALWAYS = ['view', 'tasks', 'method', 'factor'] as const;

/** Whether the page wrote the address, so that a missing key means the default. */
export const isWhole = (fragment: string): boolean => {
  const address = new URLSearchParams(fragment.replace(/^#/, ''));
  return WRITTEN_ALWAYS.every((key) => address.has(key));
};

/**
 * The selection that an address describes: the keys it contains, plus defaults for missing keys if the page wrote it.
 * Pins of models that it does not mention stay.
 */
export const followed = (
  fragment: string,
  selection: Selection,
  shelves: Shelves,
): { readonly view: string | null; readonly known: Partial<Selection> } => {
  const { view, known } = readAddress(fragment, shelves);
  const { model } = known;
  if (model === undefined || model === null || !isWhole(fragment))
    return { view, known: { ...known, pins: { ...selection.pins, ...known.pins } } };
  const none = {
    pins: { [model]: [] },
    plan: plainPlan,
    map: plainMap,
    run: null,
    layer: null,
    expert: null,
    point: null,
    subject: noSelection.subject,
  };
  return { view, known: { ...none, ...known, pins: { ...selection.pins, ...none.pins, ...known.pins } } };
};

// The map's part of the address: `metric=reap&colours=rank&minus=task:sort&order=likeness`. Defaults are left out.

const PLAIN_ORDERS = ['value', 'plan', 'likeness'] as const;

const minusWord = (minus: MapMinus, { models, tasks }: Shelves): string =>
  minus.kind === 'task' ? `task:${nameOf(tasks, minus.task)}` : `model:${nameOf(models, minus.model)}`;

/** Keys and values of the address. */
const mapAddress = (map: MapView, shelves: Shelves): readonly (readonly [string, string])[] => {
  const { metric, minus, scaling, order } = map;
  const words: (readonly [string, string])[] = [];
  if (metric !== plainMap.metric) words.push(['metric', metric]);
  if (scaling !== null) words.push(['colours', scaling]);
  if (minus !== null) words.push(['minus', minusWord(minus, shelves)]);
  if (order.by === 'task') words.push(['order', `task:${nameOf(shelves.tasks, order.task)}`]);
  else if (order.by !== 'number') words.push(['order', order.by]);
  return words;
};

/** The value after `kind:`; null if it is of another kind. */
const after = (word: string, kind: string): string | null =>
  word.startsWith(`${kind}:`) ? word.slice(kind.length + 1) : null;

const minusIn = (word: string, { models, tasks }: Shelves): MapMinus | null => {
  const [taskName, modelName] = [after(word, 'task'), after(word, 'model')];
  const task = taskName === null ? null : named(tasks, taskName);
  if (task !== null) return { kind: 'task', task };
  const model = modelName === null ? null : named(models, modelName);
  return model === null ? null : { kind: 'model', model };
};

const orderIn = (word: string, { tasks }: Shelves): MapOrder => {
  const plain = PLAIN_ORDERS.find((by) => by === word);
  if (plain !== undefined) return { by: plain };
  const name = after(word, 'task');
  const task = name === null ? null : named(tasks, name);
  return task === null ? plainMap.order : { by: 'task', task };
};

/** Parses the map's part of an address; null if there is none. */
const readMapAddress = (address: URLSearchParams, shelves: Shelves): MapView | null => {
  if (!['metric', 'colours', 'minus', 'order'].some((key) => address.has(key))) return null;
  const [minus, order] = [address.get('minus'), address.get('order')];
  return {
    metric: routingMetrics.find((known) => known === address.get('metric')) ?? plainMap.metric,
    scaling: mapScalings.find((known) => known === address.get('colours')) ?? plainMap.scaling,
    minus: minus === null ? null : minusIn(minus, shelves),
    order: order === null ? plainMap.order : orderIn(order, shelves),
  };
};

// The plan's part of the address: `budget=global&seed=3&options={"uncurl":{"clusters":4}}`. Defaults are left out, and
// so are imported files.

/** Context of a plan's address: layer counts belong to a model and a factor, weights to tasks by name. */
interface Subject {
  readonly model: PathHandle | null;
  readonly factor: number;
  readonly tasks: Shelves['tasks'];
}

const changedOptions = (options: OptionsByMethod): OptionsByMethod =>
  Object.fromEntries(Object.entries(options).filter(([, changed]) => Object.keys(changed).length > 0));

/** Keys and values of the address. */
const planAddress = (
  { counts, options, chat, madeFor, taskWeights, ...described }: PlanSettings,
  { model, factor, tasks }: Subject,
): readonly (readonly [string, string])[] => {
  const words = changedSettings(describedPlanSettings, described).map(({ setting, value }): [string, string] => [
    setting.name,
    String(value),
  ]);
  const changed = changedOptions(options);
  const weights = tasks.flatMap(({ handle }) => {
    const weight = taskWeights[handle] ?? 1;
    return weight === 1 ? [] : [[nameOf(tasks, handle), weight] as const];
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
const parsed = <T>(schema: z.ZodType<T>, text: string | null): T | null =>
  text === null ? null : (schema.safeParse(jsonIn(text)).data ?? null);

/** Parses the plan's part of an address; null if there is none. */
const readPlanAddress = (address: URLSearchParams, { model, factor, tasks }: Subject): PlanSettings | null => {
  if (!PLAN_KEYS.some((key) => address.has(key))) return null;
  const counts = z.array(count).safeParse(address.get('counts')?.split('.'));
  const weights = Object.entries(parsed(weightsWritten, address.get('weights')) ?? {}).flatMap(([word, weight]) => {
    const task = named(tasks, word);
    return task === null ? [] : [[task, weight] as const];
  });
  const described = settingsOf(describedPlanSettings).flatMap((setting) => {
    const word = address.get(setting.name);
    const value = word === null ? undefined : valueIn(setting, word);
    return value !== undefined && setting.fits(value) ? [[setting.name, value] as const] : [];
  });
  return {
    ...plainPlan,
    ...describedPlanSettings.parse(Object.fromEntries(described)),
    counts: counts.success && model !== null ? { model, factor, values: counts.data } : null,
    options: parsed(optionsWritten, address.get('options')) ?? plainPlan.options,
    chat: address.get('chat') === 'on',
    madeFor: address.get('for') === 'ticked' ? 'ticked' : 'task',
    taskWeights: Object.fromEntries(weights),
  };
};
