import { basename, extname } from 'node:path';
import { calls } from '../contract/calls.ts';
import { refuse, serialiseError } from '../contract/errors.ts';
import type { TaskEntry, TaskItem } from '../contract/task.ts';
import { chanceAccuracy } from '../tasks/task.ts';
import { answer, type Answers } from './answer.ts';
import type { EngineContext } from './engine-context.ts';

type TaskCall = 'tasks.list' | 'tasks.open' | 'tasks.forget' | 'tasks.sample';

const entryOf = async (context: EngineContext, path: string, isBundled: boolean): Promise<TaskEntry> => {
  const common = { handle: context.handles.issue(path), path, bundled: isBundled };
  try {
    const { name, title, description, metric, source, licence, calibration, test, hash } = await context.task(path);
    const items = { calibration: calibration.length, test: test.length };
    return { ...common, name, title, description, metric, source, licence, items, chance: chanceAccuracy(test), hash, error: null };
  } catch (error) {
    const { message, remedy } = serialiseError(error);
    const name = basename(path, extname(path));
    return {
      ...common, name, title: name, description: '', metric: 'acc', source: '', licence: '', items: { calibration: 0, test: 0 },
      chance: null, hash: null, error: `${message} ${remedy}`,
    };
  }
};

const sampleOf = (item: TaskItem): { id: string; context: string; choices: string[]; answer: number | null } =>
  'text' in item
    ? { id: item.id, context: item.text, choices: [], answer: null }
    : { id: item.id, context: item.context, choices: item.choices, answer: item.answer };

export const taskCalls = (context: EngineContext): Pick<Answers, TaskCall> => {
  const { workspace, handles, bundled } = context;
  const bundledPaths = new Set(bundled.tasks.values());
  return {
    'tasks.list': answer(calls['tasks.list'], async () => {
      const remembered = (await workspace.library.list('tasks')).filter((path) => !bundledPaths.has(path));
      return Promise.all([...bundledPaths, ...remembered].map((path) => entryOf(context, path, bundledPaths.has(path))));
    }),
    'tasks.open': answer(calls['tasks.open'], async ({ handle }) => {
      const path = handles.resolve(handle);
      await context.task(path);
      if (!bundledPaths.has(path) && (await workspace.library.add('tasks', path))) context.emit({ type: 'tasks.changed' });
      return entryOf(context, path, bundledPaths.has(path));
    }),
    'tasks.forget': answer(calls['tasks.forget'], async ({ handle }) => {
      const path = handles.resolve(handle);
      if (bundledPaths.has(path)) throw refuse('bundled', `${basename(path)} comes with the workbench and stays listed.`, 'Nothing needs to be done.');
      if (await workspace.library.remove('tasks', path)) context.emit({ type: 'tasks.changed' });
      return {};
    }),
    'tasks.sample': answer(calls['tasks.sample'], async ({ handle, split, count }) => {
      const task = await context.task(handles.resolve(handle));
      return task[split].slice(0, count).map(sampleOf);
    }),
  };
};
