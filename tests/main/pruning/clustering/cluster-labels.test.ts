import { describe, expect, it } from 'vitest';
import { fillEmptyClusters } from '../../../../main/pruning/clustering/cluster-labels.ts';

// Node 2 is the odd one out of 0, 1, 2.
const affinity = Float64Array.of(1, 0.9, 0.2, 0.1, 0.9, 1, 0.3, 0.1, 0.2, 0.3, 1, 0.1, 0.1, 0.1, 0.1, 1);

describe('fillEmptyClusters', () => {
  it('does not change a labelling with all clusters', () => {
    expect([...fillEmptyClusters(Int32Array.of(1, 1, 0, 0), affinity, 2)]).toEqual([0, 0, 1, 1]);
  });

  it('separates the loosest members until every cluster has one', () => {
    expect([...fillEmptyClusters(Int32Array.of(0, 0, 0, 2), affinity, 3)]).toEqual([0, 0, 1, 2]);
    expect([...fillEmptyClusters(Int32Array.of(0, 0, 0, 0), affinity, 3)]).toEqual([0, 0, 1, 2]);
    expect([...fillEmptyClusters(Int32Array.of(0, 0, 0, 0), new Float64Array(16), 4)]).toEqual([0, 1, 2, 3]);
  });
});
