import type { CallInput } from '../../main/contract/calls.ts';
import { methodDraws, type MethodPage } from '../../main/contract/method.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import { answersOf, type TaskEntry } from '../../main/contract/task.ts';
import { standardFactors } from '../plan/kept-counts.ts';
import { methodTitle } from '../../main/words/methods.ts';
import { chatOf, withChatTemplate } from '../plan/chat.ts';
import type { OptionsByMethod, PlanSettings } from '../state/plan-settings.ts';
import type { SweepChoices } from '../state/sweep-store.ts';
import { typedFactors } from './typed-factors.ts';

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

interface SweepCost {
  /** Candidates per model and task. */
  readonly candidatesPerTask: number;
  /** Models to measure in total: all candidates for each model and task, and the unpruned models. */
  readonly evaluations: number;
  /** Test items to score in total. */
  readonly itemEvaluations: number;
  /** Plans to refit on calibration items. */
  readonly refits: number;
  /** Candidates that searches measure on calibration items. */
  readonly searched: number;
  /** Evaluations that calibration draws add. */
  readonly drawnAgain: number;
  /** Methods with several draws, and the evaluations added compared with one draw. */
  readonly drawn: readonly { readonly method: MethodName; readonly draws: number; readonly more: number }[];
}

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

type Counted =
  | 'methods'
  | 'candidates'
  | 'skippedFactors'
  | 'typedFactors'
  | 'seeds'
  | 'limit'
  | 'recovery'
  | 'refits'
  | 'weights'
  | 'repeats'
  | 'calibrationDraws'
  | 'calibrationSizes';

/** Work of a sweep, without factors added by an adaptive search. */
export const sweepCost = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  settings: Pick<SweepChoices, Counted>,
  { pages, options }: SweepMethods,
): SweepCost => {
  const pruned = chosenFactors(models, settings).filter((factor) => factor > 1).length;
  const drawn = settings.methods.map((method) => {
    const page = pages.find(({ name }) => name === method);
    const draws = page !== undefined && methodDraws(page, options[method]) ? settings.seeds.length : 1;
    return { method, draws, plans: pruned * draws, searched: searchedPerPlan(page, options) };
  });
  const plans = drawn.reduce((sum, method) => sum + method.plans, 0);
  const refits = settings.recovery === 'none' ? 0 : settings.refits.length;
  const curves = refits + (settings.recovery === 'only' ? 0 : 1);
  const types = new Set(settings.weights ?? ['stored']);
  const rounded = [...types].filter((type) => type !== 'stored').length;
  // The unpruned model is a candidate too at each type that is not the stored one.
  const candidatesPerTask = (plans * curves + settings.candidates.length) * types.size + rounded;
  const { repeats = 1, calibrationDraws = 0, calibrationSizes } = settings;
  const items = tasks.reduce(
    (sum, task) => sum + Math.min(task.items.test, settings.limit ?? Infinity) * (isWritten(task) ? repeats : 1),
    0,
  );
  const stages = models.length * tasks.length;
  const reading = settings.methods.filter((method) => pages.find(({ name }) => name === method)?.needs === 'routing');
  const draws = calibrationDraws * (calibrationSizes?.split(',').length ?? 1);
  const drawnPlans = pruned * reading.length * draws;
  return {
    candidatesPerTask,
    evaluations: stages * (candidatesPerTask + 1),
    itemEvaluations: models.length * items * (candidatesPerTask + 1 + drawnPlans),
    refits: stages * plans * refits,
    searched: stages * drawn.reduce((sum, method) => sum + method.plans * method.searched, 0),
    drawnAgain: stages * drawnPlans,
    drawn: drawn
      .filter(({ draws }) => draws > 1)
      .map(({ method, draws }) => ({ method, draws, more: stages * pruned * (draws - 1) * curves * types.size })),
  };
};

/** Why a sweep cannot start; null if it can. */
export const sweepObstacle = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  settings: Pick<
    SweepChoices,
    | 'methods'
    | 'candidates'
    | 'skippedFactors'
    | 'typedFactors'
    | 'recovery'
    | 'refits'
    | 'budget'
    | 'protect'
    | 'calibration'
  >,
  { pages, options, chat }: SharedSettings & Pick<SweepMethods, 'pages'>,
): string | null => {
  if (models.length === 0) return 'Select a model on the left.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  if (settings.methods.length === 0) return 'Tick at least one method.';
  if (settings.candidates.length > 0 && models.length > 1)
    return 'Checkpoint folders are measured beside one model: untick the other models, or remove the folders.';
  const { problem } = typedFactors(settings.typedFactors, models);
  if (problem !== null) return problem;
  if (!chosenFactors(models, settings).some((factor) => factor > 1)) return 'Tick or type a factor above 1.';
  if (settings.recovery !== 'none' && settings.refits.length === 0)
    return 'Tick at least one refit for the recovery, or choose no recovery.';
  const untrained = settings.methods.find((method) => startsItsRouterAnew(method, options));
  if (untrained !== undefined && !recoversEveryRouter(settings)) {
    return (
      `${methodTitle(untrained)} starts from a new random router, which is useless before recovery: ` +
      'choose recovery “instead of each plan” with a refit of the router in every curve, or change “router”.'
    );
  }
  const untemplated = models.filter((model) => !withChatTemplate(models).includes(model));
  const isChat = chatOf(models, chat) === true;
  if (isChat && untemplated.length > 0) {
    return (
      `${untemplated.map(({ name }) => name).join(', ')}: no chat template. Untick the model, or switch “Chat ` +
      'template” off.'
    );
  }
  const chosen = pages.filter(({ name }) => settings.methods.includes(name));
  const bare = tasks.filter((task) => task.items.calibration === 0);
  if (bare.length > 0 && readsCalibration(settings, pages)) {
    return (
      `${titles(bare)}: no calibration items, so only Random is possible, without recovery. Choose ` +
      'calibration items in the list of tasks, or untick the task or the other methods.'
    );
  }
  const chosenAnswers = tasks.filter((task) => !isWritten(task));
  if (settings.calibration !== undefined && settings.calibration !== 'answers' && chosenAnswers.length > 0) {
    return (
      `${titles(chosenAnswers)}: the unpruned model writes no answers to calibrate on. Untick the task, or calibrate ` +
      'on the right answers.'
    );
  }
  const texts = tasks.filter((task) => task.metric === 'perplexity');
  if (isChat && texts.length > 0) {
    return `${titles(texts)}: texts have no turns for a chat template. Untick the task, or switch “Chat template” off.`;
  }
  const searching = chosen.find(({ needs }) => needs === 'search');
  if (texts.length > 0 && searching !== undefined) {
    return (
      `${titles(texts)}: no multiple-choice items, by which ${methodTitle(searching.name)} judges its candidates. ` +
      'Untick the task or the method.'
    );
  }
  return null;
};

/** Whether the sweep needs calibration items: not if all methods are random or from files. */
export const readsCalibration = (
  { methods, recovery, protect, budget }: Pick<SweepChoices, 'methods' | 'recovery' | 'protect' | 'budget'>,
  pages: readonly MethodPage[],
): boolean =>
  pages.some(({ name, needs }) => methods.includes(name) && needs !== 'nothing') ||
  recovery !== 'none' ||
  protect !== 'none' ||
  budget === 'inverse-importance';

const isWritten = (task: TaskEntry): boolean => answersOf(task) === 'written';

/** Whether calibration on the unpruned model's own answers is possible: only if answers are written in every task. */
export const canCalibrateOnWritten = (tasks: readonly TaskEntry[]): boolean =>
  tasks.length > 0 && tasks.every(isWritten);

const startsItsRouterAnew = (method: MethodName, options: OptionsByMethod): boolean =>
  options[method]?.['router'] === 'reinitialised';

/** Whether all curves refit the router. */
const recoversEveryRouter = ({ recovery, refits }: Pick<SweepChoices, 'recovery' | 'refits'>): boolean =>
  recovery === 'only' && !refits.includes('experts');

const titles = (tasks: readonly TaskEntry[]): string => tasks.map((task) => task.title).join(', ');

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
      const own = options[method] ?? {};
      return Object.keys(own).length === 0 ? [] : [[method, { ...own }]];
    }),
  );
