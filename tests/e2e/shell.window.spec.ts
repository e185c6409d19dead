import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ElectronApplication, Page, PlaywrightWorkerArgs } from '@playwright/test';
import { z } from 'zod';
import { parseOutput } from '../../main/contract/call-boundary.ts';
import { AnswerText, type CallName, type CallOutput } from '../../main/contract/calls.ts';
import { OnnxGraph } from '../../main/graph/onnx-graph.ts';
import { TensorProto_DataType as DataType } from '../../main/graph/onnx-messages.ts';
import { processState, thisProcess } from '../../main/files/process-alive.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import type { StagedApp } from './stage-app.ts';
import { definedOf, expect, test as base } from './workbench.ts';

interface OpenWindow {
  readonly electron: ElectronApplication;
  readonly page: Page;
  readonly writable: string;
}

/** The shell on a new workspace of this name. */
const openShell = async (
  playwright: PlaywrightWorkerArgs['playwright'],
  stagedApp: StagedApp | null,
  name: string,
): Promise<OpenWindow> => {
  const executablePath = process.env['UNCURL_TEST_ELECTRON'];
  if (executablePath === undefined || stagedApp === null) throw new Error('run "npm run test:window"');
  const workspace = path.join(stagedApp.writable, name);
  const electron = await playwright._electron.launch({
    executablePath,
    args: [`--workspace=${workspace}`, stagedApp.folder],
    chromiumSandbox: true,
    // The window's user cannot write to the folder of the tests' own settings.
    env: { ...definedOf(process.env), UNCURL_SETTINGS: `${workspace}-settings.json` },
    timeout: HANG_LIMIT_MS,
  });
  const page = await electron.firstWindow({ timeout: HANG_LIMIT_MS });
  await page.waitForURL(/^uncurl:\/\/app\/(#|$)/, { timeout: HANG_LIMIT_MS });
  return { electron, page, writable: stagedApp.writable };
};

/** The shell with a workspace of its own: permissions of the window, and its engine's life cycle. */
const test = base.extend<{ readonly shell: OpenWindow }>({
  shell: async ({ playwright, stagedApp }, use, testInfo) => {
    const shell = await openShell(playwright, stagedApp, `shell-${testInfo.workerIndex}-${testInfo.line}`);
    await use(shell);
    await shell.electron.close();
  },
});

/**
 * Makes one engine call over a new port, using only what the preload script provides. Returns the message of an engine
 * that ends before it answers.
 */
const callEngine = (page: Page, name: string, input: unknown): Promise<unknown> =>
  page.evaluate(
    ([called, given]) =>
      new Promise((resolve) => {
        const unsubscribe = window.uncurlShell?.onEvent((event) => {
          if (typeof event === 'object' && event !== null && 'type' in event && event.type === 'engine.lost')
            resolve(event);
        });
        addEventListener('message', function take({ data, ports }: MessageEvent<unknown>) {
          const [port] = ports;
          if (data !== 'uncurl:engine-port:test' || port === undefined) return;
          removeEventListener('message', take);
          port.onmessage = (answer: MessageEvent<{ readonly type: string }>) => {
            if (answer.data.type === 'event') return;
            port.close();
            unsubscribe?.();
            resolve(answer.data);
          };
          port.postMessage({ type: 'call', id: 0, name: called, input: given });
        });
        void window.uncurlShell?.call('engine.connect', { request: 'test' }).then((connected) => {
          // no engine
          if (typeof connected === 'object' && connected !== null && 'error' in connected) resolve(connected);
        });
      }),
    [name, input] as const,
  );

const pidOf = (electron: ElectronApplication, service: string): Promise<number | undefined> =>
  electron.evaluate(({ app }, wanted) => app.getAppMetrics().find(({ name }) => name === wanted)?.pid, service);
const enginePid = (electron: ElectronApplication): Promise<number | undefined> => pidOf(electron, 'Uncurl engine');
const computePid = (electron: ElectronApplication): Promise<number | undefined> => pidOf(electron, 'Uncurl compute');

const signalProcess = (electron: ElectronApplication, pid: number, signal: 'SIGKILL' | 'SIGSTOP'): Promise<boolean> =>
  electron.evaluate((_, [id, name]) => process.kill(id, name), [pid, signal] as const);

const long = { timeout: HANG_LIMIT_MS, intervals: [100] };

/** The process running now; waits until there is one. */
const runningPid = async (ask: () => Promise<number | undefined>, butNot?: number): Promise<number> => {
  for (;;) {
    const pid = await ask();
    if (pid !== undefined && pid !== 0 && pid !== butNot) return pid;
    await pause(50);
  }
};
/** The engine that replaces a killed one; in between there is none, and the page has no connection. */
const engineAfter = (electron: ElectronApplication, killed: number): Promise<number> =>
  runningPid(() => enginePid(electron), killed);

/** The engine's answer, parsed with the call's schema. */
const askEngine = async <N extends CallName>(page: Page, name: N, input: unknown): Promise<CallOutput<N>> => {
  const answer = z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('result'), output: z.unknown() }),
      z.object({ type: z.literal('text'), text: z.string() }),
    ])
    .parse(await callEngine(page, name, input));
  return parseOutput(name, answer.type === 'text' ? new AnswerText(answer.text) : answer.output);
};

test.describe('in a window that each test leaves as it was', () => {
  let opened: OpenWindow;
  test.beforeAll(async ({ playwright, stagedApp }) => {
    opened = await openShell(playwright, stagedApp, 'shell-shared');
  });
  test.afterAll(() => opened.electron.close());

  test('the page is isolated: no Node, no permission, no way out', async () => {
    const { electron, page } = opened;
    expect(page.url()).toMatch(/^uncurl:\/\/app\/(#|$)/);
    const seen = await page.evaluate(async () => ({
      node: ['require', 'process', 'module', 'Buffer', '__dirname', 'global'].filter((name) => name in globalThis),
      shell: Object.keys(window.uncurlShell ?? {}).sort(),
      reached: await fetch('https://example.com/').then(
        () => true,
        () => false,
      ),
      outside: (await fetch('/%2e%2e/main.cjs')).status,
      // After an await: the debugger allows code from strings in the first turn of its own evaluation.
      evaluated: await Promise.resolve()
        .then((): unknown => (0, eval)('1'))
        .then(
          () => true,
          () => false,
        ),
      permissions: await Promise.all(
        (['geolocation', 'notifications', 'camera', 'microphone', 'clipboard-read'] as const).map(
          async (name) => (await navigator.permissions.query({ name: name as PermissionName })).state,
        ),
      ),
    }));
    expect(seen).toEqual({
      node: [],
      shell: ['call', 'onEvent', 'platform'],
      evaluated: false,
      reached: false,
      outside: 404,
      // Only notifications are allowed, and they are off until the user enables them.
      permissions: ['denied', 'granted', 'denied', 'denied', 'denied'],
    });

    await page.evaluate(() => {
      location.href = 'https://example.com/';
      window.open('https://example.com/');
      window.open('uncurl://app/');
      const frame = document.createElement('iframe');
      frame.src = 'https://example.com/';
      document.body.append(frame);
    });
    await page.waitForTimeout(300);
    expect(page.url()).toMatch(/^uncurl:\/\/app\/(#|$)/);
    expect(electron.windows()).toHaveLength(1);
    expect(page.frames().map((frame) => frame.url())).not.toContain('https://example.com/');
    const developerTools = await electron.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents;
      contents?.openDevTools();
      return contents?.isDevToolsOpened();
    });
    expect(developerTools).toBe(false);
  });

  test('the page’s process runs in Chromium’s sandbox', async () => {
    const { electron } = opened;
    const pid = await electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.getOSProcessId(),
    );
    const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
    // Seccomp 2: system calls are filtered. The rest is an empty root folder and no privileges to gain.
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    const command = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8');
    expect(command).toContain('--type=renderer');
    expect(command).not.toContain('--no-sandbox');
  });

  test('the engine answers the page from a separate process', async () => {
    const { electron, page } = opened;
    expect(await callEngine(page, 'engine.facts', {})).toMatchObject({
      type: 'result',
      output: { version: expect.any(String) },
    });
    expect(await callEngine(page, 'models.open', { handle: 'never-issued' })).toMatchObject({
      type: 'error',
      error: { code: 'unknown-handle', kind: 'refused' },
    });
    const [engine, shell] = [await enginePid(electron), electron.process().pid];
    expect(engine).toBeGreaterThan(0);
    expect(engine).not.toBe(shell);
  });

  test('onnxruntime computes in a utilityProcess of this Electron', async () => {
    const { electron, writable } = opened;
    const graph = new OnnxGraph();
    const tripled = graph.node('Mul', [graph.input('x', DataType.FLOAT, [3]), graph.float(3)]);
    graph.output('y', tripled, DataType.FLOAT, [3]);
    const model = path.join(writable, 'triple.onnx');
    await writeFile(model, graph.serialise('triple').bytes);
    await chmod(model, 0o644);
    const answer = await electron.evaluate(({ app, utilityProcess }, file): Promise<unknown> => {
      const child = utilityProcess.fork(`${app.getAppPath()}/triple-in-electron.cjs`, [file]);
      return new Promise((resolve) => {
        child.once('message', (message: unknown) => {
          child.kill();
          resolve(message);
        });
        child.once('exit', (code) => resolve(`ended with ${String(code)} before it answered`));
      });
    }, model);
    expect(answer).toEqual({ values: [1.5, -6, 21] });
  });

  test('an execution provider is probed in a disposable process beside the engine', async () => {
    const { electron, page } = opened;
    const engine = await enginePid(electron);
    expect(await callEngine(page, 'devices.probe', { provider: 'cpu' })).toMatchObject({
      type: 'result',
      output: { provider: 'cpu', available: true, shareOnCpu: 1, measurement: { deviation: 0 } },
    });
    // With or without a Vulkan device, the process must give an answer.
    const webgpu = await callEngine(page, 'devices.probe', { provider: 'webgpu' });
    expect(webgpu).toMatchObject({ type: 'result', output: { provider: 'webgpu' } });
    expect(JSON.stringify(webgpu)).toMatch(/"available":true|WebGPU adapter/);
    expect(await callEngine(page, 'devices.list', {})).toMatchObject({
      output: [{ provider: 'cpu', used: true, probe: { available: true } }, {}, {}, {}, {}, {}],
    });
    await expect
      .poll(() =>
        electron.evaluate(({ app }) => app.getAppMetrics().filter(({ name }) => name === 'Uncurl device probe').length),
      )
      .toBe(0);
    expect(await enginePid(electron)).toBe(engine);
  });

  test('a folder from the native dialog becomes a handle, and a file is saved where the user chooses', async () => {
    const { electron, page, writable } = opened;
    await electron.evaluate(({ dialog }, folder) => {
      const asked: string[][] = [];
      Object.assign(globalThis, { asked });
      // The call has two forms: with a window before the options, and without.
      dialog.showOpenDialog = (...call: readonly unknown[]) => {
        asked.push((call.at(-1) as { properties: string[] }).properties);
        return Promise.resolve({ canceled: false, filePaths: [folder] });
      };
      dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: `${folder}/figure.svg` });
    }, writable);
    const chosen = await page.evaluate(() => window.uncurlShell?.call('folder.choose', { purpose: 'export' }));
    expect(chosen).toEqual({ output: expect.stringMatching(/^[\w-]+$/) });
    expect(JSON.stringify(chosen)).not.toContain(writable);
    const saved = await page.evaluate(() =>
      window.uncurlShell?.call('file.save', { suggestedName: 'figure.svg', bytes: new TextEncoder().encode('<svg/>') }),
    );
    expect(saved).toEqual({ output: { saved: true } });
    expect(await readFile(path.join(writable, 'figure.svg'), 'utf8')).toBe('<svg/>');
    expect((await readdir(writable)).filter((name) => name.endsWith('.part'))).toEqual([]);
    const file = await page.evaluate(() => window.uncurlShell?.call('folder.choose', { purpose: 'task-file' }));
    expect(file).toEqual({ output: expect.stringMatching(/^[\w-]+$/) });
    expect(await electron.evaluate(() => (globalThis as { asked?: readonly string[][] }).asked)).toEqual([
      ['openDirectory', 'createDirectory'],
      ['openFile'],
    ]);
    expect(await page.evaluate(() => window.uncurlShell?.call('folder.choose', { purpose: '/etc' }))).toMatchObject({
      error: { code: 'invalid-input' },
    });
  });

  test('the menu contains the page’s actions and reports which was chosen', async () => {
    const { electron, page } = opened;
    const inMenu = (id: string): Promise<string | undefined> =>
      electron.evaluate(({ Menu }, wanted) => Menu.getApplicationMenu()?.getMenuItemById(wanted)?.label, id);
    const curves = page.getByRole('tab', { name: 'Thresholds', exact: true });
    await expect(curves).toHaveAttribute('aria-selected', 'false');
    await expect.poll(() => inMenu('show-thresholds')).toBe('Show Thresholds');
    await electron.evaluate(({ Menu }) => void Menu.getApplicationMenu()?.getMenuItemById('show-thresholds')?.click());
    await expect(curves).toHaveAttribute('aria-selected', 'true');
    // Anything but an action of the page is dropped.
    expect(
      await page.evaluate(() =>
        window.uncurlShell?.call('menu.set', { actions: [{ id: 'x', label: 'X', menu: 'everything' }] }),
      ),
    ).toMatchObject({
      error: { code: 'invalid-input' },
    });
    expect(await inMenu('show-thresholds')).toBe('Show Thresholds');
  });
});

test('a killed engine never ends the window, and is restarted on request', async ({ shell: { electron, page } }) => {
  await callEngine(page, 'engine.facts', {});
  await page.evaluate(() => {
    Object.assign(globalThis, { heard: [] });
    window.uncurlShell?.onEvent((event) => (globalThis as unknown as { heard: unknown[] }).heard.push(event));
  });
  await electron.evaluate(({ dialog }) => {
    dialog.showMessageBox = (...given: unknown[]) => {
      Object.assign(globalThis, { shown: given.at(-1) });
      return Promise.resolve({ response: 0, checkboxChecked: false });
    };
  });
  const killed = await runningPid(() => enginePid(electron));
  await signalProcess(electron, killed, 'SIGKILL');
  await engineAfter(electron, killed);
  expect(await callEngine(page, 'engine.facts', {})).toMatchObject({ type: 'result' });
  expect(await electron.evaluate(() => Reflect.get(globalThis, 'shown') as unknown)).toMatchObject({
    message: 'The engine stopped (exit code 9): it was killed, perhaps by the system for lack of memory.',
    buttons: ['Start the engine again', 'Close the workbench'],
  });
  expect(await page.evaluate(() => Reflect.get(globalThis, 'heard') as unknown)).toEqual([
    { type: 'engine.lost', message: expect.stringContaining('killed') },
    { type: 'engine.started' },
  ]);
});

test('the workbench closes although its engine does not respond', async ({ shell: { electron, page } }) => {
  await callEngine(page, 'engine.facts', {});
  await signalProcess(electron, await runningPid(() => enginePid(electron)), 'SIGSTOP');
  const closed = electron.waitForEvent('close', long);
  await electron.evaluate(({ app }) => app.quit());
  await closed;
});

test('a killed compute process fails only its own run and ends with its engine; the run can be resumed', async ({
  shell: { electron, page },
}) => {
  const model = (await askEngine(page, 'models.list', {})).find(({ name }) => name === 'uncurl-16');
  const tasks = (await askEngine(page, 'tasks.list', {})).filter(({ name }) =>
    ['french', 'add', 'sort'].includes(name),
  );
  expect(await computePid(electron)).toBe(undefined);
  const { run } = await askEngine(page, 'sweep.start', {
    models: [model?.handle],
    tasks: tasks.map(({ handle }) => handle),
    settings: { methods: ['random', 'reap'], factors: [2, 4, 8], seeds: [0, 1] },
  });
  const points = async (): Promise<number> => (await askEngine(page, 'sweep.read', { run })).results.length;
  const states = async (): Promise<readonly string[]> =>
    (await askEngine(page, 'runs.list', {})).filter(({ id }) => id === run).map(({ state }) => state);
  await expect.poll(points, long).toBeGreaterThan(0);
  const [engine, first] = [await runningPid(() => enginePid(electron)), await runningPid(() => computePid(electron))];
  await signalProcess(electron, first, 'SIGKILL');
  await expect.poll(states, long).toEqual(['failed']);
  expect(await askEngine(page, 'runs.list', {})).toContainEqual(
    expect.objectContaining({
      id: run,
      error: expect.stringMatching(/^The process that computed "Sweep of uncurl-16 .*" ended .*: it was killed/),
    }),
  );
  expect(await enginePid(electron)).toBe(engine);

  const before = await points();
  await askEngine(page, 'jobs.resume', { run });
  await runningPid(() => computePid(electron), first);
  await expect.poll(points, long).toBeGreaterThan(before);
  await electron.evaluate(({ dialog }) => {
    dialog.showMessageBox = () => Promise.resolve({ response: 0, checkboxChecked: false });
  });
  await signalProcess(electron, engine, 'SIGKILL');
  await engineAfter(electron, engine);
  await expect.poll(() => computePid(electron), long).toBe(undefined);
  await expect.poll(states, long).toEqual(['interrupted']);

  const jobs = page.getByRole('contentinfo', { name: 'Jobs' });
  await expect(jobs.getByText(/was left unfinished/)).toBeVisible();
  await jobs.getByRole('button', { name: 'Resume' }).click();
  await expect.poll(states, long).toEqual(['done']);
  await expect(jobs.getByText('No job is running.')).toBeVisible();
});

test('a job is cancelled although the compute process does not respond', async ({ shell: { electron, page } }) => {
  const model = (await askEngine(page, 'models.list', {})).find(({ name }) => name === 'uncurl-16');
  const tasks = (await askEngine(page, 'tasks.list', {})).filter(({ name }) => ['french', 'sort'].includes(name));
  const { run } = await askEngine(page, 'profile.start', {
    model: model?.handle,
    tasks: tasks.map(({ handle }) => handle),
  });
  await signalProcess(electron, await runningPid(() => computePid(electron)), 'SIGSTOP');
  await askEngine(page, 'jobs.cancel', { run });
  await expect
    .poll(async () => (await askEngine(page, 'runs.list', {})).find(({ id }) => id === run)?.state, long)
    .toBe('cancelled');
  await expect.poll(() => computePid(electron), long).toBe(undefined);
});

test('closing ends every process', async ({ shell: { electron, page } }) => {
  await callEngine(page, 'engine.facts', {});
  const engine = await runningPid(() => enginePid(electron));
  await electron.close();
  // If the first process does not reap children, an ended process stays listed.
  await expect.poll(() => processState({ ...thisProcess(), pid: engine, startedAt: null }), long).toBe('dead');
});

test('a crashed page is reloaded on request', async ({ shell: { electron, page } }) => {
  const pageProcess = (): Promise<number | undefined> =>
    electron.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents;
      return contents?.getURL().startsWith('uncurl://app/') === true && !contents.isLoading()
        ? contents.getOSProcessId()
        : undefined;
    });
  const [engine, before] = [await enginePid(electron), await runningPid(pageProcess)];
  await electron.evaluate(({ dialog, BrowserWindow }) => {
    dialog.showMessageBox = () => Promise.resolve({ response: 0, checkboxChecked: false });
    BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer();
  });
  await runningPid(pageProcess, before);
  expect(page.isClosed()).toBe(false);
  expect(await enginePid(electron)).toBe(engine);
});
