import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { CallInput, CallOutput } from '../../../main/contract/calls.ts';
import type { PathHandle } from '../../../main/contract/model.ts';
import { createEngine, type Engine, type EngineSettings } from '../../../main/engine/engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

/**
 * What the engine answers and reports, as the window gets it: through the structured clone of a port, which refuses
 * whatever is not plain data. A browser's page gets JSON, which would drop it in silence.
 */
const throughPort = (engine: Engine): Engine => {
  engine.subscribe((event) => void structuredClone(event));
  const call: Engine['call'] = async (name, input, signal) => structuredClone(await engine.call(name, input, signal));
  return { ...engine, call };
};

/** An engine that ends with the test; without a workspace in one of its own. Its answers pass a port. */
export const openEngine = async (workspace?: string, settings: Partial<EngineSettings> = {}): Promise<Engine> => {
  const engine = await createEngine({
    workspace: workspace ?? (await temporaryFolder()),
    resources,
    commandLine: 'test',
    threads: 1,
    ...settings,
  });
  onTestFinished(() => engine.dispose());
  return throughPort(engine);
};

/** A search for the best model that fits, carried out, and what it found. */
export const searchedFit = async (
  engine: Engine,
  order: CallInput<'fit.start'>,
): Promise<CallOutput<'fit.read'> & { readonly run: string }> => {
  const { run } = await engine.call('fit.start', order);
  await engine.finished(run);
  return { ...(await engine.call('fit.read', { run })), run };
};

/** Handles of a bundled model and of a bundled task. */
export const bundled = async (
  engine: Engine,
  model: string,
  task: string,
): Promise<{ readonly model: PathHandle; readonly task: PathHandle }> => {
  const [models, tasks] = [await engine.call('models.list', {}), await engine.call('tasks.list', {})];
  const found = { model: models.find(({ name }) => name === model), task: tasks.find(({ name }) => name === task) };
  if (found.model === undefined || found.task === undefined) throw new Error(`${model} or ${task} is not bundled`);
  return { model: found.model.handle, task: found.task.handle };
};
