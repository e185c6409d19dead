import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { assertNever, at, fail, refuse, serialiseError, WorkbenchError } from '../contract/errors.ts';
import { welcomeMessage } from '../contract/page-token.ts';
import { lineCommand, type LineReport, lineSettings } from '../contract/remote.ts';
import { connectRpc, type MessageChannelEnd, type RpcConnection } from '../contract/rpc.ts';
import { fetchFolder } from './fetch-folder.ts';
import { parentPort, portChannel, type ProcessPort } from './port-channel.ts';
import { remoteEngine, requireSameVersion } from './remote-engine.ts';
import { socketChannel } from './socket-channel.ts';
import { keepLine, type SshTarget, sshTarget } from './ssh-line.ts';
import { openSshQuestions, type SshQuestions } from './ssh-questions.ts';

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
