import type { z } from 'zod';
import { mapScalings } from '../../main/figures/map-scaling.ts';
import { describedExperimentSettings } from '../../main/contract/experiment.ts';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import { type Setting, settingsOf, valueText } from '../../main/contract/setting.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import { experimentStore } from '../state/dialog-stores.ts';
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

/** Values of a setting offered as items; any other is typed into its field. */
const valuesOf = ({ kind, choices, isOptional, default: usual, common = [] }: Setting): readonly unknown[] => {
  if (kind === 'switch') return [true, usual];
  if (kind === 'choice')
    return choices.length === 1 ? [...choices, usual] : isOptional ? [usual, ...choices.slice(1)] : choices;
  return common;
};

const lowered = (label: string): string => label.charAt(0).toLowerCase() + label.slice(1);

/** One item for each offered value of the described settings of a schema: "Next sweep, margin δ: 0.05". */
const linesOf = (
  subject: string,
  schema: z.ZodObject,
  choose: (setting: string, value: unknown) => void,
): readonly PaletteSetting[] =>
  settingsOf(schema).flatMap((setting) =>
    valuesOf(setting).map((value) => ({
      label: `${subject}, ${lowered(setting.label)}: ${valueText(setting, value)}`,
      keywords: [setting.name, setting.help.toLowerCase()],
      apply: () => choose(setting.name, value),
    })),
  );

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
  ...linesOf('Plan', describedPlanSettings, planStore.getState().choose),
  ...linesOf('Next sweep', describedSweepSettings, sweepStore.getState().choose),
  ...linesOf('Next experiment', describedExperimentSettings, experimentStore.getState().choose),
];
