import type { PythonEnvironment } from '../contract/device.ts';
import { CancelledError, refuse, serialiseError } from '../contract/errors.ts';
import { findPython } from '../finetune/find-python.ts';
import type { MadeEnvironments } from '../finetune/made-environments.ts';
import { makeEnvironment } from '../finetune/make-environment.ts';

/** Makes the workspace's Python environment, beside everything else that the engine does. */
export interface EnvironmentMaking {
  state(): Promise<PythonEnvironment>;
  /** @throws WorkbenchError refused, if it is being made. */
  begin(): Promise<PythonEnvironment>;
  /** Resolves once nothing writes any more. */
  cancel(): Promise<PythonEnvironment>;
}

/** `changed` hears every line of the making, and its end. */
export const createEnvironmentMaking = (
  settings: { readonly workspace: string; readonly environments: MadeEnvironments; readonly resources: string },
  changed: (environment: PythonEnvironment) => void,
): EnvironmentMaking => {
  const { workspace, environments, resources } = settings;
  let making: { readonly controller: AbortController; readonly ended: Promise<void>; line: string } | null = null;
  let problem: PythonEnvironment['problem'] = null;
  const state = async (): Promise<PythonEnvironment> => {
    if (making !== null) return { versions: null, making: making.line, problem: null };
    try {
      const { versions } = await findPython(null, workspace, environments, resources);
      return { versions, making: null, problem };
    } catch (error) {
      const { code, message, remedy } = serialiseError(error);
      if (code === 'no-python') return { versions: null, making: null, problem };
      const unfinished = { message: `The environment is not complete: ${message}`, remedy: 'Try again: it goes on.' };
      return {
        versions: null,
        making: null,
        problem: problem ?? (code === 'python-lacks' ? unfinished : { message, remedy }),
      };
    }
  };
  return {
    state,
    begin: async () => {
      if (making !== null)
        throw refuse('environment-being-made', 'The environment is being made.', 'Wait for it, or cancel it.');
      const controller = new AbortController();
      problem = null;
      const work = makeEnvironment({
        base: null,
        workspace,
        environments,
        resources,
        signal: controller.signal,
        say: (line) => {
          if (making === null) return;
          making.line = line;
          changed({ versions: null, making: line, problem: null });
        },
      });
      const ended = work
        .then(
          () => undefined,
          (error: unknown) => {
            const { message, remedy } = serialiseError(error);
            if (!(error instanceof CancelledError)) problem = { message, remedy };
          },
        )
        .then(async () => {
          making = null;
          changed(await state());
        });
      making = { controller, ended, line: 'Looking at Python' };
      return state();
    },
    cancel: async () => {
      making?.controller.abort();
      await making?.ended;
      return state();
    },
  };
};
