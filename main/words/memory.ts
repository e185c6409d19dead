import { memoryVerdict, type ModelInfo } from '../contract/model.ts';
import { formatBytes } from './numbers.ts';

/** How a model runs within a memory budget, in which precision, and why. */
export const runsWithin = (info: Pick<ModelInfo, 'memory' | 'dtype'>, budgetBytes: number): string => {
  const [resident, streaming, budget] = [info.memory.resident, info.memory.streaming, budgetBytes].map(formatBytes);
  const precision =
    info.dtype === 'float32' ? 'in float32' : `in float32 (stored as ${info.dtype}; every graph computes in float32)`;
  switch (memoryVerdict(info, budgetBytes).kind) {
    case 'resident':
      return `resident, ${precision}: it takes ${resident ?? ''} of a budget of ${budget ?? ''}`;
    case 'streamed':
      return (
        `one block at a time, ${precision}: with all blocks it would take ${resident ?? ''}, with one it takes ` +
        `${streaming ?? ''}, and the budget is ${budget ?? ''}`
      );
    case 'too-large':
      return `not here: one block at a time takes ${streaming ?? ''} ${precision}, and the budget is ${budget ?? ''}`;
  }
};
