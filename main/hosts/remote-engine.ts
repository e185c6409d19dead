import { z } from 'zod';
import packageFile from '../../package.json' with { type: 'json' };
import { boundedText, shortName } from '../contract/bounds.ts';
import { fail } from '../contract/errors.ts';
import { shellWord } from '../words/equivalent-command.ts';
import { INSTALLED_UNCURL } from './install-there.ts';
import { askUncurl, type SshTarget } from './ssh-line.ts';

const MOST_MACHINES = 1_000;

/** Other machines that share the home folder there and say that they serve the same workspace. */
const elsewhere = z.array(shortName).max(MOST_MACHINES).default([]);

/** What `serve --background --json` and `serve --stop --json` print; read here from another machine. */
export const SERVED_FORMAT = 'uncurl-served';
const servedEngine = z.object({
  format: z.literal(SERVED_FORMAT),
  workbench: shortName,
  port: z.number().int().min(1).max(65_535),
  token: shortName,
  workspace: boundedText,
  started: z.boolean(),
  elsewhere,
});
export type ServedEngine = z.infer<typeof servedEngine>;

export const STOPPED_FORMAT = 'uncurl-stopped';
const stoppedEngine = z.object({
  format: z.literal(STOPPED_FORMAT),
  wasRunning: z.boolean(),
  workspace: boundedText,
  elsewhere,
});
type StoppedEngine = z.infer<typeof stoppedEngine>;

/** What a user of a home folder on several machines should know; null: there is nothing to say. */
export const elsewhereText = (machines: readonly string[]): string | null =>
  machines.length === 0
    ? null
    : `${machines.join(', ')}, which ${machines.length === 1 ? 'shares' : 'share'} the home folder, ` +
      `${machines.length === 1 ? 'says that it serves' : 'say that they serve'} this workspace too: a run belongs to ` +
      'the engine that started it, and an engine is stopped on its own machine.';

/** The engine of another machine: how its command line is called there, and which workspace it serves. */
export interface RemoteEngine {
  /** Finds it, or starts it. */
  readonly find: (target: SshTarget) => Promise<ServedEngine>;
  /** Ends it; a running job stops and can be resumed. */
  readonly stop: (target: SshTarget) => Promise<StoppedEngine>;
}

export interface RemoteCommand {
  /** How the command line is called there; undefined: what `connect --install` copied, else `uncurl`. */
  readonly called?: string | undefined;
  /** Undefined: the one that it uses by itself. */
  readonly workspace?: string | undefined;
  readonly signal: AbortSignal;
}

/** The functions throw the errors of `askUncurl`. */
export const remoteEngine = ({ called, workspace, signal }: RemoteCommand): RemoteEngine => {
  const there = { uncurl: called ?? INSTALLED_UNCURL, called: called ?? 'uncurl', signal };
  const ask = (target: SshTarget, words: readonly string[], format: string): Promise<unknown> =>
    askUncurl(target, there, {
      words: ['serve', ...words, '--json', ...(workspace === undefined ? [] : ['--workspace', workspace])],
      format,
      version: packageFile.version,
    });
  return {
    find: async (target) => servedEngine.parse(await ask(target, ['--background'], SERVED_FORMAT)),
    stop: async (target) => stoppedEngine.parse(await ask(target, ['--stop'], STOPPED_FORMAT)),
  };
};

/**
 * A page of this version talks to an engine of the same version alone. (A browser gets its page from the engine.)
 *
 * @throws WorkbenchError `other-version`
 */
export const requireSameVersion = ({ host }: SshTarget, { workbench }: ServedEngine): void => {
  if (workbench === packageFile.version) return;
  throw fail(
    'other-version',
    `The engine on ${host} is of version ${workbench}; this window is of version ${packageFile.version}.`,
    `End it there (uncurl connect ${shellWord(host)} --stop) and install this version: ` +
      `uncurl connect ${shellWord(host)} --install. Or open it in a browser: uncurl connect ${shellWord(host)} --open.`,
  );
};
