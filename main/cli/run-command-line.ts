import { serialiseError, refuse, type SerialisedError } from '../contract/errors.ts';
import { engineVersion } from '../engine/machine.ts';
import { overview, verbHelp } from './help-text.ts';
import { suggestion } from './nearest-name.ts';
import { parseArguments } from './parse-arguments.ts';
import { createTerminal, type TerminalStream } from './terminal.ts';
import type { VerbHost, VerbResult } from './verb.ts';
import { verbs } from './verbs.ts';

export interface CommandLineWorld {
  readonly resources: string;
  readonly rendererFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
}

const EXIT_CODES: Readonly<Record<SerialisedError['kind'], number>> = { failed: 1, refused: 2, cancelled: 130 };

/** Quotes what a shell would split, so that a manifest's command line can be typed again. */
const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;

/** Runs one command line and gives its exit code: 0 success, 1 failure, 2 bad usage or refused input, 130 cancelled. */
export const runCommandLine = async (args: readonly string[], world: CommandLineWorld): Promise<number> => {
  const { stdout, stderr } = world;
  const terminal = createTerminal(stderr, world.now);
  const isJson = args.includes('--json');
  const answer = ({ document, text }: VerbResult): void => {
    terminal.clear();
    stdout.write(isJson ? `${JSON.stringify(document, null, 2)}\n` : `${text}\n`);
  };
  try {
    const [name, ...rest] = args;
    if (name === '--version') {
      answer({ document: { version: engineVersion }, text: engineVersion });
      return 0;
    }
    if (name === undefined || name === '--help' || name === 'help') {
      const all = await Promise.all(Object.values(verbs).map((load) => load()));
      answer({
        document: all.map((verb) => ({ name: verb.name, usage: verb.usage, summary: verb.summary })),
        text: overview(all),
      });
      return name === undefined ? 2 : 0;
    }
    const load = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (load === undefined)
      throw refuse('bad-usage', `There is no verb "${name}".`, suggestion(name, Object.keys(verbs)));
    const verb = await load();
    const given = parseArguments(verb, rest);
    if (given.options['help'] === true) {
      answer({
        document: { name: verb.name, usage: verb.usage, summary: verb.summary, options: verb.options },
        text: verbHelp(verb),
      });
      return 0;
    }
    const host: VerbHost = {
      resources: world.resources,
      rendererFolder: world.rendererFolder,
      commandLine: ['uncurl', ...args].map(quoted).join(' '),
      environment: world.environment,
      signal: world.signal,
      say: terminal.say,
      progress: terminal.progress,
      answer,
    };
    const result = await verb.run(given, host);
    if (result === null) return 0;
    answer(result);
    return result.failed === true ? 1 : 0;
  } catch (error) {
    const serialised = serialiseError(error);
    terminal.clear();
    if (isJson) stdout.write(`${JSON.stringify({ error: serialised }, null, 2)}\n`);
    stderr.write(`uncurl: ${serialised.message}\n${serialised.remedy}\n`);
    if (serialised.code === 'internal' && error instanceof Error) stderr.write(`${error.stack ?? ''}\n`);
    return EXIT_CODES[serialised.kind];
  }
};
