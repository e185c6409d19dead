import { at, refuse } from '../contract/errors.ts';
import type { ModelInfo } from '../contract/model.ts';
import { type GatesName, isMergePlan, type MergeGroup, type Plan, type PlanGates } from '../contract/plan.ts';
import type { RoutingStatistics } from '../profile/routing-statistics.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { combineStatistics, layerSquare, type WeighedProfiles } from './weighed-profiles.ts';

/**
 * Gates of kept experts. Let p be the softmax over all E experts of a token, and m the sum of p over the experts whose
 * rows of the router stay. Deleting the other rows leaves the gates p / m: they grow, and the output of the layer with
 * them. It matters where the chosen weights are not renormalised (`gatesGrow`).
 */

/** Router treatments that keep a row for every unpruned expert, which no stock loader opens. */
export const ALL_ROWS_STAY: ReadonlySet<string> = new Set(['mapped-rows', 'summed-probabilities']);

/** Whether deleting experts makes the gates of the others grow; absent: no. */
interface GatedModel {
  readonly gatesGrow?: boolean | undefined;
  readonly identityRows?: boolean | undefined;
}

/** Whether a model's plans read a profile for their gates: rows of experts that give back their input need none. */
export const foldsByProfile = ({ gatesGrow, identityRows }: GatedModel, gates: GatesName): boolean =>
  gates === 'folded' && gatesGrow === true && identityRows !== true;

/** Whether a router treatment takes the gates of fewer rows: rows that are drawn anew have none to begin with. */
export const routerDeletesRows = (router: string): boolean => !ALL_ROWS_STAY.has(router) && router !== 'reinitialised';

/** Whether a plan of a model whose gates grow deletes rows of the router. Constants and mapped rows leave them all. */
const deletesRows = (plan: Plan): boolean =>
  isMergePlan(plan) ? routerDeletesRows(plan.router) && plan.blend === undefined : plan.constants === undefined;

/** Whether the gates of a plan's experts depend on the setting. */
export const isGated = (info: GatedModel, plan: Plan): boolean => info.gatesGrow === true && deletesRows(plan);

/**
 * Mean over tokens of the probability that the kept experts of a layer had: 1 less the sum of the others' mass over the
 * number of tokens (experts without weights have some, too). Every task counts by its share.
 */
const meanKeptMass = ({ statistics, taskShares }: WeighedProfiles, kept: readonly number[], layer: number): number =>
  statistics.reduce((sum, { probabilityMass, experts, tokens }, task) => {
    let dropped = 0;
    for (let expert = 0; expert < experts; expert += 1)
      if (!kept.includes(expert)) dropped += at(probabilityMass, layer * experts + expert);
    return sum + at(taskShares, task) * (1 - dropped / tokens);
  }, 0);

/**
 * For every group of a layer the factor that gives its reference's gate the probability of the whole group. With p that
 * of the reference, s of the group, m of all references (1 less what the others have): the gate after deletion is
 * p / m, and c p / m is nearest to s in the least squares weighted by m^2 for c = sum p m s / sum p^2, where m is taken
 * at its mean over tokens weighted by p. All are sums of products of two probabilities.
 */
const groupFactors = (
  { experts, probabilityGram, probabilityMass }: RoutingStatistics,
  groups: readonly MergeGroup[],
  layer: number,
): number[] => {
  const products = layerSquare(probabilityGram, layer, experts);
  const references = new Set(groups.map(({ reference }) => reference));
  const others = Array.from({ length: experts }, (_, expert) => expert).filter((expert) => !references.has(expert));
  return groups.map(({ reference, members }) => {
    const sumWith = (of: readonly number[]): number =>
      of.reduce((sum, expert) => sum + at(products, reference * experts + expert), 0);
    const referenceMass = at(probabilityMass, layer * experts + reference);
    const square = sumWith([reference]);
    return square === 0 ? 1 : (sumWith(members) / square) * (1 - sumWith(others) / referenceMass);
  });
};

/** Far below any mean probability; what rounding may take from 1 is less. */
const LEAST_FACTOR = 1e-9;
/** Above any factor of a group whose reference has a part of its probability worth the name. */
const MOST_FACTOR = 1000;

const within = (factor: number, most: number): number => Math.min(most, Math.max(LEAST_FACTOR, factor));

/**
 * The plan with the gates that a setting asks for; unchanged where the router does not make it matter. `profiles`:
 * those that the plan is made from, or of its tasks; read for `folded` alone.
 *
 * @throws WorkbenchError `profile-missing`, `gates-not-trained`.
 */
export const withGates = (plan: Plan, wanted: GatesName, info: ModelInfo, profiles: WeighedProfiles): Plan =>
  isGated(info, plan) ? { ...plan, gates: gatesOf(plan, wanted, info, profiles) } : plan;

/**
 * Whether a dropping plan with these gates keeps every row of the router. Rows of experts that give back their input
 * take up the probability of the dropped ones: exactly, in every export.
 */
export const keepsRows = (wanted: GatesName, { identityRows }: Pick<ModelInfo, 'identityRows'>): boolean =>
  wanted === 'trained' || (wanted === 'folded' && identityRows === true);

const gatesOf = (plan: Plan, wanted: GatesName, info: ModelInfo, profiles: WeighedProfiles): PlanGates => {
  if (wanted === 'trained' && isMergePlan(plan))
    throw refuse(
      'gates-not-trained',
      'A merged expert has no gate of the unpruned model.',
      'Use --gates folded, or the router treatment summed-probabilities.',
    );
  if (!isMergePlan(plan) && keepsRows(wanted, info)) return { kind: 'trained' };
  // Weights that a method fitted to the unpruned outputs make up for the gates already.
  if (wanted === 'renormalised' || plan.recovery !== undefined) return { kind: 'renormalised' };
  if (profiles.statistics.length === 0)
    throw refuse(
      'profile-missing',
      'Folded gates are the mean probability of the kept experts in a profile, and there is none.',
      'Give the profile of a task, or --gates renormalised.',
    );
  if (!isMergePlan(plan)) {
    const factors = plan.kept.map((kept, layer) => within(meanKeptMass(profiles, kept, layer), 1));
    return { kind: 'folded', factors };
  }
  const together = combineStatistics(profiles);
  const factors = plan.groups.map((groups, layer) =>
    groupFactors(together, groups, layer).map((factor) => within(factor, MOST_FACTOR)),
  );
  return { kind: 'folded', factors };
};

/** "0.412", or of several the range. */
const factorText = (factors: number | readonly number[]): string =>
  typeof factors === 'number'
    ? factors.toPrecision(3)
    : `${minOf(factors).toPrecision(3)} to ${maxOf(factors).toPrecision(3)}`;

/** The gates of a plan in a sentence; null where the router does not make them matter. */
export const gatesSentence = (info: GatedModel, plan: Plan): string | null => {
  if (!isGated(info, plan)) return null;
  switch (plan.gates?.kind) {
    case 'folded':
      return (
        'Gates: folded. Deleting experts makes the gates of the others grow here (the router is a softmax over all), ' +
        (isMergePlan(plan)
          ? 'so the down projections of the merged ones are multiplied by what gives each the probability of its group '
          : 'so the down projections of the kept ones are multiplied by the mean probability that was kept ') +
        `(${plan.gates.factors.map(factorText).join(', ')} by layer).`
      );
    case 'trained':
      return info.identityRows === true
        ? 'Gates: trained. The rows of dropped experts stay in the router as those of experts that give back their ' +
            'input and are never chosen, so that kept experts have the gates of the unpruned model.'
        : 'Gates: trained. Kept experts have the gates of the unpruned router, which stays whole.';
    case 'renormalised':
    case undefined:
      return (
        'Gates: renormalised. Deleting experts makes the gates of the others grow here (the router is a softmax over ' +
        'all), and nothing makes up for it.'
      );
  }
};
