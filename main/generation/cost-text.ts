import type { DecodingCost } from '../inference/model-runner.ts';

/** Message before decoding starts: bytes that a streamed model reads per step; null for a resident model. */
export const costText = ({ streamed, mostSteps, rowsAtOnce, rows }: DecodingCost, sizeBytes: number): string | null => {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  if (!streamed) return null;
  const side = rowsAtOnce < rows ? `${rowsAtOnce} of ${rows} prompts` : 'all prompts';
  return (
    `The model is larger than the memory budget: each step reads its ${gigabytes(sizeBytes)} for one token of ` +
    `${side}, in ${mostSteps} steps at most (${gigabytes(mostSteps * sizeBytes)}).`
  );
};
