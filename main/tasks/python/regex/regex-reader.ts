import { illFormed } from './regex-fault.ts';

/** The characters of an expression, read one by one. */
export class RegexReader {
  readonly #characters: readonly string[];
  #position = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  get position(): number {
    return this.#position;
  }

  /** The character `ahead` of the place; '' behind the end. */
  peek(ahead = 0): string {
    return this.#characters[this.#position + ahead] ?? '';
  }

  /** The next character, which must be there: `what` is being read. */
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

  /** As many characters of `set` as come next, `most` at most. */
  run(set: RegExp, most = Infinity): string {
    let found = '';
    while (found.length < most && this.peek() !== '' && set.test(this.peek())) found += this.next('');
    return found;
  }

  /** What comes before `end`, which is read too. */
  until(end: string, what: string): string {
    let found = '';
    while (!this.take(end)) found += this.next(what);
    return found;
  }

  back(position: number): void {
    this.#position = position;
  }
}
