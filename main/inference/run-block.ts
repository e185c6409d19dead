import { present } from '../contract/errors.ts';
import type { BlockDescriptor, ModelDescriptor } from '../checkpoint/descriptor.ts';
import { indexShape, keyValueShape } from '../graph/attention.ts';
import { carriedParts, inputOf } from '../graph/carried.ts';
import { rawWidth } from '../graph/compressed-attention.ts';
import { stateShape } from '../graph/state.ts';
import { streamWidth } from '../graph/stream.ts';
import type { RoutingTaps } from '../profile/routing-statistics.ts';
import { blockFeeds, isPrefixBatch, type Batch } from './batch.ts';
import type { BlockPool } from './block-pool.ts';
import type { LayerVariant } from './layer-variant.ts';
import { floatsOf, floatTensor, integersOf, type Feeds, zeros } from './session.ts';

/** All observations of one MoE layer over N tokens. */
export interface Observation extends RoutingTaps {
  /** [N, K] largest magnitude in each chosen expert's output. */
  readonly peaks: Float32Array;
  /** [N, H] input of the router and the experts, to which their output is added. */
  readonly tokens: Float32Array;
  readonly residual: Float32Array;
  /** [N, H] weighted sum of the chosen experts, without the shared one. */
  readonly routed: Float32Array;
  /** [N, K, I] input of each chosen expert's down projection. */
  readonly inner: Float32Array;
}

const ROUTER_OUTPUTS = ['logits', 'experts', 'weights', 'norms'] as const;
const OBSERVED_OUTPUTS = ['tokens', 'residual', 'routed', 'peaks', 'inner'] as const;

/** Result of a block: the stream [T, W], and observations of its layer if wanted. */
export interface BlockResult {
  readonly hidden: Float32Array;
  readonly taps: RoutingTaps | null;
  readonly observation: Observation | null;
  /** Inputs (`prefixKey` and so on) for trees that continue these tokens, where they are a prefix. */
  readonly carried: Feeds | null;
}

/** Hidden states only; also the routing; or all observations of its layer (if it has experts). */
export type WantedOfBlock = 'hidden' | 'taps' | 'observation';

export interface BlockRun {
  readonly block: number;
  readonly variant: LayerVariant;
  /** Where the tokens belong to several candidates, in equal numbers, the mask of each; absent: the variant's own. */
  readonly masks?: readonly Float32Array[];
  readonly batch: Batch;
  /** [T, W]. */
  readonly hidden: Float32Array;
  readonly want: WantedOfBlock;
  /** Carried by the tokens before the batch's trees; not allowed for an observed block. */
  readonly prefix: Feeds | null;
}

/** One block on one batch. */
export const runBlock = async (
  pool: BlockPool,
  descriptor: ModelDescriptor,
  { block, variant, masks = [variant.mask], batch, hidden, want, prefix }: BlockRun,
): Promise<BlockResult> => {
  const isTapped = want !== 'hidden' && variant.layer !== null;
  const isObserved = want === 'observation' && variant.layer !== null;
  if (isObserved && prefix !== null) throw new Error('an observed block takes no prefix');
  const session = await pool.acquire(block, variant, isObserved ? 'observed' : prefix === null ? 'plain' : 'prefixed');
  const rows = variant.mask.length;
  const mask = pool.spare.take(batch.tokens * rows);
  fillMask(mask, masks, rows);
  const feeds = {
    ...blockFeeds(descriptor, block, batch),
    hidden: floatTensor(hidden, [batch.tokens, streamWidth(descriptor)]),
    ...(rows === 0 ? {} : { mask: floatTensor(mask, [batch.tokens, rows]) }),
    ...prefix,
  };
  const parts = isPrefixBatch(batch) ? carriedParts(blockOf(descriptor, block)) : [];
  const wanted = [
    'hiddenOut',
    ...parts.map(({ name }) => name),
    ...(isTapped ? ROUTER_OUTPUTS : []),
    ...(isObserved ? OBSERVED_OUTPUTS : []),
  ];
  const results = await session.run(feeds, wanted);
  pool.spare.give(mask);
  const floats = (name: string): Float32Array => {
    const tensor = present(results[name], `block ${block} without ${name}`);
    return floatsOf(tensor);
  };
  const { experts } = results;
  const taps =
    isTapped && experts !== undefined
      ? { logits: floats('logits'), experts: integersOf(experts), weights: floats('weights'), norms: floats('norms') }
      : null;
  const observation =
    isObserved && taps !== null
      ? {
          ...taps,
          tokens: floats('tokens'),
          residual: floats('residual'),
          routed: floats('routed'),
          peaks: floats('peaks'),
          inner: floats('inner'),
        }
      : null;
  const carried = parts.flatMap((part) => {
    const tensor = results[part.name];
    return tensor === undefined ? [] : [[inputOf('prefix', part), tensor] as const];
  });
  return {
    hidden: floats('hiddenOut'),
    taps,
    observation,
    carried: isPrefixBatch(batch) ? Object.fromEntries(carried) : null,
  };
};

/**
 * One block for several candidates whose layer differs only by its mask, or is dense: hidden states [T, H] of each.
 * Their tokens run together, one candidate after the other as in `batch`, since products of few tokens are inefficient;
 * each row's numbers equal those of a run alone. What is returned are parts of one array.
 */
export const runBlockTogether = async (
  pool: BlockPool,
  descriptor: ModelDescriptor,
  block: number,
  batch: Batch,
  branches: readonly { readonly variant: LayerVariant; readonly hidden: Float32Array }[],
): Promise<readonly Float32Array[]> => {
  const [first] = branches;
  if (first === undefined) return [];
  const { length } = first.hidden;
  const parts = branches.map((branch) => branch.hidden);
  const together = joinedAlready(parts);
  const hidden = together ?? pool.spare.take(length * branches.length);
  if (together === null) for (const [turn, part] of parts.entries()) hidden.set(part, turn * length);
  const masks = branches.map(({ variant: { mask } }) => mask);
  const run = { block, variant: first.variant, masks, batch, hidden, want: 'hidden', prefix: null } as const;
  const { hidden: states } = await runBlock(pool, descriptor, run);
  if (together === null) pool.spare.give(hidden);
  return branches.map((_, turn) => states.subarray(turn * length, (turn + 1) * length));
};

/** Arrays of equal length that follow each other in one buffer, as one array; null where they do not. */
const joinedAlready = (parts: readonly Float32Array[]): Float32Array | null => {
  const [first] = parts;
  if (first === undefined) return null;
  const { buffer, byteOffset, byteLength, length } = first;
  const follow = parts.every(
    (part, turn) => part.buffer === buffer && part.byteOffset === byteOffset + turn * byteLength,
  );
  return follow ? new Float32Array(buffer, byteOffset, length * parts.length) : null;
};

/** Fills [T, rows] with each mask of `masks` [rows] in turn, for equal numbers of tokens. */
const fillMask = (whole: Float32Array, masks: readonly Float32Array[], rows: number): void => {
  const each = whole.length / masks.length;
  for (const [turn, mask] of masks.entries()) {
    const part = whole.subarray(turn * each, (turn + 1) * each);
    part.set(mask.subarray(0, part.length));
    for (let filled = rows; filled < part.length; filled *= 2) part.copyWithin(filled, 0, part.length - filled);
  }
};

/**
 * Input `mask` [T, rows] of a block: every token has the mask of `masks` given by `maskOf` [T]. A dense block, whose
 * masks are empty, has none.
 */
export const maskOfTokens = (masks: readonly Float32Array[], maskOf: Int32Array): Feeds => {
  const rows = masks[0]?.length ?? 0;
  if (rows === 0) return {};
  const whole = new Float32Array(maskOf.length * rows);
  maskOf.forEach((mask, token) => {
    whole.set(masks[mask] ?? [], token * rows);
  });
  return { mask: floatTensor(whole, [maskOf.length, rows]) };
};

/** Before a prefix: keys and values of one token that no token sees, or a state of zeros. */
export const beforePrefix = (descriptor: ModelDescriptor, block: number): Feeds => {
  const { attention, compressed, state } = blockOf(descriptor, block);
  if (attention !== null) {
    const { heads, keyDimension, valueDimension } = keyValueShape(attention);
    const index = indexShape(attention);
    return {
      prefixKey: zeros([1, heads, keyDimension]),
      prefixValue: zeros([1, heads, valueDimension]),
      ...(index === null ? {} : { prefixIndex: zeros([1, ...index]) }),
    };
  }
  if (compressed !== null) {
    const width = rawWidth(compressed);
    return {
      prefixKey: zeros([1, 1, compressed.headDimension]),
      ...(width === 0 ? {} : { prefixRaw: zeros([1, 1, width]) }),
    };
  }
  if (state === null) return {};
  const { window, state: matrix } = stateShape(state);
  return { prefixWindow: zeros([1, ...window]), ...(matrix === null ? {} : { prefixState: zeros([1, ...matrix]) }) };
};

const blockOf = ({ blocks }: ModelDescriptor, block: number): BlockDescriptor =>
  present(blocks[block], `no block ${block}`);
