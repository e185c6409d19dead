/** Reads the characters of an expression one by one. */
export class RegexReader {
  readonly #characters: readonly string[];
  #position = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  get position(): number {
    return this.#position;
  }

  /** The character `ahead` of the current position; '' after the end. */
  peek(ahead = 0): string {
    return this.#characters[this.#position + ahead] ?? '';
  }

  /** Reads the next character, which must exist; `what` names the construct being read. */
  next(what: string): string {
    const character = this.peek();
    if (character === '') throw illFormed(`${what} has no end`, this.#position);
    this.#position++;
    return character;
  }

  /** Whether `text` comes next; reads it if so. */
  take(text: string): boolean {
    const characters = Array.from(text);
    if (!characters.every((character, index) => this.peek(index) === character)) return false;
    this.#position += characters.length;
    return true;
  }

  /** Reads up to `most` consecutive characters of `set`. */
  run(set: RegExp, most = Infinity): string {
    let found = '';
    while (found.length < most && this.peek() !== '' && set.test(this.peek())) found += this.next('');
    return found;
  }

  /** Reads up to and including `end`, and returns the text before it. */
  until(end: string, what: string): string {
    let found = '';
    while (!this.take(end)) found += this.next(what);
    return found;
  }

  back(position: number): void {
    this.#position = position;
  }
}

/** Why a filter or a regular expression cannot be used. Callers that know its file and key turn it into a refusal. */
export class FilterFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FilterFault';
    this.remedy = remedy;
  }
}

/** For expressions that Python itself rejects. */
export const illFormed = (what: string, position: number): FilterFault =>
  new FilterFault(`it is not a regular expression: ${what} at character ${position + 1}`, 'Repair the expression.');

/** For expressions that JavaScript cannot express with Python's meaning. */
export const untranslated = (what: string, position: number): FilterFault =>
  new FilterFault(
    `${what} at character ${position + 1} is not supported`,
    'Write the expression without it: only syntax that means the same in JavaScript is supported.',
  );
