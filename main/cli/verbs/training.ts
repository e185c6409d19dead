import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { describedExperimentSettings, type ExperimentArm, experimentSettings } from '../../contract/experiment.ts';
import { armWords } from '../../words/methods.ts';
import { accuracyOf } from '../../evaluation/experiment/pairs.ts';
import type { Engine } from '../../engine/engine.ts';
import { methodNames } from '../../pruning/methods.ts';
import { bundledModels } from '../../workspace/library.ts';
import { CALIBRATION_OPTIONS, findNamedTasks, grantTasks } from '../task-options.ts';
import { COMPUTE_OPTIONS, readTorchInUse, sayEngine } from '../engine-option.ts';
import { experimentResult } from '../experiment-result.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { readOptionsByMethod } from '../plan-options.ts';
import { findModel, TASKS_OPTION, WORKSPACE_OPTION } from '../subjects.ts';
import { printedShare } from '../terminal-text.ts';
import type { OptionReader, Verb, VerbHost, VerbOption, VerbResult } from '../verb.ts';
import { readSettings, repeatedOption, settingOptions, valueOption } from '../verb.ts';
import { outFolder } from '../files.ts';
import { MACHINE_OPTIONS } from '../machine-options.ts';
import { finetuneSettings, type FinetuneSettings } from '../../contract/finetune.ts';

/** Options of fine-tuning: the contract's settings, and the file of the general stage. */
const TRAINING_OPTIONS: Readonly<Record<string, VerbOption>> = {
  ...settingOptions(finetuneSettings),
  mixture: valueOption(
    'FILE',
    'Items of the stage general, one {"group","context","answer"} a line (default: those that the bundled models ' +
      'were pretrained on, without test items). Test items of the tasks are left out.',
  ),
};

const PYTHON_HELP =
  'Python with PyTorch and transformers (default: the environment that "uncurl doctor --python" makes).';

const PYTHON_OPTION: Readonly<Record<string, VerbOption>> = {
  python: valueOption('FILE', PYTHON_HELP),
};

/** For verbs that may compute with PyTorch, and train in Python. */
export const ENGINE_OR_TRAINING_PYTHON: Readonly<Record<string, VerbOption>> = {
  python: valueOption('FILE', `For --engine torch, or for the fine-tuned arms of an experiment: ${PYTHON_HELP}`),
};

/** The settings that the options name; all others keep their defaults. */
export const readTraining = (reader: OptionReader): FinetuneSettings =>
  finetuneSettings.parse(readSettings(reader, finetuneSettings));

export const finetune: Verb = {
  name: 'finetune',
  usage: 'MODEL --task T... --out DIR [--stage router,general,all | --stage distil --teacher MODEL] [--python FILE]',
  summary:
    "Trains a model or an export on the tasks' calibration items, in Python with PyTorch and transformers. Resumable.",
  positionals: [1, 1],
  engine: 'Training always runs in PyTorch, in the Python that --python names.',
  options: {
    task: repeatedOption(
      'T',
      'Task folder, task file or bundled name; training uses its calibration items, never its test items.',
    ),
    out: valueOption('DIR', 'Folder to make; it must not exist.'),
    ...CALIBRATION_OPTIONS,
    ...TRAINING_OPTIONS,
    teacher: valueOption(
      'MODEL',
      'The unpruned model, for the stage distil: the routers learn its next-token distributions.',
    ),
    ...PYTHON_OPTION,
    ...WORKSPACE_OPTION,
    ...MACHINE_OPTIONS,
  },
  run: async (reader, host) => {
    const destination = outFolder(reader);
    const folder = await findModel(host, reader.argument(0));
    const tasks = await findNamedTasks(reader, host);
    const settings = readTraining(reader);
    const python = reader.text('python');
    const mixture = reader.text('mixture');
    const named = reader.text('teacher');
    const teacher = named === undefined ? null : await findModel(host, named);
    return withEngine(reader, host, async (engine) => {
      const { run } = await engine.call('finetune.start', {
        model: engine.grantPath(folder),
        tasks: await grantTasks(engine, tasks),
        settings,
        into: engine.grantPath(dirname(destination)),
        name: basename(destination),
        python: python === undefined ? null : engine.grantPath(resolve(python)),
        mixture: mixture === undefined ? null : engine.grantPath(resolve(mixture)),
        teacher: teacher === null ? null : engine.grantPath(teacher),
      });
      host.say(`Run ${run}`);
      const summary = await followRun(engine, run, host);
      return { document: { run, folder: destination, summary }, text: summary };
    });
  },
};

/** Members of a bundled family by its name: `switch` for switch-8, switch-32 and so on. */
const familyMembers = (named: string, bundled: ReadonlyMap<string, string>): readonly string[] =>
  [...bundled].flatMap(([name, folder]) => (/^(.+)-\d+$/.exec(name)?.[1] === named ? [folder] : []));

const findMembers = async (host: VerbHost, named: readonly string[]): Promise<readonly string[]> => {
  const bundled = await bundledModels(host.resources);
  const folders: string[] = [];
  for (const name of named) {
    const members = existsSync(resolve(name)) ? [] : familyMembers(name, bundled);
    if (members.length > 0) for (const member of members) folders.push(member);
    else folders.push(await findModel(host, name));
  }
  return [...new Set(folders)];
};

/** Reports each arm when it is measured. */
export const sayArms = (engine: Engine, run: string, host: VerbHost): (() => void) =>
  engine.subscribe((event) => {
    if (event.type !== 'experiment.arm' || event.run !== run) return;
    const { model, task, method, kept, seed, right, training }: ExperimentArm = event.arm;
    const pruned = method === null ? '' : ` to ${kept} by ${method}`;
    const loss = training === null ? '' : `, loss ${training.firstLoss.toFixed(3)} to ${training.lastLoss.toFixed(3)}`;
    const draw = seed === null ? '' : `, draw ${seed}`;
    host.say(`${task}  ${model}${pruned}, ${armWords(event.arm)}${draw}: ${printedShare(accuracyOf(right))}${loss}`);
  });

export const experiment: Verb = {
  name: 'experiment',
  usage: 'FAMILY|MODEL... --task T... [--method M...] [--arms LIST] [--seeds LIST] [--python FILE] [--workspace DIR]',
  summary:
    "The paper's experiment on a family: pruned members against members trained with as few experts, and against " +
    'themselves unpruned, as they are, refit and trained, over several draws. Resumable.',
  positionals: [1, Number.POSITIVE_INFINITY],
  options: {
    ...TASKS_OPTION,
    method: repeatedOption('M', `How members are pruned: one or more of ${methodNames.join(', ')} (default uncurl).`),
    option: repeatedOption(
      'METHOD.KEY=VALUE',
      'Option of a method; `uncurl methods NAME` lists them. May be repeated.',
    ),
    ...settingOptions(describedExperimentSettings),
    ...CALIBRATION_OPTIONS,
    ...TRAINING_OPTIONS,
    ...WORKSPACE_OPTION,
    ...COMPUTE_OPTIONS,
    ...ENGINE_OR_TRAINING_PYTHON,
  },
  run: async (reader, host) => {
    const folders = await findMembers(host, reader.positionals);
    const tasks = await findNamedTasks(reader, host);
    const named = reader.choices('method', methodNames);
    const methods = named.length === 0 ? (['uncurl'] as const) : named;
    const settings = experimentSettings.parse({
      methods: [...methods],
      options: readOptionsByMethod(reader, methods),
      ...readSettings(reader, describedExperimentSettings),
      training: readTraining(reader),
    });
    const python = reader.text('python');
    const mixture = reader.text('mixture');
    const torch = await readTorchInUse(reader, host, folders, { trains: true });
    const measure = async (engine: Engine): Promise<VerbResult> => {
      const { run } = await engine.call('experiment.start', {
        models: folders.map((folder) => engine.grantPath(folder)),
        tasks: await grantTasks(engine, tasks),
        settings,
        python: python === undefined ? null : engine.grantPath(resolve(python)),
        mixture: mixture === undefined ? null : engine.grantPath(resolve(mixture)),
      });
      host.say(`Run ${run}`);
      await sayEngine(engine, run, { reader, host, torch });
      const unsubscribe = sayArms(engine, run, host);
      try {
        const summary = await followRun(engine, run, host);
        const { document, text } = await experimentResult(engine, run);
        return { document, text: `${text}\n${summary}` };
      } finally {
        unsubscribe();
      }
    };
    return withEngine(reader, host, measure, { torch });
  },
};
