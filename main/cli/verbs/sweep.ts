import { refuse } from '../../contract/errors.ts';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { refitName } from '../../contract/plan.ts';
import type { Engine } from '../../engine/engine.ts';
import { candidateName, describedSweepSettings, sweepSettings, type SweepSettings } from '../../contract/sweep.ts';
import { drawCosts, drawCostText, drawsPlans } from '../../jobs/sweep-stages.ts';
import { methodNames } from '../../pruning/methods.ts';
import { maxOf } from '../../statistics/extremes.ts';
import {
  CALIBRATION_OPTIONS,
  CHAT_OPTION,
  CHAT_SETTINGS_OPTIONS,
  findNamedTasks,
  grantTasks,
  readChatSettings,
  sayUnusedTemplates,
} from '../task-options.ts';
import { COMPUTE_OPTIONS, readTorchInUse, sayEngine } from '../engine-option.ts';
import { FAMILYWISE, findModel, TASKS_OPTION, WORKSPACE_OPTION } from '../subjects.ts';
import { followRun, withEngine } from '../open-engine.ts';
import {
  type OptionReader,
  readSettings,
  repeatedOption,
  settingOptions,
  switchOption,
  valueOption,
  type Verb,
  type VerbHost,
  type VerbResult,
} from '../verb.ts';
import { readMethods, readOptionsByMethod } from '../plan-options.ts';
import { endedSweepText } from '../sweep-text.ts';

/** Reports the cost of drawing a method several times, before anything starts. */
const sayDraws = async (
  settings: SweepSettings,
  folders: readonly string[],
  tasks: number,
  say: (line: string) => void,
): Promise<void> => {
  const mayCost = new Set(settings.seeds).size > 1 && settings.methods.some((method) => drawsPlans(settings, method));
  // A small model is read whole when it is opened, and the engine opens it again.
  if (!mayCost) return;
  const opened = await Promise.all(folders.map((folder) => openCheckpoint(folder)));
  const models = opened.map((checkpoint) => ({ name: checkpoint.name, checkpoint }));
  for (const cost of drawCosts(settings, models, tasks)) say(`${drawCostText(cost, settings)}.`);
};

/** Start factors of `--adaptive` without `--factors`: powers of two, up to the most that any model allows. */
const doublingFactors = async (folders: readonly string[]): Promise<readonly number[]> => {
  const infos = await Promise.all(folders.map(async (folder) => (await openCheckpoint(folder)).info));
  const largest = maxOf(infos.map(({ experts, topK }) => experts / Math.max(1, topK)));
  const factors = [1];
  while ((factors.at(-1) ?? 1) * 2 <= largest) factors.push((factors.at(-1) ?? 1) * 2);
  return factors;
};

const readFactors = async (reader: OptionReader, folders: readonly string[]): Promise<readonly number[]> => {
  const factors = reader.reals('factors', 1);
  if (factors.length > 0) return factors;
  if (reader.flag('adaptive')) return doublingFactors(folders);
  throw refuse('bad-usage', 'No factor is given.', 'Give --factors, for example 1,2,4,8, or --adaptive.');
};

/** Reads `--candidate NAME=MODEL`. */
const readCandidates = async (
  values: readonly string[],
  host: VerbHost,
): Promise<readonly { readonly name: string; readonly folder: string }[]> => {
  const candidates: { readonly name: string; readonly folder: string }[] = [];
  for (const value of values) {
    const [, name = '', model = ''] = /^([^=]*)=(.+)$/.exec(value) ?? [];
    if (!candidateName.safeParse(name).success || model === '') {
      throw refuse(
        'bad-value',
        `--candidate "${value}" is not NAME=MODEL.`,
        "Give a name that begins with a letter, an equals sign, and the checkpoint's folder or its name on the Hub.",
      );
    }
    candidates.push({ name, folder: await findModel(host, model) });
  }
  return candidates;
};

/** The curves of a sweep: plans without recovery, and refitted in one or more ways. */
const readRecovery = (reader: OptionReader): Pick<SweepSettings, 'recovery' | 'refits'> => {
  const named = reader.choices('recovery', ['none', ...refitName.options, 'both', 'only'] as const);
  const refits = refitName.options.filter(
    (refit) => named.includes(refit) || (refit === 'experts' && (named.includes('both') || named.includes('only'))),
  );
  if (refits.length === 0) return { recovery: 'none', refits: ['experts'] };
  return { recovery: named.includes('none') || named.includes('both') ? 'both' : 'only', refits };
};

export const sweep: Verb = {
  name: 'sweep',
  usage: 'MODEL... --task T... --method M... (--factors 1,2,4,8 | --adaptive) [--stop early] [--workspace DIR]',
  summary: 'Measures pruned models on tasks: accuracy with paired intervals, and thresholds. Resumable.',
  positionals: [1, Number.POSITIVE_INFINITY],
  options: {
    ...TASKS_OPTION,
    method: repeatedOption(
      'M',
      `One or more of ${methodNames.join(', ')}; or file:NAME=FILE, a ranking, plans or counts of tokens that ` +
        'any program wrote (`uncurl help own-method`), as a method of that name.',
    ),
    factors: repeatedOption('LIST', 'Pruning factors, separated by commas.'),
    ...settingOptions(describedSweepSettings),
    later: switchOption('Only make the run: `uncurl submit`, `uncurl work` and `uncurl resume` continue it.'),
    first: valueOption('T', 'Name of the task to measure before the others.'),
    option: repeatedOption(
      'METHOD.KEY=VALUE',
      'Option of a method; `uncurl methods NAME` lists them. May be repeated.',
    ),
    recovery: repeatedOption(
      'WHAT',
      `Refit plans on the calibration items, without training: ${refitName.options.join(', ')}, each a curve ` +
        `of its own; with none also the plan without recovery (default none; both: none,experts; only: experts).`,
    ),
    candidate: repeatedOption(
      'NAME=MODEL',
      'Checkpoint with the same tokenizer, measured beside the plans under this name; may be repeated.',
    ),
    ...FAMILYWISE,
    ...CALIBRATION_OPTIONS,
    ...CHAT_OPTION,
    ...CHAT_SETTINGS_OPTIONS,
    ...WORKSPACE_OPTION,
    ...COMPUTE_OPTIONS,
  },
  optionGroups: [
    { title: 'What to measure', names: ['task', 'method', 'factors', 'adaptive', 'stop', 'limit', 'workspace'] },
    {
      title: 'How plans are made',
      names: ['option', 'budget', 'protect', 'gates', 'seeds', 'recovery', 'calibration', 'first'],
    },
    {
      title: 'How they are judged',
      names: [
        'delta',
        'familywise',
        'looks',
        'sample',
        'repeats',
        'chat',
        'chat-arg',
        'think-end',
        'run-generated-code',
      ],
    },
    {
      title: 'What to measure besides',
      names: ['weights', 'candidate', 'fidelity', 'speed', 'elsewhere', 'calibration-draws', 'calibration-sizes'],
    },
    {
      title: 'Tasks without calibration items',
      names: ['split', 'split-seed', 'calibrate-on', 'max-new-tokens', 'until'],
    },
    {
      title: 'The machine',
      names: ['threads', 'memory', 'device', 'precision', 'engine', 'python', 'referee', 'later'],
    },
  ],
  run: async (reader, host) => {
    // Before a model is downloaded: a wrong name of a task should not wait for that.
    const tasks = await findNamedTasks(reader, host);
    const folders: string[] = [];
    for (const named of reader.positionals) folders.push(await findModel(host, named));
    const { methods, files } = await readMethods(reader.texts('method'), folders, (line) => host.say(line));
    if (methods.length === 0)
      throw refuse(
        'bad-usage',
        'No method is named.',
        `Give --method with one or more of ${methodNames.join(', ')}, or file:NAME=FILE.`,
      );
    const candidates = await readCandidates(reader.texts('candidate'), host);
    const first = reader.text('first');
    const settings = sweepSettings.parse({
      ...readSettings(reader, describedSweepSettings),
      methods: [...methods],
      files: Object.keys(files).length === 0 ? undefined : files,
      factors: [...(await readFactors(reader, folders))],
      options: readOptionsByMethod(
        reader,
        methods.filter((method) => !(method in files)),
      ),
      ...readRecovery(reader),
      first: first === undefined ? undefined : { task: first },
      chat: reader.flag('chat') ? true : undefined,
      ...readChatSettings(reader),
    });
    if (settings.chat !== true) await sayUnusedTemplates(folders, (line) => host.say(line));
    await sayDraws(settings, folders, tasks.length, (line) => host.say(line));
    const torch = await readTorchInUse(reader, host, [...folders, ...candidates.map(({ folder }) => folder)]);
    const measure = async (engine: Engine): Promise<VerbResult> => {
      const { run } = await engine.call('sweep.start', {
        models: folders.map((folder) => engine.grantPath(folder)),
        tasks: await grantTasks(engine, tasks),
        settings,
        candidates: candidates.map(({ name, folder }) => ({ name, folder: engine.grantPath(folder) })),
        later: reader.flag('later') ? true : undefined,
      });
      if (reader.flag('later')) return { document: { run }, text: `Run ${run} is made; nothing is measured yet.` };
      host.say(`Run ${run}`);
      await sayEngine(engine, run, { reader, host, torch });
      const summary = await followRun(engine, run, host);
      const document = await engine.call('sweep.read', { run, familywise: reader.flag('familywise') });
      return { document: { ...document, summary }, text: endedSweepText(document, summary) };
    };
    return withEngine(reader, host, measure, { torch });
  },
};
