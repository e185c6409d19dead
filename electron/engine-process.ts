import type { ProbeEnd, ProviderName } from '../main/contract/device.ts';
import { type EngineCommand, engineReport } from '../main/contract/engine-control.ts';
import { assertNever, refuse } from '../main/contract/errors.ts';
import type { PathHandle } from '../main/contract/model.ts';
import { createComputes, type ForkedProcess, type StartCompute } from './computes.ts';
import { endingReason } from '../main/contract/process-end.ts';

export interface EngineProcess<P> {
  /** Gives the engine its end of a page's connection; it answers as soon as it is ready. */
  connectPage(port: P): void;
  /** Lets the page use a path that the user chose. */
  grantPath(path: string): Promise<PathHandle>;
  /** Path of a run's output; null if it has none. */
  outputOf(run: string): Promise<string | null>;
  /** Asks it to finish the current step, and kills it if that takes too long. */
  stop(): Promise<void>;
}

/** Code of refusals because no engine is running. */
export const ENGINE_STOPPED = 'engine-stopped';

/** Longer than any step between two checks for cancel. */
const STOP_LIMIT_MS = 3_000;
/** Longer than a killed process takes to end: the shell waits no longer for its `exit`. */
const END_LIMIT_MS = 5_000;
/** Maximum number of characters of standard error in a dialog. */
const ERRORS_SHOWN = 2_000;

/** Probes an execution provider in a separate process, with its files in a folder of the engine. */
export type StartProbe = (provider: ProviderName, folder: string) => Promise<ProbeEnd>;

interface Waiting<T> {
  succeed(answer: T): void;
  fail(error: Error): void;
}

/**
 * Runs the engine in a separate process. `ended` is called once, except after `stop`. The engine cannot start processes
 * there, so it asks the shell to probe execution providers and to start compute processes.
 */
export const startEngineProcess = <P>(
  child: ForkedProcess<P>,
  ended: (end: EngineEnd) => void,
  startProbe: StartProbe,
  startCompute: StartCompute<P>,
): EngineProcess<P> => {
  const grants = new Map<number, Waiting<PathHandle>>();
  const outputs = new Map<number, Waiting<string | null>>();
  let nextQuestion = 0;
  let said: { readonly message: string; readonly remedy: string } | null = null;
  let errors = '';
  let state: 'running' | 'stopping' | 'ended' = 'running';

  const send = (command: EngineCommand, ports: P[] = []): void => {
    if (state !== 'running')
      throw refuse(ENGINE_STOPPED, 'The engine is not running.', 'Let the workbench start it again.');
    child.postMessage(command, ports);
  };
  const computes = createComputes(startCompute, (command, ports) => {
    // While stopping, it waits for the end of the compute process.
    if (state !== 'ended') child.postMessage(command, ports);
  });
  child.stderr?.on('data', (chunk: Buffer | string) => {
    process.stderr.write(chunk);
    errors = `${errors}${String(chunk)}`.slice(-ERRORS_SHOWN);
  });
  child.onMessage((raw) => {
    const report = engineReport.parse(raw);
    switch (report.type) {
      case 'ready':
        return;
      case 'failed':
        said = report;
        return;
      case 'probe': {
        const { id, provider, folder } = report;
        void startProbe(provider, folder).then((end) => {
          if (state === 'running') send({ type: 'probed', id, end });
        });
        return;
      }
      case 'compute':
        if (state !== 'ended') computes.start(report.id, report.settings);
        return;
      case 'compute-kill':
        return computes.kill(report.id);
      case 'granted':
        grants.get(report.id)?.succeed(report.handle);
        grants.delete(report.id);
        return;
      case 'output':
        outputs.get(report.id)?.succeed(report.path);
        outputs.delete(report.id);
        return;
      default:
        assertNever(report);
    }
  });
  const exited = new Promise<void>((resolve) => {
    child.onExit((code) => {
      const asked = state === 'stopping';
      state = 'ended';
      computes.killAll();
      const end = describeEngineEnd(code, said, errors);
      for (const grant of grants.values()) grant.fail(refuse(ENGINE_STOPPED, end.message, 'Choose the folder again.'));
      for (const output of outputs.values()) output.fail(refuse(ENGINE_STOPPED, end.message, 'Try again.'));
      grants.clear();
      outputs.clear();
      resolve();
      if (!asked) ended(end);
    });
  });

  /** Asks a question; its answer arrives under its number. */
  const ask = <T>(waiting: Map<number, Waiting<T>>, question: (id: number) => EngineCommand): Promise<T> =>
    new Promise((succeed, fail) => {
      const id = nextQuestion++;
      send(question(id));
      waiting.set(id, { succeed, fail });
    });

  return {
    connectPage: (port) => send({ type: 'page' }, [port]),
    grantPath: (path) => ask(grants, (id) => ({ type: 'grant', id, path })),
    outputOf: (run) => ask(outputs, (id) => ({ type: 'output', id, run })),
    stop: async () => {
      if (state === 'running') {
        send({ type: 'stop' });
        state = 'stopping';
      }
      let limit: NodeJS.Timeout | undefined;
      const given = new Promise<void>((resolve) => {
        limit = setTimeout(() => {
          child.kill();
          limit = setTimeout(resolve, END_LIMIT_MS);
        }, STOP_LIMIT_MS);
      });
      await Promise.race([exited, given]);
      clearTimeout(limit);
    },
  };
};

/** How the engine's process ended, in words for the dialog. */
export interface EngineEnd {
  readonly message: string;
  readonly detail: string;
}

/** `said`: its last report, if any; `errors`: the end of its standard error. */
export const describeEngineEnd = (
  code: number,
  said: { readonly message: string; readonly remedy: string } | null,
  errors: string,
): EngineEnd => {
  const safe = 'Runs keep every finished step; a job that was running can be resumed.';
  if (said !== null) return { message: said.message, detail: `${said.remedy}\n\n${safe}` };
  return {
    message: `The engine stopped (exit code ${code}): ${endingReason(code)}.`,
    detail: [safe, errors.trim()].filter((text) => text !== '').join('\n\n'),
  };
};
