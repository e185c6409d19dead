import { valuesIn } from '../arithmetic/vectors.ts';
import { type ModelInfo, positionsText } from '../contract/model.ts';
import type { BlockDescriptor, ModelDescriptor, MoeDescriptor, TensorView, Weight } from './descriptor.ts';
import type { ScaledMatrix } from './compressed-tensors.ts';
import { unknownKeys } from './config-keys.ts';
import { memoryNeed, torchMemory } from './memory-need.ts';
import { maxOf } from '../statistics/extremes.ts';
import { gatesGrow, isNormalised, tableOf, takesIdentityRows } from './routing.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Number of weights in all tensors and matrices of a part of a descriptor. */
const weightsIn = (part: unknown): number => {
  if (typeof part !== 'object' || part === null) return 0;
  if (isShaped(part)) return valuesIn(part.shape);
  return sum(Object.values(part).map(weightsIn));
};

const isShaped = (part: object): part is TensorView | Weight => 'shape' in part;

/** A constant stands in place of an expert's matrices. */
const ofExperts = (moe: MoeDescriptor | null): number =>
  sum((moe?.expertTensors ?? []).map((tensors) => weightsIn(tensors.constant ?? tensors)));

/** Number of weights of the experts of one token: constants are among them where fewer experts than top-k are left. */
const ofChosen = ({ expertTensors, topK }: MoeDescriptor): number => {
  const whole = expertTensors.filter(({ constant }) => constant === undefined).map(weightsIn);
  const constants = expertTensors.flatMap(({ constant }) => (constant === undefined ? [] : [weightsIn(constant)]));
  const mean = (weights: readonly number[]): number => (weights.length === 0 ? 0 : sum(weights) / weights.length);
  const chosen = constants.length === 0 ? topK : Math.min(topK, whole.length);
  return chosen * mean(whole) + (topK - chosen) * mean(constants);
};

/** Number of weights of the operator that mixes a block's tokens. */
const ofMixing = ({ attention, compressed, state }: BlockDescriptor): number =>
  weightsIn([attention, compressed, state]);

/** Number of weights in a block without its routed experts. A table of the experts of tokens holds no weights. */
const ofRest = ({ moe, ...block }: BlockDescriptor): number => {
  const { expertTensors: _experts, ...rest } = moe ?? { expertTensors: [] };
  const table = moe === null ? null : tableOf(moe.routing);
  return weightsIn([block, rest]) - weightsIn(table);
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
  const head = model.head === model.embedding ? null : model.head;
  const outer = weightsIn([model.embedding, head, model.headBias, model.tokenInputs, model.hyperHead, model.finalNorm]);
  const expert = sum(model.moeLayers.map((layer) => ofExperts(layer.moe)));
  const rest = outer + sum(model.blocks.map(ofRest));
  const active = rest + sum(model.moeLayers.map(({ moe }) => ofChosen(moe)));
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
    ...(model.blocks.some(gatesGrow) ? { gatesGrow: true } : {}),
    ...(moe !== undefined && takesIdentityRows(moe) ? { identityRows: true } : {}),
    normTopK: moe !== undefined && isNormalised(moe.routing),
    vocabulary: model.vocabulary,
    maxPositions: model.maxPositions,
    parameters: { total: rest + expert, expert, active },
    dtype: dtypeName(model),
    sizeBytes,
    memory: {
      ...memoryNeed(model, outer, blocks, environment, 4),
      float16: memoryNeed(model, outer, blocks, environment, 2),
      torch: torchMemory(model, {
        parameters: rest + expert,
        outer,
        largest: maxOf(blocks.map(({ experts, rest: others }) => experts + others)),
      }),
    },
    supported: true,
    reasons: [...reasons],
  };
};

/** Names of modules by the beginnings of their tensors' names. */
export const beginnings = (tensors: readonly string[]): string =>
  [...new Set(tensors.map((name) => /^(?:model\.)?[^.]+/.exec(name)?.[0] ?? name))].join(', ');

/** Keys of a config named in a sentence. */
const MOST_KEYS = 8;

/** Parts of a model that are not used here, one sentence each. */
export const besideModel = (model: ModelDescriptor): readonly string[] => {
  const { prediction, carriedTensors, statedPositions, unreadKeys = [] } = model;
  const unknown = unknownKeys(unreadKeys);
  return [
    ...(unknown.length === 0
      ? []
      : [
          `nothing here reads these keys of its config: ${unknown.slice(0, MOST_KEYS).join(', ')}` +
            `${unknown.length > MOST_KEYS ? ` and ${unknown.length - MOST_KEYS} more` : ''}.`,
        ]),
    ...(statedPositions === undefined ? [] : [`It has ${positionsText(model)}.`]),
    ...(prediction.tensors.length === 0
      ? []
      : [
          `${prediction.tensors.length} tensors are extra prediction layers (MTP), not used here: an export ` +
            'leaves them out, or slices them (--mtp).',
        ]),
    ...(carriedTensors.length === 0
      ? []
      : [
          `${carriedTensors.length} tensors are not part of the text model (${beginnings(carriedTensors)}): ` +
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
  return [...bytes].map(([type, total]) => ({ type, bytes: total })).sort((left, right) => right.bytes - left.bytes);
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
        `In ${hashed === 1 ? 'the layer that chooses' : `the ${hashed} layers that choose`} experts by a ` +
        'table of tokens, the table is rewritten: a dropped expert becomes the next kept one that the token does not ' +
        'have yet.',
    };
  const [first] = moeLayers;
  const moe = first?.moe;
  return moe === undefined || moe.identities === 0
    ? {}
    : {
        pruningNote:
          `The ${moe.identities} experts of each layer that give back their input stay: their rows and ` +
          'biases of the router move behind those of the kept experts.',
      };
};

/** Groups of the router if there is more than one. */
const groupsOf = (moe: MoeDescriptor | undefined): Pick<ModelInfo, 'expertGroups'> =>
  moe?.routing.kind === 'scores' && moe.routing.groups !== null ? { expertGroups: moe.routing.groups } : {};

const dtypeNames: Readonly<Partial<Record<string, string>>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** "int4 (scales per 1 x 32)". */
const scaledName = ({ bits, view, packing, span: [rows, columns] }: ScaledMatrix): string => {
  const of = rows === null ? 'matrix' : columns === null ? 'row' : `${rows} x ${columns}`;
  return `${packing === 'pairs' || view.dtype === 'F8_E4M3' ? 'float' : 'int'}${bits} (a scale per ${of})`;
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
      return `int${stored.bits} (${stored.layout}, a scale per ${stored.group ?? 'all'} inputs)`;
    return stored.kind === 'fp8' ? 'float8 (block scales)' : 'mxfp4';
  });
  return [...new Set(names)].join(', ');
};
