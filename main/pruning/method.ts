import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { type DrawRule, isDrawn, type MethodPage } from '../contract/method.ts';
import type { ExpertGroupRule } from '../contract/model.ts';
import type {
  BudgetName,
  MergeGroup,
  MergeRule,
  MethodName,
  Pin,
  RouterTreatment,
  SuperExpertProtection,
} from '../contract/plan.ts';
import type { ExtraStatistic, RoutingStatistics } from '../profile/routing-statistics.ts';
import type { WeighedProfiles } from './weighed-profiles.ts';
import type { BudgetSearchSettings } from './search/search-budgets.ts';
import type { SearchSettings } from './search/search-experts.ts';

/** Input of a plan. `statistics` contains one profile per task; it may be empty for methods that need none. */
export interface PlanInput {
  readonly method: MethodName;
  readonly statistics: readonly RoutingStatistics[];
  /** Weight of each task; absent: all equal. */
  readonly taskWeights?: readonly number[] | undefined;
  /** L, number of MoE layers. */
  readonly layers: number;
  /** E. */
  readonly experts: number;
  /** K. */
  readonly topK: number;
  /** Groups that the model's router chooses among; absent: none. */
  readonly groups?: ExpertGroupRule | undefined;
  /** Kept experts per MoE layer; with budgets that differ by layer, the average. */
  readonly keep: number;
  readonly budget: BudgetName;
  /** Kept experts of each layer, for the budgets `manual` and `measured`. */
  readonly counts?: readonly number[] | undefined;
  readonly pins: readonly Pin[];
  /** Keeps super experts regardless of the method. */
  readonly protect?: SuperExpertProtection | undefined;
  /** The draw of a method that uses the seed; 0 is the published one of a method with a fixed seed. */
  readonly seed: number;
  /** Options of the method by name; it parses them. */
  readonly options?: MethodOptions | undefined;
}

export type MethodOptions = Readonly<Record<string, unknown>>;

/** The inputs available to a method for a plan. */
export interface PlanContext extends WeighedProfiles {
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  readonly keep: number;
  readonly pins: readonly Pin[];
  /** @throws Error where the method's page does not declare that it uses the seed. */
  readonly seed: number;
}

/** Cost of statistics that read the output of every expert. */
export const EVERY_EXPERT = 'every expert on every calibration token (E / K times the cost of the MoE layers)';

/** What a method's file says of it; `defineMethod` adds the drawing of new router rows to `draws`. */
export type WrittenPage = Omit<MethodPage, 'options' | 'text'>;

interface Behaviour {
  readonly extra: readonly ExtraStatistic[];
  /**
   * Scores of every expert of every MoE layer, [L][E], higher is better; budgets that differ by layer read them too.
   */
  readonly score: (context: PlanContext) => Float64Array[];
  /** Kept experts per layer where the method replaces the global budget's rule by its own. */
  readonly globalCounts?: (context: PlanContext, least: number) => number[];
}

/** Keeps the experts with the highest scores and drops the rest, unless `choose` decides. */
export interface DropBehaviour extends Behaviour {
  readonly kind: 'drop';
  /** Kept experts of one layer, or null where the scores decide. Not called where the layer has pins. */
  readonly choose?: (context: PlanContext, layer: number, keep: number) => number[] | null;
  /** Kept experts of every layer by the method's own threshold: budget and factor are ignored. */
  readonly keepByThreshold?: (context: PlanContext) => number[][];
  /** Whether removed experts are replaced by their mean output, a constant. */
  readonly leavesConstants?: boolean;
}

/** Replaces groups of experts by one expert each. */
export interface MergeBehaviour extends Behaviour {
  readonly kind: 'merge';
  /** Groups of every MoE layer, `keptPerLayer[layer]` of them, in the order of their new index. */
  readonly group: (context: PlanContext, keptPerLayer: readonly number[]) => MergeGroup[][];
  readonly router: RouterTreatment;
  readonly align: boolean;
  readonly rule?: MergeRule;
}

/** Settings of a merge whose down projections are fitted to the members' outputs. */
export interface OutputMergeSettings {
  /** As a fraction of the mean squared length of an inner activation. */
  readonly ridge: number;
  readonly router: RouterTreatment;
}

/** Finds its plan by measuring many candidates, or by a fit: runs as a job; `planForModel` refuses it. */
export type SearchBehaviour =
  | { readonly kind: 'search'; readonly search: 'evolution'; readonly settings: SearchSettings }
  /** Layer by layer, each on the output of the pruned layers before it. */
  | { readonly kind: 'search'; readonly search: 'progressive' }
  /** Kept experts per layer by expected acceptance, from a profile. */
  | { readonly kind: 'search'; readonly search: 'budgets'; readonly settings: BudgetSearchSettings }
  /** Merged experts fitted to the outputs of their members. */
  | { readonly kind: 'search'; readonly search: 'outputs'; readonly settings: OutputMergeSettings };

export type MethodBehaviour = DropBehaviour | MergeBehaviour | SearchBehaviour;

export interface Method extends WrittenPage {
  /** Names, types, defaults and descriptions of the options. */
  readonly options: z.ZodObject;
  /** @throws WorkbenchError `bad-option` naming the option and its allowed values. */
  readonly prepare: (options: MethodOptions) => {
    readonly options: MethodOptions;
    readonly behaviour: MethodBehaviour;
    /** Whether plans with these options depend on the seed. */
    readonly draws: boolean;
  };
}

const canRedraw = ({ shape }: z.ZodObject): boolean => {
  const router: unknown = shape['router'];
  return router instanceof z.ZodType && router.safeParse('reinitialised').success;
};

/** New router rows are drawn, whatever else a method does. */
const withRouterRows = (draws: DrawRule, options: z.ZodObject): DrawRule =>
  typeof draws === 'boolean' && (draws || !canRedraw(options))
    ? draws
    : [...(typeof draws === 'boolean' ? [] : draws), { option: 'router', value: 'reinitialised' }];

/** Defines a method by its page, the schema of its options and its behaviour. */
export const defineMethod = <S extends z.ZodObject>(
  page: WrittenPage,
  options: S,
  behave: (options: z.output<S>) => MethodBehaviour,
): Method => ({
  ...page,
  draws: withRouterRows(page.draws, options),
  options,
  prepare: (given) => {
    const unknown = Object.keys(given).filter((name) => !(name in options.shape));
    if (unknown.length > 0) throw badOption(page.name, options, [`${unknown.join(', ')} is unknown`]);
    const parsed = options.safeParse(given);
    if (!parsed.success) {
      throw badOption(
        page.name,
        options,
        parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
        parsed.error,
      );
    }
    return {
      options: parsed.data,
      behaviour: behave(parsed.data),
      draws: isDrawn(withRouterRows(page.draws, options), parsed.data),
    };
  },
});

/** Options of a method that has none. */
export const NO_OPTIONS = z.object({});

const badOption = (method: MethodName, options: z.ZodObject, problems: readonly string[], cause?: unknown): Error => {
  const names = Object.keys(options.shape);
  return refuse(
    'bad-option',
    `Options of the method ${method}: ${problems.join('; ')}.`,
    names.length === 0 ? `${method} has no options.` : `${method} has the options ${names.join(', ')}.`,
    cause,
  );
};
