import { at, CancelledError, present, refuse, WorkbenchError } from '../contract/errors.ts';
import { ggufTypeOf, isCompressedType, type WeightType } from '../contract/export.ts';
import type { FitCandidate, FitSurrogate, RecordedFitSettings, ScoredCandidate } from '../contract/fit.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { type DropPlan, isMergePlan, type MethodName, type Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import {
  FEWEST_EQUAL,
  halvingRungs,
  inOrderOfLoss,
  isDecided,
  type ItemLoss,
  itemLosses,
  limitedBytes,
  lossDifference,
  meanLoss,
} from '../evaluation/fit.ts';
import { planInForm } from '../export/check-export.ts';
import { exportTypes } from '../export/export-bytes.ts';
import { wholePlan } from '../export/rounded-folder.ts';
import { planNeeds } from '../pruning/plan-needs.ts';
import { allocateLayers, type LayerOption, lossesBetween } from '../pruning/search/allocate-layers.ts';
import {
  candidateName,
  type Making,
  makingsOf,
  type PlannedCandidates,
  roundedOf,
  WHOLE,
  workGroups,
} from './fit-candidates.ts';
import type { JobContext } from './job-context.ts';
import { LAYER_ITEMS, type LayerLosses, measureLayers } from './layer-losses.ts';
import {
  evaluateAll,
  evaluatePlan,
  evaluationStep,
  type Measurement,
  measurementOf,
  uniqueSteps,
} from './measurement.ts';
import { makePlan, type PlanOrder, planSteps, profiledPlan } from './plan-step.ts';
import type { RoundedModels } from './rounded-models.ts';
import { atAnswer, type PlanSubject, scoringTask } from './search-step.ts';
import { totalWork } from './step.ts';

/** Budgets beside the wanted one whose best models are measured too, as parts of it. */
const OTHER_BUDGETS = [0.5, Math.SQRT1_2, Math.SQRT2, 2] as const;

/** Ends the sentences on what was left out because the minutes of a search were over. */
const TIME_USED = 'the time was used up.';

/** Types that the experts of a layer may have: a larger one than the best model, its own, and smaller ones. */
const MOST_LAYER_TYPES = 4;

/** Where a search is measured. */
export interface FitSubject {
  readonly context: JobContext;
  readonly settings: RecordedFitSettings;
  /** The profile of one part of the calibration items. */
  readonly source: PlanSubject;
  /** The other part, each item with its right answer alone, in the order in which rungs take them. */
  readonly scoring: readonly TaskItem[];
  readonly planned: PlannedCandidates;
  readonly roundings: RoundedModels;
}

/** A candidate that answered items, with its plan. */
interface Scored {
  readonly candidate: FitCandidate;
  readonly plan: Plan;
  losses: readonly ItemLoss[];
}

/** The items of a rung that no earlier rung asked, with the unpruned model's answers. */
interface Slice {
  readonly measurement: Measurement;
  readonly unpruned: readonly ItemOutcome[];
}

/** The measurement of a model at a weight type. */
export const weighted = (measurement: Measurement, roundings: RoundedModels, weights: WeightType): Measurement => {
  const type = roundedOf(weights);
  if (type === null) return measurement;
  return { ...measurement, fidelity: undefined, rounded: roundings.of(measurement.model.checkpoint, type) };
};

/** A refusal that concerns one candidate; everything else ends the search. */
const refusalOf = (error: unknown): WorkbenchError => {
  if (error instanceof WorkbenchError && error.kind === 'refused') return error;
  throw error;
};

/**
 * The search for the best model that fits, on calibration items alone. Candidates are scored by the loss of the right
 * answer; the better half of each rung goes on to twice the items.
 */
export class FitSearch {
  readonly #subject: FitSubject;
  readonly #isOver: () => boolean;
  readonly #changed: () => Promise<void>;
  readonly #scored = new Map<string, Scored>();
  readonly #all = new Map<string, FitCandidate>();
  readonly #slices = new Map<string, Slice>();
  readonly #surrogates: FitSurrogate[] = [];
  readonly #untried: string[];
  #timeUsed = false;
  #evaluations = 0;
  #otherEvaluations = 0;

  /** `isOver`: whether the time is used up; `changed`: called when something new is known and on disk. */
  constructor(subject: FitSubject, isOver: () => boolean, changed: () => Promise<void>) {
    this.#subject = subject;
    this.#isOver = isOver;
    this.#changed = changed;
    this.#untried = [...subject.planned.untried];
    for (const candidate of subject.planned.candidates) this.#all.set(candidate.name, candidate);
  }

  get surrogates(): readonly FitSurrogate[] {
    return this.#surrogates;
  }

  get untried(): readonly string[] {
    return this.#untried;
  }

  /** Whether anything was left out because the time was used up. */
  get timeUsed(): boolean {
    return this.#timeUsed;
  }

  /** Answers to items by which the choice was made. */
  get evaluations(): number {
    return this.#evaluations;
  }

  /** Answers to items of models of other budgets, after the choice. */
  get otherEvaluations(): number {
    return this.#otherEvaluations;
  }

  /** Every candidate, with what is known of it. */
  get candidates(): readonly ScoredCandidate[] {
    const { settings } = this.#subject;
    return [...this.#all.values()].map((candidate) => {
      const losses = this.#scored.get(candidate.name)?.losses ?? [];
      const fits = limitedBytes(settings.limit, candidate) <= settings.limit.bytes;
      return { ...candidate, items: losses.length, loss: meanLoss(losses), fits };
    });
  }

  planOf(name: string): Plan {
    return present(this.#scored.get(name)?.plan, `the candidate "${name}" has no plan`);
  }

  /** The plan of a candidate, made if need be; null where it is refused. */
  async madePlan(candidate: FitCandidate): Promise<Plan | null> {
    return (await this.#made(candidate))?.plan ?? null;
  }

  /** Mean loss of a plan with weights as stored on the first `items` scoring items, nats. */
  async lossOf(plan: Plan, items: number): Promise<number> {
    const { context } = this.#subject;
    const slice = await this.#slice(0, items);
    context.meter.addToTotal(slice.measurement.work);
    const losses = itemLosses(slice.unpruned, await evaluatePlan(context, slice.measurement, plan));
    return present(meanLoss(losses), 'a loss of fewer than two items').mean;
  }

  /** Names of the scored candidates that fit, best first; of an uneven plan only where it is shown to be better. */
  inOrder(): readonly string[] {
    const fitting = this.candidates.filter(({ fits, items }) => fits && items > 0);
    const order = inOrderOfLoss(fitting).map(({ name }) => name);
    const [best] = order;
    const index = this.#surrogates.findIndex(({ name }) => name === best);
    const surrogate = this.#surrogates[index];
    if (best === undefined || surrogate === undefined) return order;
    const even = order.find((name) => !this.#isUneven(name));
    if (even === undefined) return order;
    const against = this.#difference(best, even);
    this.#surrogates[index] = { ...surrogate, against };
    return against !== null && against.high < 0 ? order : [even, ...order.filter((name) => name !== even)];
  }

  /** Loss of one candidate minus that of another one, on the items that both answered. */
  #difference(left: string, right: string): FitSurrogate['against'] {
    const [mine, theirs] = [left, right].map((name) => this.#scored.get(name)?.losses ?? []);
    return lossDifference(mine ?? [], theirs ?? []);
  }

  #isUneven(name: string): boolean {
    return this.#surrogates.some((uneven) => uneven.name === name);
  }

  /**
   * The candidates of the next rung, of those that answered this one: the best, and others that may be better. One of
   * them is an even plan, which an uneven one is compared with.
   */
  #going(answered: number, most: number): ReadonlySet<string> {
    const order = inOrderOfLoss(this.candidates.filter(({ items }) => items === answered)).map(({ name }) => name);
    const [best = ''] = order;
    const better = order.slice(0, most).filter((name) => {
      const against = name === best ? null : this.#difference(name, best);
      return against === null || !isDecided(against, answered);
    });
    const even = order.find((name) => !this.#isUneven(name));
    return new Set(even === undefined ? better : [...better, even]);
  }

  /** Measures candidates, then the best one with types by layer where that is asked for. */
  async run(): Promise<void> {
    await this.#halve();
    if (this.#subject.settings.typesByLayer === true) await this.#addTypesByLayer();
  }

  /** Measures candidates by successive halving; ends early once the time is used up. */
  async #halve(): Promise<void> {
    const { settings, scoring } = this.#subject;
    if (settings.format === 'plan') await this.#addUneven();
    let left = [...this.#all.values()];
    const rungs = halvingRungs(left.length, scoring.length, this.#surrogates.length > 0 ? 1 : undefined);
    let from = 0;
    for (const [index, rung] of rungs.entries()) {
      if (index > 0) {
        const going = this.#going(from, rung.candidates);
        left = left.filter(({ name }) => going.has(name));
        // Nothing is left to decide, and the loss of the only one left is known.
        if (left.length === 1 && from >= FEWEST_EQUAL) return;
      }
      const isWhole = await this.#measure(left, from, rung.items, index === 0);
      if (!isWhole) {
        // What was refused is named with its reason already.
        const unscored = left.filter(({ name }) => this.#all.has(name) && !this.#scored.has(name));
        for (const { name } of unscored) this.#runOut(name);
        const answered = index === 0 ? rung.items : from;
        this.#runOut(`scoring items after the first ${String(answered)} of ${String(scoring.length)}`);
        return;
      }
      from = rung.items;
    }
  }

  /** Measures the best models of other budgets on the scoring items, for the curve of loss over bytes. */
  async measureOthers(recommended: string): Promise<void> {
    const { settings, planned, source } = this.#subject;
    const { experts } = source.model.checkpoint.info;
    const chosen = this.#all.get(recommended);
    if (chosen === undefined) return;
    const makings = makingsOf(source.model.checkpoint, settings);
    const withGates = new Set(makings.map(({ gates }) => gates)).size > 1;
    const making: Making | undefined =
      chosen.method === null ? makings[0] : { method: chosen.method, gates: chosen.gates, refit: chosen.refit };
    if (making === undefined) return;
    const runnerUp = this.inOrder()
      .map((name) => this.#all.get(name)?.weights)
      .find((weights) => weights !== undefined && weights !== chosen.weights);
    const others: FitCandidate[] = [];
    for (const weights of [chosen.weights, ...(runnerUp === undefined ? [] : [runnerUp])])
      for (const part of OTHER_BUDGETS) {
        const kept = await planned.sizes.mostWithin(planned.counts, weights, settings.limit.bytes * part, making);
        if (kept === null) continue;
        const used = kept === experts ? WHOLE : making;
        const name = candidateName(used, String(kept), weights, withGates);
        if (this.#all.has(name) || others.some((other) => other.name === name)) continue;
        others.push({ name, ...used, kept, weights, ...(await planned.sizes.of(kept, weights, used)) });
      }
    for (const other of others) this.#all.set(other.name, other);
    // As many items as the recommended one answered, so that their losses lie on one curve.
    const before = this.#evaluations;
    const isWhole = await this.#measure(others, 0, this.#scored.get(recommended)?.losses.length ?? 0, true);
    this.#otherEvaluations = this.#evaluations - before;
    this.#evaluations = before;
    if (!isWhole) this.#runOut('some models of the other budgets');
  }

  /**
   * Lets candidates answer the items from index `from` to `to`. Returns whether all did. What only a part of them
   * answered is kept where `keepsPart`.
   */
  async #measure(candidates: readonly FitCandidate[], from: number, to: number, keepsPart: boolean): Promise<boolean> {
    const { context, roundings } = this.#subject;
    const slice = await this.#slice(from, to);
    const found: (readonly [Scored, readonly ItemLoss[]])[] = [];
    const commit = (): void => {
      for (const [scored, losses] of found.splice(0)) {
        scored.losses = [...scored.losses, ...losses];
        this.#scored.set(scored.candidate.name, scored);
      }
    };
    let isWhole = true;
    for (const group of workGroups(candidates, ({ name }) => this.#scored.has(name))) {
      if (context.signal.aborted) throw new CancelledError('The search');
      // Something must have been scored before a search can end.
      if (this.#isOver() && this.#scored.size + found.length > 0) {
        isWhole = false;
        break;
      }
      const { weights } = at(group, 0, 'a group without candidates');
      const measurement = weighted(slice.measurement, roundings, weights);
      const scored: Scored[] = [];
      for (const candidate of group) {
        const known = this.#scored.get(candidate.name) ?? (await this.#made(candidate));
        if (known !== null) scored.push(known);
      }
      const outcomes = await this.#outcomes(measurement, scored);
      for (const [index, candidate] of scored.entries()) {
        const answers = outcomes[index];
        if (answers === undefined || answers === null) continue;
        this.#evaluations += to - from;
        found.push([candidate, itemLosses(slice.unpruned, answers)]);
      }
      if (keepsPart) {
        commit();
        await this.#changed();
      }
    }
    if (isWhole || keepsPart) commit();
    await this.#changed();
    return isWhole;
  }

  /** Outcomes of plans, equal ones measured once; null for a plan that this weight type refuses. */
  async #outcomes(
    measurement: Measurement,
    scored: readonly Scored[],
  ): Promise<readonly (readonly ItemOutcome[] | null)[]> {
    const { context } = this.#subject;
    const steps = scored.map(({ plan }) => evaluationStep(measurement, plan));
    const work = totalWork(uniqueSteps(steps));
    context.meter.addToTotal(work);
    try {
      return await evaluateAll(context, measurement, steps);
    } catch (error) {
      const { message } = refusalOf(error);
      context.meter.addToTotal(-work);
      for (const { candidate } of scored) this.#leaveOut(candidate, message);
      return scored.map(() => null);
    }
  }

  #leaveOut({ name }: FitCandidate, reason: string): void {
    this.#untried.push(`${name}: ${reason}`);
    this.#all.delete(name);
    this.#scored.delete(name);
  }

  /** The candidate with its plan; null where it is refused. */
  async #made(candidate: FitCandidate): Promise<Scored | null> {
    const { context, source, settings } = this.#subject;
    const { checkpoint } = source.model;
    const { method, kept, gates, refit } = candidate;
    try {
      if (method === null) return { candidate, plan: wholePlan(checkpoint), losses: [] };
      if (typeof kept !== 'number')
        return { candidate, plan: await this.#unevenPlan({ method, gates, refit }, kept), losses: [] };
      const order: PlanOrder = {
        method,
        options: {},
        budget: 'uniform',
        protect: 'none',
        gates: gates ?? 'folded',
        seed: settings.seed,
        refit: refit ? 'experts' : null,
      };
      context.meter.addToTotal(totalWork(planSteps(order, source.calibration)));
      const plan = await makePlan(context, source, order, kept);
      const { format } = settings;
      if (format !== 'plan') {
        const { hfType, ggufType } = exportTypes(checkpoint, format, roundedOf(candidate.weights));
        await planInForm(checkpoint, plan, [format, 'drop', hfType, ggufType]);
      }
      return { candidate, plan, losses: [] };
    } catch (error) {
      this.#leaveOut(candidate, refusalOf(error).message);
      return null;
    }
  }

  /** A plan with a number of kept experts for each layer. */
  #unevenPlan({ method, gates }: Making & { readonly method: MethodName }, counts: readonly number[]): Promise<Plan> {
    const { context, source, settings } = this.#subject;
    const order = { method, options: {}, budget: 'manual', counts, pins: [], seed: settings.seed } as const;
    const statistics = source.statistics === null ? [] : [source.statistics];
    const request = { ...order, statistics, tasks: [source.task.task.name] };
    return profiledPlan(
      source.model.checkpoint,
      request,
      { ...order, gates: gates ?? 'folded' },
      context.steps.overlays,
    );
  }

  /**
   * Adds an uneven plan for each method: every layer is pruned alone at about six counts, and the losses, assumed to
   * add up, say which layers keep how many of as many experts in all as the even plan that fits.
   */
  async #addUneven(): Promise<void> {
    const { source, settings, planned, scoring } = this.#subject;
    const { experts, moeLayers, expertGroups } = source.model.checkpoint.info;
    const even = [...this.#all.values()].filter(({ method }) => method !== null);
    if (even.length === 0 || moeLayers < 2) return;
    if (expertGroups !== undefined) {
      this.#untried.push('Different numbers of experts by layer: the router chooses among groups of equal size.');
      return;
    }
    for (const making of makingsOf(source.model.checkpoint, settings).filter(({ refit }) => !refit)) {
      const { method, gates } = making;
      const most = even.find((other) => other.method === method && other.gates === gates && !other.refit)?.kept;
      if (method === null || typeof most !== 'number' || planNeeds({ method, budget: 'uniform' }).search !== null)
        continue;
      if (this.#isOver()) {
        this.#runOut(`Different numbers of experts by layer, by ${method}`);
        continue;
      }
      const losses = await this.#layerLosses({ ...making, method }, Math.min(LAYER_ITEMS, scoring.length));
      const layers = losses.map((measured) => lossesBetween(measured, experts));
      const options = layers.map((layerLosses) => layerLosses.map(({ count, loss }) => ({ size: count, loss })));
      const found = allocateLayers(options, most * moeLayers);
      if (found === null) continue;
      const kept = found.chosen.map((index, layer) => layers[layer]?.[index]?.count ?? experts);
      if (kept.every((count) => count === kept[0])) continue;
      const size = await planned.sizes.of(most, 'stored', making);
      const name = candidateName(making, `uneven ${most}`, 'stored', settings.gates.length > 1);
      this.#all.set(name, { name, ...making, kept, weights: 'stored', ...size });
      this.#surrogates.push({ name, predicted: found.loss, bound: found.bound, against: null });
    }
  }

  /** Losses of the right answer with one layer alone at each count; [L][counts]. */
  async #layerLosses(making: Making & { readonly method: MethodName }, items: number): Promise<LayerLosses> {
    const { measurement, unpruned } = await this.#slice(0, items);
    const { context } = this.#subject;
    const planWith = (counts: readonly number[]): Promise<Plan> => this.#unevenPlan(making, counts);
    const { losses, evaluations } = await measureLayers(context, measurement, unpruned, planWith);
    this.#evaluations += evaluations;
    return losses;
  }

  /**
   * Adds the best candidate with types by layer: the experts of each layer are rounded to fewer bits alone, and the
   * losses, assumed to add up, say which layers keep more of them within the limit. The rest of the model has the next
   * larger type than the best candidate.
   */
  async #addTypesByLayer(): Promise<void> {
    const { source, settings, planned, scoring, roundings } = this.#subject;
    const { checkpoint } = source.model;
    const [best] = this.inOrder();
    const known = best === undefined ? undefined : this.#scored.get(best);
    const types = planned.types.flatMap((type) => (type === 'stored' || isCompressedType(type) ? [] : [type]));
    if (known === undefined) return;
    const leaveOut = (reason: string): void => void this.#untried.push(`Types by layer: ${reason}`);
    if (isMergePlan(known.plan)) return leaveOut('the best model merges experts.');
    if (this.#isOver()) return this.#runOut('Types by layer');
    const { candidate, plan } = known;
    const from = Math.max(0, types.findIndex((type) => type === candidate.weights) - 1);
    const tried = types.slice(from, from + MOST_LAYER_TYPES);
    const [base] = tried;
    if (base === undefined || tried.length < 2) return leaveOut('there is no smaller type.');
    const layers = Array.from({ length: checkpoint.info.moeLayers }, (_, layer) => layer);
    const typed = (typeOf: (layer: number) => (typeof tried)[number]): DropPlan => ({
      ...plan,
      expertTypes: layers.map((layer) => ggufTypeOf(typeOf(layer))),
    });
    const items = Math.min(LAYER_ITEMS, scoring.length);
    const { measurement, unpruned } = await this.#slice(0, items);
    const lossesOf = async (plans: readonly Plan[]): Promise<readonly number[]> => {
      const rounded = weighted(measurement, roundings, base);
      const steps = plans.map((entry) => evaluationStep(rounded, entry));
      this.#subject.context.meter.addToTotal(totalWork(steps));
      const outcomes = await evaluateAll(this.#subject.context, rounded, steps);
      this.#evaluations += items * plans.length;
      return outcomes.map((answers) => meanLoss(itemLosses(unpruned, answers))?.mean ?? Infinity);
    };
    const alone = layers.flatMap((layer) => tried.slice(1).map((type) => ({ layer, type })));
    const plans = alone.map(({ layer, type }) => typed((typedLayer) => (typedLayer === layer ? type : base)));
    const [whole = 0, ...losses] = await lossesOf([typed(() => base), ...plans]);
    const smallest = tried.at(-1) ?? base;
    const bytesOf = async (typedPlan: Plan): Promise<number> =>
      limitedBytes(settings.limit, await planned.sizes.ofPlan(typedPlan, base));
    const least = await bytesOf(typed(() => smallest));
    const options: LayerOption[][] = [];
    for (const layer of layers) {
      const choices: LayerOption[] = [];
      for (const type of tried) {
        const size = (await bytesOf(typed((typedLayer) => (typedLayer === layer ? type : smallest)))) - least;
        const at = alone.findIndex((entry) => entry.layer === layer && entry.type === type);
        choices.push({ size: Math.max(0, Math.round(size)), loss: at === -1 ? 0 : (losses[at] ?? Infinity) - whole });
      }
      options.push(choices);
    }
    const room = Math.floor(settings.limit.bytes - least);
    const found = room < 0 ? null : allocateLayers(options, room);
    if (found === null) return leaveOut(`the rest of the model in ${base} leaves no room.`);
    const chosen = typed((layer) => at(tried, at(found.chosen, layer)));
    const { expertTypes = [] } = chosen;
    if (expertTypes.every((type) => type === expertTypes[0])) return leaveOut('one type for all layers is the best.');
    const { method, gates, refit, kept } = candidate;
    const name = `${candidateName({ method, gates, refit }, String(kept), base, settings.gates.length > 1)} by layer`;
    const mixed: FitCandidate = {
      ...candidate,
      name,
      weights: base,
      expertTypes,
      ...(await planned.sizes.ofPlan(chosen, base)),
    };
    this.#all.set(name, mixed);
    this.#scored.set(name, { candidate: mixed, plan: chosen, losses: [] });
    this.#surrogates.push({ name, predicted: whole + found.loss, bound: whole + found.bound, against: null });
    const isWhole = await this.#measure([mixed], 0, known.losses.length, true);
    if (!isWhole) this.#runOut('Types by layer');
  }

  /** Records what was left out because the time was used up. `what` is a noun: the reason follows it. */
  #runOut(what: string): void {
    this.#untried.push(`${what}: ${TIME_USED}`);
    this.#timeUsed = true;
  }

  async #slice(from: number, to: number): Promise<Slice> {
    const key = `${from} ${to}`;
    const known = this.#slices.get(key);
    if (known !== undefined) return known;
    const { context, source, scoring } = this.#subject;
    const items = scoring.slice(from, to);
    const measurement = await measurementOf(context, source.model, scoringTask(source.task), items);
    context.meter.addToTotal(measurement.work);
    const unpruned = await evaluatePlan(context, measurement, null);
    const slice = { measurement, unpruned };
    this.#slices.set(key, slice);
    return slice;
  }
}

/** The scoring items of a task: each with its right answer alone, at most as many as wanted. */
export const scoredItems = (items: readonly TaskItem[], most: number): readonly TaskItem[] =>
  items.slice(0, most).map(atAnswer);

/** Refuses a task whose calibration items are too few for two parts. */
export const requireTwoParts = (
  parts: { readonly profile: readonly unknown[]; readonly scoring: readonly unknown[] },
  path: string,
): void => {
  if (parts.profile.length > 0 && parts.scoring.length > 1) return;
  throw refuse(
    'too-few-items',
    `${path} has ${parts.profile.length + parts.scoring.length} calibration items, and a search needs ` +
      'one for profiles and two others for scores.',
    'Give more calibration items, or draw them from the test items with --split.',
  );
};
