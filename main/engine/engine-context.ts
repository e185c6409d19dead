import type { z } from 'zod';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { CallAnswer, CallName, CallParsed } from '../contract/calls.ts';
import type { ProviderName, RunDevice } from '../contract/device.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { MadeEnvironments } from '../finetune/made-environments.ts';
import type { ProvidersHere } from '../inference/providers/providers-here.ts';
import type { JobLogs } from '../jobs/job-log.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { ModelPool } from '../jobs/source-gate.ts';
import type { Numerics } from '../jobs/step-key.ts';
import type { RunReader } from '../reading/run-reader.ts';
import type { SweepRecord } from '../runs/sweep-record.ts';
import type { Task } from '../tasks/task.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import type { RunBindings } from '../workspace/run-binding.ts';
import type { PathHandles } from '../workspace/path-handles.ts';
import type { DevicesInUse } from './devices-in-use.ts';

/** One function per call; its input was parsed when it entered the engine, its answer will be where it is received. */
export type Answers = {
  readonly [N in CallName]: (input: CallParsed<N>) => CallAnswer<N> | Promise<CallAnswer<N>>;
};

/** A call's handler, held to the call's schemas by the compiler. */
export const answer = <I extends z.ZodType, O extends z.ZodType>(
  _call: { readonly input: I; readonly output: O },
  handle: (input: z.output<I>) => Promise<z.input<O>> | z.input<O>,
): ((input: z.output<I>) => Promise<z.input<O>> | z.input<O>) => handle;

/** What the calls of an engine share. */
export interface EngineContext {
  readonly workspace: Workspace;
  /** Which runs this user's engines made here. */
  readonly bindings: RunBindings;
  /** Python environments that this user's engines made. */
  readonly environments: MadeEnvironments;
  readonly handles: PathHandles;
  /** Folders that the page may look into; none where the shell has dialogs. */
  readonly roots: readonly string[];
  readonly queue: JobQueue;
  readonly logs: JobLogs;
  /** Models beside those that the workspace's jobs share. */
  readonly createPool: (provider: ProviderName) => ModelPool;
  /** Folder of what comes with the workbench. */
  readonly resources: string;
  /** Models and tasks that come with the workbench, by name. */
  readonly bundled: {
    readonly models: ReadonlyMap<string, string>;
    readonly tasks: ReadonlyMap<string, string>;
  };
  /** Opened once and again when its files change. */
  readonly checkpoint: (folder: string) => Promise<Checkpoint>;
  readonly task: (path: string) => Promise<Task>;
  readonly versions: Readonly<Record<string, string>>;
  readonly devices: DevicesInUse;
  readonly providers: ProvidersHere;
  /** What the next profiles and sweeps are computed with, and what their numbers are keyed by. */
  readonly provider: ProviderName;
  readonly device: RunDevice;
  readonly numerics: Numerics;
  readonly memory: { readonly totalBytes: number; readonly budgetBytes: number };
  /** Where a person's settings lie. */
  readonly settingsFile: string;
  readonly commandLine: string;
  readonly now: () => number;
  /** What is shown of runs, read in a thread of its own. */
  readonly reader: RunReader;
  /** Sweeps of this engine that are being worked on. */
  readonly liveSweeps: Map<string, SweepRecord>;
  /** Ends once the sample's profiles are in the step store; rejects with what hindered it. */
  sampleRestored(): Promise<void>;
  emit(event: EngineEvent): void;
}
