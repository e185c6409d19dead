/** Why a regular expression cannot be used. Callers that know its file and key turn it into a refusal. */
export class RegexFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RegexFault';
    this.remedy = remedy;
  }
}

/** For expressions that Python itself rejects. */
export const illFormed = (what: string, position: number): RegexFault =>
  new RegexFault(
    `it is not a regular expression: ${what} at character ${String(position + 1)}`,
    'Repair the expression.',
  );

/** For expressions that JavaScript cannot express with Python's meaning. */
export const untranslated = (what: string, position: number): RegexFault =>
  new RegexFault(
    `${what} at character ${String(position + 1)} is not supported`,
    'Write the expression without it: only syntax that means the same in JavaScript is supported.',
  );
