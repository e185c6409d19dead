import { mapScalings } from '../../main/figures/map-scaling.ts';
import { budgetName, superExpertProtection } from '../../main/contract/plan.ts';
import { planStore } from '../state/plan-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { sweepStore } from '../state/sweep-store.ts';
import { curvesModes, curvesStore } from '../state/view-stores.ts';

/** A setting with one of its values, as a palette item. */
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

/** Margins offered as items; any other is typed into its field. */
const MARGINS = [0.01, 0.02, 0.05] as const;

/** Settings of the map, plot, plan and sweep, one item per value. Window settings (theme, panels) are actions. */
export const paletteSettings: readonly PaletteSetting[] = [
  ...mapScalings.map((scaling) => ({
    label: `Colours of the map: ${scaling === 'layer' ? 'per layer' : scaling}`,
    keywords: ['heatmap', 'scale'],
    apply: () => selectionStore.getState().drawMap({ scaling }),
  })),
  ...curvesModes.map((mode) => ({
    label: `Chart below the map: ${mode === 'absolute' ? 'all tasks' : mode}`,
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
  ...onOff('Stop early', ['threshold', 'sweep'], (on) => sweepStore.getState().chooseStopEarly(on)),
  ...onOff('Measure speed', ['tokens per second', 'sweep'], (on) => sweepStore.getState().chooseSpeed(on)),
];
