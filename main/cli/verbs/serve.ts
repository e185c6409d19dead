import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { forkCompute } from '../../compute/start-compute.ts';
import { refuse, WorkbenchError } from '../../contract/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import { explainReadError } from '../../files/regular-file.ts';
import { pageAddress, serveWorkbench, type WorkbenchServer } from '../../hosts/serve.ts';
import { openServeSession, rotateToken } from '../../hosts/serve-session.ts';
import { stateFolder } from '../../workspace/user-key.ts';
import { withEngine } from '../open-engine.ts';
import { DEVICE_OPTION, MACHINE_OPTIONS } from '../open-runner.ts';
import { repeatedOption, switchOption, valueOption, type Verb, type VerbHost } from '../verb.ts';
import { WORKSPACE_OPTION } from '../subjects.ts';

const HOSTS = ['127.0.0.1', '::1', 'localhost'] as const;
const MAX_PORT = 65_535;

const openerOf = (platform: NodeJS.Platform): readonly [command: string, ...given: string[]] => {
  switch (platform) {
    case 'darwin':
      return ['open'];
    case 'win32':
      return ['rundll32', 'url.dll,FileProtocolHandler'];
    default:
      return ['xdg-open'];
  }
};

/** Opens an address in the default browser, or says that it cannot: the address is on screen anyway. */
const openBrowser = (url: string, { environment, say }: Pick<VerbHost, 'environment' | 'say'>): void => {
  const hasDisplay =
    process.platform !== 'linux' ||
    environment['DISPLAY'] !== undefined ||
    environment['WAYLAND_DISPLAY'] !== undefined;
  if (!hasDisplay) {
    say(
      'There is no display to open a browser on: open the address from where one is, ' +
        'for example through an ssh tunnel.',
    );
    return;
  }
  const [command, ...given] = openerOf(process.platform);
  const opener = spawn(command, [...given, url], { stdio: 'ignore', detached: true });
  opener.once('error', () => say('No browser could be opened: open the address yourself.'));
  opener.unref();
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
  usage: '[--port N] [--open] [--new-token | --rotate-token] [--root DIR...] [--workspace DIR]',
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
      try {
        host.answer({ document: { url: server.url }, text: `Uncurl Workbench is at ${server.url}` });
        host.say('The address contains a token: whoever has it can use the workbench. Ctrl-C ends it.');
        if (reader.flag('open')) openBrowser(server.url, host);
        await new Promise<void>((resolve) => {
          if (host.signal.aborted) resolve();
          host.signal.addEventListener('abort', () => resolve(), { once: true });
        });
      } finally {
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
