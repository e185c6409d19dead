import type { UserSettings } from '../contract/settings.ts';

/** An option of a verb, for the parser and for help. */
export interface VerbOption {
  readonly type: 'string' | 'boolean';
  /** May be given more than once; several values may also follow one use of it. */
  readonly multiple?: boolean;
  /** Placeholder of the value in help. */
  readonly value?: string;
  readonly help: string;
}

export interface VerbArguments {
  readonly positionals: readonly string[];
  /** A string, or a list where the option may be repeated; absent where it was not given. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The environment of a verb: with the engine, its only access to the world. */
export interface VerbHost {
  /** Folder of the bundled models and tasks. */
  readonly resources: string;
  /** Folder of the built page, for `serve`. */
  readonly rendererFolder: string;
  readonly commandLine: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user's settings for every workspace; empty for a verb that uses none of them. */
  readonly settings: UserSettings;
  readonly settingsFile: string;
  /** Aborted by the first interrupt. */
  readonly signal: AbortSignal;
  /** Marks work that ends cleanly on its own after an interrupt; other work is abandoned after a moment. */
  endsWell<T>(work: Promise<T>): Promise<T>;
  /** Prints one lasting line on standard error. */
  say(line: string): void;
  /** Shows a line of progress: the next one replaces it on a terminal. */
  progress(line: string): void;
  /** Prints a result at once, for a verb that keeps running (`serve`). */
  answer(result: VerbResult): void;
  /**
   * Runs the same command line in a child process that an interrupt always ends, and returns its exit code; null in
   * that child, and where no child is needed.
   */
  readonly supervise: (() => Promise<number>) | null;
}

/** The result of a verb: a document for `--json`, and the same in words. */
export interface VerbResult {
  readonly document: unknown;
  readonly text: string;
  /** The verb worked, but its finding is negative: exit code 1. */
  readonly failed?: boolean;
}

export interface Verb {
  readonly name: string;
  /** Usage after the verb's name: `MODEL --out F`. */
  readonly usage: string;
  readonly summary: string;
  /** Number of positional arguments. */
  readonly positionals: readonly [fewest: number, most: number];
  readonly options: Readonly<Record<string, VerbOption>>;
  /** For a verb without `--engine`: says which engine computes, and how to use the other one. */
  readonly engine?: string;
  /** Resolves to null where everything was printed already. */
  readonly run: (given: VerbArguments, host: VerbHost) => Promise<VerbResult | null>;
}
