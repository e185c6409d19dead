import type { Config } from '../config-reader.ts';
import { familyOf } from '../families/families.ts';
import type { Family, ScoreRecord, StateRecord } from '../families/family.ts';
import { configOf } from './gguf-keys.ts';
import { keyed } from './key-table.ts';
import { Metadata, refusal } from './gguf-metadata.ts';
import { gatings, type LlamaArchitecture, llamaArchitectures } from './llama-architectures.ts';
import type { GgufContents } from './read-gguf.ts';

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
        ...keyed(attention.outputBias, () => has('attn_output.bias')),
        ...keyed(attention.queryKeyValueBias, () => has('attn_q.bias')),
        ...keyed(attention.norms?.when, () => has('attn_q_norm.weight')),
      }
    : {};

/** Which of the families of one architecture a file is: with a shared expert or without, softmax or sigmoids. */
const isFamilyOf = (family: string, metadata: Metadata, has: (tensor: string) => boolean): boolean => {
  // A file has the text model alone.
  if (familyOf(`${family}_text`) !== undefined) return false;
  switch (family) {
    case 'granitemoe':
      return !has('ffn_gate_shexp.weight');
    case 'deepseek_v2':
      return (metadata.optional('expert_gating_func') ?? 0) !== gatings.sigmoid;
    default:
      return true;
  }
};

const at = (name: string): string => `blk.{l}.${name}`;

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
    renamed: _renamed,
    wrapper: _wrapper,
    inner: _inner,
    expertsWithin: _within,
    ...rest
  } = family;
  if (routing.kind !== 'scores') throw refusal(file, `the router of ${family.modelType} is not read`);
  const matrices = (
    ending: string,
    gate: string | null = '',
  ): Readonly<Record<'up' | 'down', string>> & { readonly gate: string | null } => ({
    gate: gate === null ? null : at(`ffn_gate${ending}.weight`),
    up: at(`ffn_up${ending}.weight`),
    down: at(`ffn_down${ending}.weight`),
  });
  const hasGates = has('ffn_gate_exps.weight') ? '' : null;
  const [sharedNames, denseNames] = [matrices('_shexp', hasGates), matrices('', hasGates)];
  return {
    ...rest,
    names: {
      embedding: 'token_embd.weight',
      finalNorm: `${finalNorm}.weight`,
      head: 'output.weight',
      attentionNorm: at('attn_norm.weight'),
      feedForwardNorm: names.feedForwardNorm === null ? null : at(`${feedForwardNorm}.weight`),
      branchNorms:
        names.branchNorms === null
          ? null
          : { attention: at('post_attention_norm.weight'), feedForward: at('post_ffw_norm.weight') },
      ...besideNames(names),
      ...(names.hyper === undefined ? {} : { hyper: names.hyper }),
      ...(hasFactors ? { rotaryFactors: 'rope_freqs.weight' } : {}),
    },
    wrapper: null,
    renamed: [{ when: /^/, isPublished: true, names: operatorNames }],
    // Files have the whole factors of norms.
    norm: family.norm === 'rms-plus-one' ? 'rms' : family.norm,
    headBiasKey: null,
    attention: attentionInFile(attention, has, joinsHeads),
    ...(family.state === undefined ? {} : { state: stateInFile(family.state) }),
    routing: routingInFile(routing, correction),
    // Rows that the writer has put in pairs are rotated in pairs: products of queries and keys are the same.
    rotary: {
      ...rotary,
      interleaved: rotatesPairs ? true : rotary.interleaved,
      scalings: [...rotary.scalings, 'divided'],
    },
    dense: dense === null ? null : { ...dense, ...denseNames, biased: false },
    shared:
      shared === null
        ? null
        : {
            widthKey: shared.widthKey,
            countKey: shared.countKey,
            gateUp: sharedNames,
            down: sharedNames.down,
            biased: false,
            scale: shared.scale === null ? null : at('ffn_gate_inp_shexp.weight'),
          },
    layouts: [
      {
        kind: 'stacked-apart',
        router: at('ffn_gate_inp.weight'),
        ...matrices('_exps', hasGates),
        ...(biases === 'all' ? { biased: true as const } : {}),
      },
    ],
    ...(family.latent === undefined
      ? {}
      : { latent: { ...family.latent, into: at('ffn_latent_down.weight'), back: at('ffn_latent_up.weight') } }),
    extraLayersKey: null,
    unused: [],
  };
};

/** Names of what stands beside the experts, and of what a token has for each layer, where a family has those. */
const besideNames = ({
  beside,
  outputScale,
  tokenInputs,
}: Family['names']): Pick<Family['names'], 'beside' | 'outputScale' | 'tokenInputs'> => ({
  ...(beside === undefined
    ? {}
    : {
        beside: {
          dense: at('post_ffw_norm_1.weight'),
          expertsIn: at('pre_ffw_norm_2.weight'),
          expertsOut: at('post_ffw_norm_2.weight'),
          router: at('ffn_gate_inp.scale'),
        },
      }),
  ...(outputScale === undefined ? {} : { outputScale: at('layer_output_scale.weight') }),
  ...(tokenInputs === undefined
    ? {}
    : {
        tokenInputs: {
          sizeKey: tokenInputs.sizeKey,
          table: 'per_layer_token_embd.weight',
          projection: 'per_layer_model_proj.weight',
          norm: 'per_layer_proj_norm.weight',
          gate: at('inp_gate.weight'),
          back: at('proj.weight'),
          backNorm: at('post_norm.weight'),
        },
      }),
});

const attentionInFile = (
  attention: Family['attention'],
  has: (tensor: string) => boolean,
  joinsHeads: boolean,
): Family['attention'] => {
  switch (attention.kind) {
    case 'compressed':
      return attention;
    case 'latent':
      return {
        ...attention,
        query: {
          whole: at('attn_q.weight'),
          down: at('attn_q_a.weight'),
          norm: at('attn_q_a_norm.weight'),
          up: at('attn_q_b.weight'),
        },
        keyValueDown: at('attn_kv_a_mqa.weight'),
        keyValueNorm: at('attn_kv_a_norm.weight'),
        // Old files have it in one matrix.
        keyValueUp: has('attn_k_b.weight')
          ? { keys: at('attn_k_b.weight'), values: at('attn_v_b.weight') }
          : at('attn_kv_b.weight'),
        output: at('attn_output.weight'),
        ...(attention.gate === undefined ? {} : { gate: at('attn_gate.weight') }),
        biased: false,
      };
    case 'grouped': {
      const { joined: _joined, ...apart } = attention;
      return {
        ...apart,
        ...(joinsHeads ? { joined: at('attn_qkv.weight') } : {}),
        query: at('attn_q.weight'),
        key: at('attn_k.weight'),
        value: at('attn_v.weight'),
        output: at('attn_output.weight'),
        queryKeyValueBias: has('attn_q.bias'),
        outputBias: has('attn_output.bias'),
        norms:
          attention.norms === null || !has('attn_q_norm.weight')
            ? null
            : { ...attention.norms, query: at('attn_q_norm.weight'), key: at('attn_k_norm.weight'), when: true },
        ...(typeof attention.gate === 'object' ? { gate: { ...attention.gate, name: at('attn_gate.weight') } } : {}),
        sinks: attention.sinks === null ? null : { ...attention.sinks, names: [at('attn_sinks.weight')] },
      };
    }
  }
};

/** Names of operators and indexers in files, in place of those that are put together of a beginning and a word. */
const operatorNames: NonNullable<Family['renamed']>[number]['names'] = [
  ['model.layers.', 'blk.'],
  ['model.hc_head.hc_fn', 'output_hc_fn.weight'],
  ['model.hc_head.hc_base', 'output_hc_base.weight'],
  ['model.hc_head.hc_scale', 'output_hc_scale.weight'],
  ['.attn_hc.fn', '.hc_attn_fn.weight'],
  ['.attn_hc.base', '.hc_attn_base.weight'],
  ['.attn_hc.scale', '.hc_attn_scale.weight'],
  ['.ffn_hc.fn', '.hc_ffn_fn.weight'],
  ['.ffn_hc.base', '.hc_ffn_base.weight'],
  ['.ffn_hc.scale', '.hc_ffn_scale.weight'],
  ['.self_attn.compressor.indexer.q_b_proj.', '.indexer.attn_q_b.'],
  ['.self_attn.compressor.indexer.scorer.weights_proj.', '.indexer.proj.'],
  ['.self_attn.compressor.indexer.', '.indexer_compressor.'],
  ['.self_attn.compressor.', '.attn_compressor.'],
  ['_compressor.kv_proj.', '_compressor_kv.'],
  ['_compressor.gate_proj.', '_compressor_gate.'],
  ['_compressor.position_bias', '_compressor_ape.weight'],
  ['_compressor.kv_norm.', '_compressor_norm.'],
  ['.self_attn.q_a_proj.', '.attn_q_a.'],
  ['.self_attn.q_a_norm.', '.attn_q_a_norm.'],
  ['.self_attn.q_b_proj.', '.attn_q_b.'],
  ['.self_attn.kv_proj.', '.attn_kv.'],
  ['.self_attn.kv_norm.', '.attn_kv_a_norm.'],
  ['.self_attn.sinks', '.attn_sinks.weight'],
  ['.self_attn.o_a_proj.', '.attn_output_a.'],
  ['.self_attn.o_b_proj.', '.attn_output_b.'],
  ['.self_attn.indexer.wq_b.', '.indexer.attn_q_b.'],
  ['.self_attn.indexer.wk.', '.indexer.attn_k.'],
  ['.self_attn.indexer.k_norm.', '.indexer.k_norm.'],
  ['.self_attn.indexer.weights_proj.', '.indexer.proj.'],
  ['.state.in_proj_qkv.', '.attn_qkv.'],
  ['.state.in_proj_z.', '.attn_gate.'],
  ['.state.in_proj_ba.', '.ssm_ba.'],
  ['.state.in_proj_b.', '.ssm_beta.'],
  ['.state.in_proj_a.', '.ssm_alpha.'],
  ['.state.in_proj.', '.ssm_in.'],
  ['.state.conv1d.', '.ssm_conv1d.'],
  ['.state.forget_gate.f_proj.', '.ssm_f_a.'],
  ['.state.forget_gate.f_a_proj.', '.ssm_f_a.'],
  ['.state.forget_gate.f_b_proj.', '.ssm_f_b.'],
  ['.state.forget_gate.', '.state.'],
  ['.state.dt_bias', '.ssm_dt.bias'],
  ['.state.A_log', '.ssm_a'],
  ['.state.D', '.ssm_d'],
  ['.state.norm.', '.ssm_norm.'],
  ['.state.out_proj.', '.ssm_out.'],
  ['.state.q_proj.', '.attn_q.'],
  ['.state.k_proj.', '.attn_k.'],
  ['.state.v_proj.', '.attn_v.'],
  ['.state.q_conv1d.', '.ssm_conv1d_q.'],
  ['.state.k_conv1d.', '.ssm_conv1d_k.'],
  ['.state.v_conv1d.', '.ssm_conv1d_v.'],
  ['.state.b_proj.', '.ssm_beta.'],
  ['.state.g_proj.', '.ssm_g_a.'],
  ['.state.g_a_proj.', '.ssm_g_a.'],
  ['.state.g_b_proj.', '.ssm_g_b.'],
  ['.state.o_norm.', '.ssm_norm.'],
  ['.state.o_proj.', '.attn_output.'],
  ['.state.x_proj.', '.ssm_x.'],
  ['.state.dt_layernorm.', '.ssm_dt_norm.'],
  ['.state.b_layernorm.', '.ssm_b_norm.'],
  ['.state.c_layernorm.', '.ssm_c_norm.'],
  ['.state.dt_proj.', '.ssm_dt.'],
  ['.lightning.qkv_proj.', '.attn_qkv.'],
  ['.lightning.norm.', '.attn_norm_2.'],
  ['.lightning.output_gate.', '.attn_gate.'],
  ['.lightning.out_proj.', '.attn_output.'],
];

/** Operators with the tensor names and forms of GGUF files, which store a decay as -A or A. */
const stateInFile = (state: StateRecord): StateRecord => {
  const { operator } = state;
  switch (operator.kind) {
    case 'convolution':
      return {
        ...state,
        operator: {
          ...operator,
          input: at('shortconv.in_proj.weight'),
          convolution: at('shortconv.conv.weight'),
          output: at('shortconv.out_proj.weight'),
          biased: false,
        },
      };
    case 'delta':
      return {
        ...state,
        operator: {
          ...operator,
          prefix: at('state.'),
          decayForm: 'negated',
          ...(operator.rows === 'by-head' ? { rows: 'rates-by-head' } : { sharing: 'apart' }),
        },
      };
    case 'channel-delta':
      return {
        ...state,
        operator: { ...operator, prefix: at('state.'), decayForm: operator.isLowRank === true ? 'negated' : 'plain' },
      };
    case 'lightning':
      return { ...state, operator: { ...operator, prefix: at('lightning.') } };
    case 'mamba-1':
    case 'mamba':
      return { ...state, operator: { ...operator, prefix: at('state.'), decayForm: 'negated' } };
  }
};

const routingInFile = (
  { correction, correctionIsRow: _isRow, ...routing }: ScoreRecord,
  name: LlamaArchitecture['correction'],
): ScoreRecord => ({
  ...routing,
  ...(routing.table === undefined
    ? {}
    : { table: { ...routing.table, name: at('ffn_gate_tid2eid.weight'), dtype: 'I32' as const } }),
  ...(routing.expertScale === undefined ? {} : { expertScale: at('ffn_down_exps.scale') }),
  correction: correction === null ? null : [at(name)],
});
