import { type RunManifest, storedManifest } from '../contract/run.ts';
import { engineParts, isUnsafe } from '../contract/command-parts.ts';
import { runKinds } from '../contract/run-kinds.ts';

/** Quotes a word that a shell would split. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * The command line that makes the same run, whatever started it; null for settings that cannot be read, and for paths
 * and prompts that cannot be pasted safely. A method from a file is named by the file's name only, since a manifest
 * holds its text.
 */
export const equivalentCommand = (manifest: RunManifest): string | null => {
  const { command, onDevice } = runKinds[manifest.kind];
  const [verb, own] = command(manifest);
  const parts = own === null ? null : [...own, ...(onDevice === true ? engineParts(manifest) : [])];
  const values = (parts ?? []).flatMap((part) => (typeof part === 'string' ? [part] : part.slice(1)));
  if (parts === null || values.some(isUnsafe)) return null;
  const words = parts.flatMap((part) => (typeof part === 'string' ? [part] : [`--${part[0]}`, ...part.slice(1)]));
  return ['uncurl', verb, ...words].map(shellWord).join(' ');
};

/** Settings above this size (a plan with its weights) are not repeated in every figure. */
const MOST_SHOWN = 200_000;

/**
 * A manifest as reports and figures contain it: its command is made from its settings, and empty where there is none.
 * The command in its file may be anybody's text, which somebody might paste.
 */
export const shownManifest = (manifest: RunManifest): RunManifest => {
  const { spec, ...stored } = storedManifest(manifest);
  const characters = JSON.stringify(spec).length;
  return {
    ...stored,
    spec: characters <= MOST_SHOWN ? spec : { omitted: `${characters} characters; see the run's manifest.json` },
    commandLine: equivalentCommand(manifest) ?? '',
  };
};
