import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { methodLabel, methodOfLabel } from '../contract/method.ts';
import type { Plan } from '../contract/plan.ts';
import type { SweepResult } from '../contract/sweep.ts';
import { isSameFactor } from '../contract/sweep-points.ts';
import type { CardFacts } from '../export/model-card.ts';
import { readSweepDocument } from '../jobs/sweep-record.ts';
import { methods } from '../pruning/methods.ts';
import type { EngineContext } from './engine-context.ts';
import { engineVersion } from './machine.ts';

const isRandom = (label: string): boolean => {
  const { method } = methodOfLabel(label);
  return method !== null && methods[method].random;
};

/** Points of the curve that a plan lies on: the same model, task, method and (where it draws) seed. */
const curveOf = (results: readonly SweepResult[], model: string, { method: name, tasks = [], seed, factor, recovery }: Plan): readonly SweepResult[] => {
  if (name === undefined || factor === undefined) return [];
  const method = methodLabel(name, recovery !== undefined);
  const curve = results.filter(
    (result) =>
      result.model === model &&
      tasks.includes(result.task) &&
      result.method === method &&
      (!isRandom(method) || result.seed === (seed ?? 0)),
  );
  return curve.some((result) => isSameFactor(result.factor, factor)) ? curve : [];
};

/** What the newest sweep of the workspace says about a plan: for the model card of its export. */
export const curveFacts = async (context: EngineContext, checkpoint: Checkpoint, plan: Plan): Promise<CardFacts> => {
  const { runs } = context.workspace;
  for (const { id, kind, models } of await runs.list()) {
    const model = models.find(({ fingerprint }) => fingerprint === checkpoint.fingerprint);
    if (kind !== 'sweep' || model === undefined) continue;
    const document = await readSweepDocument(runs.folder(id));
    const curve = curveOf(document?.results ?? [], model.name, plan);
    if (curve.length > 0) return { curve, version: engineVersion };
  }
  return { curve: [], version: engineVersion };
};
