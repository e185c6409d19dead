import { rename } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { expected, refuse } from '../contract/errors.ts';
import { type RunManifest, runManifest } from '../contract/run.ts';
import type { ConfirmedRun, RunOrigin } from '../contract/run-origin.ts';
import { isSystemError } from '../files/file-errors.ts';
import { requirePlainTree } from '../files/list-folder.ts';
import { requireFreeDestination } from '../finetune/tuned-folder.ts';
import { STATE_FOLDERS } from '../jobs/state-folders.ts';
import { type RunAsks, runKinds } from '../contract/run-kinds.ts';
import { runCode } from '../workspace/run-binding.ts';
import type { EngineContext } from './engine-context.ts';

const approvedManifest = runManifest.brand<'ApprovedManifest'>();

/**
 * A manifest that may be acted on: this user's engine wrote it here, or the user was shown what it names and confirmed
 * it. Only this file creates one, and everything that makes a job from a manifest requires one.
 */
export type ApprovedManifest = z.output<typeof approvedManifest>;

/** Parts of a manifest's spec that name something outside the run. A foreign spec may have any form. */
const named = z.object({
  python: boundedText.nullable().catch(null),
  destination: boundedText.nullable().catch(null),
  exported: boundedText.nullable().catch(null),
  repository: boundedText.nullable().catch(null),
  candidates: boundedList(z.object({ path: boundedText })).catch([]),
  mixture: z.object({ file: boundedText.nullable() }).nullable().catch(null),
  teacher: z.object({ path: boundedText }).nullable().catch(null),
});
const kindAsks = ({ kind, spec }: RunManifest): RunAsks =>
  runKinds[kind].asks?.(spec) ?? { program: false, destination: false };

/** The answers that a run needs: a Python for PyTorch, whatever its kind, beside those of its kind. */
const asksOf = (manifest: RunManifest): RunOrigin['asks'] => {
  const { program, destination } = kindAsks(manifest);
  return { program: program || manifest.device.engine !== undefined, destination };
};

const originOf = (manifest: RunManifest, isMadeHere: boolean): RunOrigin => {
  const { python, destination, exported, repository, candidates, mixture, teacher } = named.parse(manifest.spec);
  const programs = [manifest.device.engine?.python ?? null, python].filter((program) => program !== null);
  const teachers = teacher === null ? [] : [teacher];
  const paths = [...manifest.models, ...manifest.tasks, ...candidates, ...teachers].map(({ path }) => path);
  return {
    run: manifest.id,
    isMadeHere,
    code: runCode(manifest),
    says: {
      program: programs.length === 0 ? null : [...new Set(programs)].join(', '),
      destination,
      reads: [
        ...new Set([
          ...paths,
          ...[exported, mixture?.file ?? null].filter((path) => path !== null),
          ...(repository === null ? [] : [`repository ${repository} on the Hub`]),
        ]),
      ],
    },
    asks: asksOf(manifest),
  };
};

/** Whether a run was made here, and what it names outside its folder. Reads only the run's folder. */
export const readRunOrigin = async ({ workspace, bindings }: EngineContext, run: string): Promise<RunOrigin> => {
  const manifest = await workspace.runs.read(run);
  return originOf(manifest, await bindings.isBound(manifest));
};

/** Maximum number of paths that a refusal lists. */
const MOST_LISTED = 6;

const listed = (paths: readonly string[]): string =>
  [...paths.slice(0, MOST_LISTED), ...(paths.length > MOST_LISTED ? [`${paths.length} in all`] : [])].join(', ');

const madeElsewhere = ({ run, code, says, asks }: RunOrigin): Error => {
  const { program, destination, reads } = says;
  const words = [
    ...(asks.program ? [`program ${program ?? "of the workspace's own environment"}`] : []),
    ...(asks.destination ? [`folder to write ${destination ?? '(none)'}`] : []),
    `paths to read ${reads.length === 0 ? '(none)' : listed(reads)}`,
  ];
  const options = [...(asks.program ? ['--python FILE'] : []), ...(asks.destination ? ['--out DIR'] : [])];
  return refuse(
    'made-elsewhere',
    `${run} was not made here: it was copied, made by another user or an earlier version, or edited. It names: ` +
      `${words.join('; ')}. None of this was used.`,
    `To continue it, confirm what it names: --confirm ${[code, ...options].join(' ')}.`,
  );
};

const requireCode = (manifest: RunManifest, code: string): void => {
  if (runCode(manifest) === code) return;
  throw refuse(
    'another-code',
    `${manifest.id} has changed since it was confirmed: its code is now ${runCode(manifest)}.`,
    'Check what it names now, and confirm that.',
  );
};

/**
 * Returns null if the paths that a run names may be read: it was made here, or `given` is the code of its present form.
 * Otherwise the code that confirms it.
 *
 * @throws WorkbenchError refused: `another-code`.
 */
export const codeToConfirm = async (
  { bindings }: Pick<EngineContext, 'bindings'>,
  manifest: RunManifest,
  given?: string,
): Promise<string | null> => {
  if (await bindings.isBound(manifest)) return null;
  if (given === undefined) return runCode(manifest);
  requireCode(manifest, given);
  return null;
};

/**
 * Marks a run as made here. Where no key can be written (a read-only home), the run continues without a mark, its log
 * says so, and resuming it needs confirmation.
 */
export const bindRun = ({ bindings, logs }: EngineContext, manifest: RunManifest): Promise<void> =>
  bindings
    .bind(manifest)
    .catch(
      expected(({ message, remedy }) =>
        logs.tellProblem(manifest.id, `Resuming it will need confirmation: ${message} ${remedy}`),
      ),
    );

/**
 * Returns the manifest of a run that may be worked on: made here, or confirmed in its present form.
 *
 * @throws WorkbenchError refused: `made-elsewhere`, `another-code`; and those of `requirePlainTree`.
 */
export const approveRun = async (
  { workspace, bindings }: EngineContext,
  run: string,
  code: string | undefined,
): Promise<ApprovedManifest> => {
  const manifest = await workspace.runs.read(run);
  if (!(await bindings.isBound(manifest))) {
    if (code === undefined) throw madeElsewhere(originOf(manifest, false));
    requireCode(manifest, code);
  }
  await requirePlainTree(workspace.runs.folder(run));
  return approvedManifest.parse(manifest);
};

/**
 * The same for work that cannot replace a program which the run names: such a run of other origin must be resumed once
 * with a Python of the user's.
 *
 * @throws WorkbenchError refused: `program-not-named`; and those of `approveRun`.
 */
export const approveToWork = async (
  context: EngineContext,
  run: string,
  code: string | undefined,
): Promise<ApprovedManifest> => {
  const manifest = await approveRun(context, run, code);
  if (!asksOf(manifest).program || (await context.bindings.isBound(manifest))) return manifest;
  throw refuse(
    'program-not-named',
    `${run} was not made here and starts a program. The one that it names, ` +
      `${originOf(manifest, false).says.program ?? 'none'}, is not used.`,
    `Resume it once with a Python of yours: uncurl resume ${run} --confirm ${runCode(manifest)} --python FILE.`,
  );
};

/**
 * Returns the manifest of a run that another engine approved under this code and has locked.
 *
 * @throws WorkbenchError refused: `another-code`.
 */
export const approvedAs = (manifest: RunManifest, code: string): ApprovedManifest => {
  requireCode(manifest, code);
  return approvedManifest.parse(manifest);
};

/** Moves partial results of other origin aside within the run's folder, so that the job does not continue from them. */
const setStateAside = async (folder: string): Promise<void> => {
  for (const name of STATE_FOLDERS) {
    const aside = `${name}-made-elsewhere-${randomBytes(3).toString('hex')}`;
    await rename(join(folder, name), join(folder, aside)).catch((error: unknown) => {
      if (!isSystemError(error, 'ENOENT')) throw error;
    });
  }
};

const requireAnswers = ({ run, asks, says }: RunOrigin, { python, destination }: ConfirmedRun): void => {
  if (asks.program && says.program !== null && python === null)
    throw refuse(
      'program-not-named',
      `${run} starts a program. The one that it names, ${says.program}, is not used.`,
      'Name the Python to run: --python FILE.',
    );
  if (asks.destination && destination === null)
    throw refuse(
      'destination-not-named',
      `${run} writes a folder. The one that it names, ${says.destination ?? 'none'}, is not used.`,
      'Name the folder to create: --out DIR.',
    );
  if (!asks.program && python !== null) throw refuse('bad-usage', `${run} starts no Python.`, 'Omit --python.');
  if (!asks.destination && destination !== null)
    throw refuse('bad-usage', `${run} writes only to its own folder.`, 'Omit --out.');
};

/** Replaces the program and folder that a manifest names by those that the user named. */
const withAnswers = async (
  { workspace, handles }: EngineContext,
  manifest: RunManifest,
  confirmed: ConfirmedRun,
): Promise<ApprovedManifest> => {
  requireCode(manifest, confirmed.code);
  const origin = originOf(manifest, false);
  requireAnswers(origin, confirmed);
  await requirePlainTree(workspace.runs.folder(manifest.id));
  const { python, destination } = confirmed;
  const spec = { ...manifest.spec };
  const named = python === null ? null : handles.resolve(python);
  const { engine } = manifest.device;
  // Without a Python `requireAnswers` has refused a run of PyTorch.
  const device =
    engine === undefined || named === null
      ? manifest.device
      : { ...manifest.device, engine: { ...engine, python: named } };
  if (kindAsks(manifest).program) spec['python'] = named;
  if (destination !== null) {
    const folder = join(handles.resolve(destination.into), destination.name);
    await requireFreeDestination(folder);
    spec['destination'] = folder;
  }
  return approvedManifest.parse({ ...manifest, spec, device });
};

export interface RunToResume {
  readonly manifest: ApprovedManifest;
  /** Whether it was not made here. If so, `adoptRun` must take it over before it is worked on. */
  readonly isForeign: boolean;
}

/**
 * Approves a run whose lock is held here for resuming: unchanged if it was made here, else with the program and folder
 * that its user names now. Changes nothing on disk.
 *
 * @throws WorkbenchError refused: `program-not-named`, `destination-not-named`, `made-here`, `bad-usage`; and those of
 * `approveRun` and `requireFreeDestination`.
 */
export const approveToResume = async (
  context: EngineContext,
  run: string,
  confirmed: ConfirmedRun | undefined,
): Promise<RunToResume> => {
  const manifest = await context.workspace.runs.read(run);
  if (confirmed !== undefined && !(await context.bindings.isBound(manifest)))
    return { manifest: await withAnswers(context, manifest, confirmed), isForeign: true };
  if (confirmed !== undefined && (confirmed.python !== null || confirmed.destination !== null))
    throw refuse(
      'made-here',
      `${run} was made here, and continues with the program and folder that it was started with.`,
      'Omit --python and --out.',
    );
  return { manifest: await approveRun(context, run, confirmed?.code), isForeign: false };
};

/**
 * Takes over a run that was not made here: sets partial results aside, records in its manifest that it was adopted, and
 * binds that to this user. Returns the manifest to continue with.
 */
export const adoptRun = async (context: EngineContext, manifest: ApprovedManifest): Promise<ApprovedManifest> => {
  const { runs } = context.workspace;
  const adopted = { ...manifest, adoptedAt: new Date(context.now()).toISOString() };
  await setStateAside(runs.folder(manifest.id));
  await runs.write(adopted);
  await bindRun(context, adopted);
  return adopted;
};
