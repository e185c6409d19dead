import type { PathHandle } from '../../main/contract/model.ts';
import type { MapScaling } from '../../main/figures/map-scaling.ts';

export const routingMetrics = ['share', 'gate', 'reap', 'ean'] as const;
export type RoutingMetric = (typeof routingMetrics)[number];

/** Subtracted statistics: of the same model on another task, or of another model on the same task. */
export type MapMinus =
  { readonly kind: 'task'; readonly task: PathHandle } | { readonly kind: 'model'; readonly model: PathHandle };

/**
 * Order of experts in each layer: by number, by the values shown, by the metric on another task, by the plan, or by
 * similarity.
 */
export type MapOrder =
  { readonly by: 'number' | 'value' | 'plan' | 'likeness' } | { readonly by: 'task'; readonly task: PathHandle };

/** Content and style of routing maps; part of the selection. */
export interface MapView {
  readonly metric: RoutingMetric;
  /** Null: absolute values. */
  readonly minus: MapMinus | null;
  /** Mapping of values to colours; null: by the number of experts. */
  readonly scaling: MapScaling | null;
  readonly order: MapOrder;
}

export const plainMap: MapView = { metric: 'share', minus: null, scaling: null, order: { by: 'number' } };

/** Equal for equal subtractions. */
export const minusKey = (minus: MapMinus | null): string =>
  minus === null ? '' : minus.kind === 'task' ? `task ${minus.task}` : `model ${minus.model}`;

/** Equal for equal orders. */
export const orderKey = (order: MapOrder): string => (order.by === 'task' ? `task ${order.task}` : order.by);

export const isSameMap = (left: MapView, right: MapView): boolean =>
  left.metric === right.metric &&
  left.scaling === right.scaling &&
  minusKey(left.minus) === minusKey(right.minus) &&
  orderKey(left.order) === orderKey(right.order);
