import type { Facts } from '../engine/facts.ts';
import { pinOf } from '../features/prune/pin-of.ts';
import { planStore } from '../state/plan-store.ts';

export const hasExpert = ({ selection: { model, layer, expert } }: Facts): boolean =>
  model !== null && layer !== null && expert !== null;

/** Pins the selected expert so, or lets it free where it is pinned so already. */
export const togglePin = ({ selection: { model, layer, expert } }: Facts, keep: boolean): void => {
  if (model === null || layer === null || expert === null) return;
  const { pins, pin } = planStore.getState();
  const known = pinOf(pins[model], layer, expert);
  pin(model, { layer, expert }, known === keep ? null : keep);
};
