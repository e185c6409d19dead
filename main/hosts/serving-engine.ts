import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { boundedText, shortName } from '../contract/bounds.ts';
import { fail, refuse } from '../contract/errors.ts';
import { ifThere } from '../files/file-errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { type ProcessIdentity, processState, thisProcess } from '../files/process-alive.ts';
import { makePrivateFolder } from '../workspace/user-key.ts';

// An engine that serves a workspace says so in a file of the user's state folder, so that it is found again by a window
// that was closed, by another terminal, and by `uncurl connect` from another machine. A home folder may be shared by
// several machines: each has files of its own.

const MAX_FILE_BYTES = 16_384;
const MAX_LOG_BYTES = 2 ** 20;
/** Lines of the log that are quoted where a start failed. */
const LAST_LINES = 12;
const LOOK_EVERY_MS = 100;
/** A start loads the engine and opens the workspace; a busy machine may take this long. */
const START_MS = 120_000;
const STOP_MS = 45_000;

const servingEngine = z.object({
  format: z.literal('uncurl-serving'),
  /** Version of this description; an engine with another one cannot be connected to. */
  version: z.literal(1),
  /** Version of the workbench. */
  workbench: shortName,
  process: z.object({
    host: shortName,
    machine: boundedText,
    pid: z.number().int(),
    startedAt: shortName.nullable(),
    supervisor: z.number().int(),
  }),
  port: z.number().int().min(1).max(65_535),
  workspace: boundedText,
});
export type ServingEngine = z.infer<typeof servingEngine>;

/** Names the files of an engine by its machine and workspace. */
const nameOf = (workspace: string): string =>
  createHash('sha256').update(`${thisProcess().machine}\0${workspace}`).digest('hex').slice(0, 16);
const fileOf = (state: string, workspace: string): string => join(state, `serving-${nameOf(workspace)}.json`);
const logOf = (state: string, workspace: string): string => join(state, `serving-${nameOf(workspace)}.log`);

/** Says that this process serves `workspace` (an absolute path) at `port`; call the result when it ends. */
export const announceServing = async (
  state: string,
  { workspace, port, workbench }: Pick<ServingEngine, 'workspace' | 'port' | 'workbench'>,
): Promise<() => Promise<void>> => {
  const engine = { ...thisProcess(), supervisor: process.ppid };
  const serving: ServingEngine = { format: 'uncurl-serving', version: 1, workbench, process: engine, port, workspace };
  await makePrivateFolder(state);
  const file = fileOf(state, workspace);
  await writeFileAtomically(file, `${JSON.stringify(serving, null, 2)}\n`, state);
  return async () => {
    // Another engine may have been started for the same workspace since.
    if ((await readServing(file))?.process.pid === engine.pid) await rm(file, { force: true });
  };
};

const readServing = (file: string): Promise<ServingEngine | null> =>
  readJsonIfThere(file, servingEngine, { mostBytes: MAX_FILE_BYTES }, () =>
    refuse('serving-damaged', `${file} is damaged.`, 'Remove it; an engine that still runs must be ended by hand.'),
  );

const isAlive = (holder: ProcessIdentity): boolean => processState(holder) !== 'dead';

/** Whether an engine and its supervisor, which ends after it, have ended. */
const hasEnded = ({ process: engine }: ServingEngine): boolean =>
  !isAlive(engine) && !isAlive({ ...engine, pid: engine.supervisor, startedAt: null });

/** The engine that serves a workspace on this machine; null: none runs. @throws WorkbenchError `serving-damaged`. */
export const findServing = async (state: string, workspace: string): Promise<ServingEngine | null> => {
  const serving = await readServing(fileOf(state, workspace));
  return serving !== null && isAlive(serving.process) ? serving : null;
};

/**
 * Names of other machines that share the state folder and whose engine said that it serves the same workspace. Whether
 * it still runs can only be seen there.
 */
export const servingElsewhere = async (state: string, workspace: string): Promise<readonly string[]> => {
  const here = thisProcess().machine;
  const names = (await ifThere(() => readdir(state))) ?? [];
  const served = await Promise.all(
    names
      .filter((name) => /^serving-[0-9a-f]{16}\.json$/.test(name))
      .sort()
      // Another workspace's damaged file is no matter of this one.
      .map((name) => readServing(join(state, name)).catch(() => null)),
  );
  return served.flatMap((each) =>
    each !== null && each.workspace === workspace && each.process.machine !== here ? [each.process.host] : [],
  );
};

/** The engine that serves a workspace, started in the background if there is none. */
export interface FoundEngine {
  readonly serving: ServingEngine;
  readonly started: boolean;
}

/**
 * Finds the engine of a workspace, or starts one that outlives this process, its terminal and its ssh session.
 * `command`: the command line that serves it (program, then parameters).
 *
 * @throws WorkbenchError `serving-damaged`; `not-started` with the end of its log.
 */
export const findOrStartServing = async (
  state: string,
  workspace: string,
  [program, ...parameters]: readonly [string, ...string[]],
): Promise<FoundEngine> => {
  const found = await findServing(state, workspace);
  if (found !== null) return { serving: found, started: false };
  await makePrivateFolder(state);
  const log = await open(logOf(state, workspace), 'w', 0o600);
  try {
    // Its answer is an address with the token: that goes to no file.
    const child = spawn(program, parameters, { detached: true, stdio: ['ignore', 'ignore', log.fd] });
    const end: { how: string | null } = { how: null };
    child.once('error', (error) => (end.how = error.message));
    child.once('exit', (code, signal) => (end.how = `it ended with ${signal ?? `code ${String(code)}`}`));
    const until = performance.now() + START_MS;
    while (end.how === null && performance.now() < until) {
      const serving = await findServing(state, workspace);
      if (serving !== null) {
        child.unref();
        return { serving, started: true };
      }
      await delay(LOOK_EVERY_MS);
    }
    if (end.how === null) child.kill();
    const said = (await readTextIfThere(logOf(state, workspace), { mostBytes: MAX_LOG_BYTES })) ?? '';
    throw fail(
      'not-started',
      `The engine did not start: ${end.how ?? `it said nothing for ${START_MS / 1000} s`}.\n` +
        said.trimEnd().split('\n').slice(-LAST_LINES).join('\n'),
      'Start it in a terminal there: uncurl serve',
    );
  } finally {
    await log.close();
  }
};

/**
 * Ends the engine of a workspace as an interrupt does: a running job stops and can be resumed. Returns whether there
 * was one. @throws WorkbenchError `serving-damaged`, `not-stopped`.
 */
export const stopServing = async (state: string, workspace: string): Promise<boolean> => {
  const serving = await findServing(state, workspace);
  if (serving === null) return false;
  // The supervisor decides alone when its engine ends (cli/uncurl.ts).
  process.kill(serving.process.supervisor, 'SIGTERM');
  const until = performance.now() + STOP_MS;
  while (performance.now() < until) {
    if (hasEnded(serving)) return true;
    await delay(LOOK_EVERY_MS);
  }
  throw fail(
    'not-stopped',
    `The engine (process ${serving.process.pid}) did not end within ${STOP_MS / 1000} s.`,
    'End the process by hand.',
  );
};

const untilAborted = (signal: AbortSignal): Promise<'ended'> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve('ended');
    signal.addEventListener('abort', () => resolve('ended'), { once: true });
  });

/**
 * Resolves once nobody has used an engine for `idleMs`: no page is open, and no run works or waits. Ends early with
 * `signal`.
 */
export const untilIdle = async (
  idleMs: number,
  inUse: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<'idle' | 'ended'> => {
  let since = performance.now();
  if (idleMs === Infinity) return untilAborted(signal);
  const every = Math.min(10_000, Math.max(20, idleMs / 10));
  while (!signal.aborted) {
    if (await inUse()) since = performance.now();
    if (performance.now() - since >= idleMs) return 'idle';
    await delay(every, undefined, { signal }).catch(() => undefined);
  }
  return 'ended';
};
