import type { PathHandle } from '../../main/contract/model.ts';
import type { MapScaling } from '../../main/figures/map-scaling.ts';

export const routingMetrics = ['share', 'gate', 'reap', 'ean'] as const;
export type RoutingMetric = (typeof routingMetrics)[number];

/** What is subtracted: the same model on another task, or another model on the same task. */
export type MapMinus =
  { readonly kind: 'task'; readonly task: PathHandle } | { readonly kind: 'model'; readonly model: PathHandle };

/**
 * How experts stand in each layer: by their numbers, by what the map shows, by the metric on another task, by what the
 * plan does with them, or like ones side by side.
 */
export type MapOrder =
  { readonly by: 'number' | 'value' | 'plan' | 'likeness' } | { readonly by: 'task'; readonly task: PathHandle };

/** What maps show of a profile, and how; part of the selection. */
export interface MapView {
  readonly metric: RoutingMetric;
  /** Null: amounts are drawn. */
  readonly minus: MapMinus | null;
  /** How colours follow values. */
  readonly scaling: MapScaling;
  readonly order: MapOrder;
}

export const plainMap: MapView = { metric: 'share', minus: null, scaling: 'linear', order: { by: 'number' } };

const minusKey = (minus: MapMinus | null): string =>
  minus === null ? '' : minus.kind === 'task' ? `task ${minus.task}` : `model ${minus.model}`;

const orderKey = (order: MapOrder): string => (order.by === 'task' ? `task ${order.task}` : order.by);

export const isSameMap = (left: MapView, right: MapView): boolean =>
  left.metric === right.metric &&
  left.scaling === right.scaling &&
  minusKey(left.minus) === minusKey(right.minus) &&
  orderKey(left.order) === orderKey(right.order);
