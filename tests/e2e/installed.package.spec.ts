import { access, chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test as base } from '@playwright/test';
import type { Page } from '@playwright/test';
import type { EngineProcessSettings } from '../../main/contract/engine-control.ts';
import { OnnxGraph } from '../../main/graph/onnx-graph.ts';
import { TensorProto_DataType as DataType } from '../../main/graph/onnx-messages.ts';
import packageFile from '../../package.json' with { type: 'json' };
import { HANG_LIMIT_MS, TEST_LIMIT_MS } from '../hang-limit.ts';
import { install, processesOf, start } from './installed-app.ts';
import type { InstalledApp } from './installed-app.ts';
import { openSweep } from './page-steps.ts';
import { definedOf } from './workbench.ts';

const test = base.extend<object, { readonly app: InstalledApp }>({
  app: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the fixtures that are asked for from the pattern.
    async ({}, use) => {
      const app = await install();
      await use(app);
      await app.remove();
    },
    { scope: 'worker', timeout: TEST_LIMIT_MS },
  ],
});

const MODEL = 'uncurl-32';
const TASKS = ['Sums', 'Brackets', 'Plurals', 'Sorting'] as const;
/** Two draws of random and UNCURL each, and two deterministic methods, at four factors each. */
const CANDIDATES = 24;

const screenshots = path.join(import.meta.dirname, 'screenshots');
const photograph = (page: Page, view: string): Promise<Buffer> =>
  page.screenshot({ path: path.join(screenshots, `package-${view}.png`) });

/** All files under a folder, with their modification times. */
const filesIn = async (folder: string): Promise<ReadonlyMap<string, number>> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (file) => [file, (await stat(file)).mtimeMs] as const)));
};

test('once installed, it sweeps the bundled model, is killed during the sweep and resumes', async ({ app }) => {
  await mkdir(screenshots, { recursive: true });
  const first = await start(app);
  const workspace = path.join(app.home, 'XDG_DATA_HOME', 'uncurl-workbench', 'workspace');
  const steps = path.join(workspace, 'steps');
  const sweepRuns = async (): Promise<readonly string[]> =>
    (await readdir(path.join(workspace, 'runs'))).filter((name) => name !== 'sample');

  const manifests = async (): Promise<readonly unknown[]> =>
    Promise.all(
      (await sweepRuns()).map(async (run): Promise<unknown> =>
        JSON.parse(await readFile(path.join(workspace, 'runs', run, 'manifest.json'), 'utf8')),
      ),
    );

  await test.step('a first start shows the bundled models and the sample', async () => {
    await expect(first.page.getByRole('list', { name: 'Models' }).getByText(MODEL)).toBeVisible();
    await expect(first.page.getByRole('list', { name: 'Runs' }).getByRole('listitem')).toHaveCount(1);
    await photograph(first.page, 'start');
  });

  await test.step('the points of a sweep of the bundled model appear one by one', async () => {
    await first.page.getByRole('list', { name: 'Models' }).getByText(MODEL).click();
    const tasks = first.page.getByRole('region', { name: 'Tasks' });
    await tasks.getByRole('button', { name: 'None' }).click();
    for (const name of TASKS) await tasks.getByRole('checkbox', { name: `Use ${name}`, exact: true }).check();
    const sweep = await openSweep(first.page);
    await sweep.getByLabel('Draws', { exact: true }).fill('2');
    await expect(sweep.getByText(`${CANDIDATES} candidates on ${TASKS.length} tasks`)).toBeVisible();
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    // Until it runs, the points are those of the sample.
    const jobs = first.page.getByRole('contentinfo', { name: 'Jobs' });
    await expect(jobs.getByText(`Sweep of ${MODEL} on ${TASKS.length} tasks`)).toBeVisible({ timeout: HANG_LIMIT_MS });
    await first.page.getByRole('radio', { name: 'All tasks' }).click();
    const points = first.page.locator('.curve-point');
    await expect.poll(() => points.count(), { timeout: HANG_LIMIT_MS, intervals: [100] }).toBeGreaterThan(0);
    await expect
      .poll(async () => (await readdir(steps, { recursive: true })).some((name) => name.endsWith('.json')), {
        timeout: HANG_LIMIT_MS,
        intervals: [100],
      })
      .toBe(true);
    await photograph(first.page, 'running');
  });

  let kept: ReadonlyMap<string, number> = new Map();
  await test.step('when killed, its engine and page end too', async () => {
    process.kill(first.shell, 'SIGKILL');
    await first.ended;
    await expect.poll(() => processesOf(app), { timeout: HANG_LIMIT_MS }).toEqual([]);
    expect(await manifests()).toEqual([expect.objectContaining({ state: 'running' })]);
    kept = await filesIn(steps);
    expect(kept.size).toBeGreaterThan(0);
  });

  const second = await start(app);
  await test.step('started again, it resumes the sweep with the finished steps', async () => {
    const jobs = second.page.getByRole('contentinfo', { name: 'Jobs' });
    await expect(jobs.getByText(/was left unfinished/)).toBeVisible();
    await photograph(second.page, 'unfinished');
    await jobs.getByRole('button', { name: 'Resume' }).click();
    // Not shown while there is an unfinished run.
    await expect(jobs.getByText('No job is running.')).toBeVisible({ timeout: HANG_LIMIT_MS });
    expect(await manifests()).toEqual([expect.objectContaining({ state: 'done' })]);
    const now = await filesIn(steps);
    expect([...kept].filter(([file, written]) => now.get(file) !== written)).toEqual([]);
    expect(now.size).toBeGreaterThan(kept.size);
    await second.page
      .getByRole('list', { name: 'Runs' })
      .getByRole('listitem')
      .first()
      .getByRole('button')
      .first()
      .click();
    await second.page.getByRole('radio', { name: 'All tasks' }).click();
    await expect(second.page.locator('.curve-point')).toHaveCount(TASKS.length * CANDIDATES);
    await photograph(second.page, 'done');
  });

  await test.step('closing its window ends every process', async () => {
    await second.close();
    await expect.poll(() => processesOf(app), { timeout: HANG_LIMIT_MS }).toEqual([]);
  });
});

/**
 * The engine's program in the archive; in a test build a different program takes its place and starts it in a newer
 * Node.
 */
const engineProgram = async ({ folder }: InstalledApp): Promise<string> => {
  const carried = 'resources/app.asar.unpacked/dist/utility-process.engine.cjs';
  const isThere = await access(path.join(folder, carried)).then(
    () => true,
    () => false,
  );
  return path.join(folder, 'resources', 'app.asar', 'dist', `utility-process${isThere ? '.engine' : ''}.cjs`);
};

test('engine and onnxruntime start from the archive, in a utilityProcess of the packaged Electron', async ({
  app,
  playwright,
}) => {
  const executablePath = process.env['UNCURL_TEST_ELECTRON'];
  if (executablePath === undefined) throw new Error('run "npm run test:package"');
  const graph = new OnnxGraph();
  const tripled = graph.node('Mul', [graph.input('x', DataType.FLOAT, [3]), graph.float(3)]);
  graph.output('y', tripled, DataType.FLOAT, [3]);
  // The packaged program refuses a debugger, so an empty application asks Electron's own binary.
  const asker = path.join(app.home, 'asker');
  await mkdir(asker);
  await chmod(asker, 0o755);
  const files = {
    'package.json': JSON.stringify({ name: 'asker', version: '1.0.0', main: 'main.cjs' }),
    'main.cjs': "require('electron').app.whenReady();",
    'triple.cjs': await readFile(path.join(import.meta.dirname, 'triple-in-electron.cjs')),
    'triple.onnx': graph.serialise('triple').bytes,
  };
  for (const [name, contents] of Object.entries(files)) await writeFile(path.join(asker, name), contents);
  const electron = await playwright._electron.launch({
    executablePath,
    args: [asker],
    env: { ...definedOf(process.env), UNCURL_SETTINGS: path.join(app.home, 'settings.json') },
    timeout: HANG_LIMIT_MS,
  });
  try {
    const computed = await electron.evaluate(
      ({ utilityProcess }, [folder, archive]): Promise<unknown> => {
        const child = utilityProcess.fork(`${folder}/triple.cjs`, [`${folder}/triple.onnx`, archive]);
        return new Promise((resolve) => {
          child.once('message', (message: unknown) => {
            child.kill();
            resolve(message);
          });
          child.once('exit', (code) => resolve(`ended with ${String(code)} before it answered`));
        });
      },
      [asker, path.join(app.folder, 'resources', 'app.asar')] as const,
    );
    expect(computed).toEqual({ values: [1.5, -6, 21] });

    const settings: EngineProcessSettings = {
      workspace: path.join(app.home, 'asked'),
      resources: path.join(app.folder, 'resources', 'resources'),
      commandLine: 'asker',
    };
    const answered = await electron.evaluate(
      ({ MessageChannelMain, utilityProcess }, [program, given]): Promise<unknown> => {
        const child = utilityProcess.fork(program, [given]);
        const { port1, port2 } = new MessageChannelMain();
        return new Promise((resolve) => {
          port1.on('message', ({ data }: { readonly data: { readonly type: string } }) => {
            // Pages also receive events, at any time.
            if (data.type === 'event') return;
            child.kill();
            resolve(data);
          });
          child.on('message', (report: { readonly type: string }) => {
            if (report.type === 'failed') resolve(report);
          });
          child.once('exit', (code) => resolve(`ended with ${String(code)} before it answered`));
          port1.start();
          child.postMessage({ type: 'page' }, [port2]);
          port1.postMessage({ type: 'call', id: 0, name: 'engine.facts', input: {} });
        });
      },
      [await engineProgram(app), JSON.stringify(settings)] as const,
    );
    const onnxruntime = packageFile.dependencies['onnxruntime-node'];
    expect(answered).toMatchObject({ type: 'result', id: 0, output: { versions: { onnxruntime } } });
  } finally {
    await electron.close();
  }
});

test('it contains the licences of its parts', async ({ app }) => {
  const texts = await readFile(path.join(app.folder, 'resources', 'third-party-licences.txt'), 'utf8');
  for (const name of ['onnxruntime-node', 'react', 'zod', '@bufbuild/protobuf'])
    expect(texts).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'));
  expect(texts).toContain('THIRD PARTY SOFTWARE NOTICES');
  const beside = await readdir(app.folder);
  expect(beside).toContain('LICENSES.chromium.html');
  expect(beside.filter((name) => /^LICENSE(?:\.electron\.txt)?$/.test(name))).toHaveLength(1);
});
