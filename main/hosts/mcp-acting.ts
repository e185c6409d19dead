import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type CallOutput, calls } from '../contract/calls.ts';
import { refuse } from '../contract/errors.ts';
import { methodDraws } from '../contract/method.ts';
import type { PathHandle } from '../contract/model.ts';
import type { MethodName } from '../contract/plan.ts';
import type { CallableEngine } from '../contract/rpc.ts';
import { sweepSettings } from '../contract/sweep.ts';
import { type CostlyTraits, sweepShape, sweepWork } from '../evaluation/sweeps/sweep-shape.ts';
import { counted, formatBytes, formatCount } from '../words/numbers.ts';
import { suggestion } from '../contract/nearest-name.ts';

// What tools of `uncurl mcp` are, and the names in their inputs.

export const agentName = z.string().min(1).max(512);
export const modelName = agentName.describe('Name of a model, as `models` lists it.');
export const taskNames = z.array(agentName).min(1).max(64).describe('Names of tasks, as `tasks` lists them.');

/** A tool: `answer` parses the input and returns any JSON value. Inputs that the schema does not name are refused. */
export interface Tool {
  readonly description: string;
  readonly inputSchema: z.ZodObject;
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
  inputSchema: input.strict(),
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

// Tools of `uncurl mcp --allow-runs`: they start, cancel and export. Each is called twice: the first answer states the
// cost and a code, the second call with that code acts. So a cost line stands in the conversation before anything runs.

export interface ActingAllowed {
  /** Folder of exports: the only one that an agent writes into. */
  readonly exports: PathHandle;
}

const confirm = z
  .string()
  .max(64)
  .optional()
  .describe('Leave it out to learn the cost; then repeat the same input with the code of that answer.');

/** Codes of inputs whose cost was stated, each for one call. */
const MOST_STATED = 256;

/** Answers with the cost of an input first, and acts on the same input with the code of that answer. */
const costFirst = (): ((
  input: { readonly confirm?: string | undefined },
  cost: () => Promise<string>,
  act: () => Promise<unknown>,
) => Promise<unknown>) => {
  const stated = new Map<string, { readonly asked: string; readonly cost: string }>();
  return async ({ confirm: code, ...asked }, cost, act) => {
    const key = JSON.stringify(asked);
    if (code === undefined) {
      const text = await cost();
      const issued = randomBytes(6).toString('hex');
      stated.set(issued, { asked: key, cost: text });
      for (const old of [...stated.keys()].slice(0, -MOST_STATED)) stated.delete(old);
      return { cost: text, confirm: issued, done: 'nothing yet: call again with the same input and this code' };
    }
    const known = stated.get(code);
    if (known?.asked !== key)
      throw refuse(
        'not-confirmed',
        'This code belongs to no answer about this input.',
        'Call without "confirm" first: that answer states the cost and gives the code.',
      );
    stated.delete(code);
    return { cost: known.cost, done: await act() };
  };
};

const startInput = z.object({
  model: modelName,
  tasks: taskNames,
  // Files of methods are paths: an agent names none. That generated programs run is for the user to allow.
  settings: sweepSettings.omit({ files: true, runGeneratedCode: true }).strict(),
  confirm,
});

/** The cost of a sweep, as the window states it before a start. */
const sweepCostText = async (
  { call }: CallableEngine,
  { model, tasks: names, settings }: z.output<typeof startInput>,
): Promise<string> => {
  const [pages, { name, info }, tasks] = await Promise.all([
    call('methods.list', {}),
    findNamed(call).model(model),
    findNamed(call).tasks([...new Set(names)]),
  ]);
  if (info === null) throw refuse('model-damaged', `${name} cannot be read.`, 'Its error stands in `models`.');
  const traitsOf = (method: MethodName): CostlyTraits => {
    const page = pages.find((each) => each.name === method);
    const budget = page?.options.find((option) => option.name === 'evaluations');
    return {
      draws: page !== undefined && methodDraws(page, settings.options[method]),
      readsProfile: page?.needs === 'routing',
      searched: budget === undefined ? 0 : Number(settings.options[method]?.[budget.name] ?? budget.default),
    };
  };
  const { limit, repeats = 1 } = settings;
  const items = tasks.map(
    (task) => Math.min(task.items.test, limit ?? Infinity) * (task.writing === undefined ? 1 : repeats),
  );
  const shape = sweepShape(settings, [{ name, checkpoint: { info } }], traitsOf);
  const work = sweepWork(settings, shape, { items, candidates: 0, traitsOf });
  return (
    `${counted(work.evaluations, 'evaluation')} of a model, ${formatCount(work.itemEvaluations)} items scored in all` +
    (work.searched === 0 ? '' : `, ${counted(work.searched, 'candidate')} searched`) +
    `${work.refits === 0 ? '' : `, ${counted(work.refits, 'plan')} refitted`}; ${name} has ` +
    `${formatBytes(info.sizeBytes)} of weights. It runs on this machine until it is done or cancelled.`
  );
};

const exportInput = calls['export.start'].input.omit({ model: true, into: true }).extend({ model: modelName, confirm });

/** The tools of an engine that do more than read. */
export const actingTools = (engine: CallableEngine, { exports }: ActingAllowed): Readonly<Record<string, Tool>> => {
  const { call } = engine;
  const stating = costFirst();
  const find = findNamed(call);
  return {
    start: tool(
      'Starts a sweep of methods and factors over tasks. The first answer states the cost; nothing runs before the ' +
        'second call confirms it.',
      startInput,
      (input) =>
        stating(
          input,
          () => sweepCostText(engine, input),
          async () => {
            const [model, tasks] = await Promise.all([find.modelHandle(input.model), find.taskHandles(input.tasks)]);
            return call('sweep.start', { models: [model], tasks, settings: input.settings });
          },
        ),
      true,
    ),
    cancel: tool(
      'Cancels a run that works or waits. The first answer states what is kept; the second call confirms it.',
      calls['jobs.cancel'].input.extend({ confirm }),
      (input) =>
        stating(
          input,
          async () => {
            const job = (await call('jobs.list', {})).find(({ run }) => run === input.run);
            if (job === undefined)
              throw refuse('no-such-job', `No job of ${input.run} works or waits.`, '`runs` lists what there is.');
            return `${input.run} ends after the step in progress; finished steps are kept, and it can be resumed.`;
          },
          () => call('jobs.cancel', { run: input.run }),
        ),
      true,
    ),
    export: tool(
      'Exports a plan as a smaller checkpoint into a new folder of the workspace. The first answer states its size; ' +
        'the second call confirms it.',
      exportInput,
      (input) =>
        stating(
          input,
          async () => {
            const { plan, format, hfType, ggufType, mtp } = input;
            const model = await find.modelHandle(input.model);
            const { refusal, notes } = await call('export.check', { model, plan, format, hfType, ggufType, mtp });
            if (refusal !== null) throw refuse('not-exportable', refusal.message, refusal.remedy);
            const { sizeBytes, before } = await call('plan.cost', { model, plan });
            const [made, from] = [formatBytes(sizeBytes), formatBytes(before.sizeBytes)];
            const type = hfType ?? ggufType;
            const size =
              type === undefined
                ? `About ${made} are written (the model has ${from}).`
                : `The weights are written as ${type}; as stored they would be about ${made} (the model has ${from}).`;
            return [size, ...notes].join(' ');
          },
          async () => {
            const { confirm: _code, model, ...rest } = input;
            return call('export.start', { ...rest, model: await find.modelHandle(model), into: exports });
          },
        ),
      true,
    ),
  };
};
