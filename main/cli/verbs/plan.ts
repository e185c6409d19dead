import { resolve } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { refuse } from '../../contract/errors.ts';
import { isSameContent } from '../../contract/recorded.ts';
import {
  type BudgetName,
  constantsOf,
  type DescribedPlanSettings,
  describedPlanSettings,
  type GatesName,
  isMergePlan,
  type MethodName,
  type Plan,
} from '../../contract/plan.ts';
import { nearestServingCount } from '../../export/serving-advice.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import { holdsExtras } from '../../profile/routing-statistics.ts';
import { isCountsFile, readRankingText } from '../../pruning/expert-files/importance-matrix.ts';
import { type ExpertFile, onlyPlan, readExpertFile } from '../../pruning/expert-files/read-expert-file.ts';
import { expertFileFormats, expertFileText } from '../../pruning/expert-files/write-expert-file.ts';
import { methodNames } from '../../pruning/methods.ts';
import { withGates } from '../../pruning/gates.ts';
import { planCost } from '../../pruning/plan-cost.ts';
import { rankedPlanForModel, type RequestedSize, signedPlan } from '../../pruning/make-plan.ts';
import { extrasInWords, planNeeds } from '../../pruning/plan-needs.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { type ProfileFile, readProfileFile } from '../../workspace/profile-file.ts';
import { profiledPlan } from '../../jobs/plan-step.ts';
import { identify } from '../../jobs/source-gate.ts';
import { OUT_FILE, outFile, overlaysBeside, readTextFile, weightsBeside } from '../files.ts';
import { suggestion } from '../../contract/nearest-name.ts';
import { HASH_LAYERS, namedFile, readMethodOptions, readPins, requireTables } from '../plan-options.ts';
import { MEASURE_ON, measuredSize } from '../measured-counts.ts';
import { MACHINE_OPTIONS } from '../machine-options.ts';
import {
  type OptionReader,
  readSettings,
  repeatedOption,
  settingOptions,
  valueOption,
  type Verb,
  type VerbHost,
} from '../verb.ts';
import { findModel } from '../subjects.ts';
import { printedBytes, printedCount, printedShare } from '../terminal-text.ts';

const chosenTasks = (profile: ProfileFile, wanted: readonly string[]): ProfileFile['tasks'] => {
  if (wanted.length === 0) return profile.tasks;
  const names = profile.tasks.map(({ name }) => name);
  const missing = wanted.find((name) => !names.includes(name));
  if (missing !== undefined)
    throw refuse('no-such-task', `The profile does not contain the task "${missing}".`, suggestion(missing, names));
  return profile.tasks.filter(({ name }) => wanted.includes(name));
};

/** Reads the profile that `--profile` names and checks it against the model. */
const readProfile = async (
  reader: OptionReader,
  { name, fingerprint, identity }: Checkpoint,
): Promise<ProfileFile | null> => {
  const file = reader.text('profile');
  if (file === undefined) return null;
  const profile = await readProfileFile(file);
  if (isSameContent(profile, { fingerprint, sha256: identity })) return profile;
  throw refuse(
    'profile-mismatch',
    `The profile is of ${profile.model}, which is not the model ${name} (other weights or another tokenizer).`,
    'Profile this model.',
  );
};

const readDescribed = (reader: OptionReader): DescribedPlanSettings =>
  describedPlanSettings.parse(readSettings(reader, describedPlanSettings));

/** The requested size of every layer: from `--counts`, or from a factor or number and a budget. */
const readSize = (reader: OptionReader): RequestedSize & { readonly budget: BudgetName } => {
  const counts = reader.wholes('counts');
  const { budget } = readDescribed(reader);
  if (counts.length > 0 && reader.text('budget') !== undefined && budget !== 'manual') {
    throw refuse(
      'bad-usage',
      `--counts sets how many experts every layer keeps, and --budget ${budget} would choose it.`,
      'Give one of them.',
    );
  }
  return {
    factor: reader.real('factor', 1),
    keep: reader.whole('keep', 1),
    counts: counts.length > 0 ? counts : undefined,
    budget: counts.length > 0 ? 'manual' : budget,
  };
};

/** A file of a ranking or plans, whatever its format. */
const readRanking = async (given: string, checkpoint: Checkpoint, say: (line: string) => void): Promise<ExpertFile> => {
  const file = resolve(given);
  if (!isCountsFile(file)) return readExpertFile(await readTextFile(file, 'ranking'), file, checkpoint.info);
  const { text, notes } = await readRankingText(file, checkpoint);
  for (const note of notes) say(note);
  return readExpertFile(text, file, checkpoint.info);
};

/** Gates of a plan that no profile is read for: those of a plain deletion, unless others are asked for. */
const gatesWithoutProfile = (reader: OptionReader): GatesName =>
  reader.text('gates') === undefined ? 'renormalised' : readDescribed(reader).gates;

/** Plans from a file: `--ranking FILE`, or `--method file:NAME=FILE`. */
const plannedByFile = async (
  reader: OptionReader,
  subject: Checkpoint,
  file: string,
  say: (line: string) => void,
  method?: MethodName,
): Promise<Plan> => {
  const given = [
    ...(method === undefined ? ['method'] : []),
    'profile',
    'option',
    'weight',
    'protect',
    'measure-on',
  ].find((option) => reader.texts(option).length > 0);
  if (given !== undefined)
    throw refuse(
      'bad-usage',
      `${method === undefined ? '--ranking' : 'A file'} names the experts that stay, so --${given} has no effect.`,
      'Give one of them.',
    );
  const read = await readRanking(file, subject, say);
  if (read.kind === 'ranking') {
    const ranked = rankedPlanForModel(subject, {
      ranking: read.ranking,
      method,
      pins: readPins(reader),
      ...readSize(reader),
    });
    return withGates(ranked, gatesWithoutProfile(reader), subject.info, { statistics: [], taskShares: [] });
  }
  const sized = ['factor', 'keep', 'counts', 'budget', 'pin', 'drop', 'gates'].find(
    (option) => reader.texts(option).length > 0,
  );
  if (sized !== undefined)
    throw refuse(
      'bad-usage',
      `${resolve(file)} names the experts that stay, so --${sized} has no effect.`,
      'Leave it out.',
    );
  return signedPlan({ ...onlyPlan(read.plans, resolve(file)), method: method ?? 'ranking' }, subject, []);
};

/** Plans by a method. `out`: the plan file, beside which the method's constants are written. */
const plannedByMethod = async (
  reader: OptionReader,
  subject: Checkpoint,
  method: MethodName,
  out: string,
  host: VerbHost,
): Promise<Plan> => {
  const { info } = subject;
  const profile = await readProfile(reader, subject);
  const size = readSize(reader);
  if (size.budget !== 'measured' && reader.text('measure-on') !== undefined)
    throw refuse('bad-usage', '--measure-on measures layers for --budget measured alone.', 'Give both, or none.');
  const { protect, gates, seed } = readDescribed(reader);
  const options = readMethodOptions(reader, method);
  const needs = planNeeds({ method, options, budget: size.budget, protect });
  if (profile === null && needs.profile) {
    throw refuse(
      'profile-missing',
      `The method ${method} needs a profile.`,
      'Make one with `uncurl profile` and name it with --profile.',
    );
  }
  const tasks = profile === null ? [] : chosenTasks(profile, reader.list('task'));
  const lacking = tasks.find(({ statistics }) => !holdsExtras(statistics, needs.extras));
  if (lacking !== undefined) {
    const missing = needs.extras.filter((extra) => !holdsExtras(lacking.statistics, [extra]));
    const lacked = extrasInWords(missing, info.experts, info.topK) ?? 'nothing';
    // What the method's options, the budget or the protection need besides is measured with "all" alone.
    const extras = planNeeds({ method, budget: 'uniform' }).extras;
    const measured = needs.extras.every((extra) => extras.includes(extra)) ? method : 'all';
    throw refuse(
      'profile-missing',
      `The profile of ${lacking.name} lacks ${lacked}.`,
      `Make it with \`uncurl profile --method ${measured}\`.`,
    );
  }
  const taskWeights = reader.reals('weight', 0);
  const statistics = tasks.map((task) => task.statistics);
  const order = { method, options, protect, gates, seed };
  const sized = size.budget === 'measured' ? await measuredSize(reader, host, subject, order, statistics, size) : size;
  const request = {
    method,
    options,
    protect,
    ...sized,
    budget: size.budget,
    pins: readPins(reader),
    seed,
    tasks: tasks.map(({ name }) => name),
    statistics,
    taskWeights: taskWeights.length === 0 ? undefined : taskWeights,
  };
  return profiledPlan(subject, request, order, overlaysBeside(out));
};

const requestedPlan = (reader: OptionReader, subject: Checkpoint, out: string, host: VerbHost): Promise<Plan> => {
  const { say } = host;
  const ranking = reader.text('ranking');
  if (ranking !== undefined) return plannedByFile(reader, subject, ranking, say);
  const named = namedFile(reader.text('method') ?? '');
  if (named !== null) return plannedByFile(reader, subject, named.file, say, named.name);
  const method = reader.choice('method', methodNames);
  if (method === undefined)
    throw refuse('bad-usage', '--method is missing.', `Give one of ${methodNames.join(', ')}, or --ranking.`);
  return plannedByMethod(reader, subject, method, out, host);
};

/** Where `--gates` is given and changes nothing. */
const NO_GATES = '--gates has no effect: deleting these experts does not change the gates of the others.';

export const plan: Verb = {
  name: 'plan',
  usage:
    'MODEL (--profile F --method M | --ranking F) (--factor X | --keep N | --counts N,N,...) ' +
    '[--budget NAME] [--pin L:E] --out PLAN',
  summary: 'Chooses which experts each layer keeps, or how they merge, by a method and a profile, or by a ranking.',
  positionals: [1, 1],
  engine: 'A plan follows from a profile, whose engine computed its numbers: use `uncurl profile --engine torch`.',
  options: {
    profile: valueOption('FILE', 'File that `uncurl profile` wrote (random needs none).'),
    task: repeatedOption('NAME', 'Use only these tasks of the profile (default: all, averaged).'),
    method: valueOption('M', `One of ${methodNames.join(', ')}, or file:NAME=FILE.`),
    factor: valueOption('X', 'Pruning factor: experts before / experts after.'),
    ranking: valueOption(
      'FILE',
      'Keep the experts that this file names first: {"0": [experts of MoE layer 0, best first], ...}; ' +
        'instead of a method. Also a mask or a plan, which itself names the experts that stay, and measured use: ' +
        'routed experts as vLLM and SGLang return them (JSON lines, or .npy), or an importance matrix of llama.cpp ' +
        '(.gguf).',
    ),
    keep: valueOption('N', 'Kept experts per layer, instead of a factor.'),
    counts: repeatedOption('LIST', 'Kept experts of each MoE layer, instead of a factor.'),
    ...settingOptions(describedPlanSettings),
    ...MEASURE_ON,
    ...MACHINE_OPTIONS,
    option: repeatedOption('KEY=VALUE', 'Option of the method; `uncurl methods NAME` lists them. May be repeated.'),
    weight: repeatedOption('LIST', 'Weight of each task, in the order of the tasks (default: all equal).'),
    pin: repeatedOption('L:E', 'Expert E of MoE layer L must stay.'),
    drop: repeatedOption('L:E', 'Expert E of MoE layer L must go.'),
    ...HASH_LAYERS,
    format: valueOption(
      'NAME',
      'plan (default); expert-list: every expert of each layer, those that stay first, for vllm-ascend; ' +
        'mask: 1 for each expert that stays, as EASY-EP has it.',
    ),
    ...OUT_FILE,
  },
  run: async (reader, host) => {
    const { signal, progress } = host;
    const out = outFile(reader);
    const format = reader.choice('format', expertFileFormats) ?? 'plan';
    const checkpoint = await openCheckpoint(await findModel(host, reader.argument(0)));
    const { info } = checkpoint;
    await identify(checkpoint, { signal, describe: progress });
    const written = await requestedPlan(reader, checkpoint, out, host);
    requireTables(reader, checkpoint, written);
    const cost = planCost(info, written);
    const layers = checkpoint.descriptor.moeLayers.map(({ block }) => block);
    const file = expertFileText(written, format, { name: checkpoint.name, experts: info.experts, layers });
    await writeFileAtomically(out, file.text);
    const kept = [...new Set(cost.keptPerLayer)];
    const range = kept.length === 1 ? String(kept[0]) : `${minOf(kept)} to ${maxOf(kept)}`;
    const groups = info.expertGroups?.count ?? 1;
    const nearest =
      kept.length === 1
        ? nearestServingCount({ kept: kept[0] ?? 0, experts: info.experts, topK: info.topK, groups })
        : null;
    const { parameters, before } = cost;
    const constants = constantsOf(written);
    const text = [
      `${isMergePlan(written) ? 'Merges to' : 'Keeps'} ${range} of ${info.experts} experts per layer.`,
      `Parameters ${printedCount(before.total)} -> ${printedCount(parameters.total)} ` +
        `(${printedShare(parameters.total / before.total)}), ` +
        `size ${printedBytes(before.sizeBytes)} -> ${printedBytes(cost.sizeBytes)}, ` +
        `used per token ${printedCount(before.active)} -> ${printedCount(parameters.active)}.`,
      ...(cost.note === undefined ? [] : [cost.note]),
      ...(reader.text('gates') === undefined || written.gates !== undefined ? [] : [NO_GATES]),
      ...(cost.exportable.reason === null ? [] : [cost.exportable.reason]),
      ...(nearest === null
        ? []
        : [`On several devices ${nearest} instead of ${String(kept[0])} experts would split more evenly.`]),
      ...(file.note === null ? [] : [file.note]),
      `Written to ${out}.`,
      ...(constants === undefined
        ? []
        : [`Its constants are in ${weightsBeside(out, constants.weights)}: keep them together.`]),
    ].join('\n');
    return { document: { ...written, cost, out }, text };
  },
};
