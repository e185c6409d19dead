import { type ModelInfo, positionsText } from '../contract/model.ts';
import type {
  AttentionDescriptor,
  BlockDescriptor,
  CompressedAttention,
  Compressor,
  DenseTensors,
  HyperHead,
  ModelDescriptor,
  MoeDescriptor,
  Norm,
  Projection,
  StateDescriptor,
  TensorView,
  Weight,
} from './descriptor.ts';
import type { ScaledMatrix } from './compressed-tensors.ts';
import { memoryNeed, torchMemory } from './memory-need.ts';
import { correctionOf, expertScaleOf, isNormalised, tableOf } from './routing.ts';

const product = (shape: readonly number[]): number => shape.reduce((total, length) => total * length, 1);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Number of weights in a tensor, a matrix, or nothing. */
const count = (of: TensorView | Weight | null | undefined): number =>
  of === null || of === undefined ? 0 : product(of.shape);
const counts = (list: readonly (TensorView | Weight | null | undefined)[]): number => sum(list.map(count));
const ofNorm = (norm: Norm | null): number => (norm === null ? 0 : counts([norm.scale, norm.bias]));
const ofProjection = ({ weight, bias }: Projection): number => counts([weight, bias]);
const ofDense = (dense: DenseTensors | null): number =>
  dense === null ? 0 : counts([dense.gate, dense.up, dense.down, dense.gateBias, dense.upBias, dense.downBias]);

const ofAttention = (attention: AttentionDescriptor): number => {
  if (attention.kind === 'grouped') {
    const { query, key, value, output, queryKeyNorm, gate, sinks } = attention;
    const norms = sum([queryKeyNorm?.query ?? [], queryKeyNorm?.key ?? []].flat().map(ofNorm));
    const gates = gate === null || gate === 'in-query' ? [] : [gate];
    return sum([query, key ?? [], value ?? [], output, gates].flat().map(ofProjection)) + norms + count(sinks);
  }
  const { query, keyValueDown, keyValueNorm, keyValueUp, output, gate, indexer } = attention;
  const own = indexer?.own ?? null;
  const index = own === null ? 0 : sum([own.query, own.key, own.weights].map(ofProjection)) + ofNorm(own.keyNorm);
  const queries =
    'whole' in query
      ? ofProjection(query.whole)
      : ofProjection(query.down) + ofNorm(query.norm) + ofProjection(query.up);
  return (
    queries +
    index +
    sum([keyValueDown, keyValueUp, output, gate ?? []].flat().map(ofProjection)) +
    ofNorm(keyValueNorm)
  );
};

const ofState = (state: StateDescriptor): number => {
  const { convolution, output } = state;
  const common = counts([...convolution.weights, convolution.bias]) + ofProjection(output);
  if (state.kind === 'convolution') return common + ofProjection(state.input);
  if (state.kind === 'channel-delta') {
    const { query, key, value, rate, decay, gate, decayBias, decayLog, norm } = state;
    return (
      common +
      sum([query, key, value, rate, decay, gate].map(ofProjection)) +
      counts([decayBias, decayLog]) +
      ofNorm(norm)
    );
  }
  if (state.kind === 'mamba')
    return (
      common + ofProjection(state.input) + counts([state.stepBias, state.decayLog, state.skip]) + ofNorm(state.norm)
    );
  const { input, decayLog, decayBias, norm } = state;
  const inputs = [
    ...(input.rows === 'by-head' ? [input.queryKeyValueGate] : [input.queryKeyValue, input.gate]),
    ...(input.rows === 'by-kind' ? [input.rate, input.decay] : [input.rateDecay]),
  ];
  return common + sum(inputs.map(ofProjection)) + counts([decayLog, decayBias]) + ofNorm(norm);
};

const ofHyper = ({ rows, base, scale }: HyperHead): number => counts([rows, base, scale]);

const ofCompressor = ({ values, gates, places, norm }: Omit<Compressor, 'indexer'>): number =>
  ofProjection(values) + ofProjection(gates) + count(places) + ofNorm(norm);

const ofCompressed = (attention: CompressedAttention): number => {
  const { query, keyValue, keyValueNorm, sinks, output, compressor } = attention;
  const indexer = compressor?.indexer ?? null;
  return (
    sum([query.down, query.up, keyValue, output.up].map(ofProjection)) +
    ofNorm(query.norm) +
    ofNorm(keyValueNorm) +
    counts([sinks, output.down]) +
    (compressor === null ? 0 : ofCompressor(compressor)) +
    (indexer === null
      ? 0
      : ofProjection(indexer.query) + ofProjection(indexer.weights) + ofCompressor(indexer.compressor))
  );
};

const ofExperts = (moe: MoeDescriptor | null): number =>
  sum(
    (moe?.expertTensors ?? []).map(({ gate, up, down, gateBias, upBias, downBias, constant }) =>
      constant === undefined ? counts([gate, up, down, gateBias, upBias, downBias]) : count(constant),
    ),
  );

/** Number of weights of the operator that mixes a block's tokens. */
const ofMixing = ({ attention, compressed, state }: BlockDescriptor): number =>
  (attention === null ? 0 : ofAttention(attention)) +
  (compressed === null ? 0 : ofCompressed(compressed)) +
  (state === null ? 0 : ofState(state));

/** Number of weights in a block without its routed experts. */
const ofRest = (block: BlockDescriptor): number => {
  const { attentionNorm, hyper, feedForwardNorm, branchNorms, beside, tokenInput, outputScale, moe, dense } = block;
  const correction = moe === null ? null : correctionOf(moe.routing);
  return (
    ofNorm(attentionNorm) +
    ofMixing(block) +
    (hyper === null ? 0 : ofHyper(hyper.attention) + ofHyper(hyper.feedForward)) +
    ofNorm(feedForwardNorm) +
    (branchNorms === null ? 0 : ofNorm(branchNorms.attention) + ofNorm(branchNorms.feedForward)) +
    (beside === null
      ? 0
      : sum([beside.dense, beside.expertsIn, beside.expertsOut].map(ofNorm)) + count(beside.router)) +
    (tokenInput === null ? 0 : counts([tokenInput.gate, tokenInput.projection]) + ofNorm(tokenInput.norm)) +
    count(outputScale) +
    ofDense(dense) +
    ofDense(moe?.shared ?? null) +
    counts([moe?.latent?.into, moe?.latent?.back]) +
    counts([
      moe?.router,
      moe?.routerBias,
      moe?.shared?.scale,
      correction,
      moe === null ? null : expertScaleOf(moe.routing),
    ])
  );
};

/**
 * Counts of weights and bytes. `active`: all but the experts that a token does not use. `environment`: of the process
 * that runs the model, on which its need of memory depends.
 */
export const modelInfo = (
  model: ModelDescriptor,
  sizeBytes: number,
  reasons: readonly string[],
  environment: Readonly<Partial<Record<string, string>>> = process.env,
): ModelInfo => {
  const moe = model.moeLayers[0]?.moe;
  const outer =
    counts([model.embedding, model.head === model.embedding ? null : model.head, model.headBias]) +
    (model.tokenInputs === null
      ? 0
      : counts([model.tokenInputs.table, model.tokenInputs.projection]) + ofNorm(model.tokenInputs.norm)) +
    (model.hyperHead === null ? 0 : ofHyper(model.hyperHead)) +
    ofNorm(model.finalNorm);
  const expert = sum(model.moeLayers.map((layer) => ofExperts(layer.moe)));
  const rest = outer + sum(model.blocks.map(ofRest));
  const active =
    rest + sum(model.moeLayers.map((layer) => (ofExperts(layer.moe) * layer.moe.topK) / layer.moe.experts));
  const blocks = model.blocks.map((block) => ({
    block,
    experts: ofExperts(block.moe),
    rest: ofRest(block),
    mixing: ofMixing(block),
  }));
  return {
    family: model.family,
    layers: model.blocks.length,
    moeLayers: model.moeLayers.length,
    experts: moe?.experts ?? 0,
    topK: moe?.topK ?? 0,
    hidden: model.hidden,
    expertWidth: moe?.width ?? 0,
    sharedExperts: moe?.shared?.experts ?? 0,
    ...groupsOf(moe),
    ...constantsOf(model),
    ...pruningNote(model),
    normTopK: moe !== undefined && isNormalised(moe.routing),
    vocabulary: model.vocabulary,
    maxPositions: model.maxPositions,
    parameters: { total: rest + expert, expert, active },
    dtype: dtypeName(model),
    sizeBytes,
    memory: {
      ...memoryNeed(model, outer, blocks, environment, 4),
      float16: memoryNeed(model, outer, blocks, environment, 2),
      torch: torchMemory(model, rest + expert),
    },
    supported: true,
    reasons: [...reasons],
  };
};

/** Names of modules by the beginnings of their tensors' names. */
export const beginnings = (tensors: readonly string[]): string =>
  [...new Set(tensors.map((name) => /^(?:model\.)?[^.]+/.exec(name)?.[0] ?? name))].join(', ');

/** Parts of a model that are not used here, one sentence each. */
export const besideModel = (model: ModelDescriptor): readonly string[] => {
  const { prediction, carriedTensors, statedPositions } = model;
  return [
    ...(statedPositions === undefined ? [] : [`It has ${positionsText(model)}.`]),
    ...(prediction.tensors.length === 0
      ? []
      : [
          `${String(prediction.tensors.length)} tensors are extra prediction layers (MTP), not used here: an export ` +
            'leaves them out, or slices them (--mtp).',
        ]),
    ...(carriedTensors.length === 0
      ? []
      : [
          `${String(carriedTensors.length)} tensors are not part of the text model (${beginnings(carriedTensors)}): ` +
            'not used here, and an export copies them unchanged.',
        ]),
  ];
};

/** Bytes of tensors that are not used here, if any. */
export const unusedBytes = (
  { prediction, carriedTensors }: ModelDescriptor,
  tensors: ReadonlyMap<string, TensorView>,
): Pick<ModelInfo, 'unusedBytes'> => {
  if (prediction.tensors.length + carriedTensors.length === 0) return {};
  const bytes = (names: readonly string[]): number => sum(names.map((name) => tensors.get(name)?.byteLength ?? 0));
  return { unusedBytes: { prediction: bytes(prediction.tensors), carried: bytes(carriedTensors) } };
};

/** Bytes of all tensors by the type in which they are stored, the most first. */
export const weightTypes = (tensors: ReadonlyMap<string, TensorView>): NonNullable<ModelInfo['weightTypes']> => {
  const bytes = new Map<string, number>();
  for (const { dtype, byteLength } of tensors.values()) {
    const type = dtypeNames[dtype] ?? dtype;
    bytes.set(type, (bytes.get(type) ?? 0) + byteLength);
  }
  return [...bytes].map(([type, total]) => ({ type, bytes: total })).sort((one, other) => other.bytes - one.bytes);
};

/** Number of experts that return a constant, if any. */
const constantsOf = ({ moeLayers }: ModelDescriptor): Pick<ModelInfo, 'constantExperts'> => {
  const found = sum(moeLayers.map(({ moe }) => moe.expertTensors.filter((each) => each.constant !== undefined).length));
  return found === 0 ? {} : { constantExperts: found };
};

/** Explains dropping experts where it is more than leaving them out. */
const pruningNote = ({ moeLayers }: ModelDescriptor): Pick<ModelInfo, 'pruningNote'> => {
  const hashed = moeLayers.filter(({ moe }) => tableOf(moe.routing) !== null).length;
  if (hashed > 0)
    return {
      pruningNote:
        `In ${hashed === 1 ? 'the layer that chooses' : `the ${String(hashed)} layers that choose`} experts by a ` +
        'table of tokens, the table is rewritten: a dropped expert becomes the next kept one that the token does not ' +
        'have yet.',
    };
  const [first] = moeLayers;
  const moe = first?.moe;
  return moe === undefined || moe.identities === 0
    ? {}
    : {
        pruningNote:
          `The ${String(moe.identities)} experts of each layer that give back their input stay: their rows and ` +
          'biases of the router move behind those of the kept experts. Weights are not renormalised, so those of ' +
          'the kept experts grow.',
      };
};

/** Groups of the router if there is more than one. */
const groupsOf = (moe: MoeDescriptor | undefined): Pick<ModelInfo, 'expertGroups'> =>
  moe?.routing.kind === 'scores' && moe.routing.groups !== null ? { expertGroups: moe.routing.groups } : {};

const dtypeNames: Readonly<Partial<Record<string, string>>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** "int4 (scales per 1 x 32)". */
const scaledName = ({ bits, view, packing, span: [rows, columns] }: ScaledMatrix): string => {
  const of = rows === null ? 'matrix' : columns === null ? 'row' : `${String(rows)} x ${String(columns)}`;
  return `${packing === 'pairs' || view.dtype === 'F8_E4M3' ? 'float' : 'int'}${String(bits)} (a scale per ${of})`;
};

/** Names of the dtypes in which the experts are stored, most often one. */
const dtypeName = (model: ModelDescriptor): string => {
  const weights = model.moeLayers.flatMap(({ moe }) => {
    const [expert] = moe.expertTensors;
    return expert === undefined ? [] : [expert.gate ?? [], expert.up, expert.down].flat();
  });
  const names = weights.map(({ stored }) => {
    if (stored.kind === 'plain') return dtypeNames[stored.view.dtype] ?? stored.view.dtype;
    if (stored.kind === 'scaled') return scaledName(stored);
    if (stored.kind === 'packed-columns')
      return `int${String(stored.bits)} (${stored.layout}, a scale per ${String(stored.group ?? 'all')} inputs)`;
    return stored.kind === 'fp8' ? 'float8 (block scales)' : 'mxfp4';
  });
  return [...new Set(names)].join(', ');
};
