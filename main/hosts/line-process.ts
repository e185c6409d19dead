import { promisify } from 'node:util';
import { createInterface } from 'node:readline';
import { Socket } from 'node:net';
import { open, readdir, rm } from 'node:fs/promises';
import { constants, open as openDescriptor } from 'node:fs';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { assertNever, at, fail, refuse, serialiseError, WorkbenchError } from '../contract/errors.ts';
import { welcomeMessage } from '../contract/page-token.ts';
import { lineCommand, type LineReport, lineSettings, type SshQuestion } from '../contract/remote.ts';
import { connectRpc, type MessageChannelEnd, type RpcConnection } from '../contract/rpc.ts';
import { fetchFolder } from './fetch-folder.ts';
import { parentPort, portChannel, type ProcessPort, socketChannel } from './channels.ts';
import { remoteEngine, requireSameVersion } from './remote-engine.ts';
import { keepLine, type SshTarget, sshTarget } from './ssh-line.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { makeTemporaryFolder } from '../files/temporary-folder.ts';

// What ssh asks, asked in the window: ssh starts resources/ssh/askpass.sh, which talks to this process over pipes of a
// private folder. On Windows, which has no such pipes, ssh finds no terminal and refuses instead of asking.

const MAX_QUESTION_BYTES = 64 * 2 ** 10;
const LOOK_EVERY_MS = 200;

interface SshQuestions {
  /** For every ssh that may ask; null: nothing can be asked here. */
  readonly environment: NodeJS.ProcessEnv | null;
  /** Null: the user does not answer, and ssh goes on without. A question that is over is ignored. */
  readonly answer: (id: number, answer: string | null) => Promise<void>;
  /** Ends every question, and removes the folder. */
  readonly dispose: () => Promise<void>;
}

interface Asking {
  /** `resources/ssh/askpass.sh`. */
  readonly program: string;
  readonly asked: (question: SshQuestion) => void;
  /** ssh waits for this answer no longer. */
  readonly over: (id: number) => void;
}

/** `confirm` and `none` are ssh's own names: a yes or no by a button, and a note that waits for nothing. */
const kindOf = (prompt: string, text: string): SshQuestion['kind'] => {
  if (prompt === 'none') return 'note';
  return prompt === 'confirm' || text.includes('(yes/no') ? 'yes-no' : 'secret';
};

/** Opens the place where ssh's questions arrive; `dispose` it. */
const openSshQuestions = async ({ program, asked, over }: Asking): Promise<SshQuestions> => {
  if (process.platform === 'win32')
    return { environment: null, answer: () => Promise.resolve(), dispose: () => Promise.resolve() };
  const folder = await makeTemporaryFolder('ask');
  const pipe = join(folder, 'asked');
  await promisify(execFile)('mkfifo', ['-m', '600', pipe]);
  // Open in both directions, so that it stays open between questions, and opening it never waits.
  const descriptor = await promisify(openDescriptor)(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const arriving = new Socket({ fd: descriptor, readable: true, writable: false });
  const pending = new Map<number, NodeJS.Timeout>();

  const finish = (id: number): void => {
    clearInterval(pending.get(id));
    if (pending.delete(id)) over(id);
  };
  const answer = async (id: number, given: string | null): Promise<void> => {
    if (!pending.has(id)) return;
    finish(id);
    if (given?.includes('\n') === true) throw refuse('bad-answer', 'An answer is one line.', 'Type it again.');
    try {
      const answering = await open(join(folder, `answer-${id}`), constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        await answering.write(given === null ? 'refused\n' : `answered\n${given}\n`);
      } finally {
        await answering.close();
      }
    } catch (error) {
      // The program that asked has ended.
      if (!['ENOENT', 'ENXIO', 'EPIPE'].includes(fileErrorCode(error) ?? '')) throw error;
    }
  };
  const take = async (id: number): Promise<void> => {
    const file = join(folder, `question-${id}`);
    const [prompt = '', ...lines] = (await readTextIfThere(file, { mostBytes: MAX_QUESTION_BYTES }))?.split('\n') ?? [];
    if (lines.length === 0) return;
    const text = lines.join('\n').trim();
    // ssh ends the program that shows a note, or is itself ended, without a word.
    const look = setInterval(() => {
      readdir(folder).then(
        (names) => (names.includes(`question-${id}`) ? undefined : finish(id)),
        () => finish(id),
      );
    }, LOOK_EVERY_MS);
    look.unref();
    pending.set(id, look);
    asked({ id, kind: kindOf(prompt, text), text });
  };
  createInterface({ input: arriving }).on('line', (line) => {
    // A question that cannot be read is not asked: ssh refuses without an answer once the folder is gone.
    if (/^\d+$/.test(line)) take(Number(line)).catch(() => undefined);
  });

  return {
    environment: {
      SSH_ASKPASS: program,
      SSH_ASKPASS_REQUIRE: 'force',
      // Before OpenSSH 8.4, which has the line above, a display was what made ssh ask by a program.
      DISPLAY: process.env['DISPLAY'] ?? ':0',
      UNCURL_ASKING_FOLDER: folder,
      UNCURL_ASKING_PROCESS: String(process.pid),
    },
    answer,
    dispose: async () => {
      await Promise.all([...pending.keys()].map((id) => answer(id, null)));
      arriving.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/**
 * Entry point of a line to the engine of another machine, in Electron's utilityProcess. The shell starts it by path
 * with one argument (`lineSettings` as JSON) and passes it a MessagePort for each page, which is connected to that
 * engine.
 * The token stays here. When this process ends, its ssh does too; the engine there goes on.
 */
const parent = parentPort(process);
const report = (message: LineReport): void => parent.postMessage(message);
const { host, resources } = lineSettings.parse(JSON.parse(process.argv[2] ?? 'null'));

/** Attempts to reach an engine again whose connection ended while the line is up, and the wait between them. */
const ATTEMPTS = 5;
const BETWEEN_ATTEMPTS_MS = 500;

const closing = new AbortController();
const there = remoteEngine({ signal: closing.signal });
let token = '';
interface OpenLine {
  readonly localPort: number;
  readonly target: SshTarget;
}
/** Null: it is cut now. */
let line: OpenLine | null = null;
/** This process's own connection to the engine there, which also shows that it answers; null: there is none now. */
let engine: RpcConnection | null = null;
const fetches = new Map<number, AbortController>();

/** A socket of the far engine, admitted by the token. */
const openSocket = (localPort: number): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const address = `127.0.0.1:${localPort}`;
    const socket = new WebSocket(`ws://${address}/engine`, { origin: `http://${address}`, perMessageDeflate: false });
    const failed = (why: string): void => {
      socket.terminate();
      reject(fail('engine-silent', `The engine on ${host} does not answer: ${why}.`, ''));
    };
    socket.on('error', (error) => failed(error.message));
    socket.once('close', (code, reason) => failed(reason.toString() || `code ${code}`));
    socket.once('open', () => socket.send(JSON.stringify({ type: 'token', token })));
    socket.once('message', (data: Buffer) => {
      socket.removeAllListeners('close');
      if (welcomeMessage.safeParse(JSON.parse(data.toString('utf8'))).success) resolve(socket);
      else failed('it is of another version');
    });
  });

/** Sends on what either end says; the end of one is that of the other. */
const relay = (near: MessageChannelEnd, far: MessageChannelEnd): void => {
  near.listen(
    (message) => far.post(message),
    () => far.close(),
  );
  far.listen(
    (message) => near.post(message),
    () => near.close(),
  );
};

const requireLine = (): { readonly target: SshTarget; readonly engine: RpcConnection } => {
  if (line !== null && engine !== null) return { target: line.target, engine };
  throw refuse('no-line', `The line to ${host} is cut now.`, 'Wait until it is back.');
};

const connectPage = async (port: ProcessPort): Promise<void> => {
  const near = portChannel(port);
  try {
    if (line === null) return near.close();
    relay(near, socketChannel(await openSocket(line.localPort)));
  } catch {
    // This process's own connection ends too, and says what happens next.
    near.close();
  }
};

const connectEngine = async (at: OpenLine, isFirst: boolean): Promise<void> => {
  const connection = connectRpc(socketChannel(await openSocket(at.localPort)), () => {
    if (engine !== connection) return;
    engine = null;
    reachAgain(at).catch(giveUp);
  });
  engine = connection;
  report({ type: 'opened', isFirst });
};

/** The engine does not answer although the line is up: tries again, unless the line is cut as well. */
const reachAgain = async (at: OpenLine): Promise<void> => {
  report({ type: 'cut', message: `The engine on ${host} does not answer.` });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await delay(BETWEEN_ATTEMPTS_MS);
    if (closing.signal.aborted || line !== at) return;
    try {
      return await connectEngine(at, false);
    } catch (error) {
      if (!(error instanceof WorkbenchError && error.code === 'engine-silent')) throw error;
    }
  }
  if (closing.signal.aborted || line !== at) return;
  throw fail(
    'engine-ended',
    `The engine on ${host} has ended.`,
    'Connect again to start it; a run that it interrupted can be resumed.',
  );
};

/** The folder that a run made there: its export, else the run itself. */
const madeBy = async (asked: RpcConnection, run: string): Promise<string> => {
  const manifest = (await asked.call('runs.list', {})).find(({ id }) => id === run);
  if (manifest?.state !== 'done') throw refuse('not-done', `${run} is not finished.`, 'Fetch it once it is.');
  const { isMadeHere } = await asked.call('runs.origin', { run });
  if (manifest.kind === 'export' && isMadeHere && manifest.output !== null) return manifest.output;
  return `${(await asked.call('engine.facts', {})).workspace}/runs/${run}`;
};

/** Does what the shell asked under `id`, and tells it the end. */
const carryOut = async (id: number, work: () => Promise<number>): Promise<void> => {
  try {
    report({ type: 'ended', id, problem: null, files: await work() });
  } catch (error) {
    const { code, message, remedy } = serialiseError(error);
    report({ type: 'ended', id, problem: { code, message, remedy }, files: 0 });
  }
};

const fetchRun = async (id: number, run: string, out: string): Promise<number> => {
  const { target, engine: asked } = requireLine();
  const controller = new AbortController();
  fetches.set(id, controller);
  try {
    const progress = (text: string): void => report({ type: 'fetching', id, text });
    return await fetchFolder(target, await madeBy(asked, run), out, { progress, signal: controller.signal });
  } finally {
    fetches.delete(id);
  }
};

const giveUp = (error: unknown): void => {
  const { code, message, remedy } = serialiseError(error);
  report({ type: 'failed', code, message, remedy });
  closing.abort();
};

const obey = async (raw: unknown, ports: readonly ProcessPort[], questions: SshQuestions): Promise<void> => {
  const command = lineCommand.parse(raw);
  switch (command.type) {
    case 'page': {
      const port = at(ports, 0, 'the shell sent no port for the page');
      return connectPage(port);
    }
    case 'answer':
      return questions.answer(command.id, command.answer);
    case 'fetch':
      return carryOut(command.id, () => fetchRun(command.id, command.run, command.out));
    case 'fetch-cancel':
      fetches.get(command.id)?.abort();
      return;
    case 'stop-engine':
      return carryOut(command.id, async () => {
        const { target } = requireLine();
        // Its end is asked for.
        engine = null;
        await there.stop(target);
        return 0;
      });
    case 'close':
      closing.abort();
      return;
    default:
      assertNever(command);
  }
};

const run = async (): Promise<void> => {
  const questions = await openSshQuestions({
    program: join(resources, 'ssh', 'askpass.sh'),
    asked: (question) => report({ type: 'question', question }),
    over: (id) => report({ type: 'question-over', id }),
  });
  // One turn later, for the reason given at portChannel.
  parent.on('message', ({ data, ports }) => void setImmediate(() => void obey(data, ports, questions).catch(giveUp)));
  closing.signal.addEventListener('abort', () => {
    for (const controller of fetches.values()) controller.abort();
    engine?.close(new WorkbenchError('closed', 'cancelled', 'The line was closed.', ''));
  });
  try {
    await keepLine(sshTarget(host, { environment: questions.environment }), {
      signal: closing.signal,
      stepped: (step) => report({ type: 'step', step }),
      cut: (message) => {
        line = null;
        engine = null;
        report({ type: 'cut', message });
      },
      findPort: async (target) => {
        const found = await there.find(target);
        requireSameVersion(target, found);
        token = found.token;
        return found.port;
      },
      opened: (localPort, isFirst, target) => {
        const at = { localPort, target };
        line = at;
        report({ type: 'step', step: 'open' });
        connectEngine(at, isFirst).catch((error: unknown) => (isFirst ? giveUp(error) : reachAgain(at).catch(giveUp)));
      },
    });
  } catch (error) {
    giveUp(error);
  } finally {
    await questions.dispose();
  }
};

// The event loop delivers the last report, so leave it time.
void run().finally(() => setTimeout(() => process.exit(0), 100));
