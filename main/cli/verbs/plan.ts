import { resolve } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { refuse } from '../../contract/errors.ts';
import {
  budgetName,
  type BudgetName,
  isMergePlan,
  methodName,
  type MethodName,
  type Plan,
  superExpertProtection,
} from '../../contract/plan.ts';
import { requestedKeep } from '../../engine/calls/plans.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import { holdsExtras } from '../../profile/routing-statistics.ts';
import { makePlan } from '../../pruning/make-plan.ts';
import { planCost } from '../../pruning/plan-cost.ts';
import { planFromRanking } from '../../pruning/plan-from-ranking.ts';
import { extrasInWords, planNeeds } from '../../pruning/plan-needs.ts';
import { readRanking } from '../../pruning/read-ranking.ts';
import { type ProfileFile, readProfileFile } from '../../workspace/profile-file.ts';
import { findModel } from '../find-subjects.ts';
import { readMethodOptions } from '../method-option-values.ts';
import { suggestion } from '../nearest-name.ts';
import { optionReader, type OptionReader, readPins, readUncurlOptions, UNCURL_OPTIONS } from '../option-values.ts';
import { OUT_FILE, outFile } from '../output-place.ts';
import { readTextFile } from '../read-json-file.ts';
import { printedBytes, printedCount, printedShare } from '../text-table.ts';
import type { Verb } from '../verb.ts';

const chosenTasks = (profile: ProfileFile, wanted: readonly string[]): ProfileFile['tasks'] => {
  if (wanted.length === 0) return profile.tasks;
  const names = profile.tasks.map(({ name }) => name);
  const missing = wanted.find((name) => !names.includes(name));
  if (missing !== undefined)
    throw refuse('no-such-task', `The profile does not hold the task "${missing}".`, suggestion(missing, names));
  return profile.tasks.filter(({ name }) => wanted.includes(name));
};

type Subject = Pick<Checkpoint, 'name' | 'fingerprint' | 'info'>;

/** The profile that `--profile` names, held against the model. */
const readProfile = async (reader: OptionReader, { name, fingerprint }: Subject): Promise<ProfileFile | null> => {
  const file = reader.text('profile');
  if (file === undefined) return null;
  const profile = await readProfileFile(file);
  if (profile.fingerprint === fingerprint) return profile;
  throw refuse(
    'profile-mismatch',
    `The profile is of ${profile.model}, which is not the model ${name} (other weights).`,
    'Profile this model.',
  );
};

/** What is asked of every layer: by `--counts`, or else by factor or number and a budget. */
const readBudget = (
  reader: OptionReader,
  { info }: Subject,
): { readonly keep: number; readonly budget: BudgetName; readonly counts?: readonly number[] } => {
  const counts = reader.wholes('counts');
  const named = reader.choice('budget', budgetName.options);
  if (counts.length > 0 && named !== undefined && named !== 'manual')
    throw refuse(
      'bad-usage',
      `--counts says what every layer keeps, and --budget ${named} would choose it.`,
      'Give one of them.',
    );
  const keep = requestedKeep(
    { factor: reader.real('factor', 1), keep: reader.whole('keep', 1), ...(counts.length > 0 ? { counts } : {}) },
    info.experts,
    info.topK,
  );
  return counts.length > 0 ? { keep, budget: 'manual', counts } : { keep, budget: named ?? 'uniform' };
};

const plannedByRanking = async (reader: OptionReader, subject: Subject, file: string): Promise<Plan> => {
  const given = ['method', 'profile', 'option', 'weight', 'protect'].find((option) => reader.texts(option).length > 0);
  if (given !== undefined)
    throw refuse(
      'bad-usage',
      `--ranking says which experts stay, so --${given} has nothing to choose.`,
      'Give one of them.',
    );
  const { experts, topK, moeLayers, expertGroups } = subject.info;
  if (expertGroups !== undefined)
    throw refuse(
      'groups-uneven',
      'This model chooses experts in groups of equal size, which a ranking does not know.',
      'Use a method.',
    );
  const ranking = readRanking(await readTextFile(file, 'ranking'), resolve(file), { moeLayers, experts });
  return planFromRanking({ ranking, experts, topK, ...readBudget(reader, subject), pins: readPins(reader) });
};

const plannedByMethod = async (reader: OptionReader, subject: Subject, method: MethodName): Promise<Plan> => {
  const { info } = subject;
  const profile = await readProfile(reader, subject);
  const { keep, budget, counts } = readBudget(reader, subject);
  const protect = reader.choice('protect', superExpertProtection.options) ?? 'none';
  const uncurl = readUncurlOptions(reader);
  const options = { ...(method === 'uncurl' ? uncurl : {}), ...readMethodOptions(reader, method) };
  const needs = planNeeds({ method, options, budget, protect });
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
    throw refuse(
      'profile-missing',
      `The profile of ${lacking.name} lacks ${extrasInWords(needs.extras, info.experts, info.topK) ?? 'nothing'}.`,
      `Make it with \`uncurl profile --method ${needs.extras.includes('peaks') && protect !== 'none' ? 'all' : method}\`.`,
    );
  }
  const taskWeights = reader.reals('weight', 0);
  const made = makePlan({
    ...{
      method,
      statistics: tasks.map(({ statistics }) => statistics),
      layers: info.moeLayers,
      experts: info.experts,
      topK: info.topK,
    },
    ...{
      groups: info.expertGroups,
      keep,
      budget,
      pins: readPins(reader),
      seed: reader.whole('seed', 0) ?? 0,
      options,
      protect,
    },
    ...(counts === undefined ? {} : { counts }),
    ...(taskWeights.length === 0 ? {} : { taskWeights }),
  });
  return tasks.length === 0 ? made : { ...made, tasks: tasks.map((task) => task.name) };
};

const requestedPlan = (reader: OptionReader, subject: Subject): Promise<Plan> => {
  const ranking = reader.text('ranking');
  if (ranking !== undefined) return plannedByRanking(reader, subject, ranking);
  const method = reader.choice('method', methodName.options);
  if (method === undefined)
    throw refuse('bad-usage', '--method is missing.', `Give one of ${methodName.options.join(', ')}, or --ranking.`);
  return plannedByMethod(reader, subject, method);
};

export const plan: Verb = {
  name: 'plan',
  usage:
    'MODEL (--profile F --method M | --ranking F) (--factor X | --keep N | --counts N,N,...) [--budget NAME] [--pin L:E] --out PLAN',
  summary: 'Which experts each layer keeps, or how they merge, by a method and a profile.',
  positionals: [1, 1],
  options: {
    profile: { type: 'string', value: 'FILE', help: 'What `uncurl profile` wrote (random needs none).' },
    task: {
      type: 'string',
      multiple: true,
      value: 'NAME',
      help: 'Use only these tasks of the profile (default: all, averaged).',
    },
    method: { type: 'string', value: 'M', help: `One of ${methodName.options.join(', ')}.` },
    factor: { type: 'string', value: 'X', help: 'Pruning factor: experts before / experts after.' },
    ranking: {
      type: 'string',
      value: 'FILE',
      help: 'Keep the experts that this file names first: {"0": [experts of MoE layer 0, best first], ...}; instead of a method.',
    },
    keep: { type: 'string', value: 'N', help: 'Kept experts per layer, instead of a factor.' },
    counts: {
      type: 'string',
      multiple: true,
      value: 'LIST',
      help: 'Kept experts of each MoE layer, instead of a factor.',
    },
    budget: { type: 'string', value: 'NAME', help: 'uniform (default), global or inverse-importance.' },
    option: {
      type: 'string',
      multiple: true,
      value: 'KEY=VALUE',
      help: 'Option of the method; `uncurl methods NAME` lists them. May be repeated.',
    },
    weight: {
      type: 'string',
      multiple: true,
      value: 'LIST',
      help: 'How much each task counts, in the order of the tasks (default: all alike).',
    },
    protect: {
      type: 'string',
      value: 'WHICH',
      help: 'Keep super experts: none (default), early (of the first three quarters of the layers) or all.',
    },
    pin: { type: 'string', multiple: true, value: 'L:E', help: 'Expert E of MoE layer L must stay.' },
    drop: { type: 'string', multiple: true, value: 'L:E', help: 'Expert E of MoE layer L must go.' },
    seed: { type: 'string', value: 'N', help: 'Seed of random (default 0).' },
    ...UNCURL_OPTIONS,
    ...OUT_FILE,
  },
  run: async (given, { resources }) => {
    const reader = optionReader(given);
    const out = outFile(reader);
    const { name, fingerprint, info } = await openCheckpoint(await findModel(resources, given.positionals[0] ?? ''));
    const written: Plan = {
      ...(await requestedPlan(reader, { name, fingerprint, info })),
      model: { name, fingerprint },
    };
    const cost = planCost(info, written);
    await writeFileAtomically(out, `${JSON.stringify(written, null, 1)}\n`);
    const kept = [...new Set(cost.keptPerLayer)];
    const { parameters, before } = cost;
    const text = [
      `${isMergePlan(written) ? 'Merges to' : 'Keeps'} ${kept.length === 1 ? String(kept[0]) : `${String(Math.min(...kept))} to ${String(Math.max(...kept))}`} of ${String(info.experts)} experts per layer.`,
      `Parameters ${printedCount(before.total)} -> ${printedCount(parameters.total)} (${printedShare(parameters.total / before.total)}), size ${printedBytes(before.sizeBytes)} -> ${printedBytes(cost.sizeBytes)}, used per token ${printedCount(before.active)} -> ${printedCount(parameters.active)}.`,
      ...(cost.exportable.reason === null ? [] : [cost.exportable.reason]),
      `Written to ${out}.`,
    ].join('\n');
    return { document: { ...written, cost, out }, text };
  },
};
