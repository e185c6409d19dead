import type { RunDevice } from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import { suggestion } from '../contract/nearest-name.ts';
import type { MethodName, RouterTreatment } from '../contract/plan.ts';
import { nothingToRepeat, readSampler } from '../contract/sampling.ts';
import { enforce, nothingWritten, untrainedRouter } from '../contract/start-rules.ts';
import type { SweepSettings } from '../contract/sweep.ts';
import { roundedWeightsFact } from '../export/rounded-folder.ts';
import { runsGeneratedCode } from '../harness/judge-texts.ts';
import { noRecovery } from '../inference/recover-plan.ts';
import type { MethodBehaviour } from '../pruning/method.ts';
import { methodNamed } from '../pruning/methods.ts';
import { ALL_ROWS_STAY } from '../pruning/gates.ts';
import { requireNoConstants } from '../pruning/validate-plan.ts';
import { requireRoom } from '../tasks/generation/stop-rule.ts';
import { withoutTorch } from '../torch/open-torch-model.ts';
import { requireReadable } from '../torch/torch-model.ts';
import { checkFileMethods, isFileMethod } from './file-methods.ts';
import type { RunTask } from './job-context.ts';
import { requireUnevenLayers } from './layer-losses.ts';
import { requireCalibration } from './plan-step.ts';
import { labelledItems, requireNoGroups, requireSearchable } from './search-step.ts';
import { requireLooks } from '../evaluation/planned-looks.ts';
import { requireDrawable } from './sweep-calibration-draws.ts';
import { sweepCounts } from '../evaluation/sweeps/sweep-shape.ts';
import { needsOf, needsOfMethod, optionsOf, type SweepInput } from './sweep-stages.ts';
import { askedTasks, requireTokenizer } from './task-work.ts';

/** Refuses (`bad-usage`) `--elsewhere` in a sweep of one task, and together with settings that exclude it. */
const requireElsewhere = ({ elsewhere, stop, weights }: SweepSettings, tasks: readonly RunTask[]): void => {
  if (elsewhere !== true) return;
  if (tasks.length < 2)
    throw refuse(
      'bad-usage',
      'The sweep has one task, so there is no other task to measure its plans on.',
      'Name another task too, or leave out --elsewhere.',
    );
  if (stop !== undefined)
    throw refuse(
      'bad-usage',
      'On other tasks, plans are measured on every item; a search that stops early does not measure every item.',
      'Leave out --elsewhere, or --stop early.',
    );
  const rounded = weights?.find((type) => type !== 'stored');
  if (rounded !== undefined)
    throw refuse(
      'bad-usage',
      `On other tasks, plans are measured with stored weights only, not with ${rounded}.`,
      'Leave out --elsewhere, or --weights.',
    );
};

/** Refuses a sampler that cannot be read, or that no task uses, and repeats without one. */
const requireSampled = ({ sample, repeats = 1 }: SweepSettings, tasks: readonly RunTask[]): void => {
  if (sample === undefined) {
    if (repeats === 1) return;
    throw nothingToRepeat();
  }
  readSampler(sample);
  if (tasks.every(({ task }) => task.judging === undefined))
    throw refuse(
      'bad-usage',
      'No task of this sweep has written answers, so nothing is sampled.',
      'Name a task with written answers, or leave out --sample.',
    );
};

/** Refuses (`runs-generated-code`) tasks whose judging runs generated programs, unless the sweep allows it. */
const requireAllowedCode = ({ runGeneratedCode }: SweepSettings, tasks: readonly RunTask[]): void => {
  const task = tasks.find((entry) => entry.task.judging?.rule.python?.generatedCode === true);
  if (task !== undefined && runGeneratedCode !== true) throw runsGeneratedCode(task.name);
};

const requireNamed = (what: string, first: string | undefined, all: readonly { readonly name: string }[]): void => {
  if (first === undefined || all.some(({ name }) => name === first)) return;
  throw refuse(
    'bad-usage',
    `The ${what} to measure first, ${first}, is not in the sweep.`,
    suggestion(
      first,
      all.map(({ name }) => name),
    ),
  );
};

/** The router treatment of a method's plans; null where they merge nothing. */
const routerOf = (behaviour: MethodBehaviour): RouterTreatment | null => {
  if (behaviour.kind === 'merge') return behaviour.router;
  if (behaviour.kind !== 'search') return null;
  if (behaviour.search === 'outputs') return behaviour.settings.router;
  return behaviour.search === 'evolution' && behaviour.settings.switchAfter !== null ? 'summed-probabilities' : null;
};

/** Why no file holds the plans of a method, as far as its options tell; null where one may. */
const withoutFile = (settings: Pick<SweepSettings, 'options'>, method: MethodName): string | null => {
  const { behaviour } = methodNamed(method).prepare(optionsOf(settings, method));
  if (behaviour.kind === 'search' && behaviour.search === 'budgets')
    return 'it keeps another number of experts in each layer';
  const router = routerOf(behaviour);
  return router !== null && ALL_ROWS_STAY.has(router)
    ? `its router treatment ${router} keeps a row for every unpruned expert`
    : null;
};

/**
 * Refuses to round weights where no file of such weights exists.
 *
 * @throws WorkbenchError `weights-without-gguf`, `weights-not-quantised`, `weights-without-file`,
 * `weights-need-uniform`.
 */
const requireRoundable = ({ models, settings }: SweepInput): void => {
  const { weights = [], budget, methods } = settings;
  const types = weights.filter((type) => type !== 'stored');
  const [rounded] = types;
  if (rounded === undefined) return;
  for (const { checkpoint } of models) roundedWeightsFact(checkpoint, types);
  for (const method of methods) {
    const reason = isFileMethod(settings, method) ? null : withoutFile(settings, method);
    if (reason !== null)
      throw refuse(
        'weights-without-file',
        `No ${rounded} file can hold plans of the method ${method}: ${reason}.`,
        'Measure it with stored weights only, or choose another option (of a merge, router reference-row or mean-row).',
      );
  }
  if (budget === 'uniform') return;
  throw refuse(
    'weights-need-uniform',
    `The budget ${budget} keeps another number of experts in each layer, and no ${rounded} file can hold that.`,
    'Use the uniform budget, or measure stored weights only.',
  );
};

/**
 * Refuses trained gates where they do not exist (in merged experts), or where plans are written to files.
 *
 * @throws WorkbenchError `gates-not-trained`.
 */
const requireTrainedGates = ({ models, settings }: SweepInput): void => {
  const needsRouter = models.filter(
    ({ checkpoint: { info } }) => info.gatesGrow === true && info.identityRows !== true,
  );
  const [model] = needsRouter;
  if (settings.gates !== 'trained' || model === undefined) return;
  const merging = settings.methods.find((method) => {
    const router = isFileMethod(settings, method)
      ? null
      : routerOf(methodNamed(method).prepare(optionsOf(settings, method)).behaviour);
    return router !== null && !ALL_ROWS_STAY.has(router);
  });
  const rounded = settings.weights?.find((type) => type !== 'stored');
  const problem =
    merging !== undefined
      ? `${merging} merges experts, and a merged one has no gate of the unpruned model`
      : rounded !== undefined
        ? `no ${rounded} file holds the whole router`
        : settings.speed === true
          ? 'speeds are those of exported folders, which do not hold the whole router'
          : null;
  if (problem !== null)
    throw refuse(
      'gates-not-trained',
      `Plans of ${model.name} cannot have trained gates here: ${problem}.`,
      'Use --gates folded.',
    );
};

/**
 * Refuses searches, and measured layers, that a model or a task does not allow.
 *
 * @throws WorkbenchError `no-labels`, and those of `requireSearchable`, `requireNoGroups` and `requireUnevenLayers`.
 */
const requireSearches = ({ models, tasks, settings }: SweepInput): void => {
  for (const method of settings.methods.filter((name) => !isFileMethod(settings, name))) {
    const { search } = needsOfMethod(settings, method);
    for (const { checkpoint } of models) {
      if (search?.search === 'evolution') requireSearchable(checkpoint, method, search.settings);
      if (search?.search === 'budgets') requireNoGroups(checkpoint);
      if (search === null && settings.budget === 'measured') requireUnevenLayers(checkpoint);
    }
    if (search?.search === 'evolution') for (const task of tasks) labelledItems(method, task);
  }
};

/** Why the engine torch cannot compute the plans of a method; null where it can. */
export const methodWithoutTorch = (settings: Pick<SweepSettings, 'options'>, method: MethodName): string | null =>
  routerOf(methodNamed(method).prepare(optionsOf(settings, method)).behaviour) === 'summed-probabilities'
    ? 'it chooses experts by sums of probabilities, which no class of transformers does'
    : null;

/**
 * Refuses methods whose plans only onnxruntime computes.
 *
 * @throws WorkbenchError `not-with-torch`.
 */
export const requireTorchMethods = (settings: Pick<SweepSettings, 'options'>, methods: readonly MethodName[]): void => {
  for (const method of methods) {
    const reason = methodWithoutTorch(settings, method);
    if (reason !== null) throw withoutTorch(`the method ${method}, since ${reason}`);
  }
};

/**
 * Refuses work that only onnxruntime does, by name.
 *
 * @throws WorkbenchError `not-with-torch`, `torch-weights`.
 */
const requireTorchWork = ({ models, settings, candidates = [] }: SweepInput): void => {
  const { methods, speed } = settings;
  if (speed === true) throw withoutTorch('timing models (--speed)');
  requireTorchMethods(
    settings,
    methods.filter((method) => !isFileMethod(settings, method)),
  );
  for (const { checkpoint } of [...models, ...candidates]) requireReadable(checkpoint);
};

/**
 * Refuses sweeps that cannot be measured, before a run exists and again when it is resumed. The only such check, for
 * window and command line.
 *
 * @throws WorkbenchError that names the setting, model or task.
 */
export const checkSweep = async (input: SweepInput, device: Pick<RunDevice, 'engine'>): Promise<void> => {
  const { models, tasks, settings, candidates = [] } = input;
  const fromFiles = settings.methods.filter((method) => isFileMethod(settings, method));
  [...settings.methods, ...Object.keys(settings.options)]
    .filter((method) => !fromFiles.includes(method))
    .forEach(methodNamed);
  const optioned = fromFiles.find((method) => method in settings.options);
  if (optioned !== undefined)
    throw refuse('bad-option', `The method ${optioned} is a file, which has no options.`, 'Leave its options out.');
  checkFileMethods(
    settings,
    models.map(({ checkpoint }) => checkpoint),
  );
  const twice = candidates.find(({ name }) => fromFiles.includes(name));
  if (twice !== undefined)
    throw refuse('candidate-name', `Both a candidate and a file are called "${twice.name}".`, 'Rename one of them.');
  requireAllowedCode(settings, tasks);
  sweepCounts(models, settings);
  for (const model of models) {
    const { checkpoint } = model;
    requireNoConstants(checkpoint.info);
    await requireTokenizer(checkpoint);
    for (const { name, task } of await askedTasks(model, tasks, settings.chat, new Date(), settings))
      requireRoom(task.test, name, checkpoint.descriptor);
  }
  const made = settings.methods.filter((method) => !fromFiles.includes(method));
  const constant = made.find((method) => needsOfMethod(settings, method).constants);
  if (device.engine !== undefined) requireTorchWork(input);
  else if (settings.referee !== undefined)
    throw refuse(
      'bad-usage',
      'onnxruntime is the referee of sweeps with PyTorch, and this one computes with onnxruntime.',
      'Add --engine torch, or leave out --referee.',
    );
  if (settings.recovery !== 'none' && constant !== undefined) throw noRecovery(constant);
  const fitted = made.find((method) => needsOfMethod(settings, method).search?.search === 'outputs');
  if (settings.recovery !== 'none' && fitted !== undefined)
    throw refuse(
      'no-recovery',
      `The plans of ${fitted} contain down projections fitted to the outputs of merged experts, which a refit would ` +
        'replace.',
      'Leave the recovery out, or measure the method in a sweep of its own.',
    );
  requireRoundable(input);
  requireTrainedGates(input);
  enforce(untrainedRouter(settings));
  enforce(
    nothingWritten(
      settings,
      tasks.map(({ name, task: { metric } }) => ({ name, metric })),
    ),
  );
  requireElsewhere(settings, tasks);
  requireSampled(settings, tasks);
  requireLooks(settings);
  for (const { checkpoint } of models) requireDrawable(settings, checkpoint.info.experts, checkpoint.info.topK);
  requireNamed('model', settings.first?.model, models);
  requireNamed('task', settings.first?.task, tasks);
  if (needsOf(settings, models).calibration) tasks.forEach(({ task }) => requireCalibration(task));
  requireSearches(input);
};
