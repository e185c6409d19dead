import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ImportedPlan, PlanImport } from '../contract/calls.ts';
import { refuse } from '../contract/errors.ts';
import type { Plan } from '../contract/plan.ts';
import { recoveredFile } from '../inference/recovered-layer.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { planFromRanking } from '../pruning/plan-from-ranking.ts';
import { readPlan } from '../pruning/read-plan.ts';
import { readRanking } from '../pruning/read-ranking.ts';
import { validatePlan } from '../pruning/validate-plan.ts';
import { isFile } from '../workspace/file-errors.ts';

type Subject = Pick<Checkpoint, 'name' | 'fingerprint' | 'info'>;

/** A plan file names what it keeps or merges; anything else is read as a ranking. */
const isPlanText = (text: string): boolean => /"(?:kept|groups)"\s*:/.test(text);

const rankedPlan = ({ text, name, keep, counts, pins }: PlanImport, { info, name: model, fingerprint }: Subject): Plan => {
  const { experts, topK, moeLayers, expertGroups } = info;
  if (expertGroups !== undefined) {
    throw refuse('groups-uneven', `${model} chooses experts in groups of equal size, which a ranking does not know.`, 'Use a method.');
  }
  if ((keep === undefined) === (counts === undefined)) {
    throw refuse('factor-or-keep', 'A ranking needs a number of kept experts (of all layers, or of each), and not both.', 'Give one of them.');
  }
  const budget = counts === undefined ? ('uniform' as const) : ('manual' as const);
  const ranking = readRanking(text, name, { moeLayers, experts });
  const made = planFromRanking({ ranking, experts, topK, keep: keep ?? 0, budget, pins, ...(counts === undefined ? {} : { counts }) });
  return { ...made, model: { name: model, fingerprint } };
};

const notesOn = async ({ model, recovery }: Plan, { name, fingerprint }: Subject, overlayFolder: string): Promise<string[]> => [
  ...(model === undefined || model.fingerprint === fingerprint ? [] : [`The plan was made for ${model.name} with other weights than ${name} has here.`]),
  ...(recovery === undefined || (await isFile(recoveredFile(overlayFolder, recovery.weights)))
    ? []
    : [`The refitted weights of the plan are not in this workspace: it cannot be exported. Recover it again on ${recovery.tasks.join(', ')}.`]),
];

/**
 * The plan that the text of a plan file or a ranking file stands for, held against the model.
 *
 * @throws WorkbenchError as `readPlan`, `validatePlan`, `readRanking` and `planFromRanking`; `groups-uneven`, `factor-or-keep`.
 */
export const importPlan = async (request: PlanImport, subject: Subject, overlayFolder: string): Promise<ImportedPlan> => {
  const kind = isPlanText(request.text) ? 'plan' : 'ranking';
  const plan = kind === 'plan' ? validatePlan(readPlan(request.text, request.name), subject.info) : rankedPlan(request, subject);
  return { kind, plan, cost: planCost(subject.info, plan), notes: await notesOn(plan, subject, overlayFolder) };
};
