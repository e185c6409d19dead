import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { refuse } from '../../contract/errors.ts';
import { isMergePlan, type Plan } from '../../contract/plan.ts';
import { fewTokensNote, readImportanceMatrix } from '../../pruning/expert-files/importance-matrix.ts';
import type { ExportedTensor } from '../exported-tensors.ts';
import { planStoredGguf, type StoredGguf } from './stored-gguf.ts';

/** An importance matrix whose rows of experts are those that a plan keeps, in its order; all else as it was. */
export interface PrunedImportance {
  readonly stored: StoredGguf;
  /** How many experts have too few tokens. */
  readonly note: string;
}

/**
 * Cuts the experts of llama.cpp's importance matrix as a plan cuts those of the model.
 *
 * @throws WorkbenchError `bad-gguf`, `bad-imatrix`.
 */
export const prunedImportance = async (
  { descriptor, info, name }: Pick<Checkpoint, 'descriptor' | 'info' | 'name'>,
  plan: Plan,
  file: string,
): Promise<PrunedImportance> => {
  if (isMergePlan(plan) || plan.constants !== undefined)
    throw refuse(
      'bad-imatrix',
      `The plan for ${name} merges or replaces experts, and what an importance matrix becomes then is not defined.`,
      'Make one of the exported model with llama-imatrix.',
    );
  const blocks = descriptor.moeLayers.map(({ block }) => block);
  const { contents, counts, layerOf } = await readImportanceMatrix(file, { experts: info.experts, blocks });
  const tensors = contents.tensors.map((tensor): ExportedTensor => {
    const { name: own, shape, byteOffset, byteLength } = tensor;
    const view = { tensor: own, file, dtype: 'F32' as const, shape, byteOffset, byteLength };
    const layer = layerOf.get(own);
    const kept = layer === undefined ? undefined : plan.kept[layer];
    if (kept === undefined)
      return { name: own, sourceFile: file, dtype: 'F32', shape, byteLength, pieces: [{ view, what: 'the source' }] };
    const rowBytes = byteLength / info.experts;
    const pieces = kept.map((expert) => ({
      view: { ...view, shape: shape.slice(1), byteOffset: byteOffset + expert * rowBytes, byteLength: rowBytes },
      what: `expert ${String(expert)} of the source`,
    }));
    const length = kept.length * rowBytes;
    return {
      name: own,
      sourceFile: file,
      dtype: 'F32',
      shape: [kept.length, ...shape.slice(1)],
      byteLength: length,
      pieces,
    };
  });
  return {
    stored: await planStoredGguf({ weightFiles: [{ name: file, file }] }, tensors, 0),
    note: fewTokensNote(counts, plan.kept),
  };
};
