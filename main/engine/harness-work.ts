import { CancelledError, refuse, serialiseError } from '../contract/errors.ts';
import type { HarnessOrder, HarnessState } from '../contract/harness.ts';
import type { PathHandle } from '../contract/model.ts';
import { importTasks } from '../harness/import-tasks.ts';
import { judgingPython } from '../harness/judging-python.ts';
import { makeTaskList, readTaskList, type TaskList } from '../harness/task-list.ts';
import type { HubSettings } from '../hub/hub-settings.ts';
import { openTask } from './calls/tasks.ts';
import type { EngineContext } from './engine-context.ts';

/** Lists and imports the tasks of lm-evaluation-harness, one work at a time, beside everything else. */
export interface HarnessWork {
  state(): Promise<HarnessState>;
  /** The names, as the workspace's Python listed them. @throws WorkbenchError refused: `not-listed`, `no-python`. */
  listed(): Promise<TaskList>;
  /** @throws WorkbenchError refused: `harness-busy`. */
  list(): Promise<HarnessState>;
  /** @throws WorkbenchError refused: `harness-busy`. */
  import(order: HarnessOrder): Promise<HarnessState>;
  /** Resolves once nothing writes any more. */
  cancel(): Promise<HarnessState>;
}

/** `stateFolder`: folder of this user's state; `hub`: the Hub as it is set now. */
export const createHarnessWork = (
  context: EngineContext,
  stateFolder: string,
  hub: () => Promise<HubSettings>,
): HarnessWork => {
  const { workspace, resources, environments } = context;
  const python = (): Promise<string> => judgingPython(stateFolder, workspace.path, environments);
  let known: TaskList | null = null;
  let work: { readonly controller: AbortController; readonly ended: Promise<void> } | null = null;
  let shown: HarnessState['work'] = null;
  let failure: HarnessState['failure'] = null;
  let imported: readonly PathHandle[] = [];

  const listNow = async (path: string): Promise<TaskList | null> => {
    if (known?.python !== path) known = await readTaskList(workspace.path, path);
    return known;
  };
  const state = async (): Promise<HarnessState> => {
    const common = { work: shown, failure, imported: [...imported] };
    try {
      const list = await listNow(await python());
      return {
        ...common,
        lacks: null,
        listed: list === null ? null : { version: list.version, names: list.tasks.length },
      };
    } catch (error) {
      const { code, message, remedy } = serialiseError(error);
      return { ...common, lacks: { code, message, remedy }, listed: null };
    }
  };
  const changed = async (): Promise<void> => context.emit({ type: 'harness.changed', state: await state() });

  const begin = (
    what: 'list' | 'import',
    line: string,
    run: (control: { readonly signal: AbortSignal; readonly say: (line: string) => void }) => Promise<void>,
  ): Promise<HarnessState> => {
    if (work !== null)
      throw refuse('harness-busy', 'lm-evaluation-harness is at work.', 'Wait for its end, or cancel it.');
    const controller = new AbortController();
    failure = null;
    imported = [];
    shown = { what, line };
    const say = (said: string): void => {
      shown = { what, line: said };
      void changed();
    };
    const ended = run({ signal: controller.signal, say })
      .catch((error: unknown) => {
        const { message, remedy } = serialiseError(error);
        if (!(error instanceof CancelledError)) failure = { message, remedy };
      })
      .then(() => {
        work = null;
        shown = null;
        return changed();
      });
    work = { controller, ended };
    return state();
  };
  return {
    state,
    listed: async () => {
      const list = await listNow(await python());
      if (list !== null) return list;
      throw refuse('not-listed', 'The tasks of lm-evaluation-harness are not listed yet.', 'List them first.');
    },
    list: async () =>
      begin('list', 'Starting Python', async ({ signal, say }) => {
        const order = { python: await python(), resources, workspace: workspace.path, signal, say };
        known = await makeTaskList(order);
      }),
    import: async ({ names, ...settings }) =>
      begin('import', 'Starting Python', async ({ signal, say }) => {
        const isOffline = (await hub()).forbiddenBy !== null;
        const order = { python: await python(), resources, workspace: workspace.path, isOffline, signal, say };
        const found = await importTasks(names, settings, order);
        const paths = [...new Set(names.flatMap((name) => found.get(name) ?? []))];
        const entries = [];
        for (const path of paths) entries.push(await openTask(context, path, signal));
        imported = entries.map(({ handle }) => handle);
      }),
    cancel: async () => {
      work?.controller.abort();
      await work?.ended;
      return state();
    },
  };
};
