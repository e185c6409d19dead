import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { produceFileAtomically } from '../../files/write-atomically.ts';
import type { ModelRunner } from '../../inference/model-runner.ts';
import { requireCalibration } from '../../jobs/plan-step.ts';
import { taskProfileOf } from '../../workspace/task-profile.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { uniqueNames } from '../../jobs/write-sweep-files.ts';
import { type ExtraStatistic, extraStatistics } from '../../profile/routing-statistics.ts';
import { methodNames } from '../../pruning/methods.ts';
import { combinedExtras, planNeeds } from '../../pruning/plan-needs.ts';
import { askTasks } from '../../tasks/chat/chat-task.ts';
import { type ProfiledTask, writeProfileFile } from '../../workspace/profile-file.ts';
import { CALIBRATION_OPTIONS, CHAT_OPTION, loadNamedTasks, sayUnusedTemplates } from '../task-options.ts';
import { ENGINE_OPTIONS, madeBy, readEngine } from '../engine-option.ts';
import { OUT_FILE, outFile } from '../files.ts';
import { MACHINE_OPTIONS } from '../machine-options.ts';
import { withRunner } from '../open-runner.ts';
import { type OptionReader, repeatedOption, type Verb } from '../verb.ts';
import { findModel, TASKS_OPTION } from '../subjects.ts';
import { progressOf } from '../terminal.ts';
import { textTable } from '../terminal-text.ts';

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

const wantedExtras = (reader: OptionReader): readonly ExtraStatistic[] => {
  const named = reader.choices('method', [...methodNames, 'all' as const]);
  if (named.includes('all')) return extraStatistics;
  return combinedExtras(
    named.flatMap((method) => (method === 'all' ? [] : [planNeeds({ method, budget: 'uniform' })])),
  );
};

export const profile: Verb = {
  name: 'profile',
  usage: 'MODEL --task T... [--method M...] --out F.safetensors',
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
    ...MACHINE_OPTIONS,
    ...ENGINE_OPTIONS,
  },
  run: async (reader, host) => {
    const { signal, progress, say } = host;
    const out = outFile(reader);
    const checkpoint = await openCheckpoint(await findModel(host, reader.positionals[0] ?? ''));
    const plain = await loadNamedTasks(reader, host);
    const isChat = reader.flag('chat');
    if (!isChat) await sayUnusedTemplates([checkpoint.folder], say);
    const tasks = isChat ? await askTasks(checkpoint.folder, plain, new Date()) : plain;
    tasks.forEach(requireCalibration);
    await requireTokenizer(checkpoint);
    const names = uniqueNames(tasks);
    const extras = wantedExtras(reader);
    const torch = await readEngine(reader, host);
    const profileAll = async (runner: ModelRunner): Promise<readonly ProfiledTask[]> => {
      const done: ProfiledTask[] = [];
      for (const [index, task] of tasks.entries()) {
        const name = names[index] ?? task.name;
        const show = progressOf(progress, `profiling on ${name}`);
        const onProgress = (part: number, total: number): void => show(index + part / total, tasks.length);
        done.push({
          name,
          hash: task.hash,
          statistics: await runner.profile(task.calibration, { signal, onProgress }, extras),
        });
      }
      return done;
    };
    const profiled = await withRunner(checkpoint, reader, host, { open: torch?.open, compute: profileAll });
    const { name, fingerprint, identity: sha256 } = checkpoint;
    await produceFileAtomically(out, (file) =>
      writeProfileFile(file, { model: name, fingerprint, sha256, tasks: profiled }),
    );
    const profiles = profiled.map((task) => taskProfileOf(task, task.statistics));
    const rows = profiles.map(({ task, items, tokens, counts }) => [
      task,
      items,
      tokens,
      effectiveExperts(counts).toFixed(1),
    ]);
    const made = madeBy(torch);
    return {
      document: { out, model: name, fingerprint, sha256, tasks: profiles, ...made.document },
      text: `${textTable(['task', 'items', 'tokens', 'effective experts'], rows)}\nWritten to ${out}.${made.text}`,
    };
  },
};
