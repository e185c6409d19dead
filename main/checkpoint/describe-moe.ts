import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../contract/bounds.ts';
import { at, given, refuse } from '../contract/errors.ts';
import type { ConfigReader } from './config-reader.ts';
import { project } from './describe-attention.ts';
import type {
  DenseTensors,
  ExpertActivation,
  ExpertGroups,
  ExpertTensors,
  MoeDescriptor,
  RoutingRule,
  TensorView,
  Weight,
} from './descriptor.ts';
import type {
  ActivationRecord,
  ExpertLayout,
  Family,
  GroupRecord,
  ScoreRecord,
  SharedRecord,
} from './families/family.ts';
import { namesOnDisk, biasName, layerName, TensorIndex } from './tensor-index.ts';
import { contiguousPart, plainWeight, storedName, transposed } from './read-tensor.ts';
import type { WeightReader } from './weight-reader.ts';
import { correctionOf, expertScaleOf } from './routing.ts';

/** Published models have at most a few hundred experts in a layer. */
const MAX_EXPERTS = 65_536;

interface Sizes {
  readonly hidden: number;
  /** Width of the experts' inputs and outputs, where it is not `hidden`. */
  readonly latent: number | null;
  readonly experts: number;
  readonly identities: number;
  readonly width: number;
}

/** The deepest published models have fewer than two hundred layers. */
export const MAX_LAYERS = 1024;

/** Values per MXFP4 scale, and their bytes. */
const MXFP4_VALUES = 32;
const MXFP4_BYTES = 16;

/** Key of config.json with the experts per layer that return a constant (MoNE; vLLM's page on expert substitution). */
export const CONSTANTS_KEY = 'approximate_experts';
/** Name of such an expert's vector, after the expert's prefix. */
export const CONSTANT_NAME = 'approx_value';

/**
 * Servers join the experts of a layer to one tensor, which is quantised as a whole or not at all.
 *
 * @throws WorkbenchError `mixed-experts`.
 */
const requireOneKind = (experts: readonly ExpertTensors[], folder: string): void => {
  for (const part of ['gate', 'up', 'down'] as const) {
    const [first, ...others] = experts.flatMap((expert) => (expert.constant === undefined ? (expert[part] ?? []) : []));
    const other = others.find(({ stored }) => stored.kind !== first?.stored.kind);
    if (first !== undefined && other !== undefined)
      throw refuse(
        'mixed-experts',
        `${folder}: "${storedName(first)}" and "${storedName(other)}" are experts of one layer, but are ` +
          'quantised in two different ways.',
        'Quantise all experts of a layer in the same way.',
      );
  }
};

const expertNumbers = boundedList(z.number().int().nonnegative());
const constantsByLayer = z.union([
  boundedRecord(boundedText.regex(/^\d+$/), expertNumbers),
  boundedList(expertNumbers),
]);
const NO_CONSTANTS: ReadonlySet<number> = new Set();

/** Experts that return a constant, by the index of their layer among all layers. */
const constantExperts = (reader: ConfigReader, experts: number): ReadonlyMap<number, ReadonlySet<number>> => {
  const raw = reader.raw(CONSTANTS_KEY);
  if (raw === undefined || raw === null) return new Map();
  const parsed = constantsByLayer.safeParse(raw);
  if (
    !parsed.success ||
    Object.values(parsed.data)
      .flat()
      .some((expert) => expert >= experts)
  )
    throw reader.inconsistent(`"${CONSTANTS_KEY}" is not a list of experts (0 to ${experts - 1}) by layer`);
  return new Map(Object.entries(parsed.data).map(([layer, list]) => [Number(layer), new Set(list)]));
};

/** Reads the settings shared by all MoE layers; returns a function that resolves the tensors of one layer. */
export const describeMoe = (
  family: Family,
  reader: ConfigReader,
  weights: WeightReader,
  folder: string,
  hidden: number,
): ((layer: number) => MoeDescriptor) => {
  const expertsKey = expertsKeyOf(family, reader);
  const sizes: Sizes = {
    hidden,
    latent: family.latent === undefined ? null : reader.optionalInteger(family.latent.sizeKey),
    experts: reader.integer(expertsKey, MAX_EXPERTS),
    identities: family.identitiesKey === undefined ? 0 : reader.count(family.identitiesKey, MAX_EXPERTS),
    width: reader.integer(family.keys.expertWidth),
  };
  const topK = reader.sameInteger(family.keys.topK);
  if (topK > sizes.experts)
    throw reader.inconsistent(`${family.keys.topK} (${topK}) exceeds ${expertsKey} (${sizes.experts})`);
  let layout: ExpertLayout | null = null;
  const constants = constantExperts(reader, sizes.experts);
  return (layer) => {
    const site = { family, reader, weights, layer };
    layout ??= chooseLayout(site, folder, sizes);
    const taken = takeLayout(layout, site, sizes, constants.get(layer) ?? NO_CONSTANTS);
    const { router, routerBias, expertTensors, stacked, prefix } = taken;
    requireOneKind(expertTensors, folder);
    const routing = routingOf(site, { ...sizes, topK });
    const correction = correctionOf(routing);
    return {
      experts: sizes.experts,
      topK,
      width: sizes.width,
      identities: sizes.identities,
      routing,
      router,
      routerBias,
      activation: activationOf(family.activation, reader, layer),
      expertTensors,
      latent: takeLatent(site, sizes),
      shared: takeShared(site, hidden),
      storage: {
        stacked: [
          ...[router, routerBias, correction, expertScaleOf(routing)].flatMap((view) => view?.tensor ?? []),
          ...stacked,
        ],
        joined: layout.kind === 'joined-rows' ? stacked : [],
        prefix,
      },
    };
  };
};

/** Where experts are described: a layer of a checkpoint. */
interface Site {
  readonly family: Family;
  readonly reader: ConfigReader;
  readonly weights: WeightReader;
  readonly layer: number;
}

/** The key with E; refuses two keys that disagree. */
const expertsKeyOf = (family: Family, reader: ConfigReader): string => {
  const key = reader.presentKey(family.keys.experts) ?? at(family.keys.experts, 0);
  const other = family.keys.experts.find(
    (each) => reader.presentKey([each]) !== undefined && reader.raw(each) !== reader.raw(key),
  );
  if (other === undefined) return key;
  throw reader.inconsistent(
    `"${key}" is ${JSON.stringify(reader.raw(key))} but "${other}" is ${JSON.stringify(reader.raw(other))}`,
  );
};

const activationOf = (record: ActivationRecord, reader: ConfigReader, layer: number): ExpertActivation => {
  switch (record.kind) {
    case 'silu':
    case 'gelu':
    case 'relu2':
      return { kind: record.kind };
    case 'bounded':
      return { kind: 'bounded', limit: reader.number(record.limitKey) };
    case 'clamped':
      return { kind: 'clamped', limit: reader.number(record.limitKey), alpha: reader.number(record.alphaKey) };
    case 'limited': {
      const limit = reader.numberOf(record.limitsKey, layer);
      return limit === 0 ? { kind: 'silu' } : { kind: 'limited', limit };
    }
  }
};

const groupsOf = (
  record: GroupRecord | null,
  reader: ConfigReader,
  { experts, topK }: { readonly experts: number; readonly topK: number },
): ExpertGroups | null => {
  if (record === null || (record.when !== null && reader.raw(record.when.key) !== record.when.value)) return null;
  const { least } = record;
  const [count, kept] = [reader.integer(record.countKey), reader.integer(record.keptKey)];
  if (experts % count !== 0 || kept > count)
    throw reader.inconsistent(`${kept} of ${count} groups do not fit ${experts} experts`);
  if (count === 1) return null;
  const size = experts / count;
  if (size < least) throw reader.inconsistent(`groups of ${size} expert cannot be ranked by their best ${least}`);
  if (topK > kept * size) throw reader.inconsistent(`top-${topK} exceeds the ${kept * size} experts of ${kept} groups`);
  return { count, kept, least };
};

const routingOf = (
  { family: { routing }, reader, weights, layer }: Site,
  sizes: Pick<Sizes, 'experts' | 'identities'> & { readonly topK: number },
): RoutingRule => {
  if (routing.kind === 'sparsemixer') return { kind: routing.kind, jitter: reader.number(routing.jitterKey) };
  const { kind, score, after, gate, correctionIsRow, correctionWhen } = routing;
  const table = takeTable(routing, { reader, weights, layer }, sizes.topK);
  const correction = table === null ? routing.correction : null;
  const { renormalise, scaleKey, expertScale } = routing;
  const epsilon = renormalise?.epsilon ?? 0;
  return {
    kind,
    score,
    after,
    gate,
    expertScale: expertScale === undefined ? null : weights.takeView(layerName(expertScale, layer), [sizes.experts]),
    scale: scaleKey === null ? 1 : reader.number(scaleKey),
    table,
    correction:
      correction === null || (correctionWhen !== undefined && !reader.flag(correctionWhen))
        ? null
        : weights.takeView(
            layerName(weights.index.nameAmong(correction), layer),
            correctionIsRow === true ? [1, sizes.experts] : [sizes.experts + sizes.identities],
          ),
    groups: groupsOf(routing.groups, reader, sizes),
    renormalise:
      renormalise === null ||
      !reader.flag(renormalise.when) ||
      (renormalise.unlessNullKey !== undefined && reader.isNull(renormalise.unlessNullKey))
        ? null
        : { epsilon: typeof epsilon === 'string' ? reader.number(epsilon) : epsilon, as: renormalise.as },
  };
};

/** The table of the experts of each token, in a layer that has one. */
const takeTable = (
  { table }: ScoreRecord,
  { reader, weights, layer }: Omit<Site, 'family'>,
  topK: number,
): TensorView | null => {
  if (table === undefined) return null;
  const types = reader.strings('mlp_layer_types');
  const other = types?.find((type) => type !== 'moe' && type !== 'hash_moe');
  if (other !== undefined)
    throw reader.unsupported(
      `"mlp_layer_types" contains ${JSON.stringify(other)}; only moe and hash_moe are supported`,
    );
  const isHashed = types === null ? layer < reader.count(table.countKey) : types[layer] === 'hash_moe';
  const shape = [reader.integer('vocab_size'), topK];
  return isHashed ? weights.index.take(layerName(table.name, layer), shape, [table.dtype ?? 'I64']) : null;
};

const takeLatent = (
  { family: { latent: names }, reader, weights, layer }: Site,
  { hidden, latent }: Sizes,
): MoeDescriptor['latent'] =>
  names === undefined || latent === null
    ? null
    : {
        into: project(weights, layerName(names.into, layer), [latent, hidden], reader.flag(names.biased)),
        back: project(weights, layerName(names.back, layer), [hidden, latent], reader.flag(names.biased)),
      };

const takeShared = ({ family, reader, weights, layer }: Site, hidden: number): MoeDescriptor['shared'] => {
  const record = family.shared;
  if (record === null) return null;
  const experts = record.countKey === null ? 1 : reader.count(record.countKey);
  if (experts === 0) return null;
  const width = reader.count(record.widthKey) * experts;
  if (width === 0) return null;
  const named = (pattern: string): string => layerName(pattern, layer);
  const other = record.orNamed;
  const names =
    other !== undefined && weights.index.nameAmong([record.down, other.down]) === other.down
      ? { gateUp: other, down: other.down }
      : record;
  return {
    ...takeGateUp(weights, names.gateUp, named, [width, hidden]),
    down: weights.take(named(names.down), [hidden, width]),
    activation: denseActivation(family, reader, layer),
    ...(reader.flag(record.biased) && typeof names.gateUp !== 'string'
      ? takeBiases(weights, { ...names.gateUp, down: names.down }, layer, [width, hidden])
      : {}),
    scale: record.scale === null ? null : weights.takeView(named(record.scale), [1, hidden]),
    experts,
  };
};

/** The activation in a layer's dense network or its shared expert; gpt-oss, which clamps its experts, has neither. */
export const denseActivation = (
  { activation }: Family,
  reader: ConfigReader,
  layer: number,
): DenseTensors['activation'] => {
  if (activation.kind === 'gelu' || activation.kind === 'relu2') return { kind: activation.kind };
  if (activation.kind === 'bounded') return { kind: 'bounded', limit: reader.number(activation.limitKey) };
  const limit = activation.kind === 'limited' ? reader.numberOf(activation.denseLimitsKey, layer) : 0;
  return limit === 0 ? { kind: 'silu' } : { kind: 'limited', limit };
};

/** Biases beside the matrices of a dense network of inner width `width`. */
export const takeBiases = (
  weights: WeightReader,
  names: Readonly<Record<'up' | 'down', string>> & { readonly gate: string | null },
  layer: number,
  [width, hidden]: readonly [number, number],
): Pick<DenseTensors, 'gateBias' | 'upBias' | 'downBias'> => {
  const bias = (name: string, length: number): Weight =>
    plainWeight(weights.takeView(biasName(layerName(name, layer)), [length]));
  return {
    ...(names.gate === null ? {} : { gateBias: bias(names.gate, width) }),
    upBias: bias(names.up, width),
    downBias: bias(names.down, hidden),
  };
};

const takeGateUp = (
  weights: WeightReader,
  names: SharedRecord['gateUp'],
  named: (pattern: string) => string,
  shape: readonly [number, number],
): Pick<DenseTensors, 'gate' | 'up'> => {
  if (typeof names !== 'string')
    return {
      gate: names.gate === null ? null : weights.take(named(names.gate), shape),
      up: weights.take(named(names.up), shape),
    };
  const both = weights.takeView(named(names), [2 * shape[0], shape[1]]);
  return { gate: plainWeight(contiguousPart(both, 0, 2, shape)), up: plainWeight(contiguousPart(both, 1, 2, shape)) };
};

/** A name of experts in every layer that there can be, in the first layout that stores them so (`areStacked`: last). */
export const expertExamples = (family: Family, areMxfp4: boolean, areStacked = false): readonly string[] => {
  const layouts = family.layouts.filter(({ kind }) => (kind === 'interleaved-mxfp4') === areMxfp4);
  const layout = layouts.at(areStacked ? -1 : 0);
  const index = new TensorIndex(new Map(), '', () => [], namesOnDisk(family, []));
  return layout === undefined
    ? []
    : Array.from({ length: MAX_LAYERS }, (_, layer) => ownNames(index, layout, layer).example);
};

/** Names of expert tensors that only this layout has. */
const ownNames = (
  index: TensorIndex,
  layout: ExpertLayout,
  layer: number,
): { readonly example: string; readonly pattern: RegExp } => {
  const onDisk = (text: string): string => index.onDisk(layerName(text, layer));
  const literal = (text: string): string => onDisk(text).replaceAll('.', '\\.');
  switch (layout.kind) {
    case 'per-expert':
      return {
        example: onDisk(`${layout.prefix}0.${layout.gate ?? layout.up}`),
        pattern: new RegExp(`^${literal(layout.prefix)}\\d+\\.(${matricesOf(layout).map(literal).join('|')})$`),
      };
    case 'interleaved-mxfp4':
      return {
        example: onDisk(`${layout.gateUp}_blocks`),
        pattern: new RegExp(`^(${literal(layout.gateUp)}|${literal(layout.down)})_(blocks|scales)$`),
      };
    case 'stacked-apart':
    case 'joined-rows':
      return {
        example: onDisk(layout.gate ?? layout.up),
        pattern: new RegExp(`^(${matricesOf(layout).map(literal).join('|')})$`),
      };
    default:
      return {
        example: onDisk(layout.gateUp),
        pattern: new RegExp(`^(${literal(layout.gateUp)}|${literal(layout.down)})$`),
      };
  }
};

const matricesOf = ({
  gate,
  up,
  down,
}: Extract<ExpertLayout, { kind: 'per-expert' | 'stacked-apart' | 'joined-rows' }>): readonly string[] =>
  [gate ?? [], up, down].flat();

/** Whether stacked matrices lie as this layout has them. */
const hasShapesOf = (
  layout: ExpertLayout,
  index: TensorIndex,
  layer: number,
  { experts, width, hidden }: Sizes,
): boolean => {
  if (layout.kind !== 'stacked-rows' && layout.kind !== 'stacked-columns') return true;
  const inner = layout.kind === 'stacked-rows' ? [2 * width, hidden] : [hidden, 2 * width];
  const outer = layout.kind === 'stacked-rows' ? [hidden, width] : [width, hidden];
  return (
    isDeepStrictEqual(index.shapeOf(layerName(layout.gateUp, layer)), [experts, ...inner]) &&
    isDeepStrictEqual(index.shapeOf(layerName(layout.down, layer)), [experts, ...outer])
  );
};

/**
 * Finds the layout from the expert tensors of the first MoE layer. The quantisation named in config.json must match it.
 */
const chooseLayout = ({ family, reader, weights, layer }: Site, folder: string, sizes: Sizes): ExpertLayout => {
  const named = family.layouts.flatMap((candidate) => {
    const example = weights.index.firstMatching(ownNames(weights.index, candidate, layer).pattern);
    return example === undefined ? [] : [{ candidate, example }];
  });
  // Rows and columns may have the same names.
  const fitting = named.filter(({ candidate }) => hasShapesOf(candidate, weights.index, layer, sizes));
  const found = named.length > 1 && fitting.length > 0 ? fitting : named;
  const layout = found[0]?.candidate;
  if (layout === undefined || found.length > 1) {
    const names = family.layouts.map((candidate) => ownNames(weights.index, candidate, layer).example).join('" or "');
    const examples = found.map(({ example }) => `"${example}"`).join(' and ');
    throw refuse(
      'unknown-layout',
      `${folder}: ${layout === undefined ? 'no experts' : `experts in more than one layout (${examples})`} found in ` +
        `layer ${layer}; a ${family.modelType} checkpoint has "${names}" there.`,
      'Check that config.json and the weights belong together.',
    );
  }
  const isMxfp4 = layout.kind === 'interleaved-mxfp4';
  if (isMxfp4 !== (weights.quantisation.kind === 'mxfp4')) {
    throw reader.inconsistent(
      `"quantization_config" ${isMxfp4 ? 'does not name' : 'names'} mxfp4, but the experts are ` +
        `${isMxfp4 ? 'MXFP4 blocks' : 'not MXFP4 blocks'} (such as ` +
        `"${ownNames(weights.index, layout, layer).example}")`,
    );
  }
  return layout;
};

/** Experts as a layout has them; `stacked`: names of tensors that count experts. */
type TakenLayout = Pick<MoeDescriptor, 'router' | 'routerBias' | 'expertTensors'> &
  Pick<MoeDescriptor['storage'], 'stacked' | 'prefix'>;

interface Matrices {
  readonly views: readonly TensorView[];
  readonly of: (expert: number) => Weight;
}

const takeLayout = (
  layout: ExpertLayout,
  { reader, weights, layer }: Site,
  sizes: Sizes,
  constants: ReadonlySet<number>,
): TakenLayout => {
  const { experts, identities, width } = sizes;
  const hidden = sizes.latent ?? sizes.hidden;
  const named = (pattern: string): string => layerName(pattern, layer);
  if (constants.size > 0 && layout.kind !== 'per-expert')
    throw reader.inconsistent(`"${CONSTANTS_KEY}" names experts, but the experts of the checkpoint are stacked`);
  const take = (name: string, shape: readonly number[]): TensorView => weights.takeView(named(name), shape);
  const router = take(layout.router, [experts + identities, sizes.hidden]);
  const part = (whole: TensorView, expert: number): Weight =>
    plainWeight(contiguousPart(whole, expert, experts, whole.shape.slice(1)));
  const taken = (
    views: readonly (TensorView | null)[],
    of: (expert: number) => ExpertTensors,
    routerBias: TensorView | null = null,
  ): TakenLayout => ({
    router,
    routerBias,
    stacked: views.flatMap((view) => view?.tensor ?? []),
    prefix: null,
    expertTensors: Array.from({ length: experts }, (_, expert) => of(expert)),
  });
  /** Matrices of all experts, stored as [in, out], or [out, in] in blocks. */
  const columns = (name: string, shape: readonly number[]): Matrices => {
    const view = take(name, [experts, ...shape]);
    return { views: [view], of: (expert) => transposed(part(view, expert)) };
  };
  const blocks = (name: string, rows: number, width: number): Matrices => {
    const groups = width / MXFP4_VALUES;
    if (!Number.isInteger(groups))
      throw reader.inconsistent(`MXFP4 experts of ${width} columns: blocks have ${MXFP4_VALUES} values`);
    const packed = (what: string, shape: readonly number[]): TensorView =>
      weights.index.take(`${named(name)}_${what}`, [experts, ...shape], ['U8']);
    const [values, scales] = [packed('blocks', [rows, groups, MXFP4_BYTES]), packed('scales', [rows, groups])];
    const ofExpert = (view: TensorView, expert: number): TensorView =>
      contiguousPart(view, expert, experts, view.shape.slice(1));
    return {
      views: [values, scales],
      of: (expert) => ({
        stored: { kind: 'mxfp4', blocks: ofExpert(values, expert), scales: ofExpert(scales, expert) },
        shape: [rows, width],
      }),
    };
  };
  switch (layout.kind) {
    case 'per-expert': {
      const prefix = (expert: number): string => `${named(layout.prefix)}${expert}.`;
      const matrices = new Map(
        Array.from({ length: experts }, (_, expert) => expert)
          .filter((expert) => !constants.has(expert))
          .map((expert) => [
            expert,
            {
              gate: layout.gate === null ? null : weights.take(prefix(expert) + layout.gate, [width, hidden]),
              up: weights.take(prefix(expert) + layout.up, [width, hidden]),
              down: weights.take(prefix(expert) + layout.down, [hidden, width]),
            },
          ]),
      );
      // Some files have matrices of experts that give back their input; nothing reads them.
      const unread = Array.from({ length: identities }, (_, number) =>
        [layout.gate ?? [], layout.up].flat().map((name) => prefix(experts + number) + name),
      ).flat();
      if (unread.some((name) => weights.index.has(name)))
        for (const name of unread) weights.take(name, [width, hidden]);
      const [some] = matrices.values();
      if (some === undefined) throw reader.inconsistent(`"${CONSTANTS_KEY}" leaves no expert of layer ${layer}`);
      // The matrices of a constant expert are not used, so those of another expert fill their positions.
      const constant = (expert: number): ExpertTensors => ({
        ...some,
        constant: weights.takeView(`${prefix(expert)}${CONSTANT_NAME}`, [sizes.hidden]),
      });
      return {
        ...taken([], (expert) => matrices.get(expert) ?? constant(expert)),
        prefix: weights.index.onDisk(named(layout.prefix)),
      };
    }
    case 'stacked-rows': {
      const rows = weights.index.shapeOf(named(layout.gateUp))?.[0] === experts ? experts : experts + identities;
      const gateUp = take(layout.gateUp, [rows, 2 * width, hidden]);
      // gateUp alone may be square; the shape of down still shows that neither is stored transposed.
      const down = take(layout.down, [experts, hidden, width]);
      const half = (expert: number, start: 0 | 1): Weight =>
        plainWeight(contiguousPart(gateUp, 2 * expert + start, 2 * rows, [width, hidden]));
      return taken([gateUp, down], (expert) => ({
        gate: half(expert, 0),
        up: half(expert, 1),
        down: part(down, expert),
      }));
    }
    case 'stacked-apart': {
      const isBiased = layout.biased === true;
      const matrix = (name: string | null, shape: readonly number[]): TensorView | null =>
        name === null ? null : take(name, [experts, ...shape]);
      const bias = (name: string | null, shape: readonly number[]): TensorView | null =>
        isBiased && name !== null ? take(biasName(name), [experts, ...shape]) : null;
      const gate = matrix(layout.gate, [width, hidden]);
      const [up, down] = [take(layout.up, [experts, width, hidden]), take(layout.down, [experts, hidden, width])];
      const [gateBias, upBias, downBias] = [
        bias(layout.gate, [width]),
        bias(layout.up, [width]),
        bias(layout.down, [hidden]),
      ];
      return taken(
        [gate, up, down, gateBias, upBias, downBias],
        (expert) => ({
          gate: given(gate, (view) => part(view, expert)),
          up: part(up, expert),
          down: part(down, expert),
          ...(gateBias === null ? {} : { gateBias: part(gateBias, expert) }),
          ...(upBias === null ? {} : { upBias: part(upBias, expert) }),
          ...(downBias === null ? {} : { downBias: part(downBias, expert) }),
        }),
        bias(layout.router, []),
      );
    }
    case 'joined-rows': {
      const joined = (name: string): TensorView => take(name, [experts * width, hidden]);
      const [gate, up, down] = [joined(layout.gate), joined(layout.up), joined(layout.down)];
      const rows = (whole: TensorView, expert: number): Weight =>
        plainWeight(contiguousPart(whole, expert, experts, [width, hidden]));
      return taken([gate, up, down], (expert) => ({
        gate: rows(gate, expert),
        up: rows(up, expert),
        down: transposed(rows(down, expert)),
      }));
    }
    case 'stacked-columns': {
      const gateUp = take(layout.gateUp, [experts, hidden, 2 * width]);
      const down = take(layout.down, [experts, width, hidden]);
      const half = (expert: number, start: 0 | 1): Weight => ({
        ...part(gateUp, expert),
        select: { axis: 1, start, half: true },
        transposed: true,
        shape: [width, hidden],
      });
      return taken([gateUp, down], (expert) => ({
        gate: half(expert, 0),
        up: half(expert, 1),
        down: transposed(part(down, expert)),
      }));
    }
    // gpt-oss: gate and up alternate, every expert has biases; matrices are bfloat16 [in, out] or MXFP4 [out, in].
    case 'interleaved-columns':
    case 'interleaved-mxfp4': {
      const routerBias = take(layout.routerBias, [experts]);
      const gateUpBias = take(layout.gateUpBias, [experts, 2 * width]);
      const downBias = take(layout.downBias, [experts, hidden]);
      const isBlocks = layout.kind === 'interleaved-mxfp4';
      const [gateUp, down] = isBlocks
        ? [blocks(layout.gateUp, 2 * width, hidden), blocks(layout.down, hidden, width)]
        : [columns(layout.gateUp, [hidden, 2 * width]), columns(layout.down, [width, hidden])];
      const half = (weight: Weight, start: 0 | 1, axis: 0 | 1): Weight => ({
        ...weight,
        select: { axis, start },
        shape: [width, ...weight.shape.slice(1)],
      });
      return taken(
        [...gateUp.views, gateUpBias, ...down.views, downBias],
        (expert) => ({
          gate: half(gateUp.of(expert), 0, isBlocks ? 0 : 1),
          up: half(gateUp.of(expert), 1, isBlocks ? 0 : 1),
          down: down.of(expert),
          gateBias: half(part(gateUpBias, expert), 0, 0),
          upBias: half(part(gateUpBias, expert), 1, 0),
          downBias: part(downBias, expert),
        }),
        routerBias,
      );
    }
  }
};
