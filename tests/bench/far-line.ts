/**
 * How the window feels on an engine far away: round trips and time of views, maps, hover and the factor slider.
 *
 * Method: `uncurl serve` on a workspace with the sample, and Chromium on the built page (`npm run build` first), on
 * loopback and through a proxy with a round trip of 60 ms, where each of 100 segments is lost on average and holds back
 * what follows until it is sent again (200 ms, TCP's shortest). For every action it counts the calls, and how many of
 * them had to wait for one another: the length of the longest chain in which each call was made after the answer of the
 * one before. That is the number of round trips that the action waits for; times are from the action to the last
 * answer. Usage: npx node tests/bench/far-line.ts [ROUND_TRIP_MS] [LOSS]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium, type Page, type WebSocket } from '@playwright/test';
import { createEngine } from '../../main/engine/engine.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { resources, tab } from '../e2e/page-steps.ts';
import { startServer, stopServer } from '../e2e/workbench.ts';

const ROUND_TRIP_MS = Number(process.argv[2] ?? 60);
const LOSS = Number(process.argv[3] ?? 0.01);
const SEGMENT_BYTES = 1_460;
const SENT_AGAIN_MS = 200;
/** Stores the view for the next start; nothing waits for it. */
const ASIDE = 'view.keep';
/** Without a frame for so long, an action is over. */
const QUIET_MS = 2_500;

/** Sends on what a socket receives, late and in order. */
const delayed = (from: Socket, to: Socket, random: () => number): void => {
  let free = 0;
  const send = (act: () => void, extra: number): void => {
    const at = Math.max(free, performance.now() + ROUND_TRIP_MS / 2) + extra;
    free = at;
    setTimeout(act, Math.max(0, at - performance.now()));
  };
  from.on('data', (chunk: Buffer) => {
    let lost = 0;
    for (let sent = 0; sent < chunk.length; sent += SEGMENT_BYTES) if (random() < LOSS) lost += 1;
    send(() => void (to.destroyed || to.write(chunk)), lost > 0 ? SENT_AGAIN_MS : 0);
  });
  from.on('end', () => send(() => to.end(), 0));
  from.on('error', () => to.destroy());
  from.on('close', () => send(() => to.destroy(), 0));
};

/** A port that leads to another one over a long line. */
const farPort = (to: number): Promise<{ readonly port: number; readonly close: () => void }> =>
  new Promise((resolve) => {
    const random = seededRandom(0);
    const server = createServer((near) => {
      const far = connect(to, '127.0.0.1');
      near.setNoDelay(true);
      far.setNoDelay(true);
      delayed(near, far, random.float);
      delayed(far, near, random.float);
    });
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      if (bound === null || typeof bound === 'string') throw new Error('no port');
      resolve({ port: bound.port, close: () => server.close() });
    });
  });

interface Call {
  readonly name: string;
  readonly sentAt: number;
  /** Calls in the longest chain that ends with this one. */
  readonly depth: number;
  answeredAt: number | null;
}

/** The calls of a page, from the frames of its WebSocket. */
const watchCalls = (page: Page) => {
  const calls = new Map<number, Call>();
  let since = 0;
  let lastFrame = 0;
  let received = 0;
  const ofAction = (): Call[] => [...calls.values()].filter(({ sentAt }) => sentAt >= since);
  page.on('websocket', (socket: WebSocket) => {
    socket.on('framesent', ({ payload }) => {
      const message = JSON.parse(String(payload)) as { type?: unknown; id?: unknown; name?: unknown };
      if (message.type !== 'call' || typeof message.id !== 'number' || message.name === ASIDE) return;
      lastFrame = performance.now();
      const answered = ofAction().filter(({ answeredAt }) => answeredAt !== null);
      const depth = 1 + answered.reduce((most, call) => Math.max(most, call.depth), 0);
      calls.set(message.id, { name: String(message.name), sentAt: performance.now(), depth, answeredAt: null });
    });
    socket.on('framereceived', ({ payload }) => {
      received += String(payload).length;
      const { id } = JSON.parse(String(payload)) as { id?: unknown };
      const call = typeof id === 'number' ? calls.get(id) : undefined;
      if (call === undefined) return;
      lastFrame = performance.now();
      call.answeredAt = lastFrame;
    });
  });
  return async (act: () => Promise<void>) => {
    since = performance.now();
    lastFrame = since;
    received = 0;
    await act();
    const acted = performance.now();
    const isOver = (): boolean =>
      ofAction().every(({ answeredAt }) => answeredAt !== null) &&
      performance.now() - Math.max(lastFrame, acted) > QUIET_MS;
    while (!isOver()) await page.waitForTimeout(50);
    const made = ofAction();
    const last = made.reduce((most, { answeredAt }) => Math.max(most, answeredAt ?? 0), since);
    return {
      calls: made.length,
      roundTrips: made.reduce((most, { depth }) => Math.max(most, depth), 0),
      ms: Math.round(last - since),
      kilobytes: Math.round(received / 1_000),
      chain: made.filter(({ depth }) => depth > 1).map(({ name, depth }) => `${name} (${String(depth)})`),
    };
  };
};

const header = (page: Page, label: string) =>
  page.getByRole('region', { name: 'What is on screen' }).getByLabel(label, { exact: true });
const map = (page: Page) => page.getByRole('application', { name: /layers by \d+ experts/ });

/** What every round begins with: the engine keeps the view of the page before. */
const BEGIN = { Model: 'uncurl-8', Task: 'Sums', Method: 'REAP' } as const;

const choose = async (page: Page, label: keyof typeof BEGIN, name: string): Promise<void> => {
  await header(page, label).selectOption({ label: name });
};

const ACTIONS: readonly (readonly [name: string, act: (page: Page) => Promise<void>])[] = [
  ['another model', (page) => choose(page, 'Model', 'uncurl-16')],
  ['another task', (page) => choose(page, 'Task', 'Capitals')],
  ['another method', (page) => choose(page, 'Method', 'Frequency')],
  ['hover over the map', (page) => map(page).hover({ position: { x: 60, y: 20 } })],
  ['hover over another expert', (page) => map(page).hover({ position: { x: 90, y: 30 } })],
  ['an expert', (page) => map(page).click({ position: { x: 60, y: 20 } })],
  ['factor slider, one step', (page) => page.getByLabel('Pruning factor').press('ArrowRight')],
  ['factor slider, another step', (page) => page.getByLabel('Pruning factor').press('ArrowRight')],
  ['factor slider, back', (page) => page.getByLabel('Pruning factor').press('ArrowLeft')],
  ['Thresholds', (page) => tab(page, 'Thresholds')],
  ['Compare', (page) => tab(page, 'Compare')],
  ['Runs', (page) => tab(page, 'Runs')],
  ['Side by side', (page) => tab(page, 'Side by side')],
  ['Fit', (page) => tab(page, 'Fit')],
  ['Workbench again', (page) => tab(page, 'Workbench')],
];

/** The sample, and its profiles, without which no map is shown. */
const prepareSample = async (workspace: string, settings: string): Promise<void> => {
  const engine = await createEngine({ workspace, resources, commandLine: 'uncurl', settingsFile: settings });
  try {
    await engine.call('sample.add', {});
    const task = (await engine.call('tasks.list', {})).find(({ title }) => title === 'Capitals');
    const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-16');
    if (task === undefined || model === undefined) throw new Error('the sample has other models or tasks');
    while ((await engine.call('profile.read', { model: model.handle, tasks: [task.handle] })).length === 0)
      await pause(200);
  } finally {
    await engine.dispose();
  }
};

const base = await mkdtemp(path.join(os.tmpdir(), 'uncurl-far-line-'));
const workspace = path.join(base, 'workspace');
const settings = path.join(base, 'settings.json');
await prepareSample(workspace, settings);
const { server, address } = await startServer({ workspace, settings });
const far = await farPort(Number(new URL(address).port));
const browser = await chromium.launch({
  executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
});
try {
  const measure = async (at: string) => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(300_000);
    const of = watchCalls(page);
    const measured = new Map<string, Awaited<ReturnType<typeof of>>>();
    measured.set(
      'opening the page',
      await of(async () => {
        await page.goto(at);
        await page.getByRole('list', { name: 'Models' }).getByRole('listitem').first().waitFor();
      }),
    );
    for (const [label, name] of [
      ['Model', BEGIN.Model],
      ['Task', BEGIN.Task],
      ['Method', BEGIN.Method],
    ] as const)
      await of(() => choose(page, label, name));
    await map(page).waitFor();
    for (const [name, act] of ACTIONS) measured.set(name, await of(() => act(page)));
    await context.close();
    return measured;
  };
  const near = await measure(address);
  const long = await measure(address.replace(/:\d+\//, `:${String(far.port)}/`));
  console.log(`round trip ${String(ROUND_TRIP_MS)} ms, loss ${String(LOSS)}; time from the action to the last answer`);
  for (const [name, { calls, roundTrips, ms, kilobytes, chain }] of long) {
    const loopback = near.get(name)?.ms ?? 0;
    console.log(
      `${name.padEnd(28)} ${String(calls).padStart(3)} calls, ${String(roundTrips)} in a chain, ` +
        `${String(kilobytes).padStart(5)} kB, ${String(loopback).padStart(5)} ms on loopback, ` +
        `${String(ms).padStart(5)} ms far  ${chain.join(', ')}`,
    );
  }
} finally {
  await browser.close();
  far.close();
  await stopServer(server);
  await rm(base, { recursive: true, force: true });
}
