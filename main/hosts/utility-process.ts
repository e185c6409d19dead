import type { StartCompute } from '../compute/start-compute.ts';
import { type ProbeEnd, providerName, type ProviderName } from '../contract/device.ts';
import { engineCommand, engineProcessSettings, type EngineReport } from '../contract/engine-control.ts';
import { assertNever, at, refuse, serialiseError } from '../contract/errors.ts';
import { serveRpc } from '../contract/rpc.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import type { StartProbe } from '../inference/providers/fork-probe.ts';
import { defaultWorkspace } from '../workspace/open-workspace.ts';
import { readSettings, settingsFile, withSettingAtFault, withSetWorkspace } from '../workspace/settings-file.ts';
import { createPortCompute, parentPort, portChannel, type PortCompute, type ProcessPort } from './channels.ts';

/**
 * Entry point of the engine in Electron's utilityProcess. The shell starts it by path with one argument
 * (`engineProcessSettings` as JSON), passes it a MessagePort for each page, and communicates with it over `parentPort`.
 */
const parent = parentPort(process);
const report = (message: EngineReport): void => parent.postMessage(message);

const settings = engineProcessSettings.parse(JSON.parse(process.argv[2] ?? 'null'));

/** Pending probes in the shell. */
const probes = new Map<number, (end: ProbeEnd) => void>();
let nextProbe = 0;
/** Only the shell can start processes here. */
const startProbe: StartProbe = (provider, folder) =>
  new Promise((resolve) => {
    const id = nextProbe++;
    probes.set(id, resolve);
    report({ type: 'probe', id, provider, folder });
  });

/** Compute processes requested from the shell. */
const computes = new Map<number, PortCompute>();
let nextCompute = 0;
const startCompute: StartCompute = (computeSettings) => {
  const id = nextCompute++;
  const compute = createPortCompute(() => report({ type: 'compute-kill', id }));
  computes.set(id, compute);
  report({ type: 'compute', id, settings: computeSettings });
  return compute.process;
};

const providerOf = (device: string | undefined): ProviderName | undefined => {
  const parsed = providerName.optional().safeParse(device);
  if (parsed.success) return parsed.data;
  throw refuse(
    'bad-value',
    `There is no device "${device ?? ''}".`,
    `Start the workbench with one of ${providerName.options.join(', ')}.`,
  );
};

const start = async (): Promise<Engine> => {
  const { device, workspace, ...others } = settings;
  const file = settingsFile();
  const set = await readSettings(file);
  // Only the default workspace gets the sample, at its first use; a workspace named by the user stays as it is.
  const offerSample = workspace === null && set.workspace === null;
  const named = providerOf(device);
  const usual = defaultWorkspace(withSetWorkspace(process.env, set));
  try {
    return await createEngine({
      ...others,
      threads: others.threads ?? set.threads ?? undefined,
      memoryBudgetBytes: others.memoryBudgetBytes ?? set.memoryBudgetBytes ?? undefined,
      startProbe,
      startCompute,
      provider: named ?? set.device ?? undefined,
      settingsFile: file,
      workspace: workspace ?? usual,
      offerSample,
    });
  } catch (error) {
    throw withSettingAtFault(error, file, {
      device: named === undefined ? set.device : null,
      workspace: workspace === null && set.workspace === usual ? usual : null,
    });
  }
};
const engine = start();

const obey = async (raw: unknown, ports: readonly ProcessPort[]): Promise<void> => {
  const command = engineCommand.parse(raw);
  switch (command.type) {
    case 'page': {
      const port = at(ports, 0, 'the shell sent no port for the page');
      serveRpc(await engine, portChannel(port));
      return;
    }
    case 'grant':
      return report({ type: 'granted', id: command.id, handle: (await engine).grantPath(command.path) });
    case 'output': {
      const here = await engine;
      const known = (await here.call('runs.list', {})).find(({ id }) => id === command.run);
      // The output that a foreign run names is not looked up.
      const isMadeHere = known !== undefined && (await here.call('runs.origin', { run: command.run })).isMadeHere;
      return report({ type: 'output', id: command.id, path: isMadeHere ? known.output : null });
    }
    case 'probed':
      probes.get(command.id)?.(command.end);
      probes.delete(command.id);
      return;
    case 'computing': {
      const port = at(ports, 0, 'the shell sent no port to the process that computes');
      computes.get(command.id)?.connect(port);
      return;
    }
    case 'compute-ended':
      computes.get(command.id)?.end(command.end, command.errors);
      computes.delete(command.id);
      return;
    case 'stop':
      await (await engine).dispose();
      process.exit(0);
      return;
    default:
      assertNever(command);
  }
};

/** A process that cannot continue reports why and ends; the window then tells the user and offers a restart. */
const giveUp = (error: unknown): void => {
  const { message, remedy } = serialiseError(error);
  report({ type: 'failed', message, remedy });
  process.exitCode = 1;
  // The event loop delivers the report, so leave it time.
  setTimeout(() => process.exit(1), 100);
};

// One turn later, for the reason given at portChannel.
parent.on('message', ({ data, ports }) => void setImmediate(() => void obey(data, ports).catch(giveUp)));
engine.then(() => report({ type: 'ready' }), giveUp);
