import type { RunDevice } from '../contract/device.ts';
import { memoryIn, memoryVerdict, type ModelInfo, torchVerdict } from '../contract/model.ts';
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

/** The same in PyTorch: within the budget on the processor, or on a card. */
export const runsInTorch = (
  info: { readonly memory: Pick<ModelInfo['memory'], 'torch'> },
  { provider, precision }: Pick<RunDevice, 'provider' | 'precision'>,
  budgetBytes: number,
): string => {
  const isOnProcessor = provider.startsWith('cpu');
  const budget = budgetBytes / (isOnProcessor ? provider.split(',').length : 1);
  const place = { precision, isOnProcessor };
  // Only the engine knows how much memory a card has free.
  const { kind, needBytes } = torchVerdict(info, place, isOnProcessor ? budget : Infinity);
  const [takes, most] = [formatBytes(needBytes), formatBytes(budget)];
  if (kind === 'too-large') return `not here: in PyTorch it takes ${takes} in ${precision}, and the budget is ${most}`;
  const of = isOnProcessor ? `a budget of ${most}` : `what ${provider} has free`;
  if (kind === 'resident') return `in PyTorch, in ${precision}: it takes ${takes} of ${of}`;
  const whole = formatBytes(torchVerdict(info, place, Infinity).needBytes);
  return (
    `in PyTorch, block by block, in ${precision}: as a whole it would take ${whole}, with few blocks it takes ` +
    `${takes}, and the budget is ${most}`
  );
};
