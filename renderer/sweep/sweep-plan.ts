import type { CallInput } from '../../main/contract/calls.ts';
import { methodDraws, type MethodPage } from '../../main/contract/method.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import {
  candidatesOfSeveral,
  noCalibration,
  noChatTemplate,
  noLabels,
  nothingWritten,
  noTurns,
  refusalText,
  untrainedRouter,
} from '../../main/contract/start-rules.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import { answersOf, type TaskEntry } from '../../main/contract/task.ts';
import { type CostlyTraits, sweepShape, type SweepWork, sweepWork } from '../../main/evaluation/sweeps/sweep-shape.ts';
import { methodTitle } from '../../main/words/methods.ts';
import { counted, formatFactor, formatFixed } from '../../main/words/numbers.ts';
import { standardFactors } from '../plan/kept-counts.ts';
import { chatOf, withChatTemplate } from '../plan/chat.tsx';
import { asksItems } from '../plan/plan-input.ts';
import type { OptionsByMethod, PlanSettings } from '../state/selection.ts';
import type { SweepChoices } from '../state/sweep-store.ts';
import { type ExpertCounts, fewestKept, isTooLarge, keptAtFactor } from '../../main/contract/keep-from-factor.ts';

/** Factors typed for a sweep, with the experts that each leaves, or why they cannot be used. */
interface TypedFactors {
  readonly factors: readonly number[];
  /** "×1.33: 12 of 16 experts kept", in the order of the text. */
  readonly leaves: readonly string[];
  readonly problem: string | null;
}

const NONE: TypedFactors = { factors: [], leaves: [], problem: null };

const readEntry = (entry: string, sizes: readonly ExpertCounts[]): number | string => {
  const [, kept, factor] = /^(?:keep\s*(\d+)|[×x]?\s*(\d+(?:\.\d+)?))$/iu.exec(entry) ?? [];
  if (kept === undefined && factor === undefined) return `“${entry}” is neither a factor (1.33) nor “keep 12”.`;
  const [first] = sizes;
  if (kept !== undefined && sizes.some(({ experts }) => experts !== first?.experts))
    return `“${entry}”: the models have different numbers of experts. Type a factor.`;
  const value = kept === undefined ? Number(factor) : (first?.experts ?? 0) / Number(kept);
  if (!Number.isFinite(value) || value < 1)
    return kept === undefined ? `“${entry}” is below 1, the unpruned model.` : `“${entry}”: there are not so many.`;
  const small = sizes.find((counts) => isTooLarge(counts, value));
  return small === undefined
    ? value
    : `“${entry}” leaves fewer than the ${fewestKept(small)} experts that a token uses; at most ` +
        `${formatFactor(small.experts / fewestKept(small))}.`;
};

/**
 * Reads factors ("1.33, 3") and numbers of kept experts ("keep 12"), separated by commas, for all models of a sweep.
 */
export const typedFactors = (text: string, models: readonly ModelEntry[]): TypedFactors => {
  const sizes = models.flatMap(({ info }) => (info === null ? [] : [info]));
  const entries = text
    .split(/[,;]/u)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (sizes.length === 0 || entries.length === 0) return NONE;
  const read = entries.map((entry) => readEntry(entry, sizes));
  const problem = read.find((entry) => typeof entry === 'string');
  if (problem !== undefined) return { ...NONE, problem };
  const factors = read.filter((entry) => typeof entry === 'number');
  const different = [...new Map(sizes.map((counts) => [counts.experts, counts])).values()];
  const leaves = factors.map((factor) => {
    const kept = different.map((counts) => `${keptAtFactor(counts, factor)} of ${counts.experts}`).join(', ');
    const shown =
      Number.isInteger(factor) || formatFixed(factor, 2) === '1.00'
        ? formatFactor(factor)
        : `×${formatFixed(factor, 2)}`;
    return `${shown}: ${kept} experts kept`;
  });
  return { factors, leaves, problem: null };
};

/** Settings shared by plans and sweeps. */
type SharedSettings = Pick<PlanSettings, 'options' | 'chat'>;

/** Factors possible for all models; a factor too large for one of them would be rejected. */
export const commonFactors = (models: readonly ModelEntry[]): readonly number[] => {
  const lists = models.flatMap((model) => (model.info === null ? [] : [standardFactors(model.info)]));
  const [first = [], ...others] = lists;
  return first.filter((factor) => others.every((list) => list.includes(factor)));
};

type FactorChoices = Pick<SweepChoices, 'skippedFactors' | 'typedFactors'>;

/** Ticked and typed factors, ascending. */
const chosenFactors = (models: readonly ModelEntry[], choices: FactorChoices): readonly number[] => {
  const ticked = commonFactors(models).filter((factor) => factor === 1 || !choices.skippedFactors.includes(factor));
  return [...new Set([...ticked, ...typedFactors(choices.typedFactors, models).factors])].sort((a, b) => a - b);
};

/** One by its name, several by their number. */
const namedOrCounted = (names: readonly string[], noun: string): string =>
  names.length === 1 && names[0] !== undefined ? names[0] : counted(names.length, noun);

/** What a sweep would run, short: "uncurl-64, 9 tasks, 4 methods, ×2 to ×32". */
export const sweepSummary = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  settings: FactorChoices & Pick<SweepChoices, 'methods'>,
): string => {
  // A factor that drops no expert of any model is not measured.
  const factors = chosenFactors(models, settings).filter((factor) =>
    models.some(({ info }) => info !== null && keptAtFactor(info, factor) < info.experts),
  );
  const [least, most] = [factors[0], factors.at(-1)];
  return [
    namedOrCounted(
      models.map(({ name }) => name),
      'model',
    ),
    namedOrCounted(
      tasks.map(({ title }) => title),
      'task',
    ),
    namedOrCounted(settings.methods.map(methodTitle), 'method'),
    least === undefined || most === undefined
      ? 'no factor'
      : least === most
        ? formatFactor(least)
        : `${formatFactor(least)} to ${formatFactor(most)}`,
  ].join(', ');
};

/** Pages of the methods, and options that differ from the defaults. */
interface SweepMethods {
  readonly pages: readonly MethodPage[];
  readonly options: OptionsByMethod;
}

/** Candidates per search of a plan: the method's option `evaluations`; 0 if it has none. */
const searchedPerPlan = (page: MethodPage | undefined, options: OptionsByMethod): number => {
  const budget = page?.options.find(({ name }) => name === 'evaluations');
  if (page === undefined || budget === undefined) return 0;
  return Number(options[page.name]?.[budget.name] ?? budget.default);
};

/** Work of a sweep, without factors added by an adaptive search: what its job measures. */
export const sweepCost = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  settings: SweepChoices,
  { pages, options }: SweepMethods,
): SweepWork => {
  const factors = chosenFactors(models, settings);
  const traitsOf = (method: MethodName): CostlyTraits => {
    // A ranking from a file needs nothing; plans from a file are counted at the factors: only the engine reads it.
    const page = pages.find(({ name }) => name === method);
    return {
      draws: page !== undefined && methodDraws(page, options[method]),
      readsProfile: page?.needs === 'routing',
      searched: searchedPerPlan(page, options),
    };
  };
  const targets = models.flatMap(({ name, info }) => (info === null ? [] : [{ name, checkpoint: { info } }]));
  const { repeats = 1, limit, candidates } = settings;
  const items = tasks.map((task) => Math.min(task.items.test, limit ?? Infinity) * (isWritten(task) ? repeats : 1));
  const measured = { ...settings, factors };
  const shape = sweepShape(measured, targets, traitsOf);
  return sweepWork(measured, shape, { items, candidates: candidates.length, traitsOf });
};

/** Why a sweep cannot start; null if it can. */
export const sweepObstacle = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  settings: SweepChoices,
  { pages, options, chat }: SharedSettings & Pick<SweepMethods, 'pages'>,
): string | null => {
  if (models.length === 0) return 'Select a model on the left.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  const broken = tasks.find(({ error }) => error !== null);
  if (broken !== undefined) return `${broken.title} cannot be opened: mend its file, or untick it on the left.`;
  if (settings.methods.length === 0) return 'Tick at least one method.';
  const unpaired = candidatesOfSeveral(models.length, settings.candidates.length);
  if (unpaired !== undefined) return refusalText(unpaired);
  const { problem } = typedFactors(settings.typedFactors, models);
  if (problem !== null) return problem;
  if (!chosenFactors(models, settings).some((factor) => factor > 1)) return 'Tick or type a factor above 1.';
  if (settings.recovery !== 'none' && settings.refits.length === 0)
    return 'Tick at least one refit for the recovery, or choose no recovery.';
  const isChat = chatOf(models, chat) === true;
  const untemplated = models.find((model) => isChat && !withChatTemplate(models).includes(model));
  const bare = tasks.find(({ items }) => items.calibration === 0);
  const named = tasks.map(({ title, metric }) => ({ name: title, metric }));
  const text = named.find(({ metric }) => metric === 'perplexity');
  const searching = pages.find(({ name, needs }) => settings.methods.includes(name) && needs === 'search');
  return refusalText(
    untrainedRouter({ ...settings, options }) ??
      (untemplated && noChatTemplate(untemplated.name)) ??
      (bare && readsCalibration(settings, pages, models)
        ? noCalibration(bare.title, 'profile', 'window')
        : undefined) ??
      nothingWritten(settings, named) ??
      (text && isChat ? noTurns(text) : undefined) ??
      (text && searching && noLabels(text.name, searching.name)),
  );
};

/** Whether the sweep needs calibration items: not if all methods are random or from files, and no gates are folded. */
export const readsCalibration = (
  {
    methods,
    recovery,
    protect,
    budget,
    gates,
  }: Pick<SweepChoices, 'methods' | 'recovery' | 'protect' | 'budget' | 'gates'>,
  pages: readonly MethodPage[],
  models: readonly Pick<ModelEntry, 'info'>[],
): boolean =>
  (gates === 'folded' &&
    models.some(({ info }) => info?.gatesGrow === true && info.identityRows !== true) &&
    methods.some((method) => pages.some(({ name }) => name === method))) ||
  pages.some(({ name, needs }) => methods.includes(name) && needs !== 'nothing') ||
  recovery !== 'none' ||
  protect !== 'none' ||
  asksItems(budget);

const isWritten = (task: TaskEntry): boolean => answersOf(task) === 'written';

/** Whether calibration on the unpruned model's own answers is possible: only if answers are written in every task. */
export const canCalibrateOnWritten = (tasks: readonly TaskEntry[]): boolean =>
  tasks.length > 0 && tasks.every(isWritten);

export const sweepInput = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  choices: SweepChoices,
  { options, chat }: SharedSettings,
  focused: TaskEntry | null = null,
): CallInput<'sweep.start'> => {
  const { methods, files, candidates, recovery, refits } = choices;
  return {
    models: models.map((model) => model.handle),
    tasks: tasks.map((task) => task.handle),
    settings: {
      ...describedSweepSettings.parse({ ...choices, refits: recovery === 'none' ? undefined : refits }),
      methods: [...methods],
      files: tickedFiles(methods, files),
      factors: [...chosenFactors(models, choices)],
      options: optionsOf(methods, options),
      chat: chatOf(models, chat),
      first: firstOf(tasks, focused),
    },
    ...(candidates.length === 0 ? {} : { candidates: candidates.map(({ name, folder }) => ({ name, folder })) }),
  };
};

/** Files of the ticked methods; undefined if none is from a file. */
const tickedFiles = (
  methods: SweepChoices['methods'],
  files: SweepChoices['files'],
): SweepChoices['files'] | undefined => {
  const ticked = Object.entries(files).filter(([name]) => methods.includes(name));
  return ticked.length === 0 ? undefined : Object.fromEntries(ticked);
};

/** The task in focus, which is measured first; undefined if its name is not unique. */
const firstOf = (tasks: readonly TaskEntry[], focused: TaskEntry | null): { readonly task: string } | undefined =>
  focused !== null && tasks.filter(({ name }) => name === focused.name).length === 1
    ? { task: focused.name }
    : undefined;

/** Options of the methods that have any set. */
export const optionsOf = (methods: SweepChoices['methods'], options: OptionsByMethod): OptionsByMethod =>
  Object.fromEntries(
    methods.flatMap((method) => {
      const changed = options[method] ?? {};
      return Object.keys(changed).length === 0 ? [] : [[method, { ...changed }]];
    }),
  );
