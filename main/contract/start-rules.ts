import { refuse, type WorkbenchError } from './errors.ts';
import type { MethodName, MethodOptions, RefitName } from './plan.ts';
import type { SweepSettings } from './sweep.ts';
import { answersOf, type MetricName } from './task.ts';

// Rules that the engine enforces before a run exists, on facts that the window knows too: it shows the same refusals
// before it asks.

type Refusal = WorkbenchError | undefined;

/** Throws a refusal, if there is one. */
export const enforce = (refusal: Refusal): void => {
  if (refusal !== undefined) throw refusal;
};

/** Why a check refuses, with its remedy; null if it does not. */
export const refusalText = (refusal: Refusal): string | null =>
  refusal === undefined ? null : `${refusal.message} ${refusal.remedy}`;

interface NamedTask {
  readonly name: string;
  readonly metric: MetricName;
}

/** `place`: where a reader can choose them; a window has no options of the command line. */
export const noCalibration = (
  task: string,
  use: 'profile' | 'learn from',
  place: 'window' | 'anywhere' = 'anywhere',
): WorkbenchError => {
  const options = place === 'window' ? '' : ', or by --split or --calibrate-on';
  return refuse(
    'no-calibration',
    `${task} has test items only: there is no calibration split to ${use}.`,
    `Choose its calibration items (in the list of tasks${options})` +
      (use === 'profile' ? ', or use only the method random, which needs no profile.' : '.'),
  );
};

/** By calibration items with answers, a search judges its candidates. */
export const noLabels = (task: string, method: MethodName): WorkbenchError =>
  refuse(
    'no-labels',
    `${task} has no calibration items with an answer, which the method ${method} needs to judge its candidates.`,
    'Use another method for this task.',
  );

/** `model`: its name, or its folder. */
export const noChatTemplate = (model: string): WorkbenchError =>
  refuse(
    'no-chat-template',
    `${model} has no chat template.`,
    'Measure it without the chat template (--chat), or put its chat_template.jinja into the folder.',
  );

export const noTurns = ({ name, metric }: NamedTask): WorkbenchError =>
  refuse(
    'metric-does-not-fit',
    `${name}: a chat template was requested, but ${metric} measures texts, which have no turns.`,
    'Measure this task without the chat template (--chat).',
  );

/** A randomly initialised router that is measured before its recovery would say nothing about the method. */
export const untrainedRouter = ({
  methods,
  options,
  recovery,
  refits,
}: Pick<SweepSettings, 'recovery'> & {
  readonly methods: readonly MethodName[];
  readonly options: Readonly<Partial<Record<MethodName, MethodOptions>>>;
  readonly refits: readonly RefitName[];
}): Refusal => {
  const untrained = methods.find((method) => options[method]?.['router'] === 'reinitialised');
  if (untrained === undefined || (recovery === 'only' && !refits.includes('experts'))) return undefined;
  return refuse(
    'router-untrained',
    `The method ${untrained} starts with a random router, and the sweep would measure it without any recovery.`,
    'Recover the router in every curve (--recovery router, or router+experts; in the window, recovery ' +
      '\u201cinstead of each plan\u201d without the refit experts), or choose another router treatment.',
  );
};

/** Tasks with chosen answers, where the model is to write its calibration texts. */
export const nothingWritten = (
  { calibration }: Pick<SweepSettings, 'calibration'>,
  tasks: readonly NamedTask[],
): Refusal => {
  const chosen = tasks.find((task) => answersOf(task) === 'chosen');
  if (calibration === undefined || calibration === 'answers' || chosen === undefined) return undefined;
  return refuse(
    'nothing-written',
    `${chosen.name} is not a task with written answers, so the unpruned model writes nothing for its calibration ` +
      'items.',
    'Leave it out, or calibrate on the answers.',
  );
};

/** Folders beside a sweep's plans, of which each is paired with the model. */
export const candidatesOfSeveral = (models: number, candidates: number): Refusal =>
  candidates === 0 || models < 2
    ? undefined
    : refuse(
        'bad-usage',
        `Checkpoint folders are measured beside one model, but ${models} are named.`,
        'Sweep one model at a time, or leave the folders out.',
      );

/** Members of an experiment, which differ in their number of experts. */
export const equalSizes = (members: readonly { readonly name: string; readonly experts: number }[]): Refusal => {
  for (const [index, { name, experts }] of members.entries()) {
    const earlier = members.slice(0, index).find((member) => member.experts === experts);
    if (earlier !== undefined)
      return refuse(
        'experiment-sizes',
        `${earlier.name} and ${name} both have ${experts} experts a layer.`,
        'Name one member of each size.',
      );
  }
  return undefined;
};

export const noRightAnswers = (task: string): WorkbenchError =>
  refuse(
    'experiment-task',
    `${task} measures perplexity; the experiment counts right answers.`,
    'Use a task with choices, or with answers that are written.',
  );
