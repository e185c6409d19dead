import type { ExportFormat } from '../contract/export.ts';
import type { ModelInfo } from '../contract/model.ts';
import type { Plan } from '../contract/plan.ts';
import { keptExperts } from './export-config.ts';

/**
 * Experts of one graph above which opening it takes long: the memory planner of onnxruntime up to 1.31 takes time with
 * the square of their number (measured with 1.30: 1 s for 256, 20 s for 1024); that of 1.32 does not.
 */
const MANY_EXPERTS = 1024;

/** What whoever uses an export should know, one sentence each. */
export const exportWarnings = ({ moeLayers }: Pick<ModelInfo, 'moeLayers'>, plan: Plan, format: ExportFormat): readonly string[] => {
  const experts = moeLayers * keptExperts(plan);
  if (format === 'hf' || experts < MANY_EXPERTS) return [];
  return [
    `The graph holds ${experts.toLocaleString('en-US')} experts (${moeLayers} MoE layers x ${keptExperts(plan)}): onnxruntime up to 1.31 takes time with the square of ` +
      'that to open it, about 20 s for 1,024; use 1.32 or later.',
  ];
};
