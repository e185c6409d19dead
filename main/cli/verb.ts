import type { UserSettings } from '../contract/settings.ts';

/** An option of a verb, as it is parsed and as its help shows it. */
export interface VerbOption {
  readonly type: 'string' | 'boolean';
  /** May be given more than once; several values may also follow one use of it. */
  readonly multiple?: boolean;
  /** Placeholder of the value. */
  readonly value?: string;
  readonly help: string;
}

export interface VerbArguments {
  readonly positionals: readonly string[];
  /** A string, or a list where the option may be repeated; absent where it was not given. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Where a verb runs: the only way to the world that it has beside the engine. */
export interface VerbHost {
  /** Folder of the bundled models and tasks. */
  readonly resources: string;
  /** Folder of the built page, for `serve`. */
  readonly rendererFolder: string;
  readonly commandLine: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What the user set for every workspace; nothing, for a verb that uses none of it. */
  readonly settings: UserSettings;
  readonly settingsFile: string;
  /** Aborted by the first interrupt. */
  readonly signal: AbortSignal;
  /** Work that ends well by itself when it is interrupted; anything else is left where it stands after a moment. */
  endsWell<T>(work: Promise<T>): Promise<T>;
  /** One lasting line for the reader, on standard error. */
  say(line: string): void;
  /** The line that says how far the work is: replaced by the next one on a terminal. */
  progress(line: string): void;
  /** Prints an answer at once, for a verb that then stays (`serve`). */
  answer(result: VerbResult): void;
  /**
   * Runs the same command line in a process that an interrupt always ends, and gives its exit code; null in that
   * process, and where there is no need of one.
   */
  readonly supervise: (() => Promise<number>) | null;
}

/** What a verb answers: a document for `--json`, and the same in words. */
export interface VerbResult {
  readonly document: unknown;
  readonly text: string;
  /** The verb did its work, and what it found is bad: exit code 1. */
  readonly failed?: boolean;
}

export interface Verb {
  readonly name: string;
  /** After the verb's name: `MODEL --out F`. */
  readonly usage: string;
  readonly summary: string;
  /** Positional arguments: the fewest and the most. */
  readonly positionals: readonly [fewest: number, most: number];
  readonly options: Readonly<Record<string, VerbOption>>;
  /** Null: everything was answered already. */
  readonly run: (given: VerbArguments, host: VerbHost) => Promise<VerbResult | null>;
}
