import { refuse } from '../contract/errors.ts';
import type { Pin } from '../contract/plan.ts';

/** Experts of one MoE layer that must stay and that must go. */
export interface LayerPins {
  readonly stay: ReadonlySet<number>;
  readonly go: ReadonlySet<number>;
}

export const NO_PINS: LayerPins = { stay: new Set(), go: new Set() };

/**
 * Pins of every MoE layer.
 *
 * @throws WorkbenchError `pin-invalid` where a pin names a layer or expert that does not exist, `pins-impossible` where
 * the same expert is pinned to stay and to go.
 */
export const pinsByLayer = (pins: readonly Pin[], layers: number, experts: number): readonly LayerPins[] => {
  const byLayer = Array.from({ length: layers }, () => ({ stay: new Set<number>(), go: new Set<number>() }));
  for (const { layer, expert, keep } of pins) {
    const pinned = byLayer[layer];
    if (pinned === undefined || expert >= experts) {
      throw refuse(
        'pin-invalid',
        `The pin ${layer}:${expert} names ${pinned === undefined ? `layer ${layer}` : `expert ${expert}`}, ` +
          `which the model does not have.`,
        `MoE layers are numbered 0 to ${layers - 1}, experts 0 to ${experts - 1}.`,
      );
    }
    (keep ? pinned.stay : pinned.go).add(expert);
    if (pinned.stay.has(expert) && pinned.go.has(expert)) {
      throw refuse(
        'pins-impossible',
        `Expert ${expert} of layer ${layer} is pinned to stay and to go.`,
        'Remove one of the two pins.',
      );
    }
  }
  return byLayer;
};
