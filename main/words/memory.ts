import { memoryIn, memoryVerdict, type ModelInfo } from '../contract/model.ts';
import { formatBytes } from './numbers.ts';

/** How a model runs within a memory budget on a device of onnxruntime, in the device's precision, and why. */
export const runsWithin = (
  info: Pick<ModelInfo, 'memory' | 'dtype'>,
  budgetBytes: number,
  precision = 'float32',
): string => {
  const memory = memoryIn(info, precision);
  const [resident, streaming, budget] = [memory.resident, memory.streaming, budgetBytes].map(formatBytes);
  const words =
    info.dtype === precision
      ? `in ${precision}`
      : `in ${precision} (stored as ${info.dtype}; graphs compute in ${precision} on this device)`;
  switch (memoryVerdict(info, budgetBytes, precision).kind) {
    case 'resident':
      return `resident, ${words}: it takes ${resident ?? ''} of a budget of ${budget ?? ''}`;
    case 'streamed':
      return (
        `one block at a time, ${words}: with all blocks it would take ${resident ?? ''}, with one it takes ` +
        `${streaming ?? ''}, and the budget is ${budget ?? ''}`
      );
    case 'too-large':
      return `not here: one block at a time takes ${streaming ?? ''} ${words}, and the budget is ${budget ?? ''}`;
  }
};
