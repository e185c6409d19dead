import { refuse } from '../contract/errors.ts';
import type { TensorDtype, TensorView, Weight } from './descriptor.ts';
import { isBlockType } from './gguf/gguf-types.ts';
import { takesFactor } from './gguf/scale-blocks.ts';

const PLAIN: ReadonlySet<TensorDtype> = new Set<TensorDtype>(['F32', 'F16', 'BF16', 'F64']);

const isScalable = ({ dtype }: TensorView): boolean => (isBlockType(dtype) ? takesFactor(dtype) : PLAIN.has(dtype));

/**
 * The same weight times a factor, in its own storage: plain values are multiplied and rounded to their dtype; of
 * quantised ones the scales are, and the codes stay. So what runs is what an export stores.
 *
 * @throws WorkbenchError `gates-not-folded` where the storage holds no factor: powers of two as scales, and the like.
 */
export const scaledWeight = (weight: Weight, factor: number): Weight => {
  if (factor === 1) return weight;
  const { stored } = weight;
  const times = (view: TensorView, by: number): TensorView => {
    if (!isScalable(view)) throw notScalable(view.tensor, view.dtype);
    return { ...view, factor: (view.factor ?? 1) * by };
  };
  switch (stored.kind) {
    case 'plain':
      return { ...weight, stored: { ...stored, view: times(stored.view, factor) } };
    case 'fp8':
    case 'packed-columns':
      return { ...weight, stored: { ...stored, scales: times(stored.scales, factor) } };
    case 'scaled':
      return stored.globalScale === null
        ? { ...weight, stored: { ...stored, scales: times(stored.scales, factor) } }
        : { ...weight, stored: { ...stored, globalScale: times(stored.globalScale, 1 / factor) } };
    case 'mxfp4':
      throw notScalable(stored.scales.tensor, 'powers of two');
    case 'split-heads':
      throw notScalable(stored.values.tensor, 'heads');
  }
};

const notScalable = (tensor: string, what: string): Error =>
  refuse(
    'gates-not-folded',
    `The gates cannot be folded into the down projections: "${tensor}" holds ${what}, which no factor fits.`,
    'Use --gates trained or --gates renormalised, or a checkpoint in another storage.',
  );

/** The tensors in which a weight and the same weight times a factor may differ, in a fixed order. */
export const scalableViews = ({ stored, select }: Weight): readonly TensorView[] => {
  if (select !== undefined) return [];
  switch (stored.kind) {
    case 'plain':
      return [stored.view];
    case 'fp8':
    case 'packed-columns':
      return [stored.scales];
    case 'scaled':
      return [stored.scales, ...(stored.globalScale === null ? [] : [stored.globalScale])];
    case 'mxfp4':
    case 'split-heads':
      return [];
  }
};
