import { mapScalings } from '../../main/figures/map-scaling.ts';
import { budgetName, superExpertProtection } from '../../main/contract/plan.ts';
import { planStore } from '../state/plan-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { sweepStore } from '../state/sweep-store.ts';
import { curvesModes, curvesStore } from '../state/view-stores.ts';

/** A setting with one of its values, as the palette finds it. */
export interface PaletteSetting {
  readonly label: string;
  readonly keywords: readonly string[];
  readonly apply: () => void;
}

const onOff = (
  label: string,
  keywords: readonly string[],
  choose: (on: boolean) => void,
): readonly PaletteSetting[] => [
  { label: `${label}: on`, keywords, apply: () => choose(true) },
  { label: `${label}: off`, keywords, apply: () => choose(false) },
];

/** Whole points of the margin that are at hand; any other is typed into its field. */
const MARGINS = [0.01, 0.02, 0.05] as const;

/** Settings of map, plot, plan and sweep, each value a line; those of the window are actions (theme, panels). */
export const paletteSettings: readonly PaletteSetting[] = [
  ...mapScalings.map((scaling) => ({
    label: `Colours of the map: ${scaling === 'layer' ? 'per layer' : scaling}`,
    keywords: ['heatmap', 'scale'],
    apply: () => selectionStore.getState().drawMap({ scaling }),
  })),
  ...curvesModes.map((mode) => ({
    label: `Below the map: ${mode === 'absolute' ? 'all tasks' : mode}`,
    keywords: ['plot', 'chart', 'curves'],
    apply: () => curvesStore.getState().chooseMode(mode),
  })),
  ...budgetName.options.map((budget) => ({
    label: `Budget of the plan: ${budget}`,
    keywords: ['experts per layer'],
    apply: () => planStore.getState().chooseBudget(budget),
  })),
  ...superExpertProtection.options.map((protect) => ({
    label: `Super experts of the plan: ${protect === 'none' ? 'not protected' : protect}`,
    keywords: ['protection'],
    apply: () => planStore.getState().chooseProtect(protect),
  })),
  ...MARGINS.map((delta) => ({
    label: `Margin of the next sweep: ${String(delta)}`,
    keywords: ['delta', 'safe', 'threshold'],
    apply: () => sweepStore.getState().chooseDelta(delta),
  })),
  ...onOff('Adaptive sweep', ['bisect'], (on) => sweepStore.getState().chooseAdaptive(on)),
  ...onOff('Stop when told', ['threshold', 'sweep'], (on) => sweepStore.getState().chooseStopEarly(on)),
  ...onOff('Measure speed', ['tokens per second', 'sweep'], (on) => sweepStore.getState().chooseSpeed(on)),
];
