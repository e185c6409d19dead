import { measuredWord, shortHash } from '../../../main/contract/model.ts';
import type { ChangedSince } from '../../../main/contract/model.ts';

/** "changed since it was swept". */
export const changedWords = (kind: ChangedSince['kind']): string =>
  `changed since it was ${measuredWord(kind) ?? 'used'}`;

const hashes = (then: string, now: string | null): string =>
  `${shortHash(then)} then${now === null ? '' : `, ${shortHash(now)} now`}`;

/** What a model has changed since, with the beginnings of both fingerprints. */
export const changedSentence = ({ kind, title, hash }: ChangedSince, now: string | null): string =>
  `This model has ${changedWords(kind)} in “${title}” (header hash ${hashes(hash, now)}).`;

export const changedTaskSentence = ({ title, hash }: ChangedSince, now: string | null): string =>
  `This task has changed since it was used in “${title}” (content hash ${hashes(hash, now)}): what was measured is of other items.`;
