import { present } from '../contract/errors.ts';
import type { CallAnswer, CallName, CallParsed } from '../contract/calls.ts';
import type { StartCall } from '../contract/run-kinds.ts';
import type { ClusterWorks } from './cluster-works.ts';
import type { Answers, AnswersTo, EngineContext } from './engine-context.ts';
import type { EnvironmentMaking } from './environment-making.ts';
import type { HarnessWork } from './harness-work.ts';
import { startAnswers } from './job-of-run.ts';

/** What stands before the point in the names of calls, but for those that start a run. */
type Subject = Exclude<CallName, StartCall> extends `${infer S}.${string}` ? S : never;

/** Parts of the engine with a life of their own, each made when it is first asked for. */
export interface EngineParts {
  readonly clusters: () => Promise<ClusterWorks>;
  readonly making: () => Promise<EnvironmentMaking>;
  readonly harness: () => Promise<HarnessWork>;
}

export type Answer = <N extends CallName>(name: N, input: CallParsed<N>, signal: AbortSignal) => Promise<CallAnswer<N>>;

/** Code of the answers by subject. It is loaded by a subject's first call: most processes answer few of them. */
const loadersOf = (
  context: EngineContext,
  { clusters, making, harness }: EngineParts,
): { readonly [S in Subject]: () => Promise<AnswersTo<S>> } => {
  const devices = async () => (await import('./calls/devices.ts')).deviceCalls(context, await making());
  const engine = async () => (await import('./calls/engine.ts')).engineCalls(context);
  const exports = async () => (await import('./calls/exports.ts')).exportCalls(context);
  const paths = async () => (await import('./calls/paths.ts')).pathCalls(context);
  const plans = async () => (await import('./calls/plans.ts')).planCalls(context);
  const reproductions = async () => (await import('./calls/reproductions.ts')).reproduceCalls(context);
  const runs = async () => (await import('./calls/runs.ts')).runCalls(context, await clusters());
  const sweeps = async () => (await import('./calls/sweeps.ts')).sweepCalls(context);
  return {
    beside: async () => (await import('./calls/beside.ts')).besideCalls(context),
    cluster: runs,
    damage: async () => (await import('./calls/damage.ts')).damageCalls(context),
    devices,
    engine,
    experiment: async () => (await import('./calls/experiments.ts')).experimentCalls(context),
    expert: async () => (await import('./calls/experts.ts')).expertCalls(context),
    export: exports,
    fit: async () => (await import('./calls/fit.ts')).fitCalls(context),
    folders: paths,
    harness: async () => {
      const { hubNow } = await import('./calls/hub.ts');
      return (await import('./calls/harness.ts')).harnessCalls(await harness(), () => hubNow(context));
    },
    hub: async () => (await import('./calls/hub.ts')).hubCalls(context),
    jobs: runs,
    methods: plans,
    models: async () => (await import('./calls/models.ts')).modelCalls(context),
    outcomes: async () => (await import('./calls/outcomes.ts')).outcomeCalls(context),
    paths,
    plan: plans,
    profile: async () => (await import('./calls/profiles.ts')).profileCalls(context),
    python: devices,
    ranking: plans,
    report: sweeps,
    reproduction: reproductions,
    run: reproductions,
    runs,
    sample: engine,
    settings: engine,
    sweep: sweeps,
    sweeps,
    tasks: async () => (await import('./calls/tasks.ts')).taskCalls(context),
    trash: runs,
    verify: exports,
    view: engine,
  };
};

/** Answers the contract's calls. */
export const createAnswers = (context: EngineContext, parts: EngineParts): Answer => {
  const loaders: Readonly<Record<string, () => Promise<Partial<Answers>>>> = loadersOf(context, parts);
  const starts: Partial<Answers> = startAnswers(context);
  // Subjects that one file answers share what it keeps between calls.
  const loaded = new Map<() => Promise<Partial<Answers>>, Promise<Partial<Answers>>>();
  return async (name, input, signal) => {
    const start = starts[name];
    if (start !== undefined) return start(input, signal);
    const [subject = ''] = name.split('.', 1);
    const load = present(loaders[subject], `nothing answers ${name}`);
    const answers = loaded.get(load) ?? load();
    loaded.set(load, answers);
    const answer = (await answers)[name];
    if (answer === undefined) throw new Error(`nothing answers ${name}`);
    return answer(input, signal);
  };
};
