import type { DecodedRow, RowToDecode } from '../model-runner.ts';

export class WritingRow {
  readonly row: number;
  /** Index of its candidate within the group. */
  readonly candidate: number;
  /** Tokens of its prompt after the shared prefix. */
  readonly prompt: readonly number[];
  /** Position of its first own token: the length of the prefix if it shares it, else 0. */
  readonly start: number;
  readonly mostNewTokens: number;
  readonly isDone: ((written: readonly number[]) => boolean) | undefined;
  readonly choose: RowToDecode['choose'];
  readonly written: number[] = [];

  constructor(row: number, candidate: number, prefix: number, { tokens, mostNewTokens, isDone, choose }: RowToDecode) {
    this.row = row;
    this.candidate = candidate;
    this.prompt = tokens.slice(prefix);
    this.start = prefix;
    this.mostNewTokens = mostNewTokens;
    this.isDone = isDone;
    this.choose = choose;
  }

  /** Maximum number of columns that its cache will need: the last token is never run. */
  get mostColumns(): number {
    return columnsOf(this.prompt.length, this.mostNewTokens);
  }

  /** Number of cached columns before the next step; 0 before its prompt has run. */
  get columns(): number {
    return this.written.length === 0 ? 0 : this.prompt.length + this.written.length - 1;
  }

  /** Tokens to run in its next step. */
  get next(): readonly number[] {
    return this.written.length === 0 ? this.prompt : this.written.slice(-1);
  }

  /** Takes a chosen token; returns how the row ended, or null if it continues. */
  take(token: number): DecodedRow['ended'] | null {
    this.written.push(token);
    if (this.isDone?.(this.written) === true) return 'done';
    return this.written.length >= this.mostNewTokens ? 'length' : null;
  }
}

export const columnsOf = (promptTokens: number, mostNewTokens: number): number => promptTokens + mostNewTokens - 1;
