import type { BlockDescriptor } from '../checkpoint/descriptor.ts';
import { indexShape } from './attention.ts';
import { cachedShape } from './cached-attention.ts';
import { rawWidth } from './compressed-attention.ts';
import { stateShape } from './state.ts';

/** A tensor that a block carries from step to step: an output of its cached form, and an input of the next step. */
export interface CarriedPart {
  readonly name: 'key' | 'value' | 'index' | 'raw' | 'window' | 'state';
  /** Shape for one token [heads, width], or for a whole sequence. */
  readonly shape: readonly number[];
  /** Keys and values of every token of a sequence, or one state for all of them, which cannot be cut back. */
  readonly perToken: boolean;
}

/**
 * Carried by one block: keys, values and the keys of its indexer; keys and what entries are made of; or the state of
 * the operator in place of attention.
 */
export const carriedParts = ({ attention, compressed, state }: BlockDescriptor): readonly CarriedPart[] => {
  if (attention !== null) {
    const { heads, keyDimension, valueDimension } = cachedShape(attention);
    const index = indexShape(attention);
    return [
      { name: 'key', shape: [heads, keyDimension], perToken: true },
      { name: 'value', shape: [heads, valueDimension], perToken: true },
      ...(index === null ? [] : [{ name: 'index', shape: index, perToken: true } as const]),
    ];
  }
  if (compressed !== null) {
    const width = rawWidth(compressed);
    return [
      { name: 'key', shape: [1, compressed.headDimension], perToken: true },
      ...(width === 0 ? [] : [{ name: 'raw', shape: [1, width], perToken: true } as const]),
    ];
  }
  if (state === null) return [];
  const { window, state: matrix } = stateShape(state);
  return [
    { name: 'window', shape: window, perToken: false },
    ...(matrix === null ? [] : [{ name: 'state', shape: matrix, perToken: false } as const]),
  ];
};

/** Name of the input for a part of the tokens before: the sequence's own, or those of a prefix of several sequences. */
export const inputOf = (before: 'past' | 'prefix', { name }: Pick<CarriedPart, 'name'>): string =>
  `${before}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
