import { memoryVerdict, type ModelInfo } from '../contract/model.ts';
import { formatBytes } from './numbers.ts';

/** How a model runs within a memory budget, in which precision, and why. */
export const runsWithin = (info: Pick<ModelInfo, 'memory' | 'dtype'>, budgetBytes: number): string => {
  const [resident, streaming, budget] = [info.memory.resident, info.memory.streaming, budgetBytes].map(formatBytes);
  const precision =
    info.dtype === 'float32' ? 'in float32' : `in float32 (stored as ${info.dtype}; every graph computes in float32)`;
  switch (memoryVerdict(info, budgetBytes).kind) {
    case 'resident':
      return `resident, ${precision}: all weights take ${resident ?? ''} of a budget of ${budget ?? ''}`;
    case 'streamed':
      return (
        `one block at a time, ${precision}: all weights would take ${resident ?? ''}, the largest block with ` +
        `embedding and head takes ${streaming ?? ''}, and the budget is ${budget ?? ''}`
      );
    case 'too-large':
      return (
        `not here: the largest block with embedding and head takes ${streaming ?? ''} ${precision}, and the budget ` +
        `is ${budget ?? ''}`
      );
  }
};
