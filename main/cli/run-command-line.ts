import { z } from 'zod';
import { runProvenance } from '../contract/provenance.ts';
import { provenanceHeading } from '../words/provenance.ts';
import { shellWord } from '../words/equivalent-command.ts';
import { CancelledError, type SerialisedError, serialiseError } from '../contract/errors.ts';
import { engineVersion } from '../engine/machine.ts';
import { parseArguments } from './command.ts';
import { helpOn, helpOnVerb, loadVerb } from './help.ts';
import { NO_SETTINGS, type UserSettings } from '../contract/settings.ts';
import { keepHashesIn } from '../checkpoint/hash-cache.ts';
import { stateFolder } from '../workspace/user-key.ts';
import { readSettings, settingsFile, withSetHub, withSetWorkspace } from '../workspace/settings-file.ts';
import { isSystemError } from '../files/file-errors.ts';
import { type ProcessLimits, processLimits, requireLimits } from '../files/process-limits.ts';
import { explainReadError } from '../files/regular-file.ts';
import { escapeControls } from '../figures/escape.ts';
import { createTerminal, type TerminalStream } from './terminal.ts';
import { optionReader, type Verb, type VerbArguments, type VerbHost, type VerbResult } from './verb.ts';
import { MACHINE_OPTIONS, WORKING_MEMORY } from './machine-options.ts';

const BYTES_PER_GIGABYTE = 1e9;

/** Whether a verb uses any user setting: other verbs run even if the settings file is damaged. */
export const usesSettings = ({ options }: Verb): boolean =>
  'workspace' in options || options['memory'] === MACHINE_OPTIONS.memory;

/**
 * Fills in user settings for options that were not given: threads and memory, and for `serve` the device. Other verbs
 * compute on the device of the command line: a click in the window must not change a script's numbers.
 */
export const withSetOptions = (verb: Verb, given: VerbArguments, settings: UserSettings): VerbArguments => {
  const { threads, memoryBudgetBytes, device } = settings;
  const options: Record<string, unknown> = { ...given.options };
  for (const [name, option] of Object.entries(verb.options)) {
    if (option === MACHINE_OPTIONS.threads && threads !== null) options[name] ??= String(threads);
    if ((option === MACHINE_OPTIONS.memory || option === WORKING_MEMORY) && memoryBudgetBytes !== null)
      options[name] ??= String(memoryBudgetBytes / BYTES_PER_GIGABYTE);
  }
  if (verb.name === 'serve' && device !== null) options['device'] ??= device;
  return { positionals: given.positionals, options };
};

const aboutRun = z.object({ provenance: runProvenance });

/** What heads the text of a document about a run that was not measured here. */
const headingOf = (document: unknown): string | null =>
  provenanceHeading(aboutRun.safeParse(document).data?.provenance);

interface CommandLineWorld {
  readonly resources: string;
  readonly rendererFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Runs the same command line in a child process that can always be ended; absent in that child. */
  readonly supervise?: ((signal: AbortSignal, say: (line: string) => void) => Promise<number>) | undefined;
  readonly now: () => number;
  /** Limits of this process; default: those that the system names. */
  readonly limits?: ProcessLimits | undefined;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
}

const EXIT_CODES: Readonly<Record<SerialisedError['kind'], number>> = { failed: 1, refused: 2, cancelled: 130 };

/** After an interrupt, work that has not ended within this time is abandoned. */
const GRACE_MS = 500;

/**
 * Rejects a moment after an interrupt, unless work is running that ends cleanly on its own. Reading a file may take
 * longer than a person waits, and abandoning it loses nothing.
 */
const leftStanding = (signal: AbortSignal, endsWell: () => boolean): Promise<never> =>
  new Promise((_, reject) => {
    const wait = (): void => {
      setTimeout(() => {
        if (!endsWell()) reject(new CancelledError('The command', 'Run it again.'));
      }, GRACE_MS).unref();
    };
    if (signal.aborted) wait();
    else signal.addEventListener('abort', wait, { once: true });
  });

/** System errors that no verb has explained come from a file that was read. */
const explainedRead = (error: unknown): unknown =>
  isSystemError(error) && 'path' in error && typeof error.path === 'string'
    ? explainReadError(error, error.path)
    : error;

/**
 * Runs one command line and returns its exit code: 0 success, 1 failure, 2 bad usage or refused input, 130 cancelled.
 */
export const runCommandLine = async (args: readonly string[], world: CommandLineWorld): Promise<number> => {
  const { stdout, stderr } = world;
  const terminal = createTerminal(stderr, world.now);
  const isJson = args.includes('--json');
  const answer = ({ document, text }: VerbResult): void => {
    terminal.clear();
    const heading = headingOf(document);
    const said = heading === null ? text : `${heading}\n\n${text}`;
    stdout.write(`${escapeControls(isJson ? JSON.stringify(document, null, 2) : said)}\n`);
  };
  const width = stdout.isTTY === true ? stdout.columns : undefined;
  try {
    const [name, ...rest] = args;
    if (name === '--version') {
      answer({ document: { version: engineVersion }, text: engineVersion });
      return 0;
    }
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      answer(
        await helpOn(
          rest.find((argument) => !argument.startsWith('-')),
          world.resources,
          width,
        ),
      );
      return name === undefined ? 2 : 0;
    }
    requireLimits(world.limits ?? processLimits());
    const verb = await loadVerb(name);
    const given = parseArguments(verb, rest);
    if (given.options['help'] === true) {
      answer(await helpOnVerb(name, width));
      return 0;
    }
    const { resources, rendererFolder, signal, supervise } = world;
    const file = settingsFile(world.environment);
    keepHashesIn(stateFolder(file));
    const settings = usesSettings(verb) ? await readSettings(file) : NO_SETTINGS;
    const environment = withSetHub(withSetWorkspace(world.environment, settings), settings);
    const ending = new Set<Promise<unknown>>();
    const host: VerbHost = {
      resources,
      rendererFolder,
      commandLine: ['uncurl', ...args].map(shellWord).join(' '),
      environment,
      settings,
      settingsFile: file,
      signal,
      endsWell: async (work) => {
        ending.add(work);
        try {
          return await work;
        } finally {
          ending.delete(work);
        }
      },
      say: terminal.say,
      progress: terminal.progress,
      answer,
      supervise: supervise === undefined ? null : () => supervise(signal, terminal.say),
    };
    const result = await Promise.race([
      verb.run(optionReader(withSetOptions(verb, given, settings)), host),
      leftStanding(signal, () => ending.size > 0),
    ]);
    if (result === null) return 0;
    answer(result);
    return result.failed === true ? 1 : 0;
  } catch (error) {
    const serialised = serialiseError(explainedRead(error));
    terminal.clear();
    if (isJson) stdout.write(`${escapeControls(JSON.stringify({ error: serialised }, null, 2))}\n`);
    stderr.write(escapeControls(`uncurl: ${serialised.message}\n${serialised.remedy}\n`));
    if (serialised.code === 'internal' && error instanceof Error)
      stderr.write(`${escapeControls(error.stack ?? '')}\n`);
    return EXIT_CODES[serialised.kind];
  }
};
