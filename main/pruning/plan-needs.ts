import type { BudgetName, MethodName, MethodOptions, SuperExpertProtection } from '../contract/plan.ts';
import { type ExtraStatistic, extraStatistics } from '../profile/routing-statistics.ts';
import type { SearchBehaviour } from './method.ts';
import { methodNamed } from './methods.ts';

export interface PlanNeedsRequest {
  readonly method: MethodName;
  readonly options?: MethodOptions | undefined;
  readonly budget: BudgetName;
  readonly protect?: SuperExpertProtection | undefined;
}

/** Prerequisites of a plan. */
export interface PlanNeeds {
  readonly profile: boolean;
  /** Statistics beyond routing that the profile must contain. */
  readonly extras: readonly ExtraStatistic[];
  /** The search that finds the method's plan; null without one. */
  readonly search: SearchBehaviour | null;
  /** The plan replaces removed experts by constants. */
  readonly constants: boolean;
}

/** @throws WorkbenchError `bad-option`. */
export const planNeeds = ({ method, options = {}, budget, protect = 'none' }: PlanNeedsRequest): PlanNeeds => {
  const { behaviour } = methodNamed(method).prepare(options);
  if (behaviour.kind === 'search')
    return { profile: behaviour.search === 'budgets', extras: [], search: behaviour, constants: false };
  const extras = new Set(behaviour.extra);
  if (protect !== 'none') extras.add('peaks');
  if (budget === 'inverse-importance') extras.add('elimination');
  return {
    profile: methodNamed(method).needs === 'routing' || extras.size > 0,
    extras: inOrder(extras),
    search: null,
    constants: behaviour.kind === 'drop' && behaviour.leavesConstants === true,
  };
};

/** Combined needs of several plans: one profile serves them all. */
export const combinedExtras = (needs: readonly PlanNeeds[]): readonly ExtraStatistic[] =>
  inOrder(new Set(needs.flatMap(({ extras }) => extras)));

const inOrder = (extras: ReadonlySet<ExtraStatistic>): readonly ExtraStatistic[] =>
  extraStatistics.filter((extra) => extras.has(extra));

const EXTRA_TITLES: Readonly<Record<ExtraStatistic, string>> = {
  peaks: 'largest outputs',
  'routed-outputs': 'mean outputs of chosen experts',
  residual: 'how far layers turn tokens',
  'every-output': 'outputs of every expert on every token',
  elimination: 'the effect of leaving out experts on each layer',
  choices: 'which tokens each expert takes',
};

/** "largest outputs, which tokens each expert takes". */
export const extrasTitles = (extras: readonly ExtraStatistic[]): string =>
  extras.map((extra) => EXTRA_TITLES[extra]).join(', ');

/** Statistics beyond routing and the work that they add, in words; null: none. */
export const extrasInWords = (extras: readonly ExtraStatistic[], experts: number, topK: number): string | null => {
  if (extras.length === 0) return null;
  const every = extras.some(
    (extra) => extra === 'every-output' || extra === 'elimination' || extra === 'routed-outputs',
  );
  const cost = every
    ? `; every expert runs on every token, about ${Math.round(experts / Math.max(1, topK))} times the ` +
      `work of the MoE layers`
    : '';
  return `${extrasTitles(extras)}${cost}`;
};
