import { z } from 'zod';
import { describedExperimentSettings } from '../../main/contract/experiment.ts';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import { settingsOf } from '../../main/contract/setting.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import type { DefinitionText } from './definition-text.ts';

const shapes = {
  ...describedExperimentSettings.shape,
  ...describedPlanSettings.shape,
  ...describedSweepSettings.shape,
};
export type SettingName = keyof typeof shapes;

/** Settings of experiments, plans and sweeps, as the contract describes them; a sweep's where several have the name. */
export const settings: Readonly<Record<string, DefinitionText>> = Object.fromEntries(
  settingsOf(z.object(shapes)).map(({ name, label, about, help }) => [
    name,
    { term: label.charAt(0).toUpperCase() + label.slice(1), text: about ?? help },
  ]),
);
