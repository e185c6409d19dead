import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { forkCompute } from '../../compute/start-compute.ts';
import { boundedText, shortName } from '../../contract/bounds.ts';
import { refuse, WorkbenchError } from '../../contract/errors.ts';
import { engineVersion } from '../../engine/machine.ts';
import type { Engine } from '../../engine/engine.ts';
import { explainReadError } from '../../files/regular-file.ts';
import { pageAddress, serveWorkbench, type WorkbenchServer } from '../../hosts/serve.ts';
import { openServeSession, rotateToken, servedToken } from '../../hosts/serve-session.ts';
import { announceServing, findOrStartServing, stopServing, untilIdle } from '../../hosts/serving-engine.ts';
import { stateFolder } from '../../workspace/user-key.ts';
import { openBrowser } from '../open-browser.ts';
import { withEngine } from '../open-engine.ts';
import { DEVICE_OPTION, MACHINE_OPTIONS } from '../open-runner.ts';
import {
  type OptionReader,
  repeatedOption,
  switchOption,
  valueOption,
  type Verb,
  type VerbHost,
  type VerbResult,
} from '../verb.ts';
import { workspaceOf, WORKSPACE_OPTION } from '../subjects.ts';

const HOSTS = ['127.0.0.1', '::1', 'localhost'] as const;
const MAX_PORT = 65_535;
const MINUTE_MS = 60_000;
/** An engine in the background ends after so many minutes without a page and without work. */
const IDLE_MINUTES = 60;

/** What `serve --background --json` prints; `connect` reads it from another machine. */
export const SERVED_FORMAT = 'uncurl-served';
export const servedEngine = z.object({
  format: z.literal(SERVED_FORMAT),
  workbench: shortName,
  port: z.number().int().min(1).max(MAX_PORT),
  token: shortName,
  workspace: boundedText,
  started: z.boolean(),
});

/** Finds the engine of the workspace, or starts one in the background with the same options. */
const inBackground = async (reader: OptionReader, host: VerbHost): Promise<VerbResult> => {
  const state = stateFolder(host.settingsFile);
  const workspace = workspaceOf(reader, host);
  const given = process.argv
    .slice(3)
    .filter((word) => word !== '--background' && word !== '--json' && word !== '--open');
  const idle = reader.text('idle') === undefined ? ['--idle', String(IDLE_MINUTES)] : [];
  const { serving, started } = await findOrStartServing(state, workspace, [
    process.execPath,
    ...process.execArgv,
    process.argv[1] ?? '',
    'serve',
    ...given,
    ...idle,
  ]);
  const token = await servedToken(state);
  const { port, workbench } = serving;
  const url = pageAddress(reader.choice('host', HOSTS) ?? HOSTS[0], port, token);
  if (reader.flag('open')) openBrowser(url, host);
  return {
    document: { format: SERVED_FORMAT, workbench, port, token, workspace, started, url },
    text: `Uncurl Workbench ${started ? 'was started in the background' : 'runs already'}: ${url}`,
  };
};

/** The real path of a root, links resolved: paths inside are compared with it. */
const rootFolder = async (named: string): Promise<string> => {
  const real = await realpath(named).catch((error: unknown) => {
    throw explainReadError(error, resolve(named));
  });
  if ((await stat(real)).isDirectory()) return real;
  throw refuse('bad-value', `--root ${named} is not a folder.`, 'Name a folder that holds models and tasks.');
};

export const serve: Verb = {
  name: 'serve',
  usage: '[--port N] [--open] [--background | --stop] [--new-token | --rotate-token] [--root DIR...] [--workspace DIR]',
  summary: 'The workbench for a browser, on this machine only; ends with Ctrl-C.',
  positionals: [0, 0],
  engine: 'Choose PyTorch in the Devices dialog of the window.',
  options: {
    port: valueOption('N', 'Port (default: that of the last start, else a free one).'),
    host: valueOption('NAME', `Loopback address: ${HOSTS.join(', ')} (default ${HOSTS[0]}).`),
    root: repeatedOption(
      'DIR',
      'Folder that the page may browse for models and tasks; may be repeated (default: home).',
    ),
    'new-token': switchOption(
      'Replace the token, which otherwise stays the same. Earlier addresses no longer open the workbench.',
    ),
    'rotate-token': switchOption(
      'Only replace the token, also of a server that runs: its pages must be opened by the new address.',
    ),
    open: switchOption('Open the address in the default browser.'),
    background: switchOption('Find the engine of the workspace, or start one that outlives this terminal.'),
    stop: switchOption('End the engine of the workspace; a running job stops and can be resumed.'),
    idle: valueOption(
      'MINUTES',
      `End after this time without a page and without work (in the background: ${String(IDLE_MINUTES)}; else never).`,
    ),
    ...WORKSPACE_OPTION,
    ...MACHINE_OPTIONS,
    ...DEVICE_OPTION,
  },
  run: async (reader, host) => {
    if (reader.flag('rotate-token')) {
      const { token, port } = await rotateToken(stateFolder(host.settingsFile));
      const url = pageAddress(reader.choice('host', HOSTS) ?? HOSTS[0], port, token);
      return { document: { url }, text: `The token was replaced. The last server, if it still runs, is at ${url}` };
    }
    if (reader.flag('stop')) {
      const workspace = workspaceOf(reader, host);
      const wasRunning = await stopServing(stateFolder(host.settingsFile), workspace);
      const text = wasRunning ? 'The engine has ended; its runs can be resumed.' : `Nothing serves ${workspace} here.`;
      return { document: { format: 'uncurl-stopped', wasRunning, workspace }, text };
    }
    const idleMinutes = reader.real('idle', 0);
    if (reader.flag('background')) return inBackground(reader, host);
    if (host.supervise !== null) {
      process.exitCode = await host.endsWell(host.supervise());
      return null;
    }
    const asked = reader.whole('port', 0);
    const port = asked ?? 0;
    if (port > MAX_PORT)
      throw refuse('bad-value', `--port ${String(port)} is not a port.`, `Give a number up to ${String(MAX_PORT)}.`);
    const address = reader.choice('host', HOSTS) ?? HOSTS[0];
    if (!existsSync(join(host.rendererFolder, 'index.html'))) {
      throw refuse(
        'not-built',
        `The page is not built: ${host.rendererFolder} has no index.html.`,
        'Run `npm run build` once.',
      );
    }
    const roots = await Promise.all(
      (reader.texts('root').length === 0 ? [homedir()] : reader.texts('root')).map(rootFolder),
    );
    const stay = async (engine: Engine): Promise<null> => {
      const session = await openServeSession(stateFolder(host.settingsFile), reader.flag('new-token'));
      const serveAt = (at: number): Promise<WorkbenchServer> =>
        serveWorkbench({ engine, rendererFolder: host.rendererFolder, port: at, host: address, token: session.token });
      // Another server may be at the port of the last start; then this one takes a free port, which is not kept.
      const isKept = asked === undefined && session.port !== null;
      const server = isKept
        ? await serveAt(session.port).catch((error: unknown) => {
            if (error instanceof WorkbenchError && error.code === 'port-unavailable') return serveAt(0);
            throw error;
          })
        : await serveAt(port);
      if (!isKept || server.port === session.port || reader.flag('new-token'))
        await session.keep(isKept ? session.port : server.port);
      const leave = await announceServing(stateFolder(host.settingsFile), {
        workspace: workspaceOf(reader, host),
        port: server.port,
        workbench: engineVersion,
      });
      try {
        host.answer({ document: { url: server.url }, text: `Uncurl Workbench is at ${server.url}` });
        host.say('The address contains a token: whoever has it can use the workbench. Ctrl-C ends it.');
        if (reader.flag('open')) openBrowser(server.url, host);
        const inUse = async (): Promise<boolean> =>
          server.pages() > 0 || (await engine.call('jobs.list', {})).length > 0;
        const idleMs = idleMinutes === undefined ? Infinity : idleMinutes * MINUTE_MS;
        if ((await untilIdle(idleMs, inUse, host.signal)) === 'idle')
          host.say('Nobody has used the engine for the time that --idle gives: it ends.');
      } finally {
        await leave();
        await server.close();
      }
      return null;
    };
    // Only the default workspace gets the sample, at its first use; a named workspace is left as it is.
    return withEngine(reader, host, stay, {
      offerSample: reader.text('workspace') === undefined && host.settings.workspace === null,
      roots,
      startCompute: forkCompute,
    });
  },
};
