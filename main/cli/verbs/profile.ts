import { copyFile } from 'node:fs/promises';
import { present } from '../../contract/errors.ts';
import { produceFileAtomically } from '../../files/write-atomically.ts';
import type { Engine } from '../../engine/engine.ts';
import { extraStatistics } from '../../profile/routing-statistics.ts';
import { methodNames } from '../../pruning/methods.ts';
import { readProfileFile } from '../../workspace/profile-file.ts';
import { taskProfileOf } from '../../workspace/task-profile.ts';
import { COMPUTE_OPTIONS, madeOn, readTorchInUse } from '../engine-option.ts';
import { OUT_FILE, outFile } from '../files.ts';
import { followRun, manifestOf, withEngineForFile } from '../open-engine.ts';
import { findModel, TASKS_OPTION } from '../subjects.ts';
import { CALIBRATION_OPTIONS, CHAT_OPTION, findNamedTasks, grantTasks, sayUnusedTemplates } from '../task-options.ts';
import { textTable } from '../terminal-text.ts';
import { type OptionReader, repeatedOption, valueOption, type Verb, type VerbResult } from '../verb.ts';

/** exp of the entropy of the experts' shares of routed tokens, averaged over layers: how many experts a task uses. */
const effectiveExperts = (counts: readonly (readonly number[])[]): number => {
  const perLayer = counts.map((layer) => {
    const total = layer.reduce((sum, count) => sum + count, 0);
    return Math.exp(
      layer.reduce(
        (entropy, count) => (count === 0 ? entropy : entropy - (count / total) * Math.log(count / total)),
        0,
      ),
    );
  });
  return perLayer.reduce((sum, value) => sum + value, 0) / perLayer.length;
};

/** What is measured beyond routing: for the methods of `--method`, or everything. */
const readPurpose = (reader: OptionReader) => {
  const named = reader.choices('method', [...methodNames, 'all' as const]);
  return {
    methods: named.flatMap((method) => (method === 'all' ? [] : [method])),
    inspect: named.includes('all') ? [...extraStatistics] : undefined,
    chat: reader.flag('chat') ? true : undefined,
  };
};

export const profile: Verb = {
  name: 'profile',
  usage: 'MODEL --task T... [--method M...] --out F.safetensors [--workspace DIR]',
  summary: 'Measures which experts a model uses on the calibration items of tasks.',
  positionals: [1, 1],
  options: {
    ...TASKS_OPTION,
    method: repeatedOption(
      'M',
      'Also measure what these methods need beyond routing (see `uncurl methods M`); "all" for everything.',
    ),
    ...CALIBRATION_OPTIONS,
    ...CHAT_OPTION,
    ...OUT_FILE,
    workspace: valueOption(
      'DIR',
      'Also keeps the profile in this workspace, for its sweeps and the window (default: in none).',
    ),
    ...COMPUTE_OPTIONS,
  },
  run: async (reader, host) => {
    const out = outFile(reader);
    const folder = await findModel(host, reader.argument(0));
    const tasks = await findNamedTasks(reader, host);
    const purpose = readPurpose(reader);
    if (purpose.chat !== true) await sayUnusedTemplates([folder], host.say);
    const torch = await readTorchInUse(reader, host, [folder]);
    const measure = async (engine: Engine): Promise<VerbResult> => {
      const subjects = { model: engine.grantPath(folder), tasks: await grantTasks(engine, tasks) };
      const { run } = await engine.call('profile.start', { ...subjects, ...purpose }, host.signal);
      await followRun(engine, run, host);
      const manifest = await manifestOf(engine, run);
      const output = present(manifest.output, 'a profile without its file');
      await produceFileAtomically(out, (file) => copyFile(output, file));
      const { model, fingerprint, sha256, tasks: profiled } = await readProfileFile(out);
      const profiles = profiled.map((task) => taskProfileOf(task, task.statistics));
      const rows = profiles.map(({ task, items, tokens, counts }) => [
        task,
        items,
        tokens,
        effectiveExperts(counts).toFixed(1),
      ]);
      const made = madeOn(manifest);
      return {
        document: { out, model, fingerprint, sha256, tasks: profiles, ...made.document },
        text: `${textTable(['task', 'items', 'tokens', 'effective experts'], rows)}\nWritten to ${out}.${made.text}`,
      };
    };
    return withEngineForFile(reader, host, measure, { torch });
  },
};
