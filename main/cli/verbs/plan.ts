import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { refuse } from '../../contract/errors.ts';
import { budgetName, isMergePlan, methodName, type Plan } from '../../contract/plan.ts';
import { requestedKeep } from '../../engine/plan-calls.ts';
import { makePlan } from '../../pruning/make-plan.ts';
import { methods } from '../../pruning/methods.ts';
import { planCost } from '../../pruning/plan-cost.ts';
import { readProfileFile, type ProfileFile } from '../../workspace/profile-file.ts';
import { writeFileAtomically } from '../../workspace/write-atomically.ts';
import { findModel } from '../find-subjects.ts';
import { suggestion } from '../nearest-name.ts';
import { optionReader, readPins, readUncurlOptions, UNCURL_OPTIONS } from '../option-values.ts';
import { OUT_FILE, outFile } from '../output-place.ts';
import { printedBytes, printedCount, printedShare } from '../text-table.ts';
import type { Verb } from '../verb.ts';

const chosenTasks = (profile: ProfileFile, wanted: readonly string[]): ProfileFile['tasks'] => {
  if (wanted.length === 0) return profile.tasks;
  const names = profile.tasks.map(({ name }) => name);
  const missing = wanted.find((name) => !names.includes(name));
  if (missing !== undefined) throw refuse('no-such-task', `The profile does not hold the task "${missing}".`, suggestion(missing, names));
  return profile.tasks.filter(({ name }) => wanted.includes(name));
};

export const plan: Verb = {
  name: 'plan',
  usage: 'MODEL --profile F --method M (--factor X | --keep N) [--budget uniform|global] [--pin L:E] --out PLAN',
  summary: 'Which experts each layer keeps, or how they merge, by a method and a profile.',
  positionals: [1, 1],
  options: {
    profile: { type: 'string', value: 'FILE', help: 'What `uncurl profile` wrote (random needs none).' },
    task: { type: 'string', multiple: true, value: 'NAME', help: 'Use only these tasks of the profile (default: all, averaged).' },
    method: { type: 'string', value: 'M', help: `One of ${methodName.options.join(', ')}.` },
    factor: { type: 'string', value: 'X', help: 'Pruning factor: experts before / experts after.' },
    keep: { type: 'string', value: 'N', help: 'Kept experts per layer, instead of a factor.' },
    budget: { type: 'string', value: 'NAME', help: 'uniform (default) or global.' },
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
    const method = reader.choice('method', methodName.options);
    if (method === undefined) throw refuse('bad-usage', '--method is missing.', `Give one of ${methodName.options.join(', ')}.`);
    const profileFile = reader.text('profile');
    const profile = profileFile === undefined ? null : await readProfileFile(profileFile);
    if (profile === null && methods[method].needs === 'routing') {
      throw refuse('profile-missing', `The method ${method} needs a profile.`, 'Make one with `uncurl profile` and name it with --profile.');
    }
    if (profile !== null && profile.fingerprint !== fingerprint) {
      throw refuse('profile-mismatch', `The profile is of ${profile.model}, which is not the model ${name} (other weights).`, 'Profile this model.');
    }
    const tasks = profile === null ? [] : chosenTasks(profile, reader.list('task'));
    const made = makePlan({
      method,
      statistics: tasks.map(({ statistics }) => statistics),
      layers: info.moeLayers,
      experts: info.experts,
      topK: info.topK,
      groups: info.expertGroups,
      keep: requestedKeep({ factor: reader.real('factor', 1), keep: reader.whole('keep', 1) }, info.experts, info.topK),
      budget: reader.choice('budget', budgetName.options) ?? 'uniform',
      pins: readPins(reader),
      seed: reader.whole('seed', 0) ?? 0,
      uncurl: readUncurlOptions(reader),
    });
    const written: Plan = { ...made, model: { name, fingerprint }, ...(tasks.length === 0 ? {} : { tasks: tasks.map((task) => task.name) }) };
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
