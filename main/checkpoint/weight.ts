import { refuse } from '../contract/errors.ts';
import type { TensorView, Weight } from './descriptor.ts';

/** A tensor that is the weight as it stands. */
export const plainWeight = (view: TensorView): Weight => ({ stored: { kind: 'plain', view }, shape: view.shape });

/** The tensor that a weight is, where nothing stands between the two; null otherwise. */
export const wholeView = ({ stored, select, transposed }: Weight): TensorView | null =>
  stored.kind === 'plain' && select === undefined && transposed !== true ? stored.view : null;

/** The tensor that a weight is; refuses quantised, interleaved and transposed ones, which `what` cannot use. */
export const requireWholeView = (weight: Weight, what: string): TensorView => {
  const view = wholeView(weight);
  if (view !== null) return view;
  throw refuse('unsupported-layout', `${what} needs weights that lie as plain matrices; "${storedName(weight)}" is quantised or interleaved.`, 'Use a method that drops experts.');
};

/** Name on disk of the tensor that holds the weight's values. */
export const storedName = ({ stored }: Weight): string => (stored.kind === 'mxfp4' ? stored.blocks.tensor : stored.view.tensor);

/** Every view that a weight reads. */
export const weightViews = ({ stored }: Weight): readonly TensorView[] => {
  switch (stored.kind) {
    case 'plain':
      return [stored.view];
    case 'fp8':
      return [stored.view, stored.scales];
    case 'mxfp4':
      return [stored.blocks, stored.scales];
  }
};

/** The `position`-th of `parts` equal contiguous parts of a tensor. */
export const contiguousPart = (whole: TensorView, position: number, parts: number, shape: readonly number[]): TensorView => {
  const byteLength = whole.byteLength / parts;
  return { ...whole, shape, byteLength, byteOffset: whole.byteOffset + position * byteLength };
};
