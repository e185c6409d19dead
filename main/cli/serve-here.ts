import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { forkCompute } from '../compute/start-compute.ts';
import { expected, refuse } from '../contract/errors.ts';
import type { LoopbackName } from '../contract/page-token.ts';
import type { Engine } from '../engine/engine.ts';
import { engineVersion } from '../engine/machine.ts';
import { explainReadError } from '../files/regular-file.ts';
import { serveWorkbench, type WorkbenchServer } from '../hosts/serve.ts';
import { openServeSession } from '../hosts/serve-session.ts';
import { announceServing, untilIdle } from '../hosts/serving-engine.ts';
import { stateFolder } from '../workspace/user-key.ts';
import { openBrowser } from './open-browser.ts';
import { withEngine } from './open-engine.ts';
import { workspaceOf } from './subjects.ts';
import type { OptionReader, VerbHost } from './verb.ts';

const MAX_PORT = 65_535;
const MINUTE_MS = 60_000;

/** The real path of a root, links resolved: paths inside are compared with it. */
const rootFolder = async (named: string): Promise<string> => {
  const real = await realpath(named).catch((error: unknown) => {
    throw explainReadError(error, resolve(named));
  });
  if ((await stat(real)).isDirectory()) return real;
  throw refuse('bad-value', `--root ${named} is not a folder.`, 'Name a folder that holds models and tasks.');
};

/** Serves the workbench at a loopback `address` from this process until it is interrupted, or idle for `--idle`. */
export const serveHere = async (reader: OptionReader, host: VerbHost, address: LoopbackName): Promise<null> => {
  const idleMinutes = reader.real('idle', 0);
  const asked = reader.whole('port', 0);
  const port = asked ?? 0;
  if (port > MAX_PORT) throw refuse('bad-value', `--port ${port} is not a port.`, `Give a number up to ${MAX_PORT}.`);
  if (!existsSync(join(host.rendererFolder, 'index.html')))
    throw refuse(
      'not-built',
      `The page is not built: ${host.rendererFolder} has no index.html.`,
      'Run `npm run build` once.',
    );
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
      ? await serveAt(session.port).catch(expected(() => serveAt(0), 'port-unavailable'))
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
      const inUse = async (): Promise<boolean> => server.pages() > 0 || (await engine.call('jobs.list', {})).length > 0;
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
};
