import { maxOf, minOf } from '../../../statistics/extremes.ts';

/** A translated part of an expression, with the properties that decide whether JavaScript means the same by it. */
export interface Piece {
  readonly source: string;
  /** Minimum and maximum number of characters that it matches. */
  readonly shortest: number;
  readonly longest: number;
  readonly groups: number;
  /** Groups that are always set after a match. */
  readonly certain: readonly number[];
  /** Whether it may prefer an empty match where a longer one is possible. */
  readonly prefersNothing: boolean;
  /** Number of unbounded repetitions inside it. */
  readonly openRepeats: number;
  /** An assertion such as ^, which cannot be repeated; a look-around; anything else. */
  readonly kind: 'assertion' | 'look' | 'text';
}

export const textPiece = (source: string, length: number): Piece => ({
  source,
  shortest: length,
  longest: length,
  groups: 0,
  certain: [],
  prefersNothing: false,
  openRepeats: 0,
  kind: 'text',
});

export const assertionPiece = (source: string): Piece => ({ ...textPiece(source, 0), kind: 'assertion' });

const total = (pieces: readonly Piece[], of: (piece: Piece) => number): number =>
  pieces.reduce((sum, piece) => sum + of(piece), 0);

export const sequence = (pieces: readonly Piece[]): Piece => ({
  source: pieces.map(({ source }) => source).join(''),
  shortest: total(pieces, ({ shortest }) => shortest),
  longest: total(pieces, ({ longest }) => longest),
  groups: total(pieces, ({ groups }) => groups),
  certain: pieces.flatMap(({ certain }) => certain),
  prefersNothing: pieces.some(({ prefersNothing }) => prefersNothing),
  openRepeats: total(pieces, ({ openRepeats }) => openRepeats),
  kind: 'text',
});

export const alternatives = (branches: readonly Piece[]): Piece => {
  const [only] = branches;
  if (only !== undefined && branches.length === 1) return only;
  return {
    source: branches.map(({ source }) => source).join('|'),
    shortest: minOf(branches.map(({ shortest }) => shortest)),
    longest: maxOf(branches.map(({ longest }) => longest)),
    groups: total(branches, ({ groups }) => groups),
    certain: [],
    prefersNothing: branches.some(
      ({ prefersNothing, shortest }, index) => prefersNothing || (shortest === 0 && index < branches.length - 1),
    ),
    openRepeats: total(branches, ({ openRepeats }) => openRepeats),
    kind: 'text',
  };
};

export interface Repeat {
  readonly least: number;
  /** Infinity if unbounded. */
  readonly most: number;
  readonly isLazy: boolean;
}

const times = (count: number, length: number): number => (count === 0 || length === 0 ? 0 : count * length);

/** `piece.source` must be a single atom. */
export const repeated = (piece: Piece, { least, most, isLazy }: Repeat): Piece => ({
  source: `${piece.source}{${String(least)},${Number.isFinite(most) ? String(most) : ''}}${isLazy ? '?' : ''}`,
  shortest: times(least, piece.shortest),
  longest: times(most, piece.longest),
  groups: piece.groups,
  certain: least === 0 ? [] : piece.certain,
  prefersNothing: piece.prefersNothing || (isLazy && least === 0),
  openRepeats: piece.openRepeats + (Number.isFinite(most) ? 0 : 1),
  kind: 'text',
});
