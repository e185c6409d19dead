import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import type { CallOutput } from '../contract/calls.ts';
import type { PathHandle } from '../contract/model.ts';
import { suggestion } from '../contract/nearest-name.ts';
import type { CallableEngine } from '../contract/rpc.ts';

// What tools of `uncurl mcp` are, and the names in their inputs.

export const agentName = z.string().min(1).max(512);
export const modelName = agentName.describe('Name of a model, as `models` lists it.');
export const taskNames = z.array(agentName).min(1).max(64).describe('Names of tasks, as `tasks` lists them.');

/** A tool: `answer` parses the input and returns any JSON value. */
export interface Tool {
  readonly description: string;
  readonly inputSchema: z.ZodRawShape;
  /** Whether it does more than read. */
  readonly acts: boolean;
  readonly answer: (given: unknown, signal: AbortSignal) => Promise<unknown>;
}
export const tool = <I extends z.ZodObject>(
  description: string,
  input: I,
  answer: (input: z.output<I>, signal: AbortSignal) => Promise<unknown>,
  acts = false,
): Tool => ({
  description,
  inputSchema: input.shape,
  acts,
  answer: async (given, signal) => answer(input.parse(given), signal),
});

/** The entry of a name; several models or tasks of one name are told apart by their paths. */
const named = <T extends { readonly name: string; readonly path: string }>(
  kind: string,
  entries: readonly T[],
  wanted: string,
): T => {
  const found = entries.filter(({ name, path }) => name === wanted || path === wanted);
  const [first] = found;
  if (first === undefined)
    throw refuse(
      `no-such-${kind}`,
      `There is no ${kind} "${wanted}" in this workspace.`,
      suggestion(
        wanted,
        entries.map(({ name }) => name),
      ),
    );
  if (found.length > 1)
    throw refuse(
      'ambiguous-name',
      `${found.length} ${kind}s are called "${wanted}".`,
      `Give the path of one: ${found.map(({ path }) => path).join(', ')}.`,
    );
  return first;
};

interface FindNamed {
  readonly model: (name: string) => Promise<CallOutput<'models.list'>[number]>;
  readonly tasks: (names: readonly string[]) => Promise<CallOutput<'tasks.list'>>;
  readonly modelHandle: (name: string) => Promise<PathHandle>;
  readonly taskHandles: (names: readonly string[]) => Promise<PathHandle[]>;
}

/** Models and tasks of the workspace's shelf by name. */
export const findNamed = (call: CallableEngine['call']): FindNamed => {
  const model = async (name: string): ReturnType<FindNamed['model']> =>
    named('model', await call('models.list', {}), name);
  const tasks = async (names: readonly string[]): ReturnType<FindNamed['tasks']> => {
    const entries = await call('tasks.list', {});
    return names.map((name) => named('task', entries, name));
  };
  return {
    model,
    tasks,
    modelHandle: async (name) => (await model(name)).handle,
    taskHandles: async (names) => (await tasks(names)).map(({ handle }) => handle),
  };
};
