import { assertNever, refuse, WorkbenchError } from '../main/contract/errors.ts';
import { type LineCommand, lineReport, type SshQuestion } from '../main/contract/remote.ts';
import type { RemoteEvent, ShellEvent } from '../main/contract/shell.ts';
import type { ForkedProcess } from './computes.ts';

/** The engine of another machine in place of this one's: at most one line at a time; P is its kind of MessagePort. */
export interface Remote<P> {
  /** The machine that the page talks to; null: this one. */
  host(): string | null;
  /** What ssh asks now. */
  questions(): readonly SshQuestion[];
  /** Resolves once the engine there answers. */
  connect(host: string): Promise<void>;
  /** Gives up a connection that is being made. */
  cancel(): void;
  answer(id: number, answer: string | null): void;
  /** Back to this machine; with `stop` after the engine there has ended. */
  leave(stop: boolean): Promise<void>;
  /** Copies what a run made there into the new folder `out`; returns the number of compared files. */
  fetch(run: string, out: string): Promise<number>;
  fetchCancel(): void;
  /** Gives the far engine its end of a page's connection. */
  connectPage(port: P): void;
  /** Ends the line; the engine there goes on. */
  close(): Promise<void>;
}

export interface RemoteSurroundings<P> {
  /** Starts the program of a line (main/hosts/line-process.ts). */
  startLine(host: string): ForkedProcess<P>;
  tell(event: ShellEvent): void;
  /** Loads the page anew: the engine that it talks to is another one. */
  loadPage(): void;
  /** The line ended for good, and the page is on this machine's engine again. */
  fellBack(host: string, why: { readonly message: string; readonly remedy: string }): void;
}

/** Longer than ssh takes to end. */
const CLOSE_LIMIT_MS = 5_000;

interface Waiting<T> {
  succeed(value: T): void;
  fail(error: Error): void;
}

interface Line<P> {
  readonly host: string;
  readonly child: ForkedProcess<P>;
  readonly exited: Promise<void>;
  readonly asked: Map<number, Waiting<number>>;
  readonly questions: Map<number, SshQuestion>;
  isOpen: boolean;
  isClosing: boolean;
}

export const createRemote = <P>({ startLine, tell, loadPage, fellBack }: RemoteSurroundings<P>): Remote<P> => {
  let line: Line<P> | null = null;
  let connecting: Waiting<void> | null = null;
  let fetching: number | null = null;
  let nextId = 0;

  const send = ({ child }: Line<P>, command: LineCommand, ports: P[] = []): void => child.postMessage(command, ports);
  const say = (event: RemoteEvent): void => tell(event);
  const requireLine = (): Line<P> => {
    if (line?.isOpen === true) return line;
    throw refuse('not-connected', 'The window is not connected to another machine.', 'Connect to it first.');
  };
  const ask = (connection: Line<P>, command: (id: number) => LineCommand): Promise<number> =>
    new Promise((succeed, fail) => {
      const id = nextId++;
      connection.asked.set(id, { succeed, fail });
      send(connection, command(id));
    });

  /** The line of `own` is gone, for this reason. */
  const end = (connection: Line<P>, error: WorkbenchError): void => {
    if (line !== connection) return;
    line = null;
    for (const id of connection.questions.keys()) say({ type: 'remote.questionOver', id });
    for (const waiting of connection.asked.values()) waiting.fail(error);
    const first = connecting;
    connecting = null;
    first?.fail(error);
    if (!connection.isOpen) return;
    loadPage();
    if (!connection.isClosing) fellBack(connection.host, error);
  };

  const hear = (connection: Line<P>, raw: unknown): void => {
    const report = lineReport.parse(raw);
    if (line !== connection) return;
    switch (report.type) {
      case 'step':
        return say({ type: 'remote.step', step: report.step });
      case 'opened': {
        if (!report.isFirst) return tell({ type: 'engine.started' });
        connection.isOpen = true;
        const first = connecting;
        connecting = null;
        first?.succeed();
        // The answer to the page goes first.
        setImmediate(loadPage);
        return;
      }
      case 'cut':
        return tell({ type: 'engine.lost', message: report.message });
      case 'question':
        connection.questions.set(report.question.id, report.question);
        return say({ type: 'remote.question', question: report.question });
      case 'question-over':
        connection.questions.delete(report.id);
        return say({ type: 'remote.questionOver', id: report.id });
      case 'fetching':
        return say({ type: 'remote.fetching', text: report.text });
      case 'ended': {
        const { id, problem, files } = report;
        const waiting = connection.asked.get(id);
        connection.asked.delete(id);
        if (problem === null) waiting?.succeed(files);
        else waiting?.fail(new WorkbenchError(problem.code, 'failed', problem.message, problem.remedy));
        return;
      }
      case 'failed':
        return end(connection, new WorkbenchError(report.code, 'failed', report.message, report.remedy));
      default:
        assertNever(report);
    }
  };

  const close = async (connection: Line<P>): Promise<void> => {
    connection.isClosing = true;
    send(connection, { type: 'close' });
    const limit = setTimeout(() => connection.child.kill(), CLOSE_LIMIT_MS);
    await connection.exited;
    clearTimeout(limit);
  };
  const cancelled = (): WorkbenchError =>
    new WorkbenchError('cancelled', 'cancelled', 'The connection was given up.', '');

  return {
    host: () => (line?.isOpen === true ? line.host : null),
    questions: () => [...(line?.questions.values() ?? [])],
    connect: (host) => {
      if (line !== null)
        return Promise.reject(
          refuse('connected-already', `There is a line to ${line.host} already.`, 'Come back to this machine first.'),
        );
      const child = startLine(host);
      const exited = new Promise<void>((resolve) => child.onExit(() => resolve()));
      const connection: Line<P> = {
        host,
        child,
        exited,
        asked: new Map(),
        questions: new Map(),
        isOpen: false,
        isClosing: false,
      };
      line = connection;
      child.onMessage((raw) => hear(connection, raw));
      void exited.then(() =>
        end(connection, new WorkbenchError('line-ended', 'failed', `The line to ${host} has ended.`, 'Connect again.')),
      );
      return new Promise<void>((succeed, fail) => {
        connecting = { succeed, fail };
      });
    },
    cancel: () => {
      const current = line;
      if (current === null || current.isOpen) return;
      void close(current);
      end(current, cancelled());
    },
    answer: (id, answer) => {
      if (line !== null) send(line, { type: 'answer', id, answer });
    },
    leave: async (stop) => {
      const current = requireLine();
      if (stop) await ask(current, (id) => ({ type: 'stop-engine', id }));
      void close(current);
      setImmediate(() => end(current, cancelled()));
    },
    fetch: async (run, out) => {
      const current = requireLine();
      const copied = ask(current, (id) => {
        fetching = id;
        return { type: 'fetch', id, run, out };
      });
      return copied.finally(() => (fetching = null));
    },
    fetchCancel: () => {
      if (line !== null && fetching !== null) send(line, { type: 'fetch-cancel', id: fetching });
    },
    connectPage: (port) => send(requireLine(), { type: 'page' }, [port]),
    close: async () => {
      if (line !== null) await close(line);
    },
  };
};
