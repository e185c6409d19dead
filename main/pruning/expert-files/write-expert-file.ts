import { refuse } from '../../contract/errors.ts';
import { type DropPlan, isMergePlan, type Plan } from '../../contract/plan.ts';

/** File formats of a plan for other tools. */
export const expertFileFormats = ['plan', 'expert-list', 'mask'] as const;
export type ExpertFileFormat = (typeof expertFileFormats)[number];

/** Parameters for writing a plan. */
export interface ExpertFileTarget {
  readonly name: string;
  /** E: experts of a layer. */
  readonly experts: number;
  /** Numbers of the MoE layers among all layers. */
  readonly layers: readonly number[];
}

export interface WrittenExpertFile {
  readonly text: string;
  /** Information for the user of the file; null: none. */
  readonly note: string | null;
}

/**
 * The text of a plan file:
 * - `expert-list`: JSON lines `{"layer": [every expert, those that stay first]}`, as vllm-ascend reads them
 * (`expert_list_file`, pull request 12525) together with a ratio, which is in the note;
 * - `mask`: [L][E] of 1 (stays) and 0, as EASY-EP writes it (RUCAIBox/EASYEP).
 *
 * @throws WorkbenchError `not-in-this-format` where the format cannot express the plan.
 */
export const expertFileText = (plan: Plan, format: ExpertFileFormat, target: ExpertFileTarget): WrittenExpertFile => {
  if (format === 'plan') return { text: `${JSON.stringify(plan, null, 1)}\n`, note: null };
  const { kept } = requireBareDrops(plan, format);
  return format === 'mask'
    ? { text: `${JSON.stringify(kept.map((layer) => mask(layer, target.experts)))}\n`, note: null }
    : expertList(kept, target);
};

const requireBareDrops = (plan: Plan, format: ExpertFileFormat): DropPlan => {
  if (isMergePlan(plan)) throw unfit(format, 'only lists which experts stay, and the plan merges them', 'plan');
  if (plan.recovery !== undefined) throw unfit(format, 'contains no weights, and the plan refits some', 'plan');
  return plan;
};

const unfit = (format: ExpertFileFormat, why: string, instead: string): Error =>
  refuse('not-in-this-format', `The format ${format} ${why}.`, `Write it as ${instead}.`);

const mask = (kept: readonly number[], experts: number): number[] =>
  Array.from({ length: experts }, (_, expert) => (kept.includes(expert) ? 1 : 0));

const expertList = (kept: DropPlan['kept'], { name, experts, layers }: ExpertFileTarget): WrittenExpertFile => {
  const counts = new Set(kept.map((layer) => layer.length));
  const [count = experts] = counts;
  if (counts.size > 1)
    throw unfit('expert-list', 'goes with one ratio for all layers, and the plan keeps different numbers', 'mask');
  if (layers.some((layer, index) => layer !== index))
    throw unfit(
      'expert-list',
      `does not state whether dense layers count, and ${name} has some before its MoE layers`,
      'mask',
    );
  const lines = kept.map((layer, index) => {
    const others = Array.from({ length: experts }, (_, expert) => expert).filter((expert) => !layer.includes(expert));
    return JSON.stringify({ [index]: [...layer, ...others] });
  });
  return { text: `${lines.join('\n')}\n`, note: `expert_prune_ratio: ${1 - count / experts}` };
};
