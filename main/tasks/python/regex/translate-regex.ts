import { characterSource, readEscape, readSet, setSource, WORD } from './regex-character.ts';
import { illFormed, FilterFault, RegexReader, untranslated } from './regex-reader.ts';
import { maxOf, minOf } from '../../../statistics/extremes.ts';

/** A translated part of an expression, with the properties that decide whether JavaScript means the same by it. */
interface Piece {
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

const textPiece = (source: string, length: number): Piece => ({
  source,
  shortest: length,
  longest: length,
  groups: 0,
  certain: [],
  prefersNothing: false,
  openRepeats: 0,
  kind: 'text',
});

const assertionPiece = (source: string): Piece => ({ ...textPiece(source, 0), kind: 'assertion' });

const total = (pieces: readonly Piece[], of: (piece: Piece) => number): number =>
  pieces.reduce((sum, piece) => sum + of(piece), 0);

const sequence = (pieces: readonly Piece[]): Piece => ({
  source: pieces.map(({ source }) => source).join(''),
  shortest: total(pieces, ({ shortest }) => shortest),
  longest: total(pieces, ({ longest }) => longest),
  groups: total(pieces, ({ groups }) => groups),
  certain: pieces.flatMap(({ certain }) => certain),
  prefersNothing: pieces.some(({ prefersNothing }) => prefersNothing),
  openRepeats: total(pieces, ({ openRepeats }) => openRepeats),
  kind: 'text',
});

const alternatives = (branches: readonly Piece[]): Piece => {
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

interface Repeat {
  readonly least: number;
  /** Infinity if unbounded. */
  readonly most: number;
  readonly isLazy: boolean;
}

const times = (count: number, length: number): number => (count === 0 || length === 0 ? 0 : count * length);

/** `piece.source` must be a single atom. */
const repeated = (piece: Piece, { least, most, isLazy }: Repeat): Piece => ({
  source: `${piece.source}{${least},${Number.isFinite(most) ? String(most) : ''}}${isLazy ? '?' : ''}`,
  shortest: times(least, piece.shortest),
  longest: times(most, piece.longest),
  groups: piece.groups,
  certain: least === 0 ? [] : piece.certain,
  prefersNothing: piece.prefersNothing || (isLazy && least === 0),
  openRepeats: piece.openRepeats + (Number.isFinite(most) ? 0 : 1),
  kind: 'text',
});

/** Longer than any published expression. */
const MAX_CHARACTERS = 4_096;
const MAX_DEPTH = 64;
/** Regex engines expand counted repetitions. */
const MAX_REPEATS = 1_000;

export interface TranslatedRegex {
  readonly source: string;
  /** Flags of JavaScript, without g. */
  readonly flags: string;
  readonly groups: number;
  /** Number of unbounded repetitions: from two on, time can grow faster than the text. */
  readonly openRepeats: number;
}

/** Without the flag m, which is never set here, JavaScript's ^ and $ are Python's \A and \Z. */
const START = '^';
const END = '$';
const BOUNDARY = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
/**
 * Between two characters, never inside one: JavaScript's look-behinds also match between the halves of a surrogate
 * pair.
 */
const BETWEEN = '(?:^|(?<=[\\s\\S]))';
/** Before 3.14 \B does not match in an empty text. */
const NO_BOUNDARY = `(?:(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))${BETWEEN}(?!${START}${END}))`;

class Translator {
  readonly #reader: RegexReader;
  readonly #names = new Map<string, number>();
  #groups = 0;
  #ignoreCase = false;
  #multiline = false;
  #dotAll = false;

  constructor(pattern: string) {
    this.#reader = new RegexReader(pattern);
  }

  translate(): TranslatedRegex {
    while (/^[a-zA-Z]$/.test(this.#reader.peek(2)) && this.#reader.peek(2) !== 'P' && this.#reader.take('(?'))
      this.#flags();
    const piece = this.#alternatives(0, []);
    if (this.#reader.peek() !== '') throw illFormed('a ) without its (', this.#reader.position);
    if (piece.shortest === 0 && piece.prefersNothing) {
      throw new FilterFault(
        'it may match nothing where it could match something, and then Python and JavaScript continue differently',
        'Put the longer alternative first, or require at least one character.',
      );
    }
    return {
      source: piece.source,
      flags: this.#ignoreCase ? 'iv' : 'v',
      groups: this.#groups,
      openRepeats: piece.openRepeats,
    };
  }

  #flags(): void {
    const { position } = this.#reader;
    const letters = this.#reader.run(/[a-zA-Z]/);
    if (!this.#reader.take(')')) throw untranslated('a part with flags of its own', position);
    for (const letter of letters) {
      if (letter === 'i') this.#ignoreCase = true;
      else if (letter === 'm') this.#multiline = true;
      else if (letter === 's') this.#dotAll = true;
      else if (letter === 'a' || letter === 'x') throw untranslated(`the flag ${letter}`, position);
      else if (letter !== 'u') throw illFormed(`the flag ${letter}`, position);
    }
  }

  #alternatives(depth: number, known: readonly number[]): Piece {
    if (depth > MAX_DEPTH) throw new FilterFault('it is nested too deeply', 'Simplify it.');
    const branches = [this.#sequence(depth, known)];
    while (this.#reader.take('|')) branches.push(this.#sequence(depth, known));
    return alternatives(branches);
  }

  #sequence(depth: number, known: readonly number[]): Piece {
    const pieces: Piece[] = [];
    while (!['', '|', ')'].includes(this.#reader.peek())) {
      const { position } = this.#reader;
      const atom = this.#atom(depth, [...known, ...pieces.flatMap(({ certain }) => certain)]);
      if (atom !== null) pieces.push(this.#repeated(atom, position));
    }
    return sequence(pieces);
  }

  #repeated(atom: Piece, position: number): Piece {
    const repeat = this.#repeat();
    if (repeat === null) return atom;
    if (atom.kind === 'assertion') throw illFormed('nothing to repeat', position);
    if (atom.kind === 'look') throw untranslated('a repetition of a look-around', position);
    if (repeat.most > 1 && atom.shortest === 0)
      throw untranslated('a repetition of something that can match nothing', position);
    if (repeat.most > 1 && atom.groups > atom.certain.length)
      throw untranslated('a repetition that contains an optional group', position);
    if (this.#repeat() !== null) throw illFormed('a repetition of a repetition', position);
    return repeated(atom, repeat);
  }

  #repeat(): Repeat | null {
    const reader = this.#reader;
    const { position } = reader;
    const bounds = reader.take('*')
      ? [0, Infinity]
      : reader.take('+')
        ? [1, Infinity]
        : reader.take('?')
          ? [0, 1]
          : this.#bounds();
    if (bounds === null) return null;
    const [least = 0, most = 0] = bounds;
    if (most < least) throw illFormed('a repetition with its bounds reversed', position);
    if (least > MAX_REPEATS || (Number.isFinite(most) && most > MAX_REPEATS))
      throw untranslated(`a repetition of more than ${MAX_REPEATS}`, position);
    if (reader.take('+')) throw untranslated('a possessive repetition', position);
    return { least, most, isLazy: reader.take('?') };
  }

  /** `{m}`, `{m,}`, `{,n}` or `{m,n}`; other braces are literal characters. */
  #bounds(): readonly number[] | null {
    const { position } = this.#reader;
    if (this.#reader.peek(1) === '}' || !this.#reader.take('{')) return null;
    const low = this.#reader.run(/[0-9]/);
    const high = this.#reader.take(',') ? this.#reader.run(/[0-9]/) : low;
    if (this.#reader.take('}')) return [low === '' ? 0 : Number(low), high === '' ? Infinity : Number(high)];
    this.#reader.back(position);
    return null;
  }

  /** Null for a comment. */
  #atom(depth: number, known: readonly number[]): Piece | null {
    const reader = this.#reader;
    const { position } = reader;
    const character = reader.next('');
    switch (character) {
      case '(':
        return this.#group(depth, known);
      case '[':
        return textPiece(readSet(reader, this.#ignoreCase), 1);
      case '.':
        return textPiece(this.#dotAll ? '[\\s\\S]' : '[^\\n]', 1);
      case '^':
        return assertionPiece(this.#multiline ? `(?:${START}|(?<=\\n))` : START);
      case '$':
        return assertionPiece(this.#multiline ? `(?:${END}|(?=\\n))` : `(?=\\n?${END})`);
      case '*':
      case '+':
      case '?':
        throw illFormed('nothing to repeat', position);
      case '\\':
        return this.#escape(known);
      default:
        if (character === '{') {
          reader.back(position);
          if (this.#bounds() !== null) throw illFormed('nothing to repeat', position);
          reader.next('');
        }
        return textPiece(characterSource(character.codePointAt(0) ?? 0, this.#ignoreCase), 1);
    }
  }

  #escape(known: readonly number[]): Piece {
    const reader = this.#reader;
    const { position } = reader;
    const escape = readEscape(reader);
    if (escape?.kind === 'set') return textPiece(setSource(escape.members, false, this.#ignoreCase), 1);
    if (escape?.kind === 'character') return textPiece(characterSource(escape.code, this.#ignoreCase), 1);
    const letter = reader.next('an escape');
    switch (letter) {
      case 'A':
        return assertionPiece(START);
      case 'Z':
        return assertionPiece(END);
      case 'b':
        return assertionPiece(BOUNDARY);
      case 'B':
        return assertionPiece(NO_BOUNDARY);
      default:
        if (!/[1-9]/.test(letter)) throw illFormed(`the escape \\${letter}`, position);
        return this.#reference(Number(letter + reader.run(/[0-9]/, 1)), known, position);
    }
  }

  #reference(group: number, known: readonly number[], position: number): Piece {
    if (group > this.#groups) throw illFormed(`a reference to the group ${group}, which does not exist`, position);
    // An unset group never matches in Python; in JavaScript it matches the empty string.
    if (!known.includes(group)) throw untranslated(`a reference to the group ${group}, which may be unset`, position);
    return { ...textPiece(`(?:\\${group})`, 0), longest: Infinity };
  }

  #group(depth: number, known: readonly number[]): Piece | null {
    const reader = this.#reader;
    const position = reader.position - 1;
    if (!reader.take('?')) return this.#captured(depth, known, position);
    if (reader.take(':')) return this.#enclosed(depth, known, position, '(?:');
    if (reader.take('#')) {
      reader.until(')', 'a comment');
      return null;
    }
    if (reader.take('P<')) {
      const name = reader.until('>', 'the name of a group');
      if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) throw illFormed(`the group name ${JSON.stringify(name)}`, position);
      if (this.#names.has(name)) throw illFormed(`a second group named ${name}`, position);
      this.#names.set(name, this.#groups + 1);
      return this.#captured(depth, known, position);
    }
    if (reader.take('P=')) {
      const name = reader.until(')', 'a reference');
      const group = this.#names.get(name);
      if (group === undefined)
        throw illFormed(`a reference to the group ${JSON.stringify(name)}, which does not exist`, position);
      return this.#reference(group, known, position);
    }
    for (const look of ['<=', '<!', '=', '!'] as const)
      if (reader.take(look)) return this.#look(depth, known, position, look);
    if (reader.take('(')) throw untranslated('a condition', position);
    if (reader.take('>')) throw untranslated('an atomic group', position);
    if (/[a-zA-Z-]/.test(reader.peek()) && reader.peek() !== 'P')
      throw untranslated('a part with flags of its own', position);
    throw illFormed(`an unknown group (?${reader.peek()}`, position);
  }

  #captured(depth: number, known: readonly number[], position: number): Piece {
    const group = ++this.#groups;
    const inner = this.#enclosed(depth, known, position, '(');
    return { ...inner, groups: inner.groups + 1, certain: [group, ...inner.certain] };
  }

  #enclosed(depth: number, known: readonly number[], position: number, opening: string): Piece {
    const inner = this.#alternatives(depth + 1, known);
    if (!this.#reader.take(')')) throw illFormed('a ( without its )', position);
    return { ...inner, source: `${opening}${inner.source})`, kind: 'text' };
  }

  #look(depth: number, known: readonly number[], position: number, look: '<=' | '<!' | '=' | '!'): Piece {
    const inner = this.#enclosed(depth, known, position, `(?${look}`);
    if (inner.groups > 0) throw untranslated('a group inside a look-around', position);
    if (look.startsWith('<') && inner.shortest !== inner.longest)
      throw illFormed('a look-behind without a fixed width', position);
    return {
      ...textPiece(look === '<!' ? inner.source + BETWEEN : inner.source, 0),
      openRepeats: inner.openRepeats,
      kind: 'look',
    };
  }
}

/**
 * Translates a Python `re` expression (str patterns) to a JavaScript one that finds the same. Throws a FilterFault,
 * naming construct and position, for expressions that Python would not compile or that JavaScript cannot express
 * (possessive and atomic groups, conditions, the flags a and x, optional groups in repetitions, repetitions of
 * something that can be empty). Source: Python 3.11, `re` module documentation; ECMAScript 2024, 22.2.
 */
export const translateRegex = (pattern: string): TranslatedRegex => {
  const { length } = Array.from(pattern);
  if (length > MAX_CHARACTERS)
    throw new FilterFault(`it has ${length} characters (limit ${MAX_CHARACTERS})`, 'Shorten it.');
  return new Translator(pattern).translate();
};
