import { given } from '../../contract/errors.ts';
import type { Config } from '../config-reader.ts';
import { familyOf } from '../families/families.ts';
import type { Family, OperatorRecord, ScoreRecord } from '../families/family.ts';
import { biasName } from '../tensor-index.ts';
import { configOf } from './gguf-keys.ts';
import { keyed } from './key-table.ts';
import { Metadata, refusal } from './gguf-metadata.ts';
import { gatings, type LlamaArchitecture, llamaArchitectures } from './llama-architectures.ts';
import type { GgufContents } from './read-gguf.ts';
import {
  compressedNames,
  groupedNames,
  inLayer,
  inLayers,
  latentNames,
  layerNames,
  modelNames,
  moeNames,
  operatorNames,
  type Rows,
} from './tensor-names.ts';

/**
 * A GGUF file as a model of a family: the family's record with the names of tensors in the file, and the config that
 * the file's metadata state. What llama.cpp fixes for an architecture comes from the table by which files are written.
 */
export interface GgufModel {
  readonly family: Family;
  readonly config: Config;
}

/**
 * The family and config of a GGUF file. `factors`: values of its tensor `rope_freqs.weight`; null if there is none.
 *
 * @throws WorkbenchError `gguf-model-unknown`, with the key and its value.
 */
export const ggufModel = (contents: GgufContents, factors: readonly number[] | null): GgufModel => {
  const { file } = contents;
  const name = contents.metadata.get('general.architecture')?.value;
  const named = [...llamaArchitectures].filter(([, architecture]) => architecture.name === name);
  const metadata = new Metadata(contents, String(name));
  const has = (tensor: string): boolean => contents.tensors.some(({ name: own }) => own.endsWith(`.${tensor}`));
  const found = named.find(([family]) => isFamilyOf(family, metadata, has));
  const family = found === undefined ? undefined : familyOf(found[0]);
  if (found === undefined || family === undefined) {
    const known = [...new Set([...llamaArchitectures.values()].map((each) => each.name))].join(', ');
    throw refusal(file, `"general.architecture" is ${JSON.stringify(name ?? null)}; only ${known} are read`);
  }
  if (metadata.optional('expert_count') === null || metadata.optional('expert_count') === 0)
    throw refusal(file, `its model has no experts ("${String(name)}.expert_count" is missing or 0)`);
  if ((metadata.optional('nextn_predict_layers') ?? 0) > 0)
    throw refusal(file, `"${String(name)}.nextn_predict_layers" is not 0: extra prediction layers are not read yet`);
  const own = namedAsInFile(family, found[1], has, factors !== null, file);
  return {
    family: own,
    config: { ...configOf(own, found[1], metadata, contents, factors), ...flagsOf(family, has) },
  };
};

/** Keys of the family that say what a file shows by its tensors. */
const flagsOf = ({ attention }: Family, has: (tensor: string) => boolean): Config =>
  attention.kind === 'grouped'
    ? {
        ...keyed(attention.outputBias, () => has(biasName(groupedNames.output))),
        ...keyed(attention.queryKeyValueBias, () => has(biasName(groupedNames.query))),
        ...keyed(attention.norms?.when, () => has(groupedNames.norms.query)),
      }
    : {};

/** Which of the families of one architecture a file is: with a shared expert or without, softmax or sigmoids. */
const isFamilyOf = (family: string, metadata: Metadata, has: (tensor: string) => boolean): boolean => {
  // A file has the text model alone.
  if (familyOf(`${family}_text`) !== undefined) return false;
  switch (family) {
    case 'granitemoe':
      return !has(moeNames.shared.gate);
    case 'deepseek_v2':
      return (metadata.optional('expert_gating_func') ?? 0) !== gatings.sigmoid;
    default:
      return true;
  }
};

/** Names in files in place of those that are put together of a beginning and a word, of matrices and their biases. */
const renamed = (start: string, rows: Rows): readonly (readonly [from: string, to: string])[] =>
  Object.values(rows).flatMap((row) => {
    if (typeof row === 'string') return [];
    const [name, word] = row;
    const isMatrix = word.endsWith('.weight');
    const stem = (whole: string): string => (isMatrix ? whole.replace(/weight$/, '') : whole);
    return [[start + stem(word), stem(name)]];
  });

/** A family's record with the names, layouts and rotation of llama.cpp's files. */
const namedAsInFile = (
  family: Family,
  { rotatesPairs, feedForwardNorm, finalNorm, biases, correction, joinsHeads }: LlamaArchitecture,
  has: (tensor: string) => boolean,
  hasFactors: boolean,
  file: string,
): Family => {
  const {
    attention,
    routing,
    dense,
    shared,
    rotary,
    names,
    state,
    latent,
    wrapper: _wrapper,
    inner: _inner,
    expertsWithin: _within,
    ...rest
  } = family;
  if (routing.kind !== 'scores') throw refusal(file, `the router of ${family.modelType} is not read`);
  const hasGates = has(moeNames.experts.gate);
  const matrices = (
    table: Readonly<Record<'gate' | 'up' | 'down', string>>,
  ): Readonly<Record<'up' | 'down', string>> & { readonly gate: string | null } => ({
    ...inLayers(table),
    gate: hasGates ? inLayer(table.gate) : null,
  });
  const { shared: sharedNames } = moeNames;
  return {
    ...rest,
    names: {
      embedding: modelNames.embedding,
      finalNorm: `${finalNorm}.weight`,
      head: modelNames.head,
      attentionNorm: inLayer(layerNames.attentionNorm),
      feedForwardNorm: names.feedForwardNorm === null ? null : inLayer(`${feedForwardNorm}.weight`),
      branchNorms: given(names.branchNorms, () => inLayers(layerNames.branchNorms)),
      ...(names.beside === undefined ? {} : { beside: inLayers(layerNames.beside) }),
      ...(names.outputScale === undefined ? {} : { outputScale: inLayer(layerNames.outputScale) }),
      ...(names.tokenInputs === undefined
        ? {}
        : { tokenInputs: { ...names.tokenInputs, ...modelNames.tokens, ...inLayers(layerNames.tokenInput) } }),
      ...(names.hyper === undefined ? {} : { hyper: names.hyper }),
      ...(hasFactors ? { rotaryFactors: modelNames.rotaryFactors } : {}),
    },
    wrapper: null,
    renamed: [
      {
        when: /^/,
        isPublished: true,
        names: [
          ['model.layers.', 'blk.'],
          ...[modelNames.hyper, layerNames.hyper.attention, layerNames.hyper.feedForward].flatMap((rows) =>
            renamed('', rows),
          ),
          ...[latentNames.indexer, ...Object.values(compressedNames)].flatMap((rows) => renamed('self_attn.', rows)),
          ...(state === undefined ? [] : renamed('state.', operatorNames[state.operator.kind])),
        ],
      },
    ],
    // Files have the whole factors of norms.
    norm: family.norm === 'rms-plus-one' ? 'rms' : family.norm,
    headBiasKey: null,
    attention: attentionInFile(attention, has, joinsHeads),
    ...(state === undefined ? {} : { state: { ...state, operator: operatorInFile(state.operator) } }),
    routing: routingInFile(routing, correction),
    // Rows that the writer has put in pairs are rotated in pairs: products of queries and keys are the same.
    rotary: {
      ...rotary,
      interleaved: rotatesPairs ? true : rotary.interleaved,
      scalings: [...rotary.scalings, 'divided'],
    },
    dense: given(dense, (record) => ({ ...record, ...matrices(layerNames.dense), biased: false })),
    shared: given(shared, ({ widthKey, countKey, scale }) => {
      const { down, ...gateUp } = matrices(sharedNames);
      return { widthKey, countKey, gateUp, down, biased: false, scale: given(scale, () => inLayer(sharedNames.scale)) };
    }),
    layouts: [
      {
        kind: 'stacked-apart',
        router: inLayer(moeNames.router),
        ...matrices(moeNames.experts),
        ...(biases === 'all' ? { biased: true as const } : {}),
      },
    ],
    ...(latent === undefined ? {} : { latent: { ...latent, ...inLayers(moeNames.latent) } }),
    extraLayersKey: null,
    unused: [],
  };
};

const attentionInFile = (
  attention: Family['attention'],
  has: (tensor: string) => boolean,
  joinsHeads: boolean,
): Family['attention'] => {
  switch (attention.kind) {
    case 'compressed':
      return attention;
    case 'latent': {
      const { query, keyValueDown, keyValueNorm, keyValueUp, output, gate } = latentNames;
      const { whole, ...apart } = keyValueUp;
      return {
        ...attention,
        ...inLayers({ keyValueDown, keyValueNorm, output }),
        query: inLayers(query),
        keyValueUp: has(apart.keys) ? inLayers(apart) : inLayer(whole),
        ...(attention.gate === undefined ? {} : { gate: inLayer(gate) }),
        biased: false,
      };
    }
    case 'grouped': {
      const { joined: _joined, norms, gate, sinks, ...others } = attention;
      const { query, key, value, joined, output } = groupedNames;
      return {
        ...others,
        ...(joinsHeads ? { joined: inLayer(joined) } : {}),
        ...inLayers({ query, key, value, output }),
        queryKeyValueBias: has(biasName(query)),
        outputBias: has(biasName(output)),
        norms:
          norms === null || !has(groupedNames.norms.query)
            ? null
            : { ...norms, ...inLayers(groupedNames.norms), when: true },
        ...(gate === undefined
          ? {}
          : { gate: typeof gate === 'object' ? { ...gate, name: inLayer(groupedNames.gate) } : gate }),
        sinks: given(sinks, (record) => ({ ...record, names: [inLayer(groupedNames.sinks)] })),
      };
    }
  }
};

/** Operators with the tensor names and forms of GGUF files, which store a decay as -A or A. */
const operatorInFile = (operator: OperatorRecord): OperatorRecord => {
  const prefix = inLayer('state.');
  switch (operator.kind) {
    case 'convolution':
      return { ...operator, ...inLayers(operatorNames.convolution), biased: false };
    case 'delta':
      return {
        ...operator,
        prefix,
        decayForm: 'negated',
        ...(operator.rows === 'by-head' ? { rows: 'rates-by-head' } : { sharing: 'apart' }),
      };
    case 'channel-delta':
      return { ...operator, prefix, decayForm: operator.isLowRank === true ? 'negated' : 'plain' };
    case 'lightning':
      return { ...operator, prefix };
    case 'mamba-1':
    case 'mamba':
      return { ...operator, prefix, decayForm: 'negated' };
  }
};

const routingInFile = (
  { correction, correctionIsRow: _isRow, table, expertScale, ...routing }: ScoreRecord,
  name: LlamaArchitecture['correction'],
): ScoreRecord => ({
  ...routing,
  ...(table === undefined ? {} : { table: { ...table, name: inLayer(moeNames.table), dtype: 'I32' as const } }),
  ...(expertScale === undefined ? {} : { expertScale: inLayer(moeNames.expertScale) }),
  correction: correction === null ? null : [inLayer(name)],
});
