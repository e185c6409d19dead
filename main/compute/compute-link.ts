import { readdir, rm } from 'node:fs/promises';
import { type ComputeOrder, computeReport, type ComputeReport } from '../contract/compute.ts';
import type { ProbeEnd } from '../contract/device.ts';
import {
  assertNever,
  CancelledError,
  fail,
  reviveError,
  serialiseError,
  type WorkbenchError,
} from '../contract/errors.ts';
import { endingReason, type ProcessEnd, saidAtEnd } from '../contract/process-end.ts';
import type { RunManifest } from '../contract/run.ts';
import { removeAbandonedExports } from '../export/export-folder.ts';
import { isSystemError } from '../files/file-errors.ts';
import { writerOfTemporary } from '../files/write-atomically.ts';
import type { StartProbe } from '../inference/providers/fork-probe.ts';
import type { JobResult } from '../jobs/job-context.ts';
import type { CarryOut, RunToCarryOut } from '../jobs/job-queue.ts';
import { ticks } from '../jobs/progress-meter.ts';
import { SweepRecord } from '../runs/sweep-record.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { runKinds } from '../contract/run-kinds.ts';
import { runCode } from '../workspace/run-binding.ts';
import type { ComputeProcess } from './start-compute.ts';
import path from 'node:path';

/** Time limit for ending a cancelled job; then its process is killed, since native code cannot be interrupted. */
const CANCEL_LIMIT_MS = 500;

/** The engine's end of its compute process. */
export interface ComputeLink {
  /** Carries out one run at a time; starts the process if none is running. */
  readonly carryOut: CarryOut;
  /** Ends the process, whatever it is doing. */
  dispose(): Promise<void>;
}

interface LinkSettings {
  readonly start: () => ComputeProcess;
  readonly startProbe: StartProbe;
  readonly workspace: Pick<Workspace, 'runs' | 'temporaryFolder' | 'overlayFolder'>;
  /** Records of running sweeps, from which the engine answers; updated from the process. */
  readonly liveSweeps: Map<string, SweepRecord>;
}

/** The process's reports on the run that it carries out. */
type RunReport = Extract<ComputeReport, { readonly run: string }>;

/** Listener to the process during a run. */
interface Listener {
  heard(report: RunReport): void;
  /** Called when no more reports will come; the error names the run's title. */
  lost(explain: (title: string) => WorkbenchError): void;
}

interface RunningProcess {
  readonly process: ComputeProcess;
  readonly ended: Promise<void>;
  /** Its signature in names of temporary files; null until it has reported it. */
  writer: string | null;
  listener: Listener | null;
}

const computeLost = (title: string, end: ProcessEnd, errors: string): WorkbenchError => {
  const said = saidAtEnd(errors);
  return fail(
    'compute-lost',
    `The process that computed "${title}" ended (${typeof end === 'number' ? `exit code ${end}` : end}): ` +
      `${endingReason(end)}.${said === '' ? '' : ` It said: ${said}`}`,
    'Resume it: every finished step is on disk. Where memory was short, close other programs or lower the memory ' +
      'budget (--memory) first.',
  );
};

const unclear = (title: string): WorkbenchError =>
  fail(
    'compute-unclear',
    `The process that computed "${title}" sent a message that this version does not know.`,
    'Build or install the workbench again, then resume the run.',
  );

/** Carries runs out in a separate process, so that the engine always answers and survives a crash of it. */
export const createComputeLink = ({ start, startProbe, workspace, liveSweeps }: LinkSettings): ComputeLink => {
  const { runs, temporaryFolder } = workspace;
  let running: RunningProcess | null = null;

  const answerProbe = async (
    { process }: RunningProcess,
    { id, provider, folder }: Extract<ComputeReport, { type: 'probe' }>,
  ): Promise<void> => {
    const end = await startProbe(provider, folder).catch((error: unknown): ProbeEnd => ({
      kind: 'failed',
      message: serialiseError(error).message,
    }));
    process.post({ type: 'probed', id, end });
  };

  /**
   * Ends a defunct process: its remaining reports on its run are still received, and the next run gets another process.
   */
  const giveUp = (child: RunningProcess): void => {
    if (running === child) running = null;
    child.process.kill();
  };

  const hear = (child: RunningProcess, raw: unknown): void => {
    const report = computeReport.safeParse(raw);
    if (!report.success) {
      child.listener?.lost(unclear);
      return giveUp(child);
    }
    switch (report.data.type) {
      case 'ready':
        child.writer = report.data.writer;
        return;
      case 'probe':
        return void answerProbe(child, report.data);
      default:
        child.listener?.heard(report.data);
    }
  };

  const started = (): RunningProcess => {
    const process = start();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const child: RunningProcess = { process, ended, writer: null, listener: null };
    process.onMessage((raw) => hear(child, raw));
    process.onEnd((how, errors) => {
      if (running === child) running = null;
      end();
      child.listener?.lost((title) => computeLost(title, how, errors));
    });
    return child;
  };

  /** Follows a run in the process until it reports its end or ends itself. */
  const follow = (
    child: RunningProcess,
    lock: number | null,
    { manifest, signal, finish, meter, emit, requireRun }: RunToCarryOut,
  ): Promise<JobResult> => {
    const { id: run } = manifest;
    const recordContext = { run, folder: runs.folder(run), temporaryFolder, now: ticks, requireRun };
    const send = (order: ComputeOrder): void => child.process.post(order);
    return new Promise((resolve, reject) => {
      let limit: NodeJS.Timeout | null = null;
      const cancel = (): void => {
        send({ type: 'cancel', run });
        limit = setTimeout(() => giveUp(child), CANCEL_LIMIT_MS);
      };
      const endEarly = (): void => send({ type: 'finish', run });
      const settle = (then: () => void): void => {
        child.listener = null;
        if (limit !== null) clearTimeout(limit);
        signal.removeEventListener('abort', cancel);
        finish?.removeEventListener('abort', endEarly);
        then();
      };
      const heard = (report: RunReport): void => {
        if (report.run !== run) return; // A late report of the previous run.
        switch (report.type) {
          case 'progress':
            return meter.follow(report.reading);
          case 'event': {
            const { event } = report;
            if (event.type === 'sweep.changed' && event.run === run) {
              if (event.change.what === 'begun') liveSweeps.set(run, new SweepRecord(recordContext, event.change));
              else liveSweeps.get(run)?.take(event.change);
            }
            return emit(event);
          }
          case 'done':
            return settle(() => resolve({ output: report.output, summary: report.summary }));
          case 'failed':
            return settle(() => reject(reviveError(report.error)));
          default:
            assertNever(report);
        }
      };
      const lost: Listener['lost'] = (explain) =>
        settle(() => reject(signal.aborted ? new CancelledError(manifest.title) : explain(manifest.title)));
      child.listener = { heard, lost };
      signal.addEventListener('abort', cancel, { once: true });
      finish?.addEventListener('abort', endEarly, { once: true });
      send({ type: 'carry-out', run, lock, code: runCode(manifest) });
      if (signal.aborted) cancel();
      if (finish?.aborted === true) endEarly();
    });
  };

  /** Brings the files of a sweep up to date with the reports, for calls that read them. */
  const closeRecord = async (run: string): Promise<void> => {
    const record = liveSweeps.get(run);
    liveSweeps.delete(run);
    await record?.write();
  };

  const carryOut: CarryOut = async (order) => {
    const { manifest, meter, requireRun } = order;
    const lock = await runs.lockGeneration(manifest.id);
    // Checks that this engine still has the lock, which later readers rely on.
    await requireRun();
    if (running === null) meter.describe('Starting the process that computes');
    const current = (running ??= started());
    const leave = async (): Promise<void> => {
      if (running !== current) {
        await current.ended;
        if (current.writer !== null) await removeLeftovers(manifest, current.writer, workspace);
      }
      await closeRecord(manifest.id);
    };
    let result: JobResult;
    try {
      result = await follow(current, lock, order);
    } catch (error) {
      // The error that ended the run is reported, not a failure to update its files.
      await leave().catch(() => undefined);
      throw error;
    }
    await leave();
    return result;
  };

  return {
    carryOut,
    dispose: async () => {
      const current = running;
      current?.process.kill();
      await current?.ended;
    },
  };
};

const removeFiles = async (writer: string, folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (writerOfTemporary(name) !== writer) continue;
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
};

/**
 * Removes unfinished work of a killed process (`writer`: its temporaryWriter): files and folders among the workspace's
 * temporary ones and its overlays, and the unfinished folder of an export or a tuned model. Finished work stays. Files
 * that cannot be removed stay until they are a day old or the folder is made again.
 */
export const removeLeftovers = async (
  { kind, spec }: Pick<RunManifest, 'kind' | 'spec'>,
  writer: string,
  { temporaryFolder, overlayFolder }: Pick<Workspace, 'temporaryFolder' | 'overlayFolder'>,
): Promise<void> => {
  const { destination } = spec;
  try {
    for (const folder of [temporaryFolder, overlayFolder]) await removeFiles(writer, folder);
    if (runKinds[kind].asks?.(spec).destination === true && typeof destination === 'string')
      await removeAbandonedExports(destination);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
};
