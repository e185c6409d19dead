import { refuse } from '../contract/errors.ts';
import type { ConfigReader } from './config-reader.ts';
import type { ExpertActivation, ExpertGroups, ExpertTensors, MoeDescriptor, RoutingRule, TensorView, Weight } from './descriptor.ts';
import type { ExpertLayout, Family, GroupRecord } from './families/family.ts';
import type { WeightReader } from './read-weights.ts';
import { layerName } from './tensor-names.ts';
import { contiguousPart, plainWeight } from './weight.ts';

interface Sizes {
  readonly hidden: number;
  readonly experts: number;
  readonly width: number;
}

/** Values that one MXFP4 scale covers, and bytes that hold them. */
const MXFP4_VALUES = 32;
const MXFP4_BYTES = 16;

/** Reads what all MoE layers share; the answer resolves the tensors of one layer. */
export const describeMoe = (
  family: Family,
  reader: ConfigReader,
  weights: WeightReader,
  folder: string,
  hidden: number,
): ((layer: number) => MoeDescriptor) => {
  const expertsKey = reader.presentKey(family.keys.experts) ?? family.keys.experts[0] ?? '';
  const sizes: Sizes = { hidden, experts: reader.integer(expertsKey), width: reader.integer(family.keys.expertWidth) };
  const topK = reader.integer(family.keys.topK);
  if (topK > sizes.experts) throw reader.inconsistent(`${family.keys.topK} (${String(topK)}) exceeds ${expertsKey} (${String(sizes.experts)})`);
  const activation = activationOf(family, reader);
  let layout: ExpertLayout | null = null;
  return (layer) => {
    layout ??= chooseLayout(family, weights, layer, folder);
    const { router, routerBias, expertTensors, stacked, prefix } = takeLayout(layout, weights, layer, sizes);
    const routing = routingOf(family, reader, weights, layer, sizes.experts);
    const correction = routing.kind === 'sigmoid' ? [routing.correction.tensor] : [];
    return {
      experts: sizes.experts,
      topK,
      width: sizes.width,
      routing,
      router,
      routerBias,
      activation,
      expertTensors,
      shared: takeShared(family, reader, weights, layer, hidden),
      storage: { stacked: [router.tensor, ...(routerBias === null ? [] : [routerBias.tensor]), ...correction, ...stacked], prefix },
    };
  };
};

const activationOf = (family: Family, reader: ConfigReader): ExpertActivation =>
  family.activation === 'silu' ? { kind: 'silu' } : { kind: 'clamped', limit: reader.number('swiglu_limit'), alpha: reader.number('swiglu_alpha') };

const groupsOf = (record: GroupRecord | null, reader: ConfigReader, experts: number): ExpertGroups | null => {
  if (record === null || (record.when !== null && reader.raw(record.when.key) !== record.when.value)) return null;
  const [count, kept] = [reader.integer(record.countKey), reader.integer(record.keptKey)];
  if (experts % count !== 0 || kept > count) throw reader.inconsistent(`${String(kept)} of ${String(count)} groups do not fit ${String(experts)} experts`);
  return count === 1 ? null : { count, kept };
};

const routingOf = (family: Family, reader: ConfigReader, weights: WeightReader, layer: number, experts: number): RoutingRule => {
  const { routing } = family;
  switch (routing.kind) {
    case 'softmax-chosen':
      return { kind: routing.kind };
    case 'sparsemixer':
      return { kind: routing.kind, jitter: reader.number(routing.jitterKey) };
    case 'softmax-all':
      return {
        kind: routing.kind,
        normalise: reader.flag(routing.normalise),
        scale: routing.scaleKey === null ? 1 : reader.number(routing.scaleKey),
        groups: groupsOf(routing.groups, reader, experts),
      };
    case 'sigmoid':
      return {
        kind: routing.kind,
        normalise: reader.flag(routing.normalise),
        scale: reader.number(routing.scaleKey),
        groups: groupsOf(routing.groups, reader, experts),
        correction: weights.takeView(layerName(routing.correction, layer), [experts]),
      };
  }
};

const takeShared = (family: Family, reader: ConfigReader, weights: WeightReader, layer: number, hidden: number): MoeDescriptor['shared'] => {
  const record = family.shared;
  if (record === null) return null;
  const experts = record.countKey === null ? 1 : reader.count(record.countKey);
  if (experts === 0) return null;
  const width = reader.integer(record.widthKey) * experts;
  const named = (pattern: string): string => layerName(pattern, layer);
  return {
    gate: weights.take(named(record.gate), [width, hidden]),
    up: weights.take(named(record.up), [width, hidden]),
    down: weights.take(named(record.down), [hidden, width]),
    scale: record.scale === null ? null : weights.takeView(named(record.scale), [1, hidden]),
    experts,
  };
};

/** Name of a tensor that tells a layout from the others. */
const signature = (layout: ExpertLayout): string => {
  switch (layout.kind) {
    case 'per-expert':
      return `${layout.prefix}0.${layout.gate}`;
    case 'interleaved-mxfp4':
      return `${layout.gateUp}_blocks`;
    default:
      return layout.gateUp;
  }
};

const chooseLayout = (family: Family, weights: WeightReader, layer: number, folder: string): ExpertLayout => {
  const found = family.layouts.filter((candidate) => weights.index.has(layerName(signature(candidate), layer)));
  const [layout] = found;
  if (layout !== undefined && found.length === 1) return layout;
  const names = family.layouts.map((candidate) => layerName(signature(candidate), layer)).join('" or "');
  throw refuse(
    'unknown-layout',
    `${folder}: ${layout === undefined ? 'no experts' : 'experts in more than one layout'} found; a ${family.modelType} checkpoint holds "${names}".`,
    'Check that config.json and the weights belong together.',
  );
};

interface TakenLayout {
  readonly router: TensorView;
  readonly routerBias: TensorView | null;
  readonly expertTensors: readonly ExpertTensors[];
  readonly stacked: readonly string[];
  readonly prefix: string | null;
}

const takeLayout = (layout: ExpertLayout, weights: WeightReader, layer: number, sizes: Sizes): TakenLayout => {
  const { hidden, experts, width } = sizes;
  const named = (pattern: string): string => layerName(pattern, layer);
  const router = weights.takeView(named(layout.router), [experts, hidden]);
  const every = (describe: (expert: number) => ExpertTensors): readonly ExpertTensors[] => Array.from({ length: experts }, (_, expert) => describe(expert));
  switch (layout.kind) {
    case 'per-expert':
      return {
        router,
        routerBias: null,
        stacked: [],
        prefix: named(layout.prefix),
        expertTensors: every((expert) => {
          const prefix = `${named(layout.prefix)}${String(expert)}.`;
          return {
            gate: weights.take(prefix + layout.gate, [width, hidden]),
            up: weights.take(prefix + layout.up, [width, hidden]),
            down: weights.take(prefix + layout.down, [hidden, width]),
          };
        }),
      };
    case 'stacked-rows': {
      const gateUp = weights.takeView(named(layout.gateUp), [experts, 2 * width, hidden]);
      const down = weights.takeView(named(layout.down), [experts, hidden, width]);
      // gateUp alone may be square; the shape of down still tells that neither is stored transposed.
      return {
        router,
        routerBias: null,
        stacked: [gateUp.tensor, down.tensor],
        prefix: null,
        expertTensors: every((expert) => ({
          gate: plainWeight(contiguousPart(gateUp, 2 * expert, 2 * experts, [width, hidden])),
          up: plainWeight(contiguousPart(gateUp, 2 * expert + 1, 2 * experts, [width, hidden])),
          down: plainWeight(contiguousPart(down, expert, experts, [hidden, width])),
        })),
      };
    }
    case 'interleaved-columns':
    case 'interleaved-mxfp4':
      return takeInterleaved(layout, weights, named, router, sizes, every);
  }
};

/** gpt-oss: gate and up alternate, every expert has biases, and the matrices are bfloat16 [in, out] or MXFP4 [out, in]. */
const takeInterleaved = (
  layout: Extract<ExpertLayout, { kind: 'interleaved-columns' | 'interleaved-mxfp4' }>,
  weights: WeightReader,
  named: (pattern: string) => string,
  router: TensorView,
  { hidden, experts, width }: Sizes,
  every: (describe: (expert: number) => ExpertTensors) => readonly ExpertTensors[],
): TakenLayout => {
  const routerBias = weights.takeView(named(layout.routerBias), [experts]);
  const gateUpBias = weights.takeView(named(layout.gateUpBias), [experts, 2 * width]);
  const downBias = weights.takeView(named(layout.downBias), [experts, hidden]);
  const biases = (expert: number): Pick<ExpertTensors, 'gateBias' | 'upBias' | 'downBias'> => {
    const stored = plainWeight(contiguousPart(gateUpBias, expert, experts, [2 * width])).stored;
    return {
      gateBias: { stored, select: { axis: 0, start: 0 }, shape: [width] },
      upBias: { stored, select: { axis: 0, start: 1 }, shape: [width] },
      downBias: plainWeight(contiguousPart(downBias, expert, experts, [hidden])),
    };
  };
  const taken = { router, routerBias, prefix: null };
  if (layout.kind === 'interleaved-columns') {
    const gateUp = weights.takeView(named(layout.gateUp), [experts, hidden, 2 * width]);
    const down = weights.takeView(named(layout.down), [experts, width, hidden]);
    const expertTensors = every((expert) => {
      const stored = plainWeight(contiguousPart(gateUp, expert, experts, [hidden, 2 * width])).stored;
      const half = (start: 0 | 1): Weight => ({ stored, select: { axis: 1, start }, transposed: true, shape: [width, hidden] });
      const downWeight = plainWeight(contiguousPart(down, expert, experts, [width, hidden]));
      return { gate: half(0), up: half(1), down: { ...downWeight, transposed: true, shape: [hidden, width] }, ...biases(expert) };
    });
    return { ...taken, expertTensors, stacked: [gateUp.tensor, gateUpBias.tensor, down.tensor, downBias.tensor] };
  }
  const quantised = (name: string, rows: number, columns: number): { blocks: TensorView; scales: TensorView } => {
    const groups = columns / MXFP4_VALUES;
    return {
      blocks: weights.index.take(`${name}_blocks`, [experts, rows, groups, MXFP4_BYTES], ['U8']),
      scales: weights.index.take(`${name}_scales`, [experts, rows, groups], ['U8']),
    };
  };
  const gateUp = quantised(named(layout.gateUp), 2 * width, hidden);
  const down = quantised(named(layout.down), hidden, width);
  const part = ({ blocks, scales }: { blocks: TensorView; scales: TensorView }, expert: number): Weight['stored'] => ({
    kind: 'mxfp4',
    blocks: contiguousPart(blocks, expert, experts, blocks.shape.slice(1)),
    scales: contiguousPart(scales, expert, experts, scales.shape.slice(1)),
  });
  const expertTensors = every((expert) => ({
    gate: { stored: part(gateUp, expert), select: { axis: 0, start: 0 }, shape: [width, hidden] },
    up: { stored: part(gateUp, expert), select: { axis: 0, start: 1 }, shape: [width, hidden] },
    down: { stored: part(down, expert), shape: [hidden, width] },
    ...biases(expert),
  }));
  const stacked = [gateUp.blocks, gateUp.scales, gateUpBias, down.blocks, down.scales, downBias].map(({ tensor }) => tensor);
  return { ...taken, expertTensors, stacked };
};
