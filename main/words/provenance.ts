import type { RunProvenance } from '../contract/provenance.ts';
import { listed } from './numbers.ts';

/** Files that a heading names; the others are counted. */
const MOST_NAMED = 5;

const named = (files: readonly string[]): string =>
  listed([
    ...files.slice(0, MOST_NAMED),
    ...(files.length > MOST_NAMED ? [`${files.length - MOST_NAMED} other files`] : []),
  ]);

const reasonWords = ({ reason, files }: RunProvenance): string => {
  switch (reason) {
    case 'other-key':
      return 'another user or machine sealed this run';
    case 'broken-seal':
      return 'the list of its files does not belong to its seal, so that this run was edited or forged';
    case 'changed-files':
      return `${named(files)} ${files.length === 1 ? 'was' : 'were'} changed after the run had ended`;
    case 'not-finished':
      return 'the run has not finished, so that nothing vouches for its files';
    case 'begun-elsewhere':
      return 'the run was begun elsewhere (or copied, edited, or begun by an earlier version) and continued here';
    case 'no-seal':
    case null:
      return 'the run has no seal (it was copied from elsewhere, edited, or made by an earlier version)';
  }
};

/** Begins the heading of every run that is not this user's. */
export const NOT_MEASURED_HERE = 'Not measured here';

/**
 * Heads every view, report, figure, table and export of a run that was not measured here; null for one that was, and
 * for a record of this package.
 */
export const provenanceHeading = (provenance: RunProvenance | undefined): string | null => {
  if (provenance === undefined || provenance.state === 'here' || provenance.state === 'bundled') return null;
  const start = provenance.state === 'unfinished' ? 'Not sealed' : NOT_MEASURED_HERE;
  return `${start}: ${reasonWords(provenance)}.`;
};

/** The same in two or three words, for a cell or a badge. */
export const provenanceBadge = (provenance: RunProvenance | undefined): string | null =>
  provenanceHeading(provenance)?.split(':')[0]?.toLowerCase() ?? null;
