import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { ggufTypeOf, isCompressedType, type RoundedType, roundedTypes, type WeightType } from '../contract/export.ts';
import type { FitCandidate, FitFormat, FitLimit, FitSettings } from '../contract/fit.ts';
import type { DropPlan, Plan } from '../contract/plan.ts';
import { limitedBytes } from '../evaluation/fit.ts';
import { exportBytes, exportTypes } from '../export/export-bytes.ts';
import { storedType } from '../export/gguf/gguf-file.ts';
import { isStoredGguf } from '../export/gguf/stored-gguf.ts';
import { requireForm } from '../export/check-export.ts';
import { wholePlan } from '../export/rounded-folder.ts';
import type { Overlays } from '../inference/overlays.ts';
import { checkGroupedCounts } from '../pruning/expert-groups.ts';
import { ALL_ROWS_STAY, keepsRows } from '../pruning/gates.ts';
import { methodNamed } from '../pruning/methods.ts';
import { planNeeds } from '../pruning/plan-needs.ts';
import { requireNoConstants } from '../pruning/validate-plan.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { formatBytes, listed } from '../words/numbers.ts';
import { folderCost } from './point-cost.ts';

/** GGUF types that a search leaves out: each takes the bytes of another one that keeps more of the weights. */
const SELDOM: ReadonlySet<string> = new Set(['f32', 'nvfp4']);

/** The most whole models that are considered: the largest that fit lose least. */
const MOST_WHOLE = 2;

/** Weights of candidates: the type of a stored model, or one as which they are rounded. */
export const roundedOf = (weights: WeightType): RoundedType | null => (weights === 'stored' ? null : weights);

/** Weight types of a format by falling size, and why others are left out. */
const typesOf = async (
  checkpoint: Checkpoint,
  { format, types }: Pick<FitSettings, 'format' | 'types'>,
): Promise<{ readonly types: readonly WeightType[]; readonly untried: readonly string[] }> => {
  const isOwn = (type: RoundedType): boolean => {
    if (format === 'hf') return isCompressedType(type);
    if (format !== 'gguf' || isStoredGguf(checkpoint) || isCompressedType(type)) return false;
    return !SELDOM.has(ggufTypeOf(type)) && ggufTypeOf(type) !== storedType(checkpoint);
  };
  const wanted: readonly WeightType[] = ['stored', ...roundedTypes.filter(isOwn)];
  const unknown = types?.filter((type) => !wanted.includes(type)) ?? [];
  if (unknown.length > 0)
    throw refuse(
      'bad-usage',
      `${checkpoint.name} has no ${listed(unknown)} in the format ${format}.`,
      `Give types among ${wanted.join(', ')}.`,
    );
  const possible: WeightType[] = [];
  const untried: string[] = [];
  for (const type of types ?? wanted) {
    try {
      const { hfType, ggufType } = exportTypes(checkpoint, format, roundedOf(type));
      if (format !== 'plan') await requireForm(checkpoint, wholePlan(checkpoint), [format, 'drop', hfType, ggufType]);
      possible.push(type);
    } catch (error) {
      if (!(error instanceof WorkbenchError) || error.kind !== 'refused') throw error;
      if (type === 'stored' && (types ?? wanted).length === 1) throw error;
      untried.push(`${type}: ${error.message}`);
    }
  }
  return { types: possible, untried };
};

/** Numbers of kept experts that a model's router can choose among, ascending. */
export const possibleCounts = ({ info }: Pick<Checkpoint, 'info'>): readonly number[] => {
  const { experts, topK, expertGroups } = info;
  const all = Array.from({ length: experts - Math.max(1, topK) + 1 }, (_, index) => Math.max(1, topK) + index);
  if (expertGroups === undefined) return all;
  return all.filter((count) => {
    try {
      checkGroupedCounts([count], experts, topK, expertGroups);
      return true;
    } catch (error) {
      if (error instanceof WorkbenchError && error.code === 'keep-invalid') return false;
      throw error;
    }
  });
};

/** A method with the gates and the refit of its plans. */
export type Making = Pick<FitCandidate, 'method' | 'gates' | 'refit'>;

/** A plan that keeps every expert. */
export const WHOLE: Making = { method: null, gates: null, refit: false };

/** Parts of a method's plans that take bytes beside the kept experts. */
interface Besides {
  /** Constants in place of the other experts; their values do not matter. */
  readonly constants?: { readonly weights: string };
  /** All rows of the router. */
  readonly gates?: { readonly kind: 'trained' };
}

const besidesOf = ({ info }: Pick<Checkpoint, 'info'>, { method, gates }: Making, format: FitFormat): Besides => {
  if (method === null) return {};
  if (planNeeds({ method, budget: 'uniform' }).constants) return { constants: { weights: '0'.repeat(32) } };
  const { behaviour } = methodNamed(method).prepare({});
  const router =
    behaviour.kind === 'merge'
      ? behaviour.router
      : behaviour.kind === 'search' && behaviour.search === 'outputs'
        ? behaviour.settings.router
        : null;
  const allStay =
    router === null
      ? info.gatesGrow === true && keepsRows(gates ?? 'folded', info)
      : // Other formats have no form of such a merge.
        format === 'plan' && ALL_ROWS_STAY.has(router);
  return allStay ? { gates: { kind: 'trained' } } : {};
};

/** A plan that keeps as many experts of each layer, whichever: its bytes are those of every such plan. */
const planOfSize = ({ info }: Pick<Checkpoint, 'info'>, count: number, besides: Besides): DropPlan => {
  const groups = info.expertGroups?.count ?? 1;
  const [size, kept] = [info.experts / groups, count / groups];
  const layer = Array.from({ length: count }, (_, index) => Math.floor(index / kept) * size + (index % kept));
  return { kept: Array.from({ length: info.moeLayers }, () => layer), ...besides };
};

/** Bytes of candidates of a model in a format, by kept experts, weights and making; each is laid out once. */
export class CandidateSizes {
  readonly #checkpoint: Checkpoint;
  readonly #format: FitFormat;
  readonly #limit: FitLimit;
  readonly #overlays: Overlays;
  readonly #known = new Map<string, number>();

  constructor(checkpoint: Checkpoint, { format, limit }: Pick<FitSettings, 'format' | 'limit'>, overlays: Overlays) {
    this.#checkpoint = checkpoint;
    this.#format = format;
    this.#limit = limit;
    this.#overlays = overlays;
  }

  async of(
    count: number,
    weights: WeightType,
    making: Making = WHOLE,
  ): Promise<Pick<FitCandidate, 'bytes' | 'memoryBytes'>> {
    const besides = besidesOf(this.#checkpoint, making, this.#format);
    const key = `${count} ${weights} ${Object.keys(besides).join()}`;
    const bytes =
      this.#known.get(key) ??
      (await exportBytes(
        this.#checkpoint,
        planOfSize(this.#checkpoint, count, besides),
        this.#format,
        roundedOf(weights),
        this.#overlays,
      ));
    this.#known.set(key, bytes);
    return this.#placed(bytes);
  }

  /** Bytes of a plan, whose experts may have types by layer. */
  async ofPlan(plan: Plan, weights: WeightType): Promise<Pick<FitCandidate, 'bytes' | 'memoryBytes'>> {
    return this.#placed(await exportBytes(this.#checkpoint, plan, this.#format, roundedOf(weights), this.#overlays));
  }

  #placed(bytes: number): Pick<FitCandidate, 'bytes' | 'memoryBytes'> {
    if (this.#limit.kind === 'bytes') return { bytes, memoryBytes: null };
    // Our caches hold float32; programs that serve models hold 16 bits.
    const cache = folderCost(this.#checkpoint).cacheBytesPerToken / 2;
    return { bytes, memoryBytes: bytes + cache * this.#limit.context };
  }

  /** The most of some ascending counts whose model takes at most so many bytes of the limit's kind; null for none. */
  async mostWithin(
    counts: readonly number[],
    weights: WeightType,
    bytes: number,
    making: Making,
  ): Promise<number | null> {
    let [low, high] = [-1, counts.length];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      const size = await this.of(counts[middle] ?? NaN, weights, making);
      if (limitedBytes(this.#limit, size) <= bytes) low = middle;
      else high = middle;
    }
    return counts[low] ?? null;
  }
}

/** Every way to make a plan that the settings ask for. Gates differ only where a model's router makes them matter. */
export const makingsOf = (
  { info }: Pick<Checkpoint, 'info'>,
  { methods, gates, refit }: Pick<FitSettings, 'methods' | 'gates' | 'refit'>,
): readonly Making[] =>
  [...new Set(methods)].flatMap((method) =>
    (info.gatesGrow === true ? [...new Set(gates)] : [null]).flatMap((gate): readonly Making[] => [
      { method, gates: gate, refit: false },
      ...(refit ? [{ method, gates: gate, refit: true }] : []),
    ]),
  );

/** "reap renormalised +recovery 40 q6_k"; the gates where the search has several. */
export const candidateName = (
  { method, gates, refit }: Making,
  kept: string,
  weights: WeightType,
  withGates: boolean,
): string =>
  [
    method ?? 'whole',
    ...(withGates && gates !== null ? [gates] : []),
    ...(refit ? ['+recovery'] : []),
    ...(method === null ? [] : [kept]),
    weights,
  ].join(' ');

/**
 * Candidates in groups of one weight type, in the order in which they are asked, so that little time says something of
 * every type: whole models and plans that are made already, then plans that follow from the profile, and last, one by
 * one, those that a search or a refit makes.
 */
export const workGroups = (
  candidates: readonly FitCandidate[],
  isMade: (candidate: FitCandidate) => boolean,
): readonly (readonly FitCandidate[])[] => {
  const workOf = (candidate: FitCandidate): 'none' | 'little' | 'much' => {
    const { method, refit } = candidate;
    if (method === null || isMade(candidate)) return 'none';
    return refit || planNeeds({ method, budget: 'uniform' }).search !== null ? 'much' : 'little';
  };
  const byWork = Map.groupBy(candidates, workOf);
  return (['none', 'little', 'much'] as const).flatMap((work) => [
    ...Map.groupBy(byWork.get(work) ?? [], ({ name, weights }) => (work === 'much' ? name : weights)).values(),
  ]);
};

/**
 * Refuses types by layer where a form has one type for the experts of all layers, or those of its source.
 *
 * @throws WorkbenchError `types-by-layer`.
 */
const requireTypesByLayer = (checkpoint: Checkpoint, format: FitFormat): void => {
  const reason =
    format === 'hf'
      ? 'transformers decodes the experts of all layers by one scheme of compressed-tensors: it does not run a ' +
        'folder with two, or computes other numbers from it'
      : format !== 'gguf'
        ? `the format ${format} keeps weights as stored`
        : isStoredGguf(checkpoint)
          ? 'a GGUF file is exported with its stored types'
          : checkpoint.info.moeLayers < 2
            ? 'the model has one MoE layer'
            : null;
  if (reason === null) return;
  throw refuse(
    'types-by-layer',
    `The experts of ${checkpoint.name} cannot have types by layer: ${reason}.`,
    'Search with --format gguf in a model folder of several MoE layers, or leave --types-by-layer out.',
  );
};

export interface PlannedCandidates {
  readonly candidates: readonly FitCandidate[];
  readonly types: readonly WeightType[];
  readonly counts: readonly number[];
  readonly sizes: CandidateSizes;
  readonly smallestBytes: number;
  readonly largestBytes: number;
  readonly unprunedBytes: number;
  /** Sentences on what is left out. */
  readonly untried: readonly string[];
}

/**
 * The candidates of a search, with exact bytes: of each weight type the whole model where it fits (the two largest
 * types), else the most experts that fit, by every method. Fewer experts at the same type lose more and are left out.
 *
 * @throws WorkbenchError `nothing-fits`; `no-form`, or as `requireForm`, where a model has no such form at all;
 * `types-by-layer`.
 */
export const planCandidates = async (
  checkpoint: Checkpoint,
  settings: FitSettings,
  overlays: Overlays,
): Promise<PlannedCandidates> => {
  const { info } = checkpoint;
  requireNoConstants(info);
  if (settings.typesByLayer === true) requireTypesByLayer(checkpoint, settings.format);
  const { limit } = settings;
  const sizes = new CandidateSizes(checkpoint, settings, overlays);
  const counts = possibleCounts(checkpoint);
  const found = await typesOf(checkpoint, settings);
  const untried = [...found.untried];
  const sized: { readonly type: WeightType; readonly whole: number }[] = [];
  for (const type of found.types) {
    try {
      sized.push({ type, whole: (await sizes.of(info.experts, type)).bytes });
    } catch (error) {
      if (!(error instanceof WorkbenchError) || error.kind !== 'refused') throw error;
      untried.push(`${type}: ${error.message}`);
    }
  }
  if (sized.length === 0)
    throw refuse(
      'no-form',
      `${checkpoint.name} has no form for ${settings.format} here, as ${untried[0] ?? 'no type was asked for'}`,
      'Choose another format or other types.',
    );
  const types = sized.sort((left, right) => right.whole - left.whole).map(({ type }) => type);
  const makings = makingsOf(checkpoint, settings);
  const withGates = new Set(makings.map(({ gates }) => gates)).size > 1;
  const candidates: FitCandidate[] = [];
  const smallest: number[] = [];
  let whole = 0;
  for (const weights of types) {
    for (const making of makings)
      smallest.push(limitedBytes(limit, await sizes.of(counts[0] ?? info.experts, weights, making)));
    const all = await sizes.of(info.experts, weights);
    if (limitedBytes(limit, all) <= limit.bytes) {
      whole += 1;
      const name = candidateName(WHOLE, '', weights, false);
      if (whole <= MOST_WHOLE) candidates.push({ name, ...WHOLE, kept: info.experts, weights, ...all });
      continue;
    }
    for (const making of makings) {
      const kept = await sizes.mostWithin(counts, weights, limit.bytes, making);
      if (kept === null) continue;
      const name = candidateName(making, String(kept), weights, withGates);
      candidates.push({ name, ...making, kept, weights, ...(await sizes.of(kept, weights, making)) });
    }
  }
  const smallestBytes = minOf(smallest);
  if (candidates.length === 0)
    throw refuse(
      'nothing-fits',
      `Nothing of ${checkpoint.name} fits into ${formatBytes(limit.bytes)}: its smallest form here ` +
        `(top-${info.topK} of ${info.experts} experts) takes ${formatBytes(smallestBytes)}.`,
      'Give more bytes, a shorter context, another format, or a smaller model.',
    );
  const unpruned = await sizes.of(info.experts, types[0] ?? 'stored');
  return {
    candidates,
    types,
    counts,
    sizes,
    smallestBytes,
    largestBytes: maxOf(candidates.map((candidate) => limitedBytes(limit, candidate))),
    unprunedBytes: unpruned.bytes,
    untried,
  };
};
