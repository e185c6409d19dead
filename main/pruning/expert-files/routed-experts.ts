import { z } from 'zod';
import { boundedList } from '../../contract/bounds.ts';
import { refuse } from '../../contract/errors.ts';
import type { PlanTarget } from '../validate-plan.ts';

/** Experts of every MoE layer, the best first; each names every expert once. */
export type Ranking = readonly (readonly number[])[];

/** Scores that rank as the lists do, [L][E]. */
export const rankingScores = (ranking: Ranking): Float64Array[] =>
  ranking.map((list) => {
    const scores = new Float64Array(list.length);
    list.forEach((expert, index) => (scores[expert] = list.length - index));
    return scores;
  });

/**
 * Chosen experts of each token, [tokens, layers, top-k], as servers return them for a request: vLLM in `routed_experts`
 * of a completion (`enable_return_routed_experts`, an array with a layer for each block of the model, zeros for dense
 * ones), SGLang in `meta_info` (`return_routed_experts`, base64 of int32). Read as JSON lines with one request each, or
 * as an array that `numpy.save` wrote.
 */
export class RoutedCounts {
  readonly #target: PlanTarget;
  readonly #where: string;
  #counts: Float64Array[] = [];
  #tokens = 0;

  /** `where` names the file in messages. */
  constructor(target: PlanTarget, where: string) {
    this.#target = target;
    this.#where = where;
  }

  /**
   * Counts a request's choices; `values` row by row.
   *
   * @throws WorkbenchError `routed-experts`.
   */
  add(values: ArrayLike<number>, layers: number, what: string): void {
    const { experts, topK, moeLayers } = this.#target;
    const perToken = layers * topK;
    if (layers < moeLayers || values.length === 0 || values.length % perToken !== 0)
      throw this.#bad(`${what} holds ${values.length} numbers, not tokens of ${layers} x ${topK}`);
    if (this.#counts.length === 0) this.#counts = Array.from({ length: layers }, () => new Float64Array(experts));
    if (this.#counts.length !== layers)
      throw this.#bad(`${what} has ${layers} layers, and those before ${this.#counts.length}`);
    for (let index = 0; index < values.length; index += 1) {
      const expert = values[index] ?? -1;
      if (!Number.isInteger(expert) || expert < 0 || expert >= experts)
        throw this.#bad(`${what} names expert ${expert} of ${experts}`);
      const counts = this.#counts[Math.floor(index / topK) % layers];
      if (counts !== undefined) counts[expert] = (counts[expert] ?? 0) + 1;
    }
    this.#tokens += values.length / perToken;
  }

  /** The same for nested lists, [tokens][layers][top-k]. @throws WorkbenchError `routed-experts`. */
  addNested(tokens: readonly (readonly (readonly number[])[])[], what: string): void {
    const layers = tokens[0]?.length ?? 0;
    const { topK } = this.#target;
    const values = tokens.flat(2);
    const isWhole = values.length % (layers * topK) === 0;
    if (isWhole && tokens.some((token) => token.length !== layers || token.some((chosen) => chosen.length !== topK)))
      throw this.#bad(`${what} has a token that is not ${layers} x ${topK}`);
    this.add(values, layers, what);
  }

  /** The counts of every MoE layer, [L][E]. */
  counts(): readonly Float64Array[] {
    const { moeLayers, topK } = this.#target;
    if (this.#counts.length === moeLayers) return this.#counts;
    // A token chooses different experts, so a layer that always says expert 0 is a dense one.
    const routed = this.#counts.filter((counts) => topK === 1 || counts[0] !== topK * this.#tokens);
    if (routed.length === moeLayers) return routed;
    throw this.#bad(
      `it has ${this.#counts.length} layers, ${routed.length} of them with experts; the model has ` +
        `${moeLayers} MoE layers`,
    );
  }

  #bad(what: string): Error {
    return refuse(
      'routed-experts',
      `The routed experts in ${this.#where} cannot be read: ${what}.`,
      'Give those of the unpruned model, [tokens, layers, top-k].',
    );
  }
}

/** Experts by falling count; of equal ones the lower number first. */
export const rankingOfCounts = (counts: readonly ArrayLike<number>[]): Ranking =>
  counts.map((layer) =>
    Array.from({ length: layer.length }, (_, expert) => expert).sort(
      (left, right) => (layer[right] ?? 0) - (layer[left] ?? 0) || left - right,
    ),
  );

/** Characters of a request's base64: 2^26 chosen experts. */
const MOST_CHARACTERS = 2 ** 28 * (4 / 3);
const request = z.object({
  routed_experts: z.union([z.string().min(1).max(MOST_CHARACTERS), boundedList(boundedList(boundedList(z.number())))]),
});
const wrapped = z.object({ meta_info: request });

/** Whether a line of JSON holds the routed experts of a request. */
export const isRoutedRequest = (json: unknown): boolean =>
  request.safeParse(json).success || wrapped.safeParse(json).success;

/** Counts a request of JSON lines; `what` names the line. */
export const addRequest = (counts: RoutedCounts, json: unknown, { moeLayers }: PlanTarget, what: string): void => {
  const inner = wrapped.safeParse(json);
  const { routed_experts: given } = inner.success ? inner.data.meta_info : request.parse(json);
  if (typeof given !== 'string') {
    counts.addNested(given, what);
    return;
  }
  const bytes = Buffer.from(given, 'base64');
  const values = Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readInt32LE(4 * index));
  // Without dense layers, whose number is not in the text.
  counts.add(values, moeLayers, what);
};

const MAGIC = Buffer.from('\u0093NUMPY', 'latin1');

const readers: Readonly<
  Record<string, { readonly size: number; readonly read: (at: Buffer, offset: number) => number }>
> = {
  '|u1': { size: 1, read: (at, offset) => at.readUInt8(offset) },
  '<u2': { size: 2, read: (at, offset) => at.readUInt16LE(offset) },
  '<i2': { size: 2, read: (at, offset) => at.readInt16LE(offset) },
  '<i4': { size: 4, read: (at, offset) => at.readInt32LE(offset) },
  '<i8': { size: 8, read: (at, offset) => Number(at.readBigInt64LE(offset)) },
};

/**
 * Counts an array that `numpy.save` wrote (numpy.lib.format, versions 1 to 3): whole numbers, [tokens, layers, top-k].
 *
 * @throws WorkbenchError `routed-experts`.
 */
export const addNumpyArray = (counts: RoutedCounts, bytes: Buffer, topK: number, where: string): void => {
  const bad = (what: string): Error =>
    refuse(
      'routed-experts',
      `The routed experts in ${where} cannot be read: ${what}.`,
      'Save them with numpy.save as whole numbers, [tokens, layers, top-k].',
    );
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw bad('it is no file of numpy.save');
  if (bytes.length < 12) throw bad('the file is cut off');
  const isFirst = bytes.readUInt8(6) === 1;
  const start = (isFirst ? 10 : 12) + (isFirst ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  const header = bytes.subarray(isFirst ? 10 : 12, start).toString('latin1');
  const [, type = ''] = /'descr': *'([^']{2,4})'/.exec(header) ?? [];
  const [, dimensions = ''] = /'shape': *\(([\d, ]*)\)/.exec(header) ?? [];
  const reader = readers[type];
  if (reader === undefined || !/'fortran_order': *False/.test(header))
    throw bad(`its numbers are ${type || 'unknown'}`);
  const shape = dimensions.split(',').flatMap((each) => (each.trim() === '' ? [] : [Number(each)]));
  const [tokens = 0, layers = 0, chosen = 0, ...more] = shape;
  const length = tokens * layers * chosen;
  if (more.length > 0 || chosen !== topK || length === 0)
    throw bad(`its shape is (${shape.join(', ')}), and the model chooses ${topK} experts`);
  if (bytes.length - start !== length * reader.size) throw bad('its length is not that of its shape');
  const values = Float64Array.from({ length }, (_, index) => reader.read(bytes, start + reader.size * index));
  counts.add(values, layers, 'the array');
};
