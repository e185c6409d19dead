import { at } from '../contract/errors.ts';
import type {
  ChannelConvolution,
  DecayForm,
  Projection,
  StateDescriptor,
  TensorView,
} from '../checkpoint/descriptor.ts';
import { cut, merge, split } from './heads.ts';
import { normalise, normaliseBy, ones, project } from './linear.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import { tensor } from './weights.ts';

/** State of an operator from token to token: the last inputs of its convolution, and a matrix of every head. */
export interface StateShape {
  /** [C - 1, channels]. */
  readonly window: readonly [number, number];
  /** [heads, dimension of keys, dimension of values]; null: none. */
  readonly state: readonly [number, number, number] | null;
}

/** Operators without a convolution pass a number on in place of its window. */
const NO_WINDOW = [1, 1] as const;

export const stateShape = (descriptor: StateDescriptor): StateShape => {
  const { convolution } = descriptor;
  const window = convolution === null ? NO_WINDOW : ([convolution.kernel - 1, convolution.channels] as const);
  return { window, state: matrixShape(descriptor) };
};

const matrixShape = (descriptor: StateDescriptor): StateShape['state'] => {
  switch (descriptor.kind) {
    case 'convolution':
      return null;
    case 'delta':
      return [descriptor.valueHeads, descriptor.keyDimension, descriptor.valueDimension];
    case 'channel-delta':
      return [descriptor.heads, descriptor.dimension, descriptor.dimension];
    case 'mamba':
      return [descriptor.heads, descriptor.stateDimension, descriptor.headDimension];
    case 'lightning':
      return [descriptor.heads, descriptor.dimension, descriptor.dimension];
    case 'mamba-1':
      return [descriptor.channels, descriptor.stateDimension, 1];
  }
};

/** States of B sequences: [B, C - 1, channels] and [B, heads, K, V]. */
export interface States {
  readonly window: Value;
  readonly state: Value | null;
}

/** Sequences of at most S tokens that run side by side. */
export interface Sequences {
  /** [B, S] row of each slot's token (any row for padding slots). */
  readonly pack: Value;
  /** [B, S, 1] 1 where the slot has a token, else 0. */
  readonly real: Value;
  /** [B] number of tokens, which are in the first slots; null where nobody continues the sequences. */
  readonly lengths: Value | null;
}

export interface StateInputs {
  readonly sequences: Sequences;
  /** States before the sequences; null: none, all zero. */
  readonly past: States | null;
  /** Sequences that continue those, and [P] the number of the one that each continues. */
  readonly branches: { readonly sequences: Sequences; readonly parents: Value } | null;
  /** [T] slot of each token among those of the sequences and, after them, the branches. */
  readonly unpack: Value;
}

const inputSequences = (
  graph: OnnxGraph,
  names: { pack: string; lengths: string },
  shape: [string, string],
): Sequences => {
  const pack = graph.input(names.pack, DataType.INT64, shape);
  const lengths = graph.input(names.lengths, DataType.INT64, [shape[0]]);
  const numbers = graph.range(graph.shape(pack, 1, 2));
  const isReal = graph.node('Less', [graph.unsqueeze(numbers, [0]), graph.unsqueeze(lengths, [1])]);
  const real = graph.unsqueeze(graph.node('Cast', [isReal], { to: DataType.FLOAT }), [2]);
  return { pack, real, lengths };
};

/**
 * Inputs of a block with a state. `trees`: trunks, and the branches that continue them; `prefixed`: the same after the
 * state of a prefix, where `continues` [B] is 1; `cached`: sequences that continue their own states.
 */
export const stateInputs = (
  graph: OnnxGraph,
  descriptor: StateDescriptor,
  form: 'trees' | 'prefixed' | 'cached',
): StateInputs => {
  const sequences = inputSequences(graph, { pack: 'pack', lengths: 'lengths' }, ['B', 'S']);
  const unpack = graph.input('unpack', DataType.INT64, ['T']);
  const { window, state } = stateShape(descriptor);
  const states = (name: string, count: number | string): States => ({
    window: graph.input(`${name}Window`, DataType.FLOAT, [count, ...window]),
    state: state === null ? null : graph.input(`${name}State`, DataType.FLOAT, [count, ...state]),
  });
  if (form === 'cached') return { sequences, past: states('past', 'B'), branches: null, unpack };
  const branches = {
    sequences: inputSequences(graph, { pack: 'branchPack', lengths: 'branchLengths' }, ['P', 'Z']),
    parents: graph.input('parents', DataType.INT64, ['P']),
  };
  if (form === 'trees') return { sequences, past: null, branches, unpack };
  const prefix = states('prefix', 1);
  const continues = graph.input('continues', DataType.FLOAT, ['B']);
  /** The prefix's for sequences that continue it, zero for the others. */
  const before = (value: Value, rank: number): Value =>
    graph.mul(
      value,
      graph.node('Unsqueeze', [continues, graph.integers(Array.from({ length: rank }, (_, axis) => axis + 1))]),
    );
  const past = {
    window: before(prefix.window, 2),
    state: prefix.state === null ? null : before(prefix.state, 3),
  };
  return { sequences, past, branches, unpack };
};

/** An operator's nodes before its convolution, between that and the recurrence, and after it. */
interface Operator {
  /** [T, channels] inputs of the convolution, where there is one. */
  readonly channels: Value;
  readonly isActivated: boolean;
  /**
   * Convolved [B, S, channels] -> [B, S, width]; `packed`: values of tokens [T, width] as [B, S, width], 0 in padding;
   * `real`: [B, S, 1] 0 in padding, else 1.
   */
  readonly mix: (convolved: Value, packed: (value: Value) => Value, past: Value | null, real: Value) => Mixed;
  readonly width: number;
  /** Mixed [T, width] -> [T, H]. */
  readonly finish: (mixed: Value) => Value;
}

interface Mixed {
  readonly mixed: Value;
  readonly state: Value | null;
}

/** An operator with a state over packed tokens [T, H] -> [T, H], before the residual, and the sequences' states. */
export const stateOperator = (
  graph: OnnxGraph,
  descriptor: StateDescriptor,
  tokens: Value,
  { sequences, past, branches, unpack }: StateInputs,
): { readonly output: Value; readonly states: States } => {
  const operator = operatorOf(graph, descriptor, tokens);
  const flat = (mixed: Value): Value => merge(graph, mixed, operator.width);
  const first = runSequences(graph, operator, descriptor.convolution, sequences, past);
  if (branches === null)
    return {
      output: operator.finish(graph.gather(flat(first.mixed), unpack, 0)),
      states: first.states,
    };
  const { parents } = branches;
  const ofParents = (value: Value): Value => graph.gather(value, parents, 0);
  const { mixed } = runSequences(graph, operator, descriptor.convolution, branches.sequences, {
    window: ofParents(first.states.window),
    state: first.states.state === null ? null : ofParents(first.states.state),
  });
  const all = graph.concat([flat(first.mixed), flat(mixed)], 0);
  return { output: operator.finish(graph.gather(all, unpack, 0)), states: first.states };
};

const operatorOf = (graph: OnnxGraph, descriptor: StateDescriptor, tokens: Value): Operator => {
  switch (descriptor.kind) {
    case 'convolution':
      return shortConvolution(graph, descriptor, tokens);
    case 'delta':
      return gatedDelta(graph, descriptor, tokens);
    case 'channel-delta':
      return channelDelta(graph, descriptor, tokens);
    case 'mamba':
      return mamba(graph, descriptor, tokens);
    case 'lightning':
      return lightning(graph, descriptor, tokens);
    case 'mamba-1':
      return mamba1(graph, descriptor, tokens);
  }
};

/** One run of the convolution and the recurrence over sequences; padding changes no state. */
const runSequences = (
  graph: OnnxGraph,
  { channels, isActivated, mix }: Operator,
  convolution: ChannelConvolution | null,
  { pack, real, lengths }: Sequences,
  past: States | null,
): { readonly mixed: Value; readonly states: States } => {
  const packed = (value: Value): Value => graph.mul(graph.gather(value, pack, 0), real);
  if (convolution === null) {
    const { mixed, state } = mix(packed(channels), packed, past?.state ?? null, real);
    return { mixed, states: { window: graph.slice(real, 0, 1, 1), state } };
  }
  const before = convolution.kernel - 1;
  const rows = packed(channels);
  const all =
    past === null
      ? graph.node('Pad', [rows, graph.integers([0, before, 0, 0, 0, 0])])
      : graph.concat([past.window, rows], 1);
  const convolved = convolve(graph, all, convolution);
  const activated = isActivated ? silu(graph, convolved) : convolved;
  const { mixed, state } = mix(activated, packed, past?.state ?? null, real);
  return { mixed, states: { window: lengths === null ? all : lastRows(graph, all, lengths, before), state } };
};

/** [B, C - 1 + S, channels] -> [B, S, channels]: one product a place of the kernel. */
const convolve = (graph: OnnxGraph, all: Value, { weights, channels, kernel, bias }: ChannelConvolution): Value => {
  const whole = weights.map((view) => graph.reshape(tensor(graph, view), [-1, kernel]));
  const first = at(whole, 0, 'a convolution without weights');
  const joined = whole.length === 1 ? first : graph.concat(whole, 0);
  const places = graph.transpose(joined, [1, 0]);
  const shifted = (place: number): Value => {
    const behind = kernel - 1 - place;
    const end = graph.integers([behind === 0 ? Number.MAX_SAFE_INTEGER : -behind]);
    return graph.node('Slice', [all, graph.integers([place]), end, graph.integers([1])]);
  };
  const products = Array.from({ length: kernel }, (_, place) =>
    graph.mul(shifted(place), graph.gather(places, graph.integers(place), 0)),
  );
  const sum = products.reduce((left, right) => graph.add(left, right));
  return bias === null ? sum : graph.add(sum, graph.reshape(tensor(graph, bias), [channels]));
};

/** The last rows before the padding: of [B, rows + S, channels] those from `lengths` on. */
const lastRows = (graph: OnnxGraph, all: Value, lengths: Value, rows: number): Value => {
  const numbers = graph.integers(Array.from({ length: rows }, (_, row) => row));
  const places = graph.add(graph.unsqueeze(lengths, [1]), numbers);
  return graph.node('GatherND', [all, graph.unsqueeze(places, [2])], { batch_dims: 1 });
};

const silu = (graph: OnnxGraph, value: Value): Value => graph.node('QuickGelu', [value], { alpha: { float: 1 } });

const shortConvolution = (
  graph: OnnxGraph,
  { input, convolution, output }: Extract<StateDescriptor, { kind: 'convolution' }>,
  tokens: Value,
): Operator => {
  const { channels: width } = convolution;
  const [before, after, value] = cut(graph, project(graph, tokens, input), [width, width, width]);
  return {
    channels: graph.mul(before, value),
    isActivated: false,
    mix: (mixed) => ({ mixed, state: null }),
    width,
    finish: (mixed) => project(graph, graph.mul(after, mixed), output),
  };
};

/** Added to the sum of squares under the root that norms queries and keys. */
const EPSILON = 1e-6;

/**
 * Gated delta net: S <- e^g S; S <- S + k (beta (v - S^T k))^T; o = S^T q, with normed q and k, by onnxruntime's
 * operator, which computes token by token on the processor.
 */
const gatedDelta = (
  graph: OnnxGraph,
  descriptor: Extract<StateDescriptor, { kind: 'delta' }>,
  tokens: Value,
): Operator => {
  const { keyHeads, valueHeads, keyDimension, valueDimension, convolution } = descriptor;
  const [keyWidth, valueWidth] = [keyHeads * keyDimension, valueHeads * valueDimension];
  const { channels, gate, rate, decay } = deltaInputs(graph, descriptor, tokens);
  const speed = graph.node('Neg', [decaySpeed(graph, descriptor)]);
  const step = graph.node('Softplus', [graph.add(decay, tensor(graph, descriptor.decayBias))]);
  const logDecay = graph.mul(step, speed);
  const update = graph.node('Sigmoid', [rate]);
  return {
    channels,
    isActivated: true,
    mix: (convolved, packed, past) => {
      const [query, key, value] = cut(graph, convolved, [keyWidth, keyWidth, valueWidth]);
      const normedQuery = unitHeads(graph, query, keyHeads, keyDimension, 1 / keyDimension);
      const normedKey = unitHeads(graph, key, keyHeads, keyDimension, keyDimension ** -0.5);
      const repeated = (each: Value): Value =>
        repeatedHeads(graph, each, keyHeads, keyDimension, valueHeads / keyHeads, descriptor.sharing);
      // The operator shares a head of queries among heads that follow one another.
      const inTurn = descriptor.sharing === 'in-turn';
      return linearAttention(graph, {
        rule: 'gated_delta',
        query: inTurn ? heads(graph, normedQuery, keyWidth) : repeated(normedQuery),
        queryHeads: inTurn ? keyHeads : valueHeads,
        key: repeated(normedKey),
        heads: valueHeads,
        value,
        past,
        decay: packed(logDecay),
        rate: packed(update),
      });
    },
    width: convolution.channels - 2 * keyWidth,
    finish: (mixed) => {
      const normed = normalise(graph, split(graph, mixed, valueHeads, valueDimension), descriptor.norm);
      return project(graph, graph.mul(merge(graph, normed, valueWidth), silu(graph, gate)), descriptor.output);
    },
  };
};

/** [T, channels] queries, keys and values one after the other, and [T, V], [T, heads] and [T, heads] of the others. */
const deltaInputs = (
  graph: OnnxGraph,
  descriptor: Extract<StateDescriptor, { kind: 'delta' }>,
  tokens: Value,
): Readonly<Record<'channels' | 'gate' | 'rate' | 'decay', Value>> => {
  const { keyHeads, valueHeads, keyDimension, valueDimension, input } = descriptor;
  if (input.rows === 'by-kind')
    return {
      channels: project(graph, tokens, input.queryKeyValue),
      gate: project(graph, tokens, input.gate),
      rate: project(graph, tokens, input.rate),
      decay: project(graph, tokens, input.decay),
    };
  const repeats = valueHeads / keyHeads;
  const values = repeats * valueDimension;
  const byHeadOf = (rateDecay: Projection): Readonly<Record<'rate' | 'decay', Value>> => {
    const [rate, decay] = cut(graph, split(graph, project(graph, tokens, rateDecay), keyHeads, 2 * repeats), [
      repeats,
      repeats,
    ]);
    return { rate: merge(graph, rate, valueHeads), decay: merge(graph, decay, valueHeads) };
  };
  if (input.rows === 'rates-by-head')
    return {
      channels: project(graph, tokens, input.queryKeyValue),
      gate: project(graph, tokens, input.gate),
      ...byHeadOf(input.rateDecay),
    };
  const byHead = split(graph, project(graph, tokens, input.queryKeyValueGate), keyHeads, 2 * (keyDimension + values));
  const [query, key, value, gate] = cut(graph, byHead, [keyDimension, keyDimension, values, values]);
  const flat = [query, key].map((each) => merge(graph, each, keyHeads * keyDimension));
  const valueWidth = valueHeads * valueDimension;
  return {
    channels: graph.concat([...flat, merge(graph, value, valueWidth)], -1),
    gate: merge(graph, gate, valueWidth),
    ...byHeadOf(input.rateDecay),
  };
};

/** A of the decay, which is stored in several forms. */
const decaySpeed = (
  graph: OnnxGraph,
  { decayLog, decayForm }: { readonly decayLog: TensorView; readonly decayForm: DecayForm },
): Value => {
  const stored = tensor(graph, decayLog);
  switch (decayForm) {
    case 'logarithm':
      return graph.node('Exp', [stored]);
    case 'negated':
      return graph.node('Neg', [stored]);
    case 'plain':
      return stored;
  }
};

/** Kimi delta attention: the rule of the gated delta net with a decay of every channel of the keys. */
const channelDelta = (
  graph: OnnxGraph,
  descriptor: Extract<StateDescriptor, { kind: 'channel-delta' }>,
  tokens: Value,
): Operator => {
  const { heads: count, dimension, query, key, value, decayBound, norm } = descriptor;
  const width = count * dimension;
  const projected = [query, key, value].map((each) => project(graph, tokens, each));
  const ofLow = (part: 'decay' | 'gate'): Value =>
    project(graph, descriptor.low === null ? tokens : project(graph, tokens, descriptor.low[part]), descriptor[part]);
  const speed = graph.reshape(decaySpeed(graph, descriptor), [count, 1]);
  const decays = split(graph, graph.add(ofLow('decay'), tensor(graph, descriptor.decayBias)), count, dimension);
  const logDecay =
    decayBound === null
      ? graph.node('Neg', [graph.mul(graph.node('Softplus', [decays]), speed)])
      : graph.mul(graph.node('Sigmoid', [graph.mul(decays, speed)]), graph.float(decayBound));
  const update = graph.node('Sigmoid', [project(graph, tokens, descriptor.rate)]);
  const gate = graph.node('Sigmoid', [ofLow('gate')]);
  return {
    channels: graph.concat(projected, -1),
    isActivated: true,
    mix: (convolved, packed, past) => {
      const [rawQuery, rawKey, values] = cut(graph, convolved, [width, width, width]);
      const unit = (each: Value, length: number): Value =>
        heads(graph, unitHeads(graph, each, count, dimension, length), width);
      return linearAttention(graph, {
        rule: 'gated_delta',
        query: unit(rawQuery, 1 / dimension),
        queryHeads: count,
        key: unit(rawKey, dimension ** -0.5),
        heads: count,
        value: values,
        past,
        decay: packed(merge(graph, logDecay, width)),
        rate: packed(update),
      });
    },
    width,
    finish: (mixed) => {
      const normed = merge(graph, normalise(graph, split(graph, mixed, count, dimension), norm), width);
      return project(graph, graph.mul(normed, gate), descriptor.output);
    },
  };
};

/**
 * Mamba-2: S <- e^(d A) S + d x B^T; y = S C + D x, by onnxruntime's operator with C, B and d x as queries, keys and
 * values. The gate multiplies before the norm, which is over each group.
 */
const mamba = (graph: OnnxGraph, descriptor: Extract<StateDescriptor, { kind: 'mamba' }>, tokens: Value): Operator => {
  const { heads: count, headDimension, stateDimension, groups, convolution, stepLimits, norm } = descriptor;
  const [width, shared] = [count * headDimension, groups * stateDimension];
  const [gate, channels, rawSteps] = cut(graph, project(graph, tokens, descriptor.input), [
    width,
    convolution.channels,
    count,
  ]);
  const softened = graph.node('Softplus', [graph.add(rawSteps, tensor(graph, descriptor.stepBias))]);
  const [lower, upper] = stepLimits;
  const floored = lower === 0 ? softened : graph.node('Max', [softened, graph.float(lower)]);
  const steps = upper === Infinity ? floored : graph.node('Min', [floored, graph.float(upper)]);
  const speed = graph.node('Neg', [decaySpeed(graph, descriptor)]);
  const skip = graph.reshape(tensor(graph, descriptor.skip), [count, 1]);
  const perHead = (value: Value): Value => graph.reshape(value, [0, 0, count, headDimension]);
  return {
    channels,
    isActivated: true,
    mix: (convolved, packed, past) => {
      const [value, key, query] = cut(graph, convolved, [width, shared, shared]);
      const step = packed(steps);
      const scaled = graph.mul(perHead(value), graph.unsqueeze(step, [3]));
      const keys = graph.reshape(key, [0, 0, groups, stateDimension]);
      const { mixed, state } = linearAttention(graph, {
        rule: 'gated',
        query,
        queryHeads: groups,
        key: repeatedHeads(graph, keys, groups, stateDimension, count / groups),
        heads: count,
        value: heads(graph, scaled, width),
        past,
        decay: graph.mul(step, speed),
        rate: null,
      });
      const direct = heads(graph, graph.mul(perHead(value), skip), width);
      return { mixed: graph.add(mixed, direct), state };
    },
    width,
    finish: (mixed) => {
      const gated = graph.mul(mixed, silu(graph, gate));
      const factor = graph.reshape(tensor(graph, norm.scale), [groups, -1]);
      const ofGroups = split(graph, gated, groups, width / groups);
      const normed = normaliseBy(graph, ofGroups, ones(graph, width / groups), norm.epsilon);
      return project(graph, merge(graph, graph.mul(normed, factor), width), descriptor.output);
    },
  };
};

/** Lightning attention, by onnxruntime's operator with a decay of each head that is the same for all tokens. */
const lightning = (
  graph: OnnxGraph,
  descriptor: Extract<StateDescriptor, { kind: 'lightning' }>,
  tokens: Value,
): Operator => {
  const { heads: count, dimension, slopes, norm } = descriptor;
  const width = count * dimension;
  const byHead = split(graph, silu(graph, project(graph, tokens, descriptor.queryKeyValue)), count, 3 * dimension);
  const parts = cut(graph, byHead, [dimension, dimension, dimension]).map((part) => merge(graph, part, width));
  const gate = graph.node('Sigmoid', [project(graph, tokens, descriptor.gate)]);
  const decay = graph.floats(
    [count],
    slopes.map((slope) => -slope),
  );
  return {
    channels: graph.concat(parts, -1),
    isActivated: false,
    mix: (packedParts, _packed, past, real) => {
      const [query, key, value] = cut(graph, packedParts, [width, width, width]);
      return linearAttention(graph, {
        rule: 'gated',
        query,
        queryHeads: count,
        key,
        heads: count,
        value,
        past,
        decay: graph.mul(real, decay),
        rate: null,
      });
    },
    width,
    finish: (mixed) => project(graph, graph.mul(normalise(graph, mixed, norm), gate), descriptor.output),
  };
};

/**
 * Mamba: S <- e^(d A) S + d x B; y = S C + D x for every channel, by onnxruntime's operator with the channels as heads
 * of one value. What selects (d, B and C) is made of the convolved channels.
 */
const mamba1 = (
  graph: OnnxGraph,
  descriptor: Extract<StateDescriptor, { kind: 'mamba-1' }>,
  tokens: Value,
): Operator => {
  const { channels: count, stateDimension, selection, step: stepOf } = descriptor;
  const rank = stepOf.weight.shape[1] ?? 0;
  const [channels, gate] = cut(graph, project(graph, tokens, descriptor.input), [count, count]);
  const skip = tensor(graph, descriptor.skip);
  const speed = graph.node('Neg', [decaySpeed(graph, descriptor)]);
  return {
    channels,
    isActivated: true,
    mix: (convolved, _packed, past, real) => {
      const flat = merge(graph, convolved, count);
      const [low, inputs, outputs] = cut(graph, project(graph, flat, selection), [
        rank,
        stateDimension,
        stateDimension,
      ]);
      const slots = graph.shape(convolved, 0, 2);
      /** [B S, width] -> [B, S, width]. */
      const inSlots = (value: Value, width: number): Value =>
        graph.reshape(value, graph.concat([slots, graph.integers([width])], 0));
      const raw = project(graph, normalise(graph, low, descriptor.stepNorm), stepOf);
      const steps = graph.mul(inSlots(graph.node('Softplus', [raw]), count), real);
      const perChannel = graph.unsqueeze(steps, [3]);
      const width = count * stateDimension;
      const keys = inSlots(normalise(graph, inputs, descriptor.inputNorm), stateDimension);
      const { mixed, state } = linearAttention(graph, {
        rule: 'gated',
        query: inSlots(normalise(graph, outputs, descriptor.outputNorm), stateDimension),
        queryHeads: 1,
        key: heads(graph, graph.mul(perChannel, graph.unsqueeze(keys, [2])), width),
        heads: count,
        value: convolved,
        past,
        decay: heads(graph, graph.mul(perChannel, speed), width),
        rate: null,
      });
      return { mixed: graph.add(mixed, graph.mul(convolved, skip)), state };
    },
    width: count,
    finish: (mixed) => project(graph, graph.mul(mixed, silu(graph, gate)), descriptor.output),
  };
};

interface Recurrence {
  readonly rule: 'gated' | 'gated_delta';
  /** [B, S, query heads * K]; every query head serves as many heads, one after the other. */
  readonly query: Value;
  readonly queryHeads: number;
  readonly heads: number;
  /** [B, S, heads * K] and [B, S, heads * V]. */
  readonly key: Value;
  readonly value: Value;
  readonly past: Value | null;
  /** [B, S, heads], or [B, S, heads * K]: the logarithm of the factor of the state. */
  readonly decay: Value;
  /** [B, S, heads] of the delta rule. */
  readonly rate: Value | null;
}

/** onnxruntime's recurrence over [B, S], in float32: [B, S, heads * V], and the states after it. */
const linearAttention = (
  graph: OnnxGraph,
  { rule, query, queryHeads, key, heads: count, value, past, decay, rate }: Recurrence,
): Mixed => {
  const [mixed, state] = graph.nodes(
    'LinearAttention',
    [query, key, value, past ?? ABSENT, decay, ...(rate === null ? [] : [rate])],
    2,
    { update_rule: rule, q_num_heads: queryHeads, kv_num_heads: count, scale: { float: 1 } },
  );
  return { mixed, state };
};

/** Name of an optional input that is left out. */
const ABSENT = '' as Value;

/** Heads [B, S, N * D] -> [B, S, N, D] of length `length * sqrt(D)`. */
const unitHeads = (graph: OnnxGraph, value: Value, count: number, dimension: number, length: number): Value => {
  const perHead = graph.reshape(value, [0, 0, count, dimension]);
  const factor = graph.floats([dimension], new Array<number>(dimension).fill(length));
  return normaliseBy(graph, perHead, factor, EPSILON / dimension);
};

/** [B, S, N, D] -> [B, S, width]. */
const heads = (graph: OnnxGraph, value: Value, width: number): Value => graph.reshape(value, [0, 0, width]);

/** [B, S, N, D], each head as often as `times`, one after the other -> [B, S, N * times * D]. */
const repeatedHeads = (
  graph: OnnxGraph,
  value: Value,
  count: number,
  dimension: number,
  times: number,
  sharing: 'in-turn' | 'apart' = 'in-turn',
): Value => {
  const width = count * times * dimension;
  if (times === 1) return heads(graph, value, width);
  const numbers = Array.from({ length: count * times }, (_, head) =>
    sharing === 'apart' ? head % count : Math.floor(head / times),
  );
  return heads(graph, graph.gather(value, graph.integers(numbers), 2), width);
};
