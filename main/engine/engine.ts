import { keepHashesIn } from '../checkpoint/hash-cache.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { createComputeLink } from '../compute/compute-link.ts';
import type { StartCompute } from '../compute/start-compute.ts';
import { parseInput, parseOutput } from '../contract/call-boundary.ts';
import type { CallInput, CallName, CallOutput } from '../contract/calls.ts';
import type { ProviderName, RunDevice } from '../contract/device.ts';
import { expected } from '../contract/errors.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { PathHandle } from '../contract/model.ts';
import type { CallableEngine, ServedEngine } from '../contract/rpc.ts';
import type { RunManifest } from '../contract/run.ts';
import { createPathCache } from '../files/path-signature.ts';
import { configuredPython } from '../finetune/find-python.ts';
import { createMadeEnvironments } from '../finetune/made-environments.ts';
import { createTextJudge } from '../harness/judge-texts.ts';
import { judgingPython } from '../harness/judging-python.ts';
import { shutIn } from '../harness/sandbox.ts';
import { forkProbe, rememberProbes, type StartProbe } from '../inference/providers/fork-probe.ts';
import { createProvidersHere } from '../inference/providers/providers-here.ts';
import type { FilledSteps, ListedStep } from '../jobs/fill-steps.ts';
import type { JobResult } from '../jobs/job-context.ts';
import { createJobLogs } from '../jobs/job-log.ts';
import { type CarryOut, carryOutHere, JobQueue, type JobResources } from '../jobs/job-queue.ts';
import type { Computing, ModelPool } from '../jobs/source-gate.ts';
import { createRunReader } from '../reading/run-reader.ts';
import { ownPrint } from '../runs/kept-answers.ts';
import { CHECKED } from '../runs/known-checks.ts';
import { openRunSource, vouchingBy } from '../runs/run-source.ts';
import type { SweepRecord } from '../runs/sweep-record.ts';
import { offerSample, restoreSample } from '../sample/sample-run.ts';
import { factsOf, KeptFacts } from '../tasks/kept-facts.ts';
import { furtherPaths, loadTask } from '../tasks/load-task.ts';
import { checkedWithTransformers } from '../torch/ask-transformers.ts';
import { KeptChecks } from '../torch/kept-checks.ts';
import type { TorchWorkers } from '../torch/torch-model.ts';
import { actualPath, bundledModels, bundledTasks } from '../workspace/library.ts';
import { openWorkspace } from '../workspace/open-workspace.ts';
import { createPathHandles } from '../workspace/path-handles.ts';
import { createRunBindings } from '../workspace/run-binding.ts';
import type { Vouching } from '../workspace/run-store.ts';
import { contentChecksums } from '../workspace/sealed-files.ts';
import { settingsFile } from '../workspace/settings-file.ts';
import { requireUserKey, stateFolder, type UserKey } from '../workspace/user-key.ts';
import { createAnswers } from './answers.ts';
import { approveToWork } from './approved-run.ts';
import { createDevicesInUse, poolOn, type TorchInUse } from './devices-in-use.ts';
import type { EngineContext } from './engine-context.ts';
import { type CarryOutOrder, carryOutRun } from './job-of-run.ts';
import { defaultMemoryBudgetBytes, engineVersions, machineMemoryBytes, physicalCores } from './machine.ts';
import { requireSameEngine } from './run-kind.ts';
import { withModelsKnown } from './run-subjects.ts';
import type { FillOrder } from './work-on-run.ts';

export interface EngineSettings {
  readonly workspace: string;
  /** Folder of the bundled models and tasks. */
  readonly resources: string;
  /** Command line of this process, for the manifests. */
  readonly commandLine: string;
  /** Byte limit for weights; default: 60 % of the memory that this process may use. */
  readonly memoryBudgetBytes?: number | undefined;
  /** Threads of the runtime; default: physical cores. */
  readonly threads?: number | undefined;
  /** Runs blocks and heads; default: the CPU. Another one is probed first and refused where its numbers deviate. */
  readonly provider?: ProviderName | undefined;
  /** Runs whole models in PyTorch instead, in the user's Python. */
  readonly torch?: TorchInUse | undefined;
  /** How this host probes a provider in a separate process; default: by forking Node. */
  readonly startProbe?: StartProbe | undefined;
  /** Starts the process that carries out jobs, so that this one stays responsive; default: jobs run in this process. */
  readonly startCompute?: StartCompute | undefined;
  /** Copies the sample sweep into a workspace that has no run and was never offered it; default: no. */
  readonly offerSample?: boolean | undefined;
  /** Folders that the page may browse, for a host without native dialogs; default: none. */
  readonly roots?: readonly string[] | undefined;
  /**
   * Path of the user's settings, which the page may change (they take effect at the next start). Beside it lies the
   * per-user record of runs (user-key.ts).
   */
  readonly settingsFile?: string | undefined;
  /** Command that starts the command line on a machine that shares this one's files; default: unknown. */
  readonly uncurl?: readonly string[] | undefined;
  /** Clock in milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** Answers the contract's calls and emits its events, in whatever process it runs. */
export interface Engine extends CallableEngine, ServedEngine {
  /** Makes a path usable that the user chose outside the page: in a native dialog or on the command line. */
  grantPath(path: string): PathHandle;
  /** Resolves with a run of this engine once it has ended; rejects with the error that ended it. */
  finished(run: string): Promise<RunManifest>;
  /** Computes steps of a sweep that other processes compute too, without locking the run (fillSteps). */
  fillSteps(run: string, order: FillOrder): Promise<FilledSteps>;
  /** Does the work of a run that another engine has locked, on its behalf. */
  carryOut(run: string, order: CarryOutOrder): Promise<JobResult>;
  /** Every part of a sweep and whether its steps are on disk; `confirmed` as for `fillSteps`. */
  listSteps(run: string, confirmed?: string): Promise<readonly ListedStep[]>;
  /** Stops the running job, which can be resumed, and releases everything. */
  dispose(): Promise<void>;
}

/** A part that is made when it is first needed. `made`: undefined where it never was. */
const whenNeeded = <T>(make: () => Promise<T>): { get: () => Promise<T>; made: () => Promise<T> | undefined } => {
  let part: Promise<T> | undefined;
  return { get: () => (part ??= make()), made: () => part };
};

/** The signal of a call whose caller never cancels it. */
const STANDING = new AbortController().signal;

export const createEngine = async (settings: EngineSettings): Promise<Engine> => {
  const now = settings.now ?? Date.now;
  const probes = rememberProbes(settings.startProbe ?? forkProbe);
  const providers = createProvidersHere(probes.start);
  const threads = settings.threads ?? physicalCores();
  const memory = {
    totalBytes: machineMemoryBytes(),
    budgetBytes: settings.memoryBudgetBytes ?? defaultMemoryBudgetBytes(),
  };
  const versions = await engineVersions();
  // An unusable device ends the start before anything is written.
  const first = settings.torch ?? settings.provider ?? 'cpu';
  if (typeof first === 'string' && first !== 'cpu') await providers.require(first);
  const ownSettings = settings.settingsFile ?? settingsFile();
  const state = stateFolder(ownSettings);
  const workspace = await openWorkspace(settings.workspace, now, state);
  const sampleProblem = settings.offerSample === true ? await offerSample(workspace, settings.resources) : null;
  const listeners = new Set<(event: EngineEvent) => void>();
  const logs = createJobLogs(workspace.runs.folder, now);
  const emit = (event: EngineEvent): void => {
    logs.hear(event);
    for (const listener of [...listeners]) listener(event);
  };
  const { temporaryFolder, steps, runs } = workspace;
  const createPool = (device: RunDevice, workers?: TorchWorkers): ModelPool =>
    poolOn(
      device,
      {
        threads,
        memoryBudgetBytes: memory.budgetBytes,
        scratchFolder: temporaryFolder,
        resources: settings.resources,
      },
      workers,
    );
  const devices = await createDevicesInUse(first, {
    threads,
    versions,
    providers,
    createPool,
    resources: settings.resources,
    computesElsewhere: settings.startCompute !== undefined,
  });
  const environments = createMadeEnvironments(state);
  const checks = new KeptChecks(state);
  const compareWithTransformers: JobResources['compareWithTransformers'] = (
    checkpoint,
    { runners }: Computing,
    signal,
  ) =>
    checkedWithTransformers(
      checkpoint,
      () => runners.open(checkpoint),
      {
        resources: settings.resources,
        threads,
        memoryBudgetBytes: memory.budgetBytes,
        checks,
        python: () => configuredPython(workspace.path, environments),
      },
      signal,
    );
  const resourcesOf = async (manifest: RunManifest): Promise<JobResources> => {
    const { device, pool, numerics, versions: here } = await devices.open(manifest.device);
    requireSameEngine(manifest, { device, versions: here });
    const keptWhole =
      device.engine === undefined ? {} : { keepsWhole: true as const, refereePool: await devices.referee() };
    // Only what onnxruntime computes on the processor is our own arithmetic in float32.
    const compare = device.engine === undefined && device.provider === 'cpu' ? { compareWithTransformers } : {};
    const createJudge: JobResources['createJudge'] = (judged) =>
      createTextJudge({
        python: () => judgingPython(state, workspace.path, environments),
        resources: settings.resources,
        temporaryFolder,
        steps: judged,
        sandbox: manifest.spec['runGeneratedCode'] === true ? shutIn : null,
      });
    const own = { temporaryFolder, steps, pool, numerics, memoryBudgetBytes: memory.budgetBytes, createJudge };
    return { ...own, ...keptWhole, ...compare };
  };
  keepHashesIn(state);
  const liveSweeps = new Map<string, SweepRecord>();
  const { startCompute, resources } = settings;
  const measured = new Map<string, ReadonlyMap<string, string>>();
  const reader = createRunReader({
    workspace: workspace.path,
    resources,
    state,
    live: () => [...liveSweeps.keys()],
    measured,
  });
  const runSource = whenNeeded(() =>
    openRunSource(workspace, resources, { state, isLive: (run) => liveSweeps.has(run), measured }),
  );
  // A process that serves a window reads a sweep as soon as it ends, so that its thresholds and its report are there
  // when somebody looks. What fails here is told where it is asked for.
  if (startCompute !== undefined) {
    listeners.add((event) => {
      if (event.type !== 'run.changed' || event.manifest.kind !== 'sweep' || event.manifest.state !== 'done') return;
      const { id: run } = event.manifest;
      void reader
        .read({ read: 'size-trend', run })
        .then(() => reader.read({ read: 'report', run }))
        .catch(() => undefined);
    });
  }
  const compute =
    startCompute === undefined
      ? null
      : createComputeLink({
          start: () =>
            startCompute({
              workspace: workspace.path,
              resources,
              settingsFile: ownSettings,
              threads,
              memoryBudgetBytes: memory.budgetBytes,
            }),
          startProbe: probes.recall,
          workspace,
          liveSweeps,
        });
  /** Null where no key can be written: `bindRun` has said so in the run's log. */
  const keyOfSeals = (): Promise<UserKey | null> => requireUserKey(state).catch(expected(() => null));
  const measure = carryOutHere(runs, resourcesOf);
  const measureHere: CarryOut = async (run) => {
    const result = await measure(run);
    const { id, kind } = run.manifest;
    if (kind === 'sweep') measured.set(id, await contentChecksums(runs.folder(id), CHECKED));
    return result;
  };
  const carryOut = compute?.carryOut ?? measureHere;
  const queue = new JobQueue(runs, (run) => withModelsKnown(context, run, carryOut), emit, now, keyOfSeals);
  const vouching = (): Promise<Vouching> => vouchingBy(state, workspace);
  let restoring: Promise<void> = Promise.resolve();
  const tasks = await bundledTasks(settings.resources);
  const whereNamed = (path: string): string => actualPath(path, tasks);
  const furtherFiles = (path: string): Promise<readonly string[]> => furtherPaths(path, whereNamed);
  const keptFacts = new KeptFacts(state, async () => `${versions['uncurl'] ?? ''} ${await ownPrint()}`);
  const context: EngineContext = {
    workspace,
    environments,
    checks,
    bindings: createRunBindings(state, { folderOf: runs.folder, temporaryFolder }),
    vouching,
    provenanceOf: async (run) =>
      queue.list().some((job) => job.run === run) ? undefined : runs.provenance(run, await vouching()),
    handles: createPathHandles(),
    roots: settings.roots ?? [],
    queue,
    logs,
    createPool,
    resources: settings.resources,
    bundled: { models: await bundledModels(settings.resources), tasks },
    checkpoint: createPathCache(openCheckpoint),
    task: createPathCache(
      (path) => loadTask(path, whereNamed, (task, files) => keptFacts.note(path, task, files)),
      furtherFiles,
    ),
    taskFacts: createPathCache(
      async (path) => (await keptFacts.find(path)) ?? factsOf(await context.task(path)),
      furtherFiles,
    ),
    keepTaskFacts: () => keptFacts.write(),
    versions,
    devices,
    providers,
    get provider() {
      return devices.current.provider ?? 'cpu';
    },
    get device() {
      return devices.current.device;
    },
    get numerics() {
      return devices.current.numerics;
    },
    memory,
    settingsFile: ownSettings,
    commandLine: settings.commandLine,
    now,
    reader,
    runSource: runSource.get,
    liveSweeps,
    sampleProblem,
    sampleRestored: () => restoring,
    emit,
  };
  if (settings.offerSample === true) restoring = restoreSample(context);
  // Readers of profiles get the error.
  restoring.catch(() => undefined);
  const worker = whenNeeded(async () => {
    const { createSweepWorker } = await import('./work-on-run.ts');
    return createSweepWorker(context, resourcesOf);
  });
  const clusters = whenNeeded(async () => {
    const { createClusterWorks } = await import('./cluster-works.ts');
    return createClusterWorks({
      workspace,
      state,
      now,
      emit,
      uncurl: settings.uncurl ?? null,
      approve: (run, confirmed) => approveToWork(context, run, confirmed),
      countParts: async (manifest) => (await worker.get()).count(manifest),
    });
  });
  const making = whenNeeded(async () => {
    const { createEnvironmentMaking } = await import('./environment-making.ts');
    const where = { workspace: workspace.path, environments: context.environments, resources };
    return createEnvironmentMaking(where, (environment) => emit({ type: 'python.changed', environment }));
  });
  const harness = whenNeeded(async () => {
    const { createHarnessWork } = await import('./harness-work.ts');
    const { hubNow } = await import('./calls/hub.ts');
    return createHarnessWork(context, state, () => hubNow(context));
  });
  const answer = createAnswers(context, { clusters: clusters.get, making: making.get, harness: harness.get });
  return {
    call: async <N extends CallName>(name: N, input: CallInput<N>, signal = STANDING): Promise<CallOutput<N>> =>
      parseOutput(name, await answer(name, parseInput(name, input), signal)),
    answer: (name, input, signal = STANDING) => answer(name, input, signal),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    grantPath: (path) => context.handles.issue(path),
    finished: (run) => queue.finished(run),
    fillSteps: async (run, order) => (await worker.get()).fill(run, order),
    carryOut: (run, order) => carryOutRun(context, resourcesOf, run, order),
    listSteps: async (run, confirmed) => (await worker.get()).list(run, confirmed),
    dispose: async () => {
      const cancelled = [making, harness].map(async ({ made }) => (await made())?.cancel());
      await Promise.allSettled([restoring, ...cancelled]);
      await (await clusters.made())?.dispose();
      await reader.dispose();
      await queue.dispose();
      await logs.settled();
      await compute?.dispose();
      await devices.dispose();
      listeners.clear();
    },
  };
};
