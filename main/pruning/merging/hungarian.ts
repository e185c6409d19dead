import { refuse } from '../../contract/errors.ts';

/**
 * Column of each row in the assignment of least total cost, of a [rows, columns] matrix that is square or wider, by
 * shortest augmenting paths: O(rows^2 columns). Among equal optima the choice is deterministic (a constant matrix gives
 * the identity).
 * Source: Crouse 2016, doi:10.1109/TAES.2016.140952 (the rectangular form of Jonker and Volgenant 1987).
 *
 * @throws WorkbenchError `cost-not-finite` where a cost is NaN or infinite.
 */
export const solveAssignment = (cost: Float64Array, rows: number, columns: number): Int32Array => {
  if (cost.length !== rows * columns || rows > columns)
    throw new RangeError(`${cost.length} costs for a ${rows} x ${columns} matrix`);
  const unusable = cost.findIndex((value) => !Number.isFinite(value));
  if (unusable >= 0) {
    const [row, column] = [Math.floor(unusable / columns), unusable % columns];
    throw refuse(
      'cost-not-finite',
      `The assignment cost at row ${row}, column ${column} is ${cost[unusable]}.`,
      'Check the weights of the experts being aligned for values that are not finite.',
    );
  }
  return shortestAugmentingPaths(cost, rows, columns);
};

/** Column of each of the n rows at the least total cost; n <= m. Names follow Crouse: u, v are the dual variables. */
const shortestAugmentingPaths = (cost: Float64Array, n: number, m: number): Int32Array => {
  const u = new Float64Array(n);
  const v = new Float64Array(m);
  const distance = new Float64Array(m);
  const path = new Int32Array(m);
  const columnOf = new Int32Array(n).fill(-1);
  const rowOf = new Int32Array(m).fill(-1);
  const remaining = new Int32Array(m);
  const visitedRows = new Int32Array(n);
  const visitedColumns = new Int32Array(m);

  for (let start = 0; start < n; start++) {
    distance.fill(Infinity);
    // In decreasing order, so that ties end at the lower column.
    for (let k = 0; k < m; k++) remaining[k] = m - 1 - k;
    let remainingCount = m;
    let rowCount = 0;
    let columnCount = 0;
    let lowest = 0;
    let row = start;
    let sink = -1;
    while (sink === -1) {
      visitedRows[rowCount++] = row;
      const base = row * m;
      const offset = lowest - u[row]!;
      let next = Infinity;
      let index = -1;
      for (let k = 0; k < remainingCount; k++) {
        const j = remaining[k]!;
        const through = offset + cost[base + j]! - v[j]!;
        let best = distance[j]!;
        if (through < best) {
          best = through;
          distance[j] = through;
          path[j] = row;
        }
        // Among equal distances a free column ends the path at once.
        if (best < next || (best === next && rowOf[j] === -1)) {
          next = best;
          index = k;
        }
      }
      lowest = next;
      const column = remaining[index]!;
      visitedColumns[columnCount++] = column;
      remaining[index] = remaining[--remainingCount]!;
      if (rowOf[column] === -1) sink = column;
      else row = rowOf[column]!;
    }

    u[start]! += lowest;
    for (let k = 1; k < rowCount; k++) {
      const visited = visitedRows[k]!;
      u[visited]! += lowest - distance[columnOf[visited]!]!;
    }
    for (let k = 0; k < columnCount; k++) {
      const visited = visitedColumns[k]!;
      v[visited]! -= lowest - distance[visited]!;
    }

    let column = sink;
    let assigned = -1;
    while (assigned !== start) {
      assigned = path[column]!;
      rowOf[column] = assigned;
      const previous = columnOf[assigned]!;
      columnOf[assigned] = column;
      column = previous;
    }
  }
  return columnOf;
};
