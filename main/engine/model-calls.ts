import { basename } from 'node:path';
import { calls } from '../contract/calls.ts';
import { refuse, serialiseError } from '../contract/errors.ts';
import type { ModelEntry } from '../contract/model.ts';
import { answer, type Answers } from './answer.ts';
import type { EngineContext } from './engine-context.ts';

type ModelCall = 'models.list' | 'models.open' | 'models.forget';

/** A folder as the list shows it; one that cannot be opened says why. */
const entryOf = async (context: EngineContext, path: string, isBundled: boolean): Promise<ModelEntry> => {
  const common = { handle: context.handles.issue(path), path, bundled: isBundled };
  try {
    const { name, fingerprint, info } = await context.checkpoint(path);
    return { ...common, name, fingerprint, info, error: null };
  } catch (error) {
    const { message, remedy } = serialiseError(error);
    return { ...common, name: basename(path), fingerprint: null, info: null, error: `${message} ${remedy}` };
  }
};

export const modelCalls = (context: EngineContext): Pick<Answers, ModelCall> => {
  const { workspace, handles, bundled } = context;
  const bundledPaths = new Set(bundled.models.values());
  return {
    'models.list': answer(calls['models.list'], async () => {
      const remembered = (await workspace.library.list('models')).filter((path) => !bundledPaths.has(path));
      return Promise.all([...bundledPaths, ...remembered].map((path) => entryOf(context, path, bundledPaths.has(path))));
    }),
    'models.open': answer(calls['models.open'], async ({ handle }) => {
      const path = handles.resolve(handle);
      await context.checkpoint(path);
      if (!bundledPaths.has(path) && (await workspace.library.add('models', path))) context.emit({ type: 'models.changed' });
      return entryOf(context, path, bundledPaths.has(path));
    }),
    'models.forget': answer(calls['models.forget'], async ({ handle }) => {
      const path = handles.resolve(handle);
      if (bundledPaths.has(path)) throw refuse('bundled', `${basename(path)} comes with the workbench and stays listed.`, 'Nothing needs to be done.');
      if (await workspace.library.remove('models', path)) context.emit({ type: 'models.changed' });
      return {};
    }),
  };
};
