// The server of `npm run dev`, on Node 24: Vite for the page, an engine in a separate process, and in front of both the
// same server as `uncurl serve`, so that nobody without the token reaches either. Everything listens on 127.0.0.1 only.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createSocketServer } from 'node:net';
import path from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { parseArgs } from 'node:util';
import { createServer } from 'vite';
import { pageHeaders } from '../main/contract/renderer-page.ts';
import { connectRpc } from '../main/contract/rpc.ts';
import { serveWorkbench } from '../main/hosts/serve.ts';
import { fail, nodeOptions, root, say } from './setup.mjs';

const host = '127.0.0.1';
const { port, workspace } = parseArgs({ options: { port: { type: 'string' }, workspace: { type: 'string' } } }).values;
if (port !== undefined && !/^\d{1,5}$/.test(port)) fail(`--port ${port} is not a port.`);

/** Editors often write several files at once. */
const gatherMs = 150;
/** An engine that takes longer to release its resources is killed. */
const patienceMs = 15_000;

const freePort = async () => {
  const server = createSocketServer().listen(0, host);
  await once(server, 'listening');
  const { port: found } = server.address();
  server.close();
  await once(server, 'close');
  return found;
};

/** Calls go to the present engine and wait while there is none; subscriptions outlive the engines. */
const createEngineHolder = () => {
  const listeners = new Set();
  let child = null;
  let connection = null;
  let waiting = Promise.withResolvers();

  const channelOf = (engine) => ({
    post: (message) => {
      if (engine.connected) engine.send(message);
    },
    listen: (received, ended) => {
      engine.on('message', received);
      engine.on('exit', ended);
      return () => {
        engine.off('message', received);
        engine.off('exit', ended);
      };
    },
    close: () => undefined,
  });
  const start = async () => {
    const started = fork(path.join(root, '.ci', 'dev-engine.mjs'), workspace === undefined ? [] : [workspace], {
      cwd: root,
      execArgv: nodeOptions,
    });
    child = started;
    const [first] = await Promise.race([once(started, 'message'), once(started, 'exit')]);
    if (first?.type !== 'ready')
      return say('The engine did not start: its message is above. Change main/ to try again.');
    connection = connectRpc(channelOf(started), () => {
      if (child === started) say('The engine ended unexpectedly. Change main/ to start it again.');
    });
    connection.subscribe((event) => listeners.forEach((listener) => listener(event)));
    waiting.resolve(connection);
  };
  const stop = async () => {
    const ending = child;
    child = null;
    connection = null;
    waiting = Promise.withResolvers();
    if (ending === null || ending.exitCode !== null) return;
    const ended = once(ending, 'exit');
    if (ending.connected) ending.disconnect();
    const timer = setTimeout(() => ending.kill('SIGKILL'), patienceMs);
    await ended;
    clearTimeout(timer);
  };
  return {
    start,
    stop,
    engine: {
      answer: async (name, input, signal) => (connection ?? (await waiting.promise)).call(name, input, signal),
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
};

// Vite's client uses a WebSocket, and its page has inline scripts and styles: the policy of the development page allows
// exactly those, by port and nonce. The policy of the built page is unchanged.
const reloadPort = await freePort();
const nonce = randomBytes(16).toString('base64');
const vite = await createServer({
  configFile: path.join(root, 'vite.config.ts'),
  appType: 'spa',
  html: { cspNonce: nonce },
  server: { middlewareMode: true, hmr: { host, port: reloadPort }, cors: false },
});
const withNonce = (policy) =>
  policy.replace(/(?:script|style)-src 'self'/g, (directive) => `${directive} 'nonce-${nonce}'`);

const held = createEngineHolder();
const server = await serveWorkbench({
  engine: held.engine,
  rendererFolder: path.join(root, 'renderer'),
  port: Number(port ?? 0),
  host,
  answerPage: (request, response) => {
    const headers = pageHeaders([`ws://${request.headers.host ?? ''}`, `ws://${host}:${reloadPort}`]);
    for (const [name, value] of Object.entries(headers)) {
      response.setHeader(name, name === 'Content-Security-Policy' ? withNonce(value) : value);
    }
    vite.middlewares(request, response);
  },
});

let work = held.start();
let gathering = null;
const restart = () => {
  gathering = null;
  work = work.then(async () => {
    say('main/ has changed: restarting the engine.');
    await held.stop();
    await held.start();
    server.dropPages();
  });
};
vite.watcher.add(path.join(root, 'main'));
vite.watcher.on('all', (event, file) => {
  if (!file.startsWith(path.join(root, 'main') + path.sep) || !file.endsWith('.ts') || event.startsWith('add')) return;
  clearTimeout(gathering);
  gathering = setTimeout(restart, gatherMs);
});

const end = async () => {
  clearTimeout(gathering);
  await work;
  await held.stop();
  await server.close();
  await vite.close();
  process.exit(0);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void end());

await work;
say(`The workbench, from its present sources, is at ${server.url}`);
say('The address contains a token: whoever has it can use the workbench. Ctrl-C ends it.');
