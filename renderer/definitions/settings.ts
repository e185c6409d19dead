import type { z } from 'zod';
import { describedPlanSettings } from '../../main/contract/plan.ts';
import { settingsOf } from '../../main/contract/setting.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import type { DefinitionText } from './definition-text.ts';

const definitionsOf = (schema: z.ZodObject): Readonly<Record<string, DefinitionText>> =>
  Object.fromEntries(
    settingsOf(schema).map(({ name, label, about, help }) => [
      name,
      { term: label.charAt(0).toUpperCase() + label.slice(1), text: about ?? help },
    ]),
  );

/** Settings of plans and sweeps, as the contract describes them. */
export const settings = { ...definitionsOf(describedPlanSettings), ...definitionsOf(describedSweepSettings) };
export type SettingName = keyof typeof describedPlanSettings.shape | keyof typeof describedSweepSettings.shape;
