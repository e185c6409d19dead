import type { TaskEntry } from '../../../main/contract/task.ts';
import type { ComparableModel } from '../../profile/comparable-models.ts';
import type { MapMinus, MapOrder } from '../../state/map-view.ts';

interface MinusChoice {
  readonly value: string;
  readonly label: string;
  readonly group?: string;
  readonly minus: MapMinus | null;
  readonly isChosen: (minus: MapMinus | null) => boolean;
}

type Named = Pick<TaskEntry, 'handle' | 'title'>;

const relations: Readonly<Record<ComparableModel['relation'], string>> = {
  pruned: 'its pruned copy',
  source: 'what it was pruned from',
  shape: 'same shape',
};

/** Choices for subtraction: nothing, another profiled task, or another model. */
export const minusChoices = (tasks: readonly Named[], models: readonly ComparableModel[]): readonly MinusChoice[] => [
  { value: '', label: 'nothing', minus: null, isChosen: (minus) => minus === null },
  ...tasks.map(({ handle, title }): MinusChoice => ({
    value: `task ${handle}`,
    label: title,
    group: 'Another task',
    minus: { kind: 'task', task: handle },
    isChosen: (minus) => minus?.kind === 'task' && minus.task === handle,
  })),
  ...models.map(({ entry, relation }): MinusChoice => ({
    value: `model ${entry.handle}`,
    label: `${entry.name} (${relations[relation]})`,
    group: 'Another model, same task',
    minus: { kind: 'model', model: entry.handle },
    isChosen: (minus) => minus?.kind === 'model' && minus.model === entry.handle,
  })),
];

interface OrderChoice {
  readonly value: string;
  readonly label: string;
  readonly group?: string;
  readonly order: MapOrder;
  readonly isChosen: (order: MapOrder) => boolean;
}

const plainOrders = { number: 'by number', value: 'by value', plan: 'by the plan', likeness: 'by similarity' } as const;
const orderNames = ['number', 'value', 'plan', 'likeness'] as const;

/** Available orders of the experts in each layer. */
export const orderChoices = (tasks: readonly Named[]): readonly OrderChoice[] => [
  ...orderNames.map((by): OrderChoice => ({
    value: by,
    label: plainOrders[by],
    order: { by },
    isChosen: (order) => order.by === by,
  })),
  ...tasks.map(({ handle, title }): OrderChoice => ({
    value: `task ${handle}`,
    label: `by value on ${title}`,
    group: 'As on another task',
    order: { by: 'task', task: handle },
    isChosen: (order) => order.by === 'task' && order.task === handle,
  })),
];
