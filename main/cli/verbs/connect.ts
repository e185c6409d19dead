import { spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import { refuse, WorkbenchError } from '../../contract/errors.ts';
import { CHECKSUM_FILE, fileChecksum, readChecksums } from '../../files/checksums.ts';
import { temporaryNameFor } from '../../files/write-atomically.ts';
import { pageAddress } from '../../contract/page-token.ts';
import { askUncurl, keepLine, type SshTarget, sshTarget } from '../../hosts/ssh-line.ts';
import { formatBytes } from '../../words/numbers.ts';
import { SERVED_FORMAT, servedEngine } from './serve.ts';
import { openBrowser } from '../open-browser.ts';
import { switchOption, valueOption, type Verb, type VerbHost } from '../verb.ts';

const stopped = z.object({ format: z.literal('uncurl-stopped'), wasRunning: z.boolean(), workspace: boundedText });

/** Bytes of a folder's files so far. */
const bytesIn = async (folder: string): Promise<number> => {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    names.filter((entry) => entry.isFile()).map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};

/** Copies a folder with the system's scp; progress is the number of bytes that arrived. */
const copyFrom = async ({ host, configuration }: SshTarget, from: string, to: string, at: VerbHost): Promise<void> => {
  const words = [...(configuration === null ? [] : ['-F', configuration]), '-q', '-r', '--', `${host}:${from}`, to];
  const child = spawn('scp', words, { stdio: ['ignore', 'ignore', 'pipe'], signal: at.signal });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => (stderr = (stderr + data.toString()).slice(-4_000)));
  const shown = setInterval(() => {
    bytesIn(to).then(
      (bytes) => at.progress(`${basename(from)}: ${formatBytes(bytes)} copied`),
      () => undefined,
    );
  }, 1_000);
  try {
    const code = await new Promise<number | null>((done, fail) => {
      child.once('error', fail);
      child.once('close', done);
    });
    if (code !== 0)
      throw new WorkbenchError(
        'not-copied',
        'failed',
        `scp ended with code ${String(code)}: ${stderr.trim()}`,
        `Look whether ${from} exists on ${host}; nothing was left here.`,
      );
  } finally {
    clearInterval(shown);
  }
};

/** Copies an export or a run from the other machine, and compares every file with the list of checksums in it. */
const fetchFolder = async (target: SshTarget, from: string, out: string, host: VerbHost): Promise<number> => {
  if (
    await stat(out).then(
      () => true,
      () => false,
    )
  )
    throw refuse('exists', `${out} exists already.`, 'Name another folder with --out.');
  const temporary = temporaryNameFor(out);
  await mkdir(dirname(out), { recursive: true });
  try {
    await copyFrom(target, from, temporary, host);
    const sums = await readChecksums(temporary);
    if (sums === null)
      throw refuse(
        'no-checksums',
        `${from} has no ${CHECKSUM_FILE}, so that the copy cannot be compared.`,
        'Name the folder of an export or of a finished run.',
      );
    for (const [name, sum] of sums) {
      host.progress(`Comparing ${name}`);
      if ((await fileChecksum(join(temporary, name), host.signal)) !== sum)
        throw new WorkbenchError(
          'copy-differs',
          'failed',
          `${name} differs from the checksum that ${target.host} has for it.`,
          'Fetch it again; if it differs again, verify the folder there.',
        );
    }
    await rename(temporary, out);
    return sums.size;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
};

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
