/** Why a regular expression cannot be used: whoever knows its file and key makes a refusal of it. */
export class RegexFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RegexFault';
    this.remedy = remedy;
  }
}

/** What Python itself does not take. */
export const illFormed = (what: string, position: number): RegexFault =>
  new RegexFault(
    `it is not a regular expression: ${what} at character ${String(position + 1)}`,
    'Repair the expression.',
  );

/** What Python takes and means otherwise than JavaScript can. */
export const untranslated = (what: string, position: number): RegexFault =>
  new RegexFault(
    `${what} at character ${String(position + 1)} is not supported`,
    'Write the expression without it: here only what means the same in JavaScript is used.',
  );
