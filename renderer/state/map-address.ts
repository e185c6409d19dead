import type { PathHandle } from '../../main/contract/model.ts';
import { mapScalings } from '../../main/figures/map-scaling.ts';
import { plainMap, routingMetrics } from './map-view.ts';
import type { MapMinus, MapOrder, MapView } from './map-view.ts';

// The map's part of the address: `metric=reap&colours=rank&minus=task:sort&order=likeness`. Defaults are left out.

const PLAIN_ORDERS = ['value', 'plan', 'likeness'] as const;

interface NamesOf {
  readonly model: (handle: PathHandle) => string;
  readonly task: (handle: PathHandle) => string;
}

interface HandlesOf {
  readonly model: (word: string) => PathHandle | null;
  readonly task: (word: string) => PathHandle | null;
}

const minusWord = (minus: MapMinus, names: NamesOf): string =>
  minus.kind === 'task' ? `task:${names.task(minus.task)}` : `model:${names.model(minus.model)}`;

/** Keys and values of the address. */
export const mapAddress = (map: MapView, names: NamesOf): readonly (readonly [string, string])[] => {
  const { metric, minus, scaling, order } = map;
  const words: (readonly [string, string])[] = [];
  if (metric !== plainMap.metric) words.push(['metric', metric]);
  if (scaling !== plainMap.scaling) words.push(['colours', scaling]);
  if (minus !== null) words.push(['minus', minusWord(minus, names)]);
  if (order.by === 'task') words.push(['order', `task:${names.task(order.task)}`]);
  else if (order.by !== 'number') words.push(['order', order.by]);
  return words;
};

/** The value after `kind:`; null if it is of another kind. */
const after = (word: string, kind: string): string | null =>
  word.startsWith(`${kind}:`) ? word.slice(kind.length + 1) : null;

const minusIn = (word: string, handles: HandlesOf): MapMinus | null => {
  const [taskName, modelName] = [after(word, 'task'), after(word, 'model')];
  const task = taskName === null ? null : handles.task(taskName);
  if (task !== null) return { kind: 'task', task };
  const model = modelName === null ? null : handles.model(modelName);
  return model === null ? null : { kind: 'model', model };
};

const orderIn = (word: string, handles: HandlesOf): MapOrder => {
  const plain = PLAIN_ORDERS.find((by) => by === word);
  if (plain !== undefined) return { by: plain };
  const name = after(word, 'task');
  const task = name === null ? null : handles.task(name);
  return task === null ? plainMap.order : { by: 'task', task };
};

/** Parses the map's part of an address; null if there is none. */
export const readMapAddress = (read: (key: string) => string | null, handles: HandlesOf): MapView | null => {
  const [metric, colours, minus, order] = [read('metric'), read('colours'), read('minus'), read('order')];
  if (metric === null && colours === null && minus === null && order === null) return null;
  return {
    metric: routingMetrics.find((known) => known === metric) ?? plainMap.metric,
    scaling: mapScalings.find((known) => known === colours) ?? plainMap.scaling,
    minus: minus === null ? null : minusIn(minus, handles),
    order: order === null ? plainMap.order : orderIn(order, handles),
  };
};
