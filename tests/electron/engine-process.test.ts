import { PassThrough } from 'node:stream';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ForkedCompute } from '../../electron/computes.ts';
import {
  describeEngineEnd,
  type EngineEnd,
  startEngineProcess,
  type EngineProcess,
} from '../../electron/engine-process.ts';

/** Follows the control protocol like the engine process; a thread replaces Electron's utilityProcess here. */
const OBEDIENT = `
  const { parentPort } = require('node:worker_threads');
  parentPort.postMessage({ type: 'ready' });
  parentPort.on('message', ({ message, ports }) => {
    if (message.type === 'page') ports[0].postMessage('hello');
    if (message.type === 'grant' && message.path === '/crash') {
      process.stderr.write('out of memory', () => process.exit(134));
    } else if (message.type === 'grant') {
      const granted = { type: 'granted', id: message.id, handle: 'to ' + message.path };
      setTimeout(() => parentPort.postMessage(granted), message.path === '/slow' ? 40 : 0);
    }
    if (message.type === 'output')
      parentPort.postMessage({ type: 'output', id: message.id, path: message.run === 'made' ? '/out' : null });
    if (message.type === 'stop') process.exit(0);
  });
`;
/** Requests a probe, and passes the result on as a grant. */
const PROBING = `
  const { parentPort } = require('node:worker_threads');
  const heard = {};
  parentPort.postMessage({ type: 'probe', id: 7, provider: 'webgpu', folder: '/probe' });
  parentPort.on('message', ({ message }) => {
    heard[message.type] = message;
    const { grant, probed } = heard;
    if (grant && probed) parentPort.postMessage({ type: 'granted', id: grant.id, handle: JSON.stringify(probed) });
  });
`;
/** Requests a compute process, passes on its first message, and stops when it hears that it has ended. */
const COMPUTING = `
  const { parentPort } = require('node:worker_threads');
  const settings = { workspace: '/w', settingsFile: '/s', resources: '/r', threads: 1, memoryBudgetBytes: 1 };
  parentPort.postMessage({ type: 'compute', id: 3, settings });
  let said = null;
  let waiting = null;
  const tell = () => {
    if (said === null || waiting === null) return;
    parentPort.postMessage({ type: 'granted', id: waiting.id, handle: JSON.stringify(said) });
  };
  parentPort.on('message', ({ message, ports }) => {
    if (message.type === 'computing') ports[0].on('message', (heard) => { said = heard; tell(); });
    if (message.type === 'grant') { waiting = message; tell(); }
    if (message.type === 'stop') parentPort.postMessage({ type: 'compute-kill', id: 3 });
    if (message.type === 'compute-ended') process.exit(message.errors === 'full' && message.end === 9 ? 0 : 1);
  });
`;
const DEAF = `require('node:worker_threads').parentPort.on('message', () => undefined)`;
const BROKEN = `
  const failed = { type: 'failed', message: 'The workspace is full.', remedy: 'Free some space.' };
  require('node:worker_threads').parentPort.postMessage(failed);
  setTimeout(() => process.exit(1), 20);
`;

const workers: Worker[] = [];
/** Compute processes started with these settings. */
interface StartedCompute {
  readonly settings: unknown;
  readonly kill: ReturnType<typeof vi.fn>;
}

interface Started {
  readonly engine: EngineProcess<MessagePort>;
  readonly ended: Promise<EngineEnd>;
  readonly ends: readonly EngineEnd[];
  /** Called on every kill. */
  readonly kill: ReturnType<typeof vi.fn>;
  readonly computes: readonly StartedCompute[];
  /** The exit code of its thread. */
  readonly exited: Promise<number>;
}

/** Sends one message over its port, and ends like a killed process when asked to. */
const startCompute = (computes: StartedCompute[], settings: unknown): ForkedCompute<MessagePort> => {
  const { port1, port2 } = new MessageChannel();
  const stderr = new PassThrough();
  let exit: (code: number) => void = () => undefined;
  const kill = vi.fn(() => {
    stderr.end('full', () => setImmediate(() => exit(9)));
    port1.close();
  });
  computes.push({ settings, kill });
  port1.postMessage({ type: 'ready', pid: 7 });
  const child = {
    stderr,
    postMessage: () => undefined,
    onMessage: () => undefined,
    onExit: (listener: (code: number) => void) => {
      exit = listener;
    },
    kill,
  };
  return { child, port: port2 };
};

const start = (source: string): Started => {
  const worker = new Worker(source, { eval: true, stderr: true });
  workers.push(worker);
  const ends: EngineEnd[] = [];
  const computes: StartedCompute[] = [];
  const exited = new Promise<number>((resolve) => void worker.once('exit', resolve));
  const kill = vi.fn(() => void worker.terminate());
  let tell: (end: EngineEnd) => void = () => undefined;
  const ended = new Promise<EngineEnd>((resolve) => {
    tell = (end) => {
      ends.push(end);
      resolve(end);
    };
  });
  const engine = startEngineProcess<MessagePort>(
    {
      stderr: worker.stderr,
      postMessage: (message, ports = []) => worker.postMessage({ message, ports }, ports),
      onMessage: (listener) => void worker.on('message', listener),
      onExit: (listener) => void worker.once('exit', listener),
      kill,
    },
    tell,
    (provider, folder) => Promise.resolve({ kind: 'failed', message: `${provider} in ${folder}` }),
    (settings) => startCompute(computes, settings),
  );
  return { engine, ended, ends, kill, computes, exited };
};
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

describe('a running engine', () => {
  it('receives a page’s port', async () => {
    const { engine } = start(OBEDIENT);
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise((resolve) => port1.once('message', resolve));
    engine.connectPage(port2);
    expect(await answer).toBe('hello');
    port1.close();
  });

  it('grants paths, matching answers to questions', async () => {
    const { engine } = start(OBEDIENT);
    expect(await Promise.all([engine.grantPath('/slow'), engine.grantPath('/a')])).toEqual(['to /slow', 'to /a']);
  });

  it('returns the output path of a run, and nothing for a run without output', async () => {
    const { engine } = start(OBEDIENT);
    expect(await Promise.all([engine.outputOf('made'), engine.outputOf('gone')])).toEqual(['/out', null]);
  });

  it('learns how the requested probe ended', async () => {
    const { engine } = start(PROBING);
    const received: unknown = JSON.parse(await engine.grantPath('/any'));
    expect(received).toEqual({ type: 'probed', id: 7, end: { kind: 'failed', message: 'webgpu in /probe' } });
  });

  it('gets a compute process with its own port, and learns while stopping how that process ended', async () => {
    const { engine, ends, computes, exited, kill } = start(COMPUTING);
    expect(JSON.parse(await engine.grantPath('/any'))).toEqual({ type: 'ready', pid: 7 });
    expect(computes.map(({ settings }) => settings)).toEqual([
      { workspace: '/w', settingsFile: '/s', resources: '/r', threads: 1, memoryBudgetBytes: 1 },
    ]);
    await engine.stop();
    expect(await exited).toBe(0);
    expect(computes[0]?.kill).toHaveBeenCalledTimes(1);
    expect(kill).not.toHaveBeenCalled();
    expect(ends).toEqual([]);
  });

  it('stops on request, which is not a failure', async () => {
    const { engine, ends } = start(OBEDIENT);
    await engine.stop();
    expect(ends).toEqual([]);
    expect(() => engine.connectPage(new MessageChannel().port1)).toThrow('not running');
  });

  it('is killed if it does not stop in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { engine, ends, kill } = start(DEAF);
    const stopped = engine.stop();
    await vi.advanceTimersByTimeAsync(2_999);
    expect(kill).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(kill).toHaveBeenCalledTimes(1);
    await stopped;
    expect(ends).toEqual([]);
  });

  it('is not waited for if its end is never reported', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { engine, kill } = start(DEAF);
    kill.mockImplementation(() => undefined);
    const stopped = engine.stop();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(kill).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(5_000);
    await stopped;
  });
});

describe('an engine that ends on its own', () => {
  it('ends its compute process too', async () => {
    const { engine, ended, computes } = start(COMPUTING);
    await engine.grantPath('/any');
    await workers.at(-1)?.terminate();
    await ended;
    expect(computes[0]?.kill).toHaveBeenCalledTimes(1);
  });

  it('rejects pending calls and reports the end once, with the end of its error output', async () => {
    const { engine, ended, ends } = start(OBEDIENT);
    await expect(engine.grantPath('/crash')).rejects.toMatchObject({ code: 'engine-stopped' });
    expect((await ended).message).toContain('exit code 134');
    expect((await ended).detail).toContain('out of memory');
    await expect(engine.grantPath('/a')).rejects.toMatchObject({ code: 'engine-stopped' });
    await engine.stop();
    expect(ends).toHaveLength(1);
  });

  it('passes on the reason that it reported', async () => {
    const { ended } = start(BROKEN);
    expect(await ended).toMatchObject({ message: 'The workspace is full.' });
    expect((await ended).detail).toContain('Free some space.');
  });
});

it.each([
  [9, 'killed'],
  [137, 'killed'],
  [11, 'memory fault'],
  [139, 'memory fault'],
  [-1073741819, 'memory fault'],
  [134, 'abort'],
  [0, 'exited on its own'],
  [1, 'failed'],
  [77, 'failed'],
])('exit code %i is reported as: %s', (code, words) => {
  expect(describeEngineEnd(code, null, '').message).toContain(words);
});
