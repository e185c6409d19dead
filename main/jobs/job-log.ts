import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonIn, refuse } from '../contract/errors.ts';
import type { EngineEvent } from '../contract/events.ts';
import { type JobLog, logLine, type LogLine, type RunManifest } from '../contract/run.ts';
import { type PointName, UNPRUNED } from '../contract/sweep.ts';
import { curtailedText } from '../words/verdicts.ts';
import { equivalentCommand } from '../words/equivalent-command.ts';
import { deviceName, precisionText } from '../words/devices.ts';
import { formatCount, formatFactor, formatInterval, formatValue } from '../words/numbers.ts';
import { explainFileError, fileErrorCode, ifThere } from '../files/file-errors.ts';
import { readTextIfThere } from '../files/regular-file.ts';

const LOG_FILE = 'log.jsonl';
/** Size up to which points and steps are logged: some thousands of lines. */
const FULL_AT_BYTES = 512 * 1024;
/** Size up to which ends and problems are logged. */
const MOST_BYTES = 1024 * 1024;
/** Minimum interval between logged step descriptions; points are always logged. */
const STEP_EVERY_MS = 5_000;

const FULL: Omit<LogLine, 'at'> = {
  kind: 'problem',
  text: 'The log is full: points and steps after this line are not logged (they are in the results).',
};

interface Heard {
  bytes: number;
  isFull: boolean;
  lastStep: { readonly at: number; readonly text: string } | null;
  /** The job's last description; its summary once it is done. */
  said: string;
  /** Why lines could not be written. */
  problem: string | null;
}

/** Logs the events of each run in its folder. */
export interface JobLogs {
  hear(event: EngineEvent): void;
  /** Logs a message about a run that is not an event. */
  tellProblem(run: string, text: string): void;
  /** Reads the log of a run, including every event received so far. */
  read(run: string): Promise<JobLog>;
  /** Resolves when every event received so far is on disk. */
  settled(): Promise<void>;
}

const seedText = (seed: number | null): string => (seed === null ? '' : `, seed ${seed}`);

const stateText = (manifest: RunManifest, said: string): string => {
  const { state, error, device } = manifest;
  switch (state) {
    case 'queued': {
      const command = equivalentCommand(manifest);
      return command === null ? 'Queued.' : `Queued (${command}).`;
    }
    case 'running': {
      const threads = `${formatCount(device.threads)} ${device.threads === 1 ? 'thread' : 'threads'}`;
      return `Started on ${deviceName(device)}, ${precisionText(device)}, ${threads}.`;
    }
    case 'done':
      return said === '' ? 'Done.' : `Done. ${said}`;
    case 'failed':
      return `Failed. ${error ?? ''}`.trimEnd();
    case 'cancelled':
      return 'Cancelled: finished steps stay on disk.';
    case 'interrupted':
      return 'Left unfinished: it can be resumed.';
  }
};

/** A run and its log line; null without a line. */
type EventLine = { readonly run: string; readonly line: Omit<LogLine, 'at'> } | null;

const changeLine = ({ run, change }: Extract<EngineEvent, { type: 'sweep.changed' }>): EventLine => {
  const pointText = ({ model, task, method, seed, factor }: PointName): string =>
    `${model}, ${task}, ${method}${seedText(seed)}, ${formatFactor(factor)}`;
  if (change.what === 'point') {
    const { method, metric, value, low, high } = change.result;
    const interval = method === UNPRUNED ? '' : `, difference ${formatInterval({ low, high }, metric)}`;
    const text = `${pointText(change.result)}: ${metric} ${formatValue(value, metric)}${interval}`;
    return { run, line: { kind: 'point', text } };
  }
  if (change.what === 'curtailed') {
    const text = `${pointText(change.point)}: ${curtailedText(change.point)}`;
    return { run, line: { kind: 'curtailed', text } };
  }
  return null;
};

const lineOf = (event: EngineEvent, said: string): EventLine => {
  switch (event.type) {
    case 'run.changed': {
      const { id, state } = event.manifest;
      return {
        run: id,
        line: { kind: state === 'failed' ? 'problem' : 'state', text: stateText(event.manifest, said) },
      };
    }
    case 'sweep.changed':
      return changeLine(event);
    case 'experiment.arm': {
      const { model, task, kept, method, treatment, gates } = event.arm;
      const how = [method ?? [], treatment, gates === null ? [] : `gates ${gates}`].flat().join(', ');
      return {
        run: event.run,
        line: { kind: 'point', text: `${model}, ${task}, ${formatCount(kept)} experts kept (${how}): measured.` },
      };
    }
    case 'job.problem':
      return { run: event.run, line: { kind: 'problem', text: event.text } };
    case 'profile.ready':
      return { run: event.run, line: { kind: 'point', text: `Profiled on ${event.task}.` } };
    default:
      return null;
  }
};

/** Windows has no such flag. */
const NO_LINK = process.platform === 'win32' ? 0 : constants.O_NOFOLLOW;

/** Appends to a file of the run, but neither through a symbolic link nor to a file with a second hard link. */
const appendHere = async (file: string, text: string): Promise<void> => {
  const handle = await open(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_LINK, 0o666);
  try {
    if ((await handle.stat()).nlink > 1)
      throw refuse('leads-out', `${file} has a second hard link.`, 'Replace it with a copy of the file.');
    await handle.appendFile(text);
  } finally {
    await handle.close();
  }
};

export const createJobLogs = (folderOf: (run: string) => string, now: () => number): JobLogs => {
  const heard = new Map<string, Heard>();
  let writing: Promise<void> = Promise.resolve();

  const of = (run: string): Heard => {
    const known = heard.get(run);
    if (known !== undefined) return known;
    const made: Heard = { bytes: -1, isFull: false, lastStep: null, said: '', problem: null };
    heard.set(run, made);
    return made;
  };

  const append = async (run: string, state: Heard, line: LogLine): Promise<void> => {
    const file = join(folderOf(run), LOG_FILE);
    if (state.bytes < 0) {
      state.bytes = (await ifThere(() => stat(file)))?.size ?? 0;
      state.isFull = state.bytes >= FULL_AT_BYTES;
    }
    const isMinor = line.kind !== 'state' && line.kind !== 'problem';
    const lines = state.isFull ? (isMinor ? [] : [line]) : [line];
    if (!state.isFull && state.bytes >= FULL_AT_BYTES) {
      state.isFull = true;
      lines.splice(0, isMinor ? 1 : 0, { at: line.at, ...FULL });
    }
    const text = lines.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    if (text === '' || state.bytes + text.length > MOST_BYTES) return;
    await appendHere(file, text);
    state.bytes += Buffer.byteLength(text);
  };

  const write = (run: string, line: Omit<LogLine, 'at'>): void => {
    const state = of(run);
    const at = new Date(now()).toISOString();
    writing = writing.then(async () => {
      if (state.problem !== null) return;
      try {
        await append(run, state, { at, ...line });
      } catch (error) {
        // The run was moved to the trash meanwhile.
        if (fileErrorCode(error) === 'ENOENT') return;
        // A failing log does not stop a job: its readers see the reason.
        const explained = explainFileError(error, join(folderOf(run), LOG_FILE));
        const reason = explained instanceof Error ? explained.message : String(explained);
        state.problem = `From ${at} on nothing could be logged: ${reason}`;
      }
    });
  };

  return {
    hear: (event) => {
      if (event.type === 'job.progress') {
        const { run, description } = event.progress;
        const state = of(run);
        state.said = description;
        const { lastStep } = state;
        const isNews =
          lastStep === null || (lastStep.text !== description && Math.abs(now() - lastStep.at) >= STEP_EVERY_MS);
        if (description === '' || !isNews) return;
        state.lastStep = { at: now(), text: description };
        write(run, { kind: 'step', text: description });
        return;
      }
      if (event.type === 'run.removed') {
        heard.delete(event.run);
        return;
      }
      const entry = lineOf(event, event.type === 'run.changed' ? of(event.manifest.id).said : '');
      if (entry !== null) write(entry.run, entry.line);
    },
    tellProblem: (run, text) => write(run, { kind: 'problem', text }),
    read: async (run) => {
      await writing;
      return withProblem(await readJobLog(run, folderOf(run)), heard.get(run)?.problem ?? null);
    },
    settled: () => writing,
  };
};

const withProblem = (log: JobLog, problem: string | null): JobLog =>
  problem === null ? log : { ...log, missing: [log.missing, problem].filter((part) => part !== null).join(' ') };

/** The log in a run's folder; empty where nothing was logged (runs of earlier versions). */
export const readJobLog = async (run: string, folder: string): Promise<JobLog> => {
  const text = (await readTextIfThere(join(folder, LOG_FILE), { mostBytes: 2 * MOST_BYTES })) ?? '';
  const written = text.split('\n').filter((line) => line !== '');
  // A power failure may have cut off a line.
  const lines = written.flatMap((line) => logLine.safeParse(jsonIn(line)).data ?? []);
  const lost = written.length - lines.length;
  const missing =
    lost === 0 ? null : `${formatCount(lost)} ${lost === 1 ? 'line' : 'lines'} of the log cannot be read.`;
  return { run, lines, missing };
};
