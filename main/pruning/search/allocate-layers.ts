import { at, present } from '../../contract/errors.ts';
import { minOf } from '../../statistics/extremes.ts';

/** What a layer may become: its size (bytes, or experts), and what that costs when it alone is changed (nats). */
export interface LayerOption {
  readonly size: number;
  readonly loss: number;
}

/** A choice of one option for each layer. */
export interface Allocation {
  /** Index of the chosen option, by layer. */
  readonly chosen: readonly number[];
  readonly size: number;
  /** Sum of the losses: that of the model if losses of layers add up. */
  readonly loss: number;
  /** No choice within the budget loses less in this sum. Equal to `loss` where sizes are counted without rounding. */
  readonly bound: number;
}

/** Cells of a table of sizes: more are counted in coarser units. */
const MOST_CELLS = 20_000;

const commonDivisor = (left: number, right: number): number =>
  right === 0 ? left : commonDivisor(right, left % right);

/** Least sum of losses for each size (or `isExact`: of that size) up to the capacity, layer by layer; in units. */
const leastLosses = (
  layers: readonly (readonly LayerOption[])[],
  capacity: number,
  sizeOf: (option: LayerOption) => number,
  isExact = false,
): readonly Float64Array[] => {
  // Without layers, any room is left over; of an exact size nothing may be.
  const tables = [new Float64Array(capacity + 1).fill(isExact ? Infinity : 0, 1)];
  for (const options of layers) {
    const before = tables.at(-1) ?? new Float64Array(capacity + 1);
    const after = new Float64Array(capacity + 1).fill(Infinity);
    for (const option of options) {
      const size = sizeOf(option);
      for (let room = size; room <= capacity; room += 1) {
        const loss = (before[room - size] ?? Infinity) + option.loss;
        if (loss < (after[room] ?? Infinity)) after[room] = loss;
      }
    }
    tables.push(after);
  }
  return tables;
};

/**
 * The choice of one option for each layer with the least sum of losses whose sizes fit into a budget, by dynamic
 * programming over layers; null where none fits. Exact where the sizes (whole numbers) have at most 20,000 multiples of
 * their common divisor within the budget. Else sizes are rounded up to coarser units, so that the choice still fits,
 * and the bound comes from sizes that are rounded down. Ties go to the earlier option. `isExact`: the sizes add up to
 * the budget, whatever the number of cells.
 */
export const allocateLayers = (
  layers: readonly (readonly LayerOption[])[],
  budget: number,
  isExact = false,
): Allocation | null => {
  const least = layers.map((options) => minOf(options.map(({ size }) => size)));
  const room = budget - least.reduce((sum, size) => sum + size, 0);
  if (!(room >= 0)) return null;
  // What every option of a layer takes is taken off, so that only differences are rounded.
  const beyond = layers.map((options, layer) =>
    options.map(({ size, loss }) => ({ size: size - at(least, layer), loss })),
  );
  const divisor = beyond.flat().reduce((common, { size }) => commonDivisor(common, size), 0) || 1;
  const unit = isExact ? divisor : divisor * Math.max(1, Math.ceil(Math.floor(room / divisor) / MOST_CELLS));
  const capacity = Math.floor(room / unit);
  const up = ({ size }: LayerOption): number => Math.ceil(size / unit);
  const tables = leastLosses(beyond, capacity, up, isExact);
  if (tables.at(-1)?.[capacity] === Infinity || (isExact && room % divisor !== 0)) return null;
  const chosen: number[] = [];
  let left = capacity;
  for (let layer = layers.length - 1; layer >= 0; layer -= 1) {
    const [before, wanted] = [tables[layer], tables[layer + 1]?.[left]];
    const options = beyond[layer] ?? [];
    const index = options.findIndex((option) => {
      const rest = left - up(option);
      return rest >= 0 && (before?.[rest] ?? Infinity) + option.loss === wanted;
    });
    const option = present(options[index], 'a table without the choice that made it');
    chosen.unshift(index);
    left -= up(option);
  }
  const taken = chosen.map((index, layer) => layers[layer]?.[index] ?? { size: NaN, loss: NaN });
  const loss = tables.at(-1)?.[capacity] ?? Infinity;
  const down = ({ size }: LayerOption): number => Math.floor(size / unit);
  const bound = unit === divisor ? loss : (leastLosses(beyond, capacity, down).at(-1)?.[capacity] ?? Infinity);
  return { chosen, size: taken.reduce((sum, { size }) => sum + size, 0), loss, bound };
};

/** A loss measured with one layer alone at a number of kept experts. */
export interface CountLoss {
  readonly count: number;
  readonly loss: number;
}

/**
 * Losses at every count from the fewest measured to `experts`, where nothing is lost: straight lines between what was
 * measured. `measured` in any order.
 */
export const lossesBetween = (measured: readonly CountLoss[], experts: number): readonly CountLoss[] => {
  const known = [...measured.filter(({ count }) => count < experts), { count: experts, loss: 0 }].sort(
    (left, right) => left.count - right.count,
  );
  return known.flatMap((from, index) => {
    const to = known[index + 1];
    if (to === undefined) return [from];
    return Array.from({ length: to.count - from.count }, (_, step) => ({
      count: from.count + step,
      loss: from.loss + ((to.loss - from.loss) * step) / (to.count - from.count),
    }));
  });
};

/** How many counts of a layer are measured. */
const MEASURED_COUNTS = 6;

/** About six counts from `least` to below `experts`, in equal ratios, descending. */
export const measuredCounts = (experts: number, least: number): readonly number[] => {
  const ratio = (least / experts) ** (1 / MEASURED_COUNTS);
  const counts = Array.from({ length: MEASURED_COUNTS }, (_, step) => Math.round(experts * ratio ** (step + 1)));
  return [...new Set([...counts, least])]
    .filter((count) => count >= least && count < experts)
    .sort((left, right) => right - left);
};

/**
 * Kept experts of every layer, `keep` times L in all, with the least sum of losses that were measured with one layer
 * alone at some counts. [L]
 */
export const measuredBudget = (
  measured: readonly (readonly CountLoss[])[],
  experts: number,
  keep: number,
): readonly number[] => {
  const layers = measured.map((points) => lossesBetween(points, experts));
  const options = layers.map((losses) => losses.map(({ count, loss }) => ({ size: count, loss })));
  const found = allocateLayers(options, keep * layers.length, true);
  if (found === null) throw new Error(`no counts of ${layers.length} layers keep ${keep} on average`);
  return found.chosen.map((index, layer) => layers[layer]?.[index]?.count ?? experts);
};
