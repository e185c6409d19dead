import { finetuneSettings, suitedRate } from '../../main/contract/finetune.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import { maxOf } from '../../main/statistics/extremes.ts';
import type { FinetuneState } from '../state/finetune-store.ts';

type TypedSettings = FinetuneState['settings'];

/** Settings of a training as typed, with the rate that suits the largest of the models where none was typed. */
export const trainingFor = (models: readonly (ModelEntry | null)[], settings: TypedSettings): TypedSettings => {
  if (settings['rate'] !== null) return settings;
  const sizes = models.flatMap((model) => model?.info?.parameters.total ?? []);
  const rate = sizes.length === 0 ? finetuneSettings.parse({}).rate : suitedRate(maxOf(sizes));
  return { ...settings, rate };
};
