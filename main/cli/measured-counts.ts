import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { keepFromFactor } from '../contract/keep-from-factor.ts';
import { at, present, refuse } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import {
  countsByLosses,
  layerItems,
  type LayerOrder,
  lossesOf,
  measuresLayers,
  plansOfLayers,
  requireUnevenLayers,
} from '../jobs/layer-losses.ts';
import { countedPlan, requireCalibration } from '../jobs/plan-step.ts';
import { requireTokenizer } from '../jobs/task-work.ts';
import type { RequestedSize } from '../pruning/make-plan.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { computeWith } from './open-runner.ts';
import { loadNamedTasks } from './task-options.ts';
import { progressOf } from './terminal.ts';
import { type OptionReader, valueOption, type VerbHost } from './verb.ts';

/** The task whose items measure the layers. */
export const MEASURE_ON = {
  'measure-on': valueOption(
    'T',
    'With --budget measured: the task on whose first calibration items each layer is pruned alone.',
  ),
};

/**
 * The kept experts of each layer under `--budget measured`: every layer is pruned alone at about six counts on
 * calibration items. The size as it was for methods that decide about layers themselves.
 *
 * @throws WorkbenchError `bad-usage`, `groups-uneven`, and those of reading the task.
 */
export const measuredSize = async (
  reader: OptionReader,
  host: VerbHost,
  checkpoint: Checkpoint,
  order: LayerOrder,
  profiles: readonly RoutingStatistics[],
  size: RequestedSize,
): Promise<RequestedSize> => {
  if (!measuresLayers(order)) return size;
  requireUnevenLayers(checkpoint);
  const named = reader.text('measure-on');
  if (named === undefined)
    throw refuse(
      'layers-unmeasured',
      'The budget measured prunes each layer alone on calibration items, and no task names them.',
      'Give --measure-on TASK, usually the task of the profile.',
    );
  if (profiles.length > 1)
    throw refuse(
      'bad-usage',
      `The profile has ${profiles.length} tasks, and the layers are measured on one.`,
      'Choose one with --task.',
    );
  const { experts, topK } = checkpoint.info;
  const { keep = size.factor === undefined ? undefined : keepFromFactor(experts, topK, size.factor) } = size;
  // Without a size, the plan itself says what is missing.
  if (keep === undefined) return size;
  const task = at(await loadNamedTasks(reader, host, [named]), 0, 'a name without its task');
  requireCalibration(task);
  await requireTokenizer(checkpoint);
  const items = layerItems(task.calibration);
  const [statistics = null] = profiles;
  const subject = { model: { name: checkpoint.name, checkpoint }, statistics };
  const losses = await computeWith(checkpoint, reader, host, {
    compute: async ({ runners, steps }) => {
      const layers = await plansOfLayers(checkpoint, (counts) => countedPlan(subject, order, counts, steps.overlays));
      const candidates = layers.flat().map(({ plan }, index) => ({ key: String(index), plan }));
      const keys = new Map(candidates.map(({ key, plan }) => [plan, key]));
      const runner = await runners.open(checkpoint);
      const onProgress = progressOf(host.progress, 'pruning each layer alone');
      const all = [{ key: 'unpruned', plan: null }, ...candidates];
      const outcomes = await runner.evaluate(items, all, { signal: host.signal, onProgress });
      const outcomesOf = (key: string): readonly ItemOutcome[] => present(outcomes.get(key), `no outcomes of ${key}`);
      return lossesOf(layers, outcomesOf('unpruned'), (plan) => outcomesOf(keys.get(plan) ?? 'a plan of no layer'));
    },
  });
  return { counts: countsByLosses([losses], [1], experts, keep) };
};
