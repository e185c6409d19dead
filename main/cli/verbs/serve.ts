import { loopbackNames, pageAddress } from '../../contract/page-token.ts';
import { elsewhereText, SERVED_FORMAT, type ServedEngine, STOPPED_FORMAT } from '../../hosts/remote-engine.ts';
import { rotateToken, servedToken } from '../../hosts/serve-session.ts';
import { findOrStartServing, servingElsewhere, stopServing } from '../../hosts/serving-engine.ts';
import { stateFolder } from '../../workspace/user-key.ts';
import { openBrowser } from '../open-browser.ts';
import { HERE_OPTIONS } from '../machine-options.ts';
import { workspaceOf, WORKSPACE_OPTION } from '../subjects.ts';
import {
  type OptionReader,
  repeatedOption,
  switchOption,
  valueOption,
  type Verb,
  type VerbHost,
  type VerbResult,
} from '../verb.ts';

/** An engine in the background ends after so many minutes without a page and without work. */
const IDLE_MINUTES = 60;

const withElsewhere = (text: string, machines: readonly string[]): string =>
  [text, elsewhereText(machines)].filter((line) => line !== null).join('\n');

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
  const url = pageAddress(reader.choice('host', loopbackNames) ?? loopbackNames[0], port, token);
  if (reader.flag('open')) openBrowser(url, host);
  const elsewhere = [...(await servingElsewhere(state, workspace))];
  const served: ServedEngine = { format: SERVED_FORMAT, workbench, port, token, workspace, started, elsewhere };
  return {
    document: { ...served, url },
    text: withElsewhere(
      `Uncurl Workbench ${started ? 'was started in the background' : 'runs already'}: ${url}`,
      elsewhere,
    ),
  };
};

export const serve: Verb = {
  name: 'serve',
  usage: '[--port N] [--open] [--background | --stop] [--new-token | --rotate-token] [--root DIR...] [--workspace DIR]',
  summary: 'The workbench for a browser, on this machine only; ends with Ctrl-C, or stays with --background.',
  positionals: [0, 0],
  engine: 'Choose PyTorch in the Devices dialog of the window.',
  options: {
    port: valueOption('N', 'Port (default: that of the last start, else a free one).'),
    host: valueOption('NAME', `Loopback address: ${loopbackNames.join(', ')} (default ${loopbackNames[0]}).`),
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
      `End after this time without a page and without work (in the background: ${IDLE_MINUTES}; else never).`,
    ),
    ...WORKSPACE_OPTION,
    ...HERE_OPTIONS,
  },
  run: async (reader, host) => {
    if (reader.flag('rotate-token')) {
      const { token, port } = await rotateToken(stateFolder(host.settingsFile));
      const url = pageAddress(reader.choice('host', loopbackNames) ?? loopbackNames[0], port, token);
      return { document: { url }, text: `The token was replaced. The last server, if it still runs, is at ${url}` };
    }
    if (reader.flag('stop')) {
      const workspace = workspaceOf(reader, host);
      const state = stateFolder(host.settingsFile);
      const wasRunning = await stopServing(state, workspace);
      const elsewhere = await servingElsewhere(state, workspace);
      const text = wasRunning ? 'The engine has ended; its runs can be resumed.' : `Nothing serves ${workspace} here.`;
      const document = { format: STOPPED_FORMAT, wasRunning, workspace, elsewhere };
      return { document, text: withElsewhere(text, elsewhere) };
    }
    if (reader.flag('background')) return inBackground(reader, host);
    if (host.supervise !== null) {
      process.exitCode = await host.endsWell(host.supervise());
      return null;
    }
    // Loaded on use: what finds, watches or ends an engine need not wait for it.
    const { serveHere } = await import('../serve-here.ts');
    return serveHere(reader, host, reader.choice('host', loopbackNames) ?? loopbackNames[0]);
  },
};
