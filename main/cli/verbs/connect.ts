import { basename, resolve } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import { pageAddress } from '../../contract/page-token.ts';
import { fetchFolder } from '../../hosts/fetch-folder.ts';
import { askUncurl, keepLine, sshTarget } from '../../hosts/ssh-line.ts';
import { SERVED_FORMAT, servedEngine } from './serve.ts';
import { openBrowser } from '../open-browser.ts';
import { switchOption, valueOption, type Verb } from '../verb.ts';

const stopped = z.object({ format: z.literal('uncurl-stopped'), wasRunning: z.boolean(), workspace: boundedText });

export const connect: Verb = {
  name: 'connect',
  usage: '[USER@]HOST [--open] [--workspace DIR] [--stop | --fetch PATH --out DIR]',
  summary: 'The workbench of another machine, through your ssh: finds or starts it there, and keeps the line.',
  positionals: [1, 1],
  engine: 'Choose it in the Devices dialog of the window that opens: it computes on the other machine.',
  options: {
    open: switchOption('Open the address in the default browser.'),
    workspace: valueOption('DIR', 'Workspace on the other machine (default: the one that it uses by itself).'),
    'remote-command': valueOption('WORDS', 'How the command line is called there (default: uncurl).'),
    'ssh-config': valueOption('FILE', 'Configuration for ssh (default: your own).'),
    stop: switchOption('Only end the engine there; a running job stops and can be resumed.'),
    fetch: valueOption('PATH', 'Only copy an export or a finished run from there, and compare its checksums.'),
    out: valueOption('DIR', 'With --fetch: the folder to make here.'),
  },
  run: async (reader, host) => {
    const target = sshTarget(reader.positionals[0] ?? '', reader.text('ssh-config') ?? null);
    const from = reader.text('fetch');
    if (from !== undefined) {
      const out = resolve(reader.text('out') ?? basename(from));
      const files = await fetchFolder(target, from, out, host);
      const text = `${out}: ${String(files)} files, each as its checksum says.`;
      return { document: { format: 'uncurl-fetched', out, files }, text };
    }
    const workspace = reader.text('workspace');
    const ask = (words: readonly string[], format: string): Promise<unknown> =>
      askUncurl(target, {
        uncurl: reader.text('remote-command') ?? 'uncurl',
        words: ['serve', ...words, '--json', ...(workspace === undefined ? [] : ['--workspace', workspace])],
        format,
        signal: host.signal,
      });
    if (reader.flag('stop')) {
      const document = stopped.parse(await ask(['--stop'], 'uncurl-stopped'));
      const text = document.wasRunning
        ? `The engine on ${target.host} has ended. Its runs can be resumed.`
        : `No engine was running on ${target.host} for ${document.workspace}.`;
      return { document, text };
    }
    let token = '';
    await host.endsWell(
      keepLine(target, {
        signal: host.signal,
        say: host.say,
        findPort: async () => {
          const found = servedEngine.parse(await ask(['--background'], SERVED_FORMAT));
          if (found.started && token !== '') host.say(`The engine on ${target.host} had ended and was started again.`);
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
