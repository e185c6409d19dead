import { basename, dirname, resolve } from 'node:path';
import { pageAddress } from '../../contract/page-token.ts';
import { fetchFolder } from '../../hosts/fetch-folder.ts';
import { installThere, packedFiles, planInstall } from '../../hosts/install-there.ts';
import { elsewhereText, remoteEngine } from '../../hosts/remote-engine.ts';
import { keepLine, type SshTarget, sshTarget } from '../../hosts/ssh-line.ts';
import { formatBytes } from '../../words/numbers.ts';
import { openBrowser } from '../open-browser.ts';
import { switchOption, valueOption, type Verb, type VerbHost, type VerbResult } from '../verb.ts';

/** Copies the packed command line to the other machine; without `isSure` says what would be copied, and where. */
const install = async (target: SshTarget, isSure: boolean, host: VerbHost): Promise<VerbResult> => {
  const packed = await packedFiles(dirname(host.resources));
  const { path, isThere } = await planInstall(target, packed, host.signal);
  const what = `${packed.names.length} files, ${formatBytes(packed.bytes)}`;
  const facts = { format: 'uncurl-installed', host: target.host, path, bytes: packed.bytes };
  if (!isSure) {
    const text =
      `${what} would be copied to ${path} on ${target.host}${isThere ? ', in place of what is there' : ''}. ` +
      'Repeat the command with --yes to copy them.';
    return { document: { ...facts, installed: false, missing: null }, text };
  }
  const { signal, progress } = host;
  const { missing } = await host.endsWell(installThere(target, packed, { path, progress, signal }));
  const text =
    `${what} were copied to ${path} on ${target.host}.` +
    (missing === null ? '' : `\nonnxruntime is missing there. It comes from the registry of npm:\n  ${missing}`);
  return { document: { ...facts, installed: true, missing }, text, failed: missing !== null };
};

export const connect: Verb = {
  name: 'connect',
  usage: '[USER@]HOST [--open] [--workspace DIR] [--stop | --install | --fetch PATH --out DIR]',
  summary: 'The workbench of another machine, through your ssh: finds or starts it there, and keeps the line.',
  positionals: [1, 1],
  engine: 'Choose it in the Devices dialog of the window that opens: it computes on the other machine.',
  options: {
    open: switchOption('Open the address in the default browser.'),
    workspace: valueOption('DIR', 'Workspace on the other machine (default: the one that it uses by itself).'),
    'remote-command': valueOption(
      'WORDS',
      'How the command line is called there (default: what --install copied, else uncurl).',
    ),
    'ssh-config': valueOption('FILE', 'Configuration for ssh (default: your own).'),
    install: switchOption('Only copy this version of the workbench there, into your own folder.'),
    yes: switchOption('With --install: copy it; without, only say what would be copied where.'),
    stop: switchOption('Only end the engine there; a running job stops and can be resumed.'),
    fetch: valueOption('PATH', 'Only copy an export or a finished run from there, and compare its checksums.'),
    out: valueOption('DIR', 'With --fetch: the folder to make here.'),
  },
  run: async (reader, host) => {
    const target = sshTarget(reader.argument(0), {
      configuration: reader.text('ssh-config') ?? null,
    });
    const from = reader.text('fetch');
    if (from !== undefined) {
      const out = resolve(reader.text('out') ?? basename(from));
      const files = await fetchFolder(target, from, out, host);
      const text = `${out}: ${files} files, each as its checksum says.`;
      return { document: { format: 'uncurl-fetched', out, files }, text };
    }
    if (reader.flag('install')) return install(target, reader.flag('yes'), host);
    const there = remoteEngine({
      called: reader.text('remote-command'),
      workspace: reader.text('workspace'),
      signal: host.signal,
    });
    if (reader.flag('stop')) {
      const document = await there.stop(target);
      const text = document.wasRunning
        ? `The engine on ${target.host} has ended. Its runs can be resumed.`
        : `No engine was running on ${target.host} for ${document.workspace}.`;
      return { document, text: [text, elsewhereText(document.elsewhere)].filter((line) => line !== null).join('\n') };
    }
    let token = '';
    await host.endsWell(
      keepLine(target, {
        signal: host.signal,
        cut: host.say,
        findPort: async (reached) => {
          const found = await there.find(reached);
          if (found.started && token !== '') host.say(`The engine on ${target.host} had ended and was started again.`);
          const note = token === '' ? elsewhereText(found.elsewhere) : null;
          if (note !== null) host.say(note);
          token = found.token;
          return found.port;
        },
        opened: (port, isFirst) => {
          if (!isFirst) return host.say(`The line to ${target.host} is back.`);
          const url = pageAddress('127.0.0.1', port, token);
          const text = `The workbench of ${target.host} is at ${url}`;
          host.answer({ document: { format: 'uncurl-connected', host: target.host, url }, text });
          host.say('Ctrl-C closes the line only; the engine and its runs go on there (--stop ends it).');
          if (reader.flag('open')) openBrowser(url, host);
        },
      }),
    );
    return null;
  },
};
