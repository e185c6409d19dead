import { refuse } from '../contract/errors.ts';
import { ConfigReader, type Config } from './config-reader.ts';
import type { BlockDescriptor, ExpertTensors, ModelDescriptor, MoeDescriptor, TensorView } from './descriptor.ts';
import type { ExpertLayout, Family } from './families/family.ts';
import { TensorIndex } from './tensor-index.ts';

interface Dimensions {
  readonly hidden: number;
  readonly experts: number;
  readonly topK: number;
  readonly width: number;
}

/**
 * Resolves a family record, a config and the tensors on disk to a descriptor. Every tensor that the family names must
 * be there in its shape and in a floating dtype, and none may be left over: an unproven layout is refused by name.
 */
export const describeModel = (
  family: Family,
  config: Config,
  tensors: ReadonlyMap<string, TensorView>,
  folder: string,
): ModelDescriptor => {
  const reader = new ConfigReader(config, `${folder}/config.json`, family.config.defaults);
  for (const { key, values } of family.required) reader.requireOneOf(key, values);
  const index = new TensorIndex(tensors, folder);

  const expertsKey = reader.presentKey(family.config.experts) ?? family.config.experts[0] ?? '';
  const dimensions: Dimensions = {
    hidden: reader.integer('hidden_size'),
    experts: reader.integer(expertsKey),
    topK: reader.integer(family.config.topK),
    width: reader.integer(family.config.expertWidth),
  };
  if (dimensions.topK > dimensions.experts) {
    throw refuse('bad-config', `${folder}/config.json: ${family.config.topK} (${String(dimensions.topK)}) exceeds ${expertsKey} (${String(dimensions.experts)}).`, 'Repair config.json from the model\'s source.');
  }
  const heads = reader.integer('num_attention_heads');
  const keyValueHeads = reader.optionalInteger('num_key_value_heads') ?? heads;
  const headDimension = reader.optionalInteger('head_dim') ?? dimensions.hidden / heads;
  if (!Number.isInteger(headDimension) || headDimension % 2 !== 0 || heads % keyValueHeads !== 0) {
    throw refuse('bad-config', `${folder}/config.json: ${String(heads)} heads, ${String(keyValueHeads)} key/value heads and head dimension ${String(headDimension)} do not fit together.`, 'Repair config.json from the model\'s source.');
  }
  const vocabulary = reader.integer('vocab_size');
  const layers = reader.integer('num_hidden_layers');
  const tiedHead = config['tie_word_embeddings'] === true;
  const layout = chooseLayout(family, index, folder);

  const embedding = index.take(family.embedding, [vocabulary, dimensions.hidden]);
  const descriptor: ModelDescriptor = {
    family: family.modelType,
    hidden: dimensions.hidden,
    heads,
    keyValueHeads,
    headDimension,
    normEpsilon: reader.number('rms_norm_eps'),
    ropeTheta: reader.ropeTheta(),
    slidingWindow: reader.optionalInteger('sliding_window'),
    vocabulary,
    maxPositions: reader.integer('max_position_embeddings'),
    tiedHead,
    embedding,
    finalNorm: index.take(family.finalNorm, [dimensions.hidden]),
    head: tiedHead && !index.has(family.head) ? embedding : index.take(family.head, [vocabulary, dimensions.hidden]),
    blocks: Array.from({ length: layers }, (_, layer) =>
      describeBlock(family, layout, index, layer, dimensions, heads * headDimension, keyValueHeads * headDimension),
    ),
    configKeys: {
      experts: family.config.experts.filter((key, position) => config[key] !== undefined || position === 0),
      topK: family.config.topK,
    },
  };
  index.refuseLeftovers(family.ignored);
  return descriptor;
};

const chooseLayout = (family: Family, index: TensorIndex, folder: string): ExpertLayout => {
  const found = family.layouts.filter((layout) => index.has(layerName(layout.router, 0)));
  const [layout] = found;
  if (layout === undefined || found.length > 1) {
    const names = family.layouts.map((candidate) => layerName(candidate.router, 0)).join('" or "');
    throw refuse(
      'unknown-layout',
      `${folder}: ${layout === undefined ? 'no' : 'more than one'} router found; a ${family.modelType} checkpoint holds "${names}".`,
      'Check that config.json and the weights belong together.',
    );
  }
  return layout;
};

const layerName = (pattern: string, layer: number): string => pattern.replace('{l}', String(layer));

const describeBlock = (
  family: Family,
  layout: ExpertLayout,
  index: TensorIndex,
  layer: number,
  dimensions: Dimensions,
  queryWidth: number,
  keyValueWidth: number,
): BlockDescriptor => {
  const { hidden } = dimensions;
  const take = (pattern: string, shape: readonly number[]): TensorView => index.take(layerName(pattern, layer), shape);
  return {
    attentionNorm: take(family.attention.norm, [hidden]),
    attention: {
      query: take(family.attention.query, [queryWidth, hidden]),
      key: take(family.attention.key, [keyValueWidth, hidden]),
      value: take(family.attention.value, [keyValueWidth, hidden]),
      output: take(family.attention.output, [hidden, queryWidth]),
    },
    moeNorm: take(family.moeNorm, [hidden]),
    moe: describeMoe(family, layout, take, layer, dimensions),
  };
};

const describeMoe = (
  family: Family,
  layout: ExpertLayout,
  take: (pattern: string, shape: readonly number[]) => TensorView,
  layer: number,
  { hidden, experts, topK, width }: Dimensions,
): MoeDescriptor => {
  const router = take(layout.router, [experts, hidden]);
  const expertTensors: ExpertTensors[] = [];
  if (layout.kind === 'per-expert') {
    for (let expert = 0; expert < experts; expert += 1) {
      const prefix = `${layout.prefix}${String(expert)}.`;
      expertTensors.push({
        gate: take(prefix + layout.gate, [width, hidden]),
        up: take(prefix + layout.up, [width, hidden]),
        down: take(prefix + layout.down, [hidden, width]),
      });
    }
    const storage = { stacked: [router.tensor], prefix: layerName(layout.prefix, layer) };
    return { experts, topK, width, routing: family.routing, router, expertTensors, storage };
  }
  const gateUp = take(layout.gateUp, [experts, 2 * width, hidden]);
  const down = take(layout.down, [experts, hidden, width]);
  if (2 * width === hidden) {
    throw refuse('ambiguous-layout', `"${gateUp.tensor}" is square ([${gateUp.shape.join(', ')}]): whether it is stored transposed cannot be told from its shape.`, 'Convert the checkpoint to the layout with one tensor per expert.');
  }
  for (let expert = 0; expert < experts; expert += 1) {
    expertTensors.push({
      gate: part(gateUp, 2 * expert, 2 * experts, [width, hidden]),
      up: part(gateUp, 2 * expert + 1, 2 * experts, [width, hidden]),
      down: part(down, expert, experts, [hidden, width]),
    });
  }
  return { experts, topK, width, routing: family.routing, router, expertTensors, storage: { stacked: [router.tensor, gateUp.tensor, down.tensor], prefix: null } };
};

/** The `position`-th of `parts` equal contiguous parts of a tensor. */
const part = (whole: TensorView, position: number, parts: number, shape: readonly number[]): TensorView => {
  const byteLength = whole.byteLength / parts;
  return { ...whole, shape, byteLength, byteOffset: whole.byteOffset + position * byteLength };
};
