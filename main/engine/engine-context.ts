import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { CallAnswer, CallName, CallParsed } from '../contract/calls.ts';
import type { ProviderName, RunDevice } from '../contract/device.ts';
import type { WorkbenchError } from '../contract/errors.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { StartCall } from '../contract/run-kinds.ts';
import type { RunProvenance } from '../contract/provenance.ts';
import type { KeptChecks } from '../torch/kept-checks.ts';
import type { MadeEnvironments } from '../finetune/made-environments.ts';
import type { ProvidersHere } from '../inference/providers/providers-here.ts';
import type { Numerics } from '../jobs/job-context.ts';
import type { JobLogs } from '../jobs/job-log.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { ModelPool } from '../jobs/source-gate.ts';
import type { RunReader } from '../reading/run-reader.ts';
import type { RunSource } from '../runs/run-source.ts';
import type { SweepRecord } from '../runs/sweep-record.ts';
import type { TaskFacts } from '../tasks/kept-facts.ts';
import type { Task } from '../tasks/task.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import type { PathHandles } from '../workspace/path-handles.ts';
import type { RunBindings } from '../workspace/run-binding.ts';
import type { Vouching } from '../workspace/run-store.ts';
import type { DevicesInUse } from './devices-in-use.ts';

/**
 * One function per call. Inputs are parsed on entering the engine, answers by the receiver. `signal` is aborted once
 * nobody waits for the answer.
 */
export type Answers = {
  readonly [N in CallName]: (input: CallParsed<N>, signal: AbortSignal) => CallAnswer<N> | Promise<CallAnswer<N>>;
};

/**
 * The answers to all calls of some subjects: `AnswersTo<'runs'>` to those that begin with `runs.`. What starts a run is
 * answered by the definition of its kind.
 */
export type AnswersTo<Subject extends string> = Pick<
  Answers,
  Exclude<Extract<CallName, `${Subject}.${string}`>, StartCall>
>;

/** Shared state of the calls of an engine. */
export interface EngineContext {
  readonly workspace: Workspace;
  /** Records which runs this user's engines made here. */
  readonly bindings: RunBindings;
  /** Whether a run was measured here; undefined while this engine works on it. */
  readonly provenanceOf: (run: string) => Promise<RunProvenance | undefined>;
  /** Key and marks that tell this user's runs from others. */
  readonly vouching: () => Promise<Vouching>;
  /** Python environments that this user's engines made. */
  readonly environments: MadeEnvironments;
  /** Which models were found equal to transformers'. */
  readonly checks: KeptChecks;
  readonly handles: PathHandles;
  /** Folders that the page may browse; none where the shell has dialogs. */
  readonly roots: readonly string[];
  readonly queue: JobQueue;
  readonly logs: JobLogs;
  /** Creates a pool of models apart from the one that the workspace's jobs share. */
  readonly createPool: (device: RunDevice) => ModelPool;
  readonly resources: string;
  /** Bundled models and tasks, by name. */
  readonly bundled: {
    readonly models: ReadonlyMap<string, string>;
    readonly tasks: ReadonlyMap<string, string>;
  };
  /** Opens a checkpoint once, and again when its files change. */
  readonly checkpoint: (folder: string) => Promise<Checkpoint>;
  readonly task: (path: string) => Promise<Task>;
  /** What a list says of a task, without reading its items where its files are as they were at an earlier start. */
  readonly taskFacts: (path: string) => Promise<TaskFacts>;
  /** Keeps the facts of the tasks that were read for the next start. */
  readonly keepTaskFacts: () => Promise<void>;
  readonly versions: Readonly<Record<string, string>>;
  readonly devices: DevicesInUse;
  readonly providers: ProvidersHere;
  /** Device of the next profiles and sweeps, and the identity that keys their numbers. */
  readonly provider: ProviderName;
  readonly device: RunDevice;
  readonly numerics: Numerics;
  readonly memory: { readonly totalBytes: number; readonly budgetBytes: number };
  readonly settingsFile: string;
  readonly commandLine: string;
  readonly now: () => number;
  /** Reads runs for display in a separate thread. */
  readonly reader: RunReader;
  /** Reads what is kept of finished runs without one of its threads. */
  readonly runSource: () => Promise<RunSource>;
  readonly liveSweeps: Map<string, SweepRecord>;
  /** Resolves once the sample's profiles are in the step store; rejects if they could not be restored. */
  sampleRestored(): Promise<void>;
  /** Why the sample could not be added at the start; null: nothing was wrong. */
  readonly sampleProblem: WorkbenchError | null;
  emit(event: EngineEvent): void;
}

/** A document about a run, or its manifest, with the run's provenance. */
export const withProvenance = async <T extends object>(
  { provenanceOf }: Pick<EngineContext, 'provenanceOf'>,
  run: string,
  document: T,
): Promise<T & { readonly provenance?: RunProvenance }> => {
  const provenance = await provenanceOf(run);
  return provenance === undefined ? document : { ...document, provenance };
};
