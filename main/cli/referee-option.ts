import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import type { Refereed } from '../contract/export.ts';
import { refereeExport, refereeFindings } from '../jobs/referee.ts';
import { askedTasks, requireTokenizer } from '../jobs/task-work.ts';
import { uniqueNames } from '../jobs/write-sweep-files.ts';
import { requireRoom } from '../tasks/generation/stop-rule.ts';
import { loadTask } from '../tasks/load-task.ts';
import { CHAT_OPTION } from './chat-option.ts';
import type { NamedEngine } from './engine-option.ts';
import { withRunner } from './open-runner.ts';
import type { OptionReader } from './option-values.ts';
import { findTasks, TASKS_OPTION } from './subjects.ts';
import type { VerbHost, VerbOption } from './verb.ts';

/** For verbs of exports: items that the folder answers in PyTorch and in onnxruntime. */
export const REFEREE_OPTIONS: Readonly<Record<string, VerbOption>> = {
  referee: {
    type: 'string',
    value: 'N',
    help:
      'With --engine torch: answer N test items of each --task, drawn at random, with the exported folder in PyTorch ' +
      'and in onnxruntime in float32, and say how many differ.',
  },
  task: { ...TASKS_OPTION['task'], type: 'string', help: `For --referee: ${TASKS_OPTION['task']?.help ?? ''}` },
  ...CHAT_OPTION,
};

/**
 * Asks both engines about an export of a model; null without `--referee`.
 *
 * @throws WorkbenchError refused: `bad-usage`, or a task that the model cannot be asked.
 */
export const readReferee = async (
  reader: OptionReader,
  host: VerbHost,
  engine: NamedEngine | null,
  checkpoint: Checkpoint,
): Promise<((exported: Checkpoint) => Promise<Refereed>) | null> => {
  const perTask = reader.whole('referee', 1);
  const idle = reader.texts('task').length > 0 ? 'task' : reader.flag('chat') ? 'chat' : undefined;
  if (perTask === undefined && idle !== undefined)
    throw refuse('bad-usage', `--${idle} is for --referee alone.`, `Add --referee N, or leave out --${idle}.`);
  if (perTask === undefined) return null;
  if (engine?.precision === undefined)
    throw refuse(
      'bad-usage',
      'onnxruntime is the referee of PyTorch, and nothing is computed by PyTorch here.',
      'Add --engine torch, or leave out --referee.',
    );
  const { precision, open } = engine;
  const tasks = await Promise.all(
    (await findTasks(host.resources, reader.texts('task'))).map((path) => loadTask(path)),
  );
  const names = uniqueNames(tasks);
  const named = tasks.map((task, index) => ({ name: names[index] ?? task.name, task }));
  const asked = await askedTasks({ checkpoint }, named, reader.flag('chat'), new Date());
  await requireTokenizer(checkpoint);
  for (const { name, task } of asked) requireRoom(task.test, name, checkpoint.descriptor);
  return async (exported) => {
    host.progress('Asking both engines');
    const answers = await refereeExport(
      asked,
      perTask,
      {
        torch: (compute) => withRunner(exported, reader, host, { open, compute }),
        onnxruntime: (compute) => withRunner(exported, reader, host, { provider: 'cpu', compute }),
      },
      host.signal,
    );
    return refereeFindings(answers, precision() ?? '');
  };
};
