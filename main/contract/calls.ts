import { z } from 'zod';
import { besideDocument } from './beside.ts';
import {
  boundedList,
  boundedRecord,
  boundedText,
  folderName,
  margin,
  MOST_NOTES,
  sentence,
  shortName,
} from './bounds.ts';
import { calibrationChoice, calibrationTrial } from './calibration.ts';
import { clusterLog, clusterRequest, clusterWork } from './cluster.ts';
import { compareDocument, MOST_SWEEPS, sweepsComparison } from './compare.ts';
import { pointName } from './curtailed-point.ts';
import { damageDocument } from './damage.ts';
import {
  providerListing,
  providerName,
  providerProbe,
  pythonEnvironment,
  torchDevice,
  torchFound,
  torchPrecision,
} from './device.ts';
import { experimentDocument } from './experiment.ts';
import { expertDocument, layerTogether, profilePurpose, taskProfile, weightLikeness } from './profile.ts';
import { compressedType, exportFormat, ggufType, predictionChoice, verification } from './export.ts';
import { fitDocument, fitPrediction, fitProof, fitRequest } from './fit.ts';
import { harnessFacts, harnessFound, harnessOrder, harnessState } from './harness.ts';
import { hubFound, hubModel, hubNameTyped, hubState, repositoryId } from './hub.ts';
import { methodPage } from './method.ts';
import { outcomesDocument, outcomesRequest } from './outcomes.ts';
import { modelEntry, pathHandle, prunedCopies } from './model.ts';
import { linkedFragment } from './page-fragment.ts';
import { describedPlanSettings, methodName, methodOptions, pin, plan, planCost } from './plan.ts';
import { vouchedFor } from './provenance.ts';
import { reproduction } from './reproduction.ts';
import { jobLog, jobProgress, listedLabel, runLabelChange, runManifest, trashedRun } from './run.ts';
import { startCall, type StartedKind, startedKinds, type StartInput, startInput } from './run-kinds.ts';
import { confirmedRun, runCodeText, runOrigin } from './run-origin.ts';
import { settingsDocument, userSettings } from './settings.ts';
import { frontierDocument } from './frontier.ts';
import { sizeTrendDocument } from './size-trend.ts';
import { slicesDocument, slicesRequest } from './slices.ts';
import { sweepDocument, sweepResult } from './sweep.ts';
import { taskEntry, answerKind } from './task.ts';
import { givenFileName, MAX_GIVEN_BYTES, pathKind } from './path-kind.ts';

const runId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,127}$/);
const nothing = z.object({});
/** The answer of a call that makes a run: its id. */
export const madeRun = z.object({ run: runId });
const trashEntry = z.string().regex(/^[a-z0-9][a-z0-9-]{0,127}-[0-9a-f]{6}$/);

/** Margin of the thresholds, and whether their level applies to each or to all thresholds of a sweep together. */
const thresholdReading = {
  delta: margin.optional(),
  familywise: z.boolean().optional(),
};

/** A call of the contract: its input and output, each parsed once, at the receiving end (call-boundary.ts). */
interface Call<I extends z.ZodType, O extends z.ZodType> {
  readonly input: I;
  readonly output: O;
  /** Subjects whose change makes a known answer stale (stale-calls.ts); empty for calls that perform an action. */
  readonly reads: readonly Subject[];
}
const call = <I extends z.ZodType, O extends z.ZodType>(
  input: I,
  output: O,
  ...reads: readonly Subject[]
): Call<I, O> => ({ input, output, reads });

/**
 * Dependencies of answers besides their input: the shelves of models and tasks, the runs that measured them, runs,
 * the results of all finished sweeps, jobs, work of clusters, the profiles on disk, the device in use, and the results
 * of the run named in the input.
 */
export type Subject =
  | 'models'
  | 'tasks'
  | 'measured'
  | 'runs'
  | 'sweeps'
  | 'jobs'
  | 'clusters'
  | 'profiles'
  | 'device'
  | 'results'
  | 'trash'
  | 'settings';

export const planRequest = z.object({
  model: pathHandle,
  /** Tasks whose profiles the plan is made from (ignored by `random`); several are averaged per layer. */
  tasks: boundedList(pathHandle).min(1),
  method: methodName,
  /** Exactly one of the two. */
  factor: z.number().min(1).optional(),
  keep: z.number().int().positive().optional(),
  ...describedPlanSettings.shape,
  pins: boundedList(pin).default([]),
  options: methodOptions.default({}),
  /** Weight of each task; absent: all equal. */
  taskWeights: boundedList(z.number().nonnegative()).optional(),
  /** Kept experts of each MoE layer, for the budget `manual`. */
  counts: boundedList(z.number().int().positive()).optional(),
  /** Read profiles of the tasks as rendered by the model's own chat template. */
  chat: z.boolean().optional(),
});
export type PlanRequest = z.infer<typeof planRequest>;

/** A layer of a model on a task. */
const expertFields = {
  model: pathHandle,
  task: pathHandle,
  chat: z.boolean().optional(),
  layer: z.number().int().nonnegative(),
};

export const planImport = z.object({
  model: pathHandle,
  /** The file's content, and its name for messages. */
  text: boundedText,
  name: boundedText,
  /** Experts that a ranking keeps, in every layer or per layer; a plan states them itself. */
  keep: z.number().int().positive().optional(),
  counts: boundedList(z.number().int().positive()).optional(),
  pins: boundedList(pin).default([]),
});
export type PlanImport = z.infer<typeof planImport>;

export const importedPlan = z.object({
  kind: z.enum(['plan', 'ranking']),
  plan,
  cost: planCost,
  /** Warnings: a plan made for other weights, refitted weights that are missing here. */
  notes: boundedList(boundedText),
});
export type ImportedPlan = z.infer<typeof importedPlan>;

export const engineFacts = z.object({
  version: boundedText,
  /** Name of the machine that the engine runs on. */
  machine: boundedText,
  workspace: boundedText,
  versions: boundedRecord(boundedText, boundedText),
  device: runManifest.shape.device,
  /** Memory of the machine, and the engine's budget for weights. */
  memory: z.object({ totalBytes: z.number(), budgetBytes: z.number() }),
  /** Why the sample could not be added at the start; null: nothing was wrong. */
  sampleProblem: z.object({ message: boundedText, remedy: boundedText }).nullable(),
});

export const folderListing = z.object({
  handle: pathHandle,
  path: boundedText,
  parent: pathHandle.nullable(),
  /** The typed file; absent where the typed path is a folder. */
  file: pathHandle.optional(),
  entries: boundedList(
    z.object({
      handle: pathHandle,
      name: boundedText,
      kind: z.enum(['folder', 'model', 'task', 'file']),
      isFolder: z.boolean(),
    }),
  ),
});

/** The calls that start a run: those of the kinds that say what theirs takes. */
const startCalls = Object.fromEntries(
  startedKinds.map((kind) => [startCall(kind), call(startInput(kind), madeRun)]),
) as {
  readonly [K in StartedKind as `${K}.start`]: Call<StartInput<K>, typeof madeRun>;
};

/** Every call the window, the browser and the command line may make. Names are `noun.verb`. */
export const calls = {
  ...startCalls,
  'engine.facts': call(nothing, engineFacts, 'device'),
  /** Adds the bundled sample to the workspace, where it is not there yet; answers with its run. */
  'sample.add': call(nothing, madeRun),
  /** Every execution provider: what is known without trying it, and the results of this engine's probes. */
  'devices.list': call(nothing, boundedList(providerListing), 'device'),
  /** Tries a provider in a process of its own (seconds); the result is cached until `again` is set. */
  'devices.probe': call(z.object({ provider: providerName, again: z.boolean().default(false) }), providerProbe),
  /**
   * Computes the following profiles and sweeps with this device, until another is chosen or the engine ends; a run in
   * progress keeps its own. A device other than the processor is probed first, and refused where the probe fails.
   */
  'devices.use': call(
    z.union([
      z.object({ provider: providerName }),
      /** PyTorch in this Python, or in the workspace's environment; it starts to say what it has. */
      z.object({ torch: z.object({ python: pathHandle.nullable(), precision: torchPrecision, device: torchDevice }) }),
    ]),
    boundedList(providerListing),
  ),
  /** Starts PyTorch of a Python, or of the workspace's environment (seconds), and says what it finds. */
  'python.look': call(z.object({ python: pathHandle.nullable() }), torchFound),
  /** The workspace's environment with PyTorch. */
  'python.environment': call(nothing, pythonEnvironment),
  /** Begins to make it with the python3 of the PATH (minutes; from PyPI); `python.changed` says how far it is. */
  'python.make': call(nothing, pythonEnvironment),
  /** Stops making it; what is installed so far stays. Answers when nothing is written any more. */
  'python.cancel': call(nothing, pythonEnvironment),
  /**
   * Folders to choose from in a host without native dialogs, within the roots that it was started with. Without a
   * handle: the root, or a list of the roots where there are several. Refused in other hosts.
   */
  'folders.list': call(
    z.object({
      handle: pathHandle.optional(),
      /** A typed path instead of a handle: a folder, or a file in the folder to list; `~` is the home. */
      path: z.string().min(1).max(4096).optional(),
      /** Include names that begin with a dot. */
      hidden: z.boolean().optional(),
    }),
    folderListing,
  ),
  /** The last view in this workspace, as the fragment of the page's address; null: none yet. */
  'view.kept': call(nothing, z.object({ address: boundedText.nullable() })),
  'view.keep': call(
    z.object({
      address: boundedText.refine((address) => linkedFragment(address) !== null, 'not an address of the page'),
    }),
    nothing,
  ),
  /** Identifies what a path contains (model, task, run, ...) so that the page can open it. */
  'paths.tell': call(z.object({ handle: pathHandle }), pathKind),
  /** The path chosen in a native dialog, for display. */
  'paths.name': call(z.object({ handle: pathHandle }), z.object({ path: boundedText })),
  'models.list': call(nothing, boundedList(modelEntry), 'models', 'measured'),
  'models.open': call(z.object({ handle: pathHandle }), modelEntry),
  /** Opens the folder made by a finished export or training of the workspace. */
  'models.openMade': call(z.object({ run: runId }), modelEntry),
  /** Models of the Hugging Face cache of this machine, complete ones only; nothing is asked of the Hub. */
  'models.cached': call(nothing, boundedList(modelEntry), 'models'),
  'models.forget': call(z.object({ handle: pathHandle }), nothing),
  /** Registers the new folder of a remembered model that was moved; refused where the model at `at` is another one. */
  'models.locate': call(z.object({ handle: pathHandle, at: pathHandle }), modelEntry),
  /** Models on the shelf that are pruned copies of this one, and the one that it was pruned from. */
  'models.pruned': call(z.object({ model: pathHandle }), prunedCopies, 'models'),
  'hub.state': call(nothing, hubState, 'settings'),
  /** Asks the Hub for models by a part of their names; `all`: also those of families that cannot run here. */
  'hub.search': call(
    z.object({ query: z.string().min(1).max(200), all: z.boolean().default(false) }),
    boundedList(hubFound),
  ),
  /** Facts about a model on the Hub, from its config and the headers of its weights. */
  'hub.look': call(z.object({ name: hubNameTyped }), hubModel),
  /** Starts the download of a model, or of what is missing of it. */
  'hub.download': call(z.object({ name: hubNameTyped }), madeRun),
  /** Publishes the verified export of a run, or a folder. */
  'hub.push': call(
    z.object({
      exported: z.union([z.object({ run: runId }), z.object({ handle: pathHandle })]),
      repository: repositoryId,
      isPrivate: z.boolean().default(false),
      intoExisting: z.boolean().default(false),
      withoutNumbers: z.boolean().default(false),
    }),
    madeRun,
  ),
  /** Tasks of lm-evaluation-harness by name; `harness.changed` says what changes. */
  'harness.state': call(nothing, harnessState),
  /** Begins to list its names with the workspace's Python: once, up to a minute. */
  'harness.listNames': call(nothing, harnessState),
  'harness.search': call(z.object({ query: z.string().min(1).max(200) }), harnessFound),
  /** What a name holds; the Hub is asked for the card of its data set, unless that is forbidden. */
  'harness.look': call(z.object({ name: shortName }), harnessFacts),
  /** Begins to import; the tasks are opened at its end. */
  'harness.import': call(harnessOrder, harnessState),
  /** Ends the listing or the import; answers once nothing writes any more. */
  'harness.cancel': call(nothing, harnessState),
  'tasks.list': call(nothing, boundedList(taskEntry), 'tasks', 'measured'),
  'tasks.open': call(z.object({ handle: pathHandle }), taskEntry),
  'tasks.forget': call(z.object({ handle: pathHandle }), nothing),
  /** Opens a task from a file's content, for pages without access to paths; the workspace keeps the file. */
  'tasks.take': call(
    z.object({ name: givenFileName, base64: z.base64().max(Math.ceil(MAX_GIVEN_BYTES / 3) * 4) }),
    taskEntry,
  ),
  /** Tries a choice of calibration items; refused as the choice itself would be. */
  'tasks.tryCalibration': call(z.object({ handle: pathHandle, choice: calibrationChoice }), calibrationTrial, 'tasks'),
  /**
   * Gives calibration items to a task that has only test items, and replaces its entry; the workspace keeps the choice.
   * Another choice is another task, with a hash of its own.
   */
  'tasks.calibrate': call(z.object({ handle: pathHandle, choice: calibrationChoice }), taskEntry),
  /** First items of a split. */
  'tasks.preview': call(
    z.object({ handle: pathHandle, split: z.enum(['calibration', 'test']), count: z.number().int().min(1).max(100) }),
    boundedList(
      z.object({
        id: boundedText,
        context: boundedText,
        choices: boundedList(boundedText),
        answer: z.number().nullable(),
        alsoRight: boundedList(z.number()).optional(),
      }),
    ),
  ),
  /**
   * Profiles on disk for a model; a task without a profile is absent. With `chat`: profiles of the tasks as rendered by
   * the model's chat template, which are separate; a task that the template cannot render is absent too.
   */
  'profile.read': call(
    z.object({ model: pathHandle, tasks: boundedList(pathHandle), chat: z.boolean().optional() }),
    boundedList(taskProfile),
    'profiles',
    // Profiles are keyed by the device that computed them.
    'device',
  ),
  /** Whether each task's profile on disk holds what these methods need beyond routing, in the order of the tasks. */
  'profile.holds': call(
    z.object({ model: pathHandle, tasks: boundedList(pathHandle), ...profilePurpose.shape }),
    z.object({ held: boundedList(z.boolean()) }),
    'profiles',
    'device',
  ),
  /**
   * Experts of every MoE layer ordered so that similar ones are adjacent, [L][E]: the leaves of average linkage on 1 -
   * affinity, the affinity being the centred cosine of router logits over the calibration tokens. Null where the task
   * was not profiled.
   */
  'profile.likeness': call(
    z.object({ model: pathHandle, task: pathHandle, chat: z.boolean().optional() }),
    z.object({ order: boundedList(boundedList(z.number())).nullable() }),
    'profiles',
    'device',
  ),
  /** Profile of one expert on a task; null where the task was not profiled. */
  'expert.read': call(
    z.object({ ...expertFields, expert: z.number().int().nonnegative() }),
    z.object({ found: expertDocument.nullable() }),
    'profiles',
    'device',
  ),
  /** How often the experts of a layer are chosen together; null where the task was not profiled. */
  'expert.together': call(z.object(expertFields), z.object({ found: layerTogether.nullable() }), 'profiles', 'device'),
  /** Experts of a layer by the cosine of their weights with one of them; reads the weights of the layer. */
  'expert.likeWeights': call(
    z.object({ model: pathHandle, layer: expertFields.layer, expert: z.number().int().nonnegative() }),
    weightLikeness,
  ),
  'methods.list': call(nothing, boundedList(methodPage)),
  /** Every method but `random` needs profiles on disk; otherwise fails with `profile-missing`. */
  'plan.make': call(planRequest, z.object({ plan, cost: planCost }), 'profiles', 'device'),
  'plan.cost': call(z.object({ model: pathHandle, plan }), planCost),
  /** A plan from the text of a plan file, or of a ranking file and the number of experts to keep. */
  'plan.import': call(planImport, importedPlan),
  /** A ranking by a file of counts: an importance matrix of llama.cpp (GGUF), or routed experts (.npy, JSON lines). */
  'ranking.take': call(
    z.object({ model: pathHandle, file: pathHandle }),
    z.object({ name: boundedText, text: boundedText, notes: boundedList(boundedText) }),
  ),
  /**
   * Results and thresholds of a sweep, finished or running; `delta` and `familywise` recompute thresholds without
   * inference.
   */
  'sweep.read': call(z.object({ run: runId, ...thresholdReading }), sweepDocument, 'results'),
  /**
   * A sweep read over the sizes of its models, which differ in the number of experts: thresholds against E,
   * pruned-large against scratch-small, and findings in sentences. `delta` and `familywise` as in `sweep.read`.
   */
  'sweep.sizeTrend': call(z.object({ run: runId, ...thresholdReading }), vouchedFor(sizeTrendDocument), 'results'),
  /**
   * Prune or quantise, for each model: sentences on tasks where truncation was measured and on each type of weights,
   * and every pair of models. Refused where a sweep has measured stored weights only.
   */
  'sweep.frontier': call(z.object({ run: runId }), frontierDocument, 'results'),
  /**
   * The methods of a sweep compared, for one model (the first) and one factor (the middle one): ranks and paired
   * differences to `reference` (`best`: of each task; `unpruned`, or a method).
   */
  'sweep.compare': call(
    z.object({
      run: runId,
      model: boundedText.optional(),
      factor: z.number().min(1).optional(),
      answers: answerKind.optional(),
      reference: boundedText.optional(),
      ...thresholdReading,
    }),
    vouchedFor(compareDocument),
    'results',
  ),
  /**
   * Sweeps compared with the first of them: settings that differ, and the difference of each candidate, paired where
   * the items are the same.
   */
  'sweeps.compare': call(z.object({ runs: z.array(runId).min(2).max(MOST_SWEEPS) }), sweepsComparison, 'results'),
  /** Answers of the unpruned model and a candidate to each item, filtered by change (`show`); from stored outcomes. */
  'outcomes.read': call(outcomesRequest.extend({ run: runId }), vouchedFor(outcomesDocument), 'results'),
  /** Two points of one model and task, slice by slice of their items; a page of those that one of them lost or gained. */
  'outcomes.compare': call(slicesRequest.extend({ run: runId }), vouchedFor(slicesDocument), 'results'),
  /** A sweep as one self-contained HTML page, and a name for its file. */
  'report.make': call(
    z.object({ run: runId, ...thresholdReading }),
    z.object({ name: boundedText, html: boundedText }),
    'results',
  ),
  /** The plan of a measured point of a sweep. */
  'sweep.plan': call(pointName.extend({ run: runId }), z.object({ plan, cost: planCost })),
  /** Obstacles to an export, and what serving it requires, before anything is written. */
  'export.check': call(
    z.object({
      model: pathHandle,
      plan,
      format: exportFormat.default('hf'),
      hfType: compressedType.optional(),
      ggufType: ggufType.optional(),
      mtp: predictionChoice.optional(),
    }),
    z.object({
      refusal: z.object({ message: boundedText, remedy: boundedText }).nullable(),
      notes: boundedList(boundedText),
    }),
  ),
  /** Results of sweeps for exactly this plan, or for that of an export: of each task, those of the newest sweep. */
  'export.measured': call(
    z.union([z.object({ model: pathHandle, plan }), z.object({ run: runId })]),
    z.object({
      results: boundedList(sweepResult),
      /** Sweeps that have results for it, but were not measured here: left out, with the reason. */
      leftOut: z.array(sentence).max(MOST_NOTES),
    }),
    'sweeps',
  ),
  /** The folder that is proposed for exports: one of the workspace, made when something is exported into it. */
  'export.place': call(nothing, z.object({ handle: pathHandle, path: boundedText })),
  /** Results of an experiment, finished or running; `delta` recomputes them without inference. */
  'experiment.read': call(
    z.object({ run: runId, delta: thresholdReading.delta }),
    vouchedFor(experimentDocument),
    'results',
  ),
  /**
   * Repeats a finished experiment without any stored step, and compares every number. `python`: for its fine-tuned
   * arms; where it is null and the workspace has no environment, only the other arms are repeated, and the answer lists
   * the missing ones.
   */
  'experiment.reproduce': call(
    z.object({ run: runId, python: pathHandle.nullable().default(null), confirmed: runCodeText.optional() }),
    madeRun,
  ),
  /** The bundled experiment; added to the runs if it is not there. */
  'experiment.recorded': call(nothing, madeRun),
  /** An experiment as one self-contained HTML page, and a name for its file. */
  'experiment.report': call(
    z.object({ run: runId, delta: thresholdReading.delta }),
    z.object({ name: boundedText, html: boundedText }),
    'results',
  ),
  'damage.read': call(z.object({ run: runId }), vouchedFor(damageDocument), 'results'),
  /** Ends the writing and keeps the text so far; the run is then done. A waiting run is cancelled. */
  'beside.stop': call(z.object({ run: runId }), nothing),
  /** The texts so far; while the run works, `beside.written` continues them. */
  'beside.read': call(z.object({ run: runId }), vouchedFor(besideDocument), 'results'),
  /** A side by side as one self-contained HTML page, and a name for its file. */
  'beside.report': call(z.object({ run: runId }), z.object({ name: boundedText, html: boundedText }), 'results'),
  /** What such a search would do, before anything is computed. */
  'fit.predict': call(fitRequest, fitPrediction, 'measured'),
  /** Ends the search and keeps the best so far, not tested; the run is then done. A waiting run is cancelled. */
  'fit.stop': call(z.object({ run: runId }), nothing),
  /** What the search knows so far; `fit.changed` says that there is more. */
  'fit.read': call(z.object({ run: runId }), vouchedFor(fitDocument), 'results'),
  /** The plan of the recommended model, or of a finalist. */
  'fit.plan': call(z.object({ run: runId, name: shortName }), z.object({ plan }), 'results'),
  /** Whether the test came after the choice, by the stored answers. */
  'fit.verify': call(z.object({ run: runId }), fitProof, 'results'),
  /** Exports the recommended model in the form that the search was for, into a folder of this name. */
  'fit.export': call(z.object({ run: runId, into: pathHandle, name: folderName }), madeRun),
  /** A search as one self-contained HTML page, and a name for its file. */
  'fit.report': call(z.object({ run: runId }), z.object({ name: boundedText, html: boundedText }), 'results'),
  'verify.read': call(z.object({ run: runId }), vouchedFor(verification), 'results'),
  /** Repeats a finished sweep or search without any stored step, and compares every value and every item's outcome. */
  'run.reproduce': call(z.object({ run: runId, confirmed: runCodeText.optional() }), madeRun),
  /** Findings of a finished reproduction; `run` is that of the reproduction. */
  'reproduction.read': call(z.object({ run: runId }), vouchedFor(reproduction), 'results'),
  /** The user's settings for all workspaces, the values this engine uses, and the defaults. */
  'settings.read': call(nothing, settingsDocument, 'settings', 'device'),
  /** `workspace`: a folder chosen in a dialog; null: the default one. */
  'settings.write': call(
    z.object({
      change: userSettings.omit({ workspace: true }).partial(),
      workspace: pathHandle.nullable().optional(),
    }),
    settingsDocument,
  ),
  'runs.list': call(nothing, boundedList(runManifest), 'runs'),
  /** Whether a run was made here, and the programs and folders that it would use if resumed. */
  'runs.origin': call(z.object({ run: runId }), runOrigin, 'runs'),
  'runs.remove': call(z.object({ run: runId }), nothing),
  /** Moves a run in any state into the workspace's trash; `at`: its path there. */
  'runs.trash': call(z.object({ run: runId }), z.object({ at: boundedText, entry: trashEntry })),
  /** The batch script that a submission would store; without a run, under a placeholder for the next run's id. */
  'cluster.script': call(
    z.object({ run: runId.optional(), request: clusterRequest }),
    z.object({ script: boundedText }),
  ),
  /** Submits a sweep to a Slurm cluster that shares the workspace: an array that computes steps, and a joining job. */
  'cluster.submit': call(
    z.object({ run: runId, request: clusterRequest, confirmed: runCodeText.optional() }),
    clusterWork,
  ),
  /** Work of clusters, including failed submissions until they are submitted again or forgotten. */
  'cluster.list': call(nothing, boundedList(clusterWork), 'clusters'),
  'cluster.cancel': call(z.object({ run: runId }), nothing),
  /** Forgets a failed submission; the run stays, and can be resumed here. */
  'cluster.forget': call(z.object({ run: runId }), nothing),
  /** `task` null: the joining job. */
  'cluster.log': call(z.object({ run: runId, task: z.number().nullable() }), clusterLog),
  /** Changes the user's label of a run: name, note, tags, whether it is archived. */
  'runs.label': call(z.object({ run: runId, change: runLabelChange }), listedLabel),
  /** Log of a run, with times: its states, points, curtailed candidates, problems. */
  'runs.log': call(z.object({ run: runId }), jobLog, 'results'),
  /** Runs in the trash, latest first. */
  'trash.list': call(nothing, boundedList(trashedRun), 'trash'),
  /** Moves a run back; refused where a run of its name exists again. */
  'trash.restore': call(z.object({ entry: trashEntry }), z.object({ run: runId })),
  /** Deletes the trash (or only `entry`) permanently; answers the number of bytes freed. */
  'trash.empty': call(
    z.object({ entry: trashEntry.optional() }),
    z.object({ removed: z.number(), sizeBytes: z.number() }),
  ),
  'jobs.list': call(nothing, boundedList(jobProgress), 'jobs'),
  'jobs.cancel': call(z.object({ run: runId }), nothing),
  /** Moves a waiting job before another one; null: to the end. */
  'jobs.move': call(z.object({ run: runId, before: runId.nullable() }), nothing),
  /**
   * `takeOver`: from an engine that has the run and may still be alive. `confirmed`: for a run that was not made here,
   * which is refused without it (`made-elsewhere`).
   */
  'jobs.resume': call(
    z.object({ run: runId, takeOver: z.boolean().optional(), confirmed: confirmedRun.optional() }),
    nothing,
  ),
} as const;

export type CallName = keyof typeof calls;
export type CallInput<N extends CallName> = z.input<(typeof calls)[N]['input']>;
export type CallOutput<N extends CallName> = z.output<(typeof calls)[N]['output']>;
/** A call's input after parsing, and its output before. */
export type CallParsed<N extends CallName> = z.output<(typeof calls)[N]['input']>;

/** A large answer as JSON text: whoever passes it on does not parse it, and the caller does so once. */
export class AnswerText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type CallAnswer<N extends CallName> = z.input<(typeof calls)[N]['output']> | AnswerText;

/**
 * The interface of every host: one function for all calls. Once `signal` is aborted, the call rejects as cancelled, and
 * the engine ends its work on the answer where it can.
 */
export type EngineCall = <N extends CallName>(
  name: N,
  input: CallInput<N>,
  signal?: AbortSignal,
) => Promise<CallOutput<N>>;
