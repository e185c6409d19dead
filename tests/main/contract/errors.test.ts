import { describe, expect, it } from 'vitest';
import { at, present } from '../../../main/contract/errors.ts';
import { groupMoves } from '../../../main/statistics/clustered-pairs.ts';

describe('values that cannot be missing', () => {
  it('gives an item, zero and the empty text too, and refuses an index outside the list', () => {
    expect([at([0, 5], 0), at(['', 'a'], 0), at(Float64Array.of(Number.NaN), 0)]).toEqual([0, '', Number.NaN]);
    expect(() => at([1, 2], 2)).toThrow('there is no item 2 in a list of 2');
    expect(() => at([1, 2], -1)).toThrow('there is no item -1 in a list of 2');
    expect(() => at([], 0, 'a plan without layers')).toThrow('a plan without layers');
  });

  it('gives what is there, and refuses what is missing by its message', () => {
    expect([present(0, ''), present(false, '')]).toEqual([0, false]);
    expect(() => present(new Map<string, number>().get('a'), 'no a')).toThrow('no a');
    expect(() => present(null, 'nothing')).toThrow('nothing');
  });

  it('refuses moves of items whose group is not named, instead of a group without a name', () => {
    expect(() => groupMoves([1, 0, -1], ['p', 'p'])).toThrow('no item 2 in a list of 2');
  });
});
